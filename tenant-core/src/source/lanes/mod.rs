//! Lanes: the connections of one data source, each of which has its own tenants.
//!
//! A qualified statement has a different text for each tenant, drivers keep prepared statements by
//! text, and a server process keeps the catalogue of each table that it ever touched. So tenants
//! stick to few connections: nearly everything is prepared already where it is run, and no server
//! process gets to know every tenant.

#[cfg_attr(
    not(any(
        feature = "sqlx-postgres",
        feature = "sqlx-mysql",
        feature = "sqlx-sqlite"
    )),
    path = "no_driver.rs"
)]
mod held;
mod lane;
mod ranking;
mod reaper;
mod seat;
mod stale;
mod statistics;
mod tenants;
mod turns;
mod watched;

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use sea_orm::{ConnAcquireErr, DbErr};
use tokio::sync::{Notify, oneshot};

pub use self::statistics::DataSourceStatistics;
use self::{
    lane::Lane,
    reaper::Reaper,
    statistics::Counts,
    turns::{Grant, LONG, PATIENCE, Turns},
};
pub(super) use self::{
    lane::LaneConnection, seat::Seat, stale::is_stale_plan, turns::Affinity, watched::Cut,
};
use super::{Address, SourceOptions, open};
use crate::{TenantError, error::product};

/// The lanes of one data source.
pub(super) struct Lanes {
    address: Address,
    /// Looked up once: on SQLite the file system is asked.
    place: String,
    options: Arc<SourceOptions>,
    state: Mutex<State>,
    /// Told when a lane comes back after they were closed.
    returned: Notify,
}

struct State {
    turns: Turns<Box<Lane>, oneshot::Sender<Seat>>,
    counts: Counts,
    /// How many of the lanes are gone for good, once they are being closed.
    closed: Option<usize>,
    reaper: Option<Reaper>,
}

impl Lanes {
    /// Connects one lane, the first of who asks; the others follow when they are needed.
    pub(super) async fn open(
        address: &Address,
        options: &Arc<SourceOptions>,
        affinity: Affinity,
    ) -> Result<Arc<Self>, TenantError> {
        let connection = open::connect(address, options).await?;
        let lane = |_| Lane::closed(options.tenants_per_connection);
        let mut turns = Turns::new((0..options.max_connections).map(lane));
        let now = Instant::now();
        if let Some((number, mut lane)) = turns.take(affinity, now) {
            lane.open(connection);
            turns.give_back(number, lane, now);
        }
        let lanes = Arc::new(Self {
            address: address.clone(),
            place: address.url.place(),
            options: Arc::clone(options),
            state: Mutex::new(State {
                turns,
                counts: Counts::default(),
                closed: None,
                reaper: None,
            }),
            returned: Notify::new(),
        });
        let reaper = Reaper::start(&lanes);
        lanes.lock().reaper = reaper;
        Ok(lanes)
    }

    /// A lane of the tenant's, with its connection open. Waits for one, for a bounded time.
    pub(super) async fn seat(self: &Arc<Self>, affinity: Affinity) -> Result<Seat, TenantError> {
        let now = Instant::now();
        let free = self.lock().take(affinity, now)?;
        let mut seat = match free {
            Some((number, lane)) => self.taken(number, lane),
            None => self.wait(affinity, now).await?,
        };
        seat.ready(affinity, now).await?;
        Ok(seat)
    }

    fn taken(self: &Arc<Self>, number: usize, lane: Box<Lane>) -> Seat {
        Seat {
            lanes: Arc::clone(self),
            number,
            lane: Some(lane),
        }
    }

    async fn wait(
        self: &Arc<Self>,
        affinity: Affinity,
        began: Instant,
    ) -> Result<Seat, TenantError> {
        let (give, mut given) = oneshot::channel();
        let ticket = {
            let mut state = self.lock();
            // It may have come back in the meantime.
            if let Some((number, lane)) = state.take(affinity, began)? {
                drop(state);
                return Ok(self.taken(number, lane));
            }
            if state.turns.waiting_for(affinity.key) >= self.options.max_waiting_per_tenant {
                state.counts.refused += 1;
                return Err(self.are_busy(affinity, Duration::ZERO));
            }
            state.counts.waited += 1;
            state.turns.wait(affinity, began, give)
        };
        let _leaving = Leaving {
            lanes: self,
            key: affinity.key,
            ticket,
        };
        let mut patience = PATIENCE;
        loop {
            let left = self.options.acquire_timeout.saturating_sub(began.elapsed());
            match tokio::time::timeout(patience.min(left), &mut given).await {
                Ok(Ok(seat)) => {
                    self.lock().note_choice(affinity, seat.number);
                    return Ok(seat);
                }
                Ok(Err(_)) => return Err(is_closed().into()),
                Err(_) if left <= patience => {
                    self.lock().counts.timed_out += 1;
                    return Err(self.are_busy(affinity, began.elapsed()));
                }
                Err(_) => {}
            }
            let now = Instant::now();
            let granted = self.lock().turns.look_again(affinity.key, now);
            granted
                .into_iter()
                .for_each(|granted| self.pass_on(granted));
            patience = (patience * 2).clamp(LONG, LONGEST_PATIENCE);
        }
    }

    fn are_busy(&self, affinity: Affinity, waited: Duration) -> TenantError {
        let all = self.options.max_connections as usize;
        TenantError::ConnectionsBusy {
            backend: product(self.address.url.backend()),
            connections: affinity.lanes.min(all),
            of: all,
            waited,
        }
    }

    fn give_back(self: &Arc<Self>, number: usize, lane: Box<Lane>) {
        let (granted, are_closing) = {
            let mut state = self.lock();
            let granted = state.turns.give_back(number, lane, Instant::now());
            (granted, state.closed.is_some())
        };
        if are_closing {
            self.returned.notify_waiters();
        }
        for granted in granted.into_iter().flatten() {
            self.pass_on(granted);
        }
    }

    /// To who waited for it. Not under the lock: who is woken may be anybody. Where he has given up,
    /// the seat comes back by itself, and goes to the next.
    fn pass_on(self: &Arc<Self>, granted: Grant<Box<Lane>, oneshot::Sender<Seat>>) {
        let seat = self.taken(granted.number, granted.lane);
        drop(granted.waiter.send(seat));
    }

    async fn open_lazily(&self) -> Result<LaneConnection, TenantError> {
        self.lock().counts.opened += 1;
        open::connect_lazily(&self.address, &self.options).await
    }

    /// Nobody waits for it. What hangs is left to itself after a while.
    fn close_in_background(&self, connection: LaneConnection) {
        if let Some(runtime) = self.options.home.runtime() {
            runtime.spawn(async move {
                let _ = tokio::time::timeout(CLOSE_WITHIN, connection.close()).await;
            });
        }
    }

    /// Closes the connections that nobody used for as long as this, and that are open.
    fn close_unused(&self, for_at_least: Duration) {
        let unused: Vec<_> = {
            let mut state = self.lock();
            let lanes = state.turns.free();
            lanes
                .filter(|(_, used)| used.elapsed() >= for_at_least)
                .filter_map(|(lane, _)| lane.connection.take())
                .collect()
        };
        for connection in unused {
            self.close_in_background(connection);
        }
    }

    /// Closes every connection, waiting for the work on them to end. Nobody gets one from now on.
    pub(super) async fn close(&self) {
        let sent_away: Vec<_> = {
            let mut state = self.lock();
            state.closed.get_or_insert(0);
            state.reaper = None;
            state.turns.send_away().collect()
        };
        drop(sent_away);
        loop {
            let mut returned = pin!(self.returned.notified());
            returned.as_mut().enable();
            let (open, are_all) = self
                .lock()
                .take_closed(self.options.max_connections as usize);
            // One that hangs is left to itself.
            join_all(open.into_iter().map(|connection| async {
                match tokio::time::timeout(CLOSE_WITHIN, connection.close()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "a connection did not close cleanly");
                    }
                    Err(_) => tracing::warn!("a connection did not close in time"),
                }
            }))
            .await;
            if are_all {
                return;
            }
            returned.await;
        }
    }

    pub(super) fn statistics(&self) -> DataSourceStatistics {
        let mut state = self.lock();
        let free: Vec<_> = state
            .turns
            .free()
            .map(|(lane, _)| (lane.connection.is_some(), lane.tenants.count()))
            .collect();
        let all = self.options.max_connections as usize;
        let busy = all - free.len() - state.closed.unwrap_or(0);
        DataSourceStatistics {
            place: self.place.clone(),
            max_connections: all,
            open: busy + free.iter().filter(|(is_open, _)| *is_open).count(),
            busy,
            waiting: state.turns.waiting(),
            most_tenants: free.iter().map(|(_, tenants)| *tenants).max().unwrap_or(0),
            acquired: state.counts.acquired,
            spilled: state.counts.spilled,
            waited: state.counts.waited,
            refused: state.counts.refused,
            timed_out: state.counts.timed_out,
            opened: state.counts.opened,
        }
    }

    /// Nothing is left half done under this lock, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Between two looks for another lane.
const LONGEST_PATIENCE: Duration = Duration::from_millis(160);

/// However long a connection takes to say goodbye.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

impl State {
    fn take(
        &mut self,
        affinity: Affinity,
        now: Instant,
    ) -> Result<Option<(usize, Box<Lane>)>, TenantError> {
        if self.closed.is_some() {
            return Err(is_closed().into());
        }
        let Some((number, lane)) = self.turns.take(affinity, now) else {
            return Ok(None);
        };
        self.note_choice(affinity, number);
        Ok(Some((number, lane)))
    }

    fn note_choice(&mut self, affinity: Affinity, number: usize) {
        self.counts.acquired += 1;
        if !self.turns.is_first_choice(affinity.key, number) {
            self.counts.spilled += 1;
        }
    }

    /// The connections of lanes that came back, and whether those were the last of `all`.
    fn take_closed(&mut self, all: usize) -> (Vec<LaneConnection>, bool) {
        let lanes = self.turns.take_free();
        let closed = self.closed.get_or_insert(0);
        *closed += lanes.len();
        let is_last = *closed == all;
        let open = lanes.into_iter().filter_map(|lane| lane.connection);
        (open.collect(), is_last)
    }
}

/// Waits no longer, however that ends.
struct Leaving<'a> {
    lanes: &'a Lanes,
    key: u64,
    ticket: u64,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.lanes.lock().turns.leave(self.key, self.ticket);
    }
}

/// What the driver says of a pool that was closed.
fn is_closed() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)
}
