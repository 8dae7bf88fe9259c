use std::{sync::Arc, time::Instant};

use sea_orm::{ConnAcquireErr, DatabaseConnection, DbErr};

use super::{
    Lanes,
    stale::is_stale_plan,
    tenants::Tenants,
    turns::Affinity,
    watched::{Cut, Watched},
};
use crate::TenantError;

/// One connection, in a pool of its own: that is how SeaORM takes it.
pub(super) struct Lane {
    /// Open, or not yet.
    pub(super) database: Option<DatabaseConnection>,
    /// Of that connection.
    cut: Cut,
    pub(super) opened: Instant,
    pub(super) tenants: Tenants,
}

impl Lane {
    pub(super) fn closed(tenants: usize) -> Box<Self> {
        Box::new(Self {
            database: None,
            cut: Cut::default(),
            opened: Instant::now(),
            tenants: Tenants::up_to(tenants),
        })
    }

    pub(super) fn open(&mut self, database: DatabaseConnection, cut: Cut) {
        self.database = Some(database);
        self.cut = cut;
        self.opened = Instant::now();
        self.tenants.clear();
    }
}

/// A lane that nobody else uses as long as this lives. Dropped, it goes to whoever waits for it.
pub(in crate::source) struct Seat {
    pub(super) lanes: Arc<Lanes>,
    pub(super) number: usize,
    /// There until the end.
    pub(super) lane: Option<Box<Lane>>,
}

impl Seat {
    /// Makes the lane ready for a tenant: its connection is opened when it is not, and replaced when
    /// it is worn out.
    pub(super) async fn ready(
        &mut self,
        affinity: Affinity,
        now: Instant,
    ) -> Result<(), TenantError> {
        let lifetime = self.lanes.options.max_lifetime;
        let is_worn = self.lane.as_mut().is_some_and(|lane| {
            !lane.tenants.admit(affinity.key)
                || now.saturating_duration_since(lane.opened) > lifetime
        });
        if is_worn {
            self.discard();
        }
        if self.database().is_err() {
            self.open().await?;
            if let Some(lane) = &mut self.lane {
                lane.tenants.admit(affinity.key);
            }
        }
        Ok(())
    }

    /// The connection.
    ///
    /// # Errors
    ///
    /// That it is closed. A seat that was handed out has one that is open.
    pub(in crate::source) fn database(&self) -> Result<&DatabaseConnection, DbErr> {
        let lane = self.lane.as_ref();
        lane.and_then(|lane| lane.database.as_ref())
            .ok_or_else(super::is_closed)
    }

    /// What is done on the connection, watched: it may be cut off.
    pub(in crate::source) fn watch<F>(&self, future: F) -> Watched<'_, F> {
        Watched::new(self.lane.as_ref().map(|lane| &lane.cut), future)
    }

    /// Something on the connection, which was not watched, was cut off.
    pub(in crate::source) fn note_cut(&self) {
        if let Some(lane) = &self.lane {
            lane.cut.note();
        }
    }

    /// Looks at a failure. A connection that does not come back to its pool is given up here and now:
    /// nobody else should wait for it.
    ///
    /// Returns whether the statement would succeed on another connection: see
    /// [`replace`](Self::replace).
    pub(in crate::source) fn learn_from(&mut self, error: &DbErr) -> bool {
        if let DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) = error {
            self.discard();
        }
        is_stale_plan(error)
    }

    /// Puts a new connection in the place of this one.
    pub(in crate::source) async fn replace(&mut self) -> Result<(), TenantError> {
        self.discard();
        self.open().await
    }

    /// Has the connection closed, in the background. Who uses the lane next opens another.
    pub(in crate::source) fn discard(&mut self) {
        if let Some(database) = self.lane.as_mut().and_then(|lane| lane.database.take()) {
            self.lanes.close_in_background(database);
        }
    }

    async fn open(&mut self) -> Result<(), TenantError> {
        let cut = Cut::default();
        let database = self.lanes.open_lazily(&cut).await?;
        if let Some(lane) = &mut self.lane {
            lane.open(database, cut);
        }
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(lane) = self.lane.take() {
            self.lanes.give_back(self.number, lane);
        }
    }
}
