use std::time::{Duration, Instant};

use sea_orm::{DatabaseConnection, DbErr};

use super::{
    held::Held,
    tenants::Tenants,
    turns::Affinity,
    watched::{Cut, Watched},
};
use crate::source::session::{Session, Text};

/// One connection, which is open or not.
pub(super) struct Lane {
    pub(super) connection: Option<LaneConnection>,
    pub(super) tenants: Tenants,
}

impl Lane {
    pub(super) fn closed(tenants: usize) -> Box<Self> {
        Box::new(Self {
            connection: None,
            tenants: Tenants::up_to(tenants),
        })
    }

    pub(super) fn open(&mut self, connection: LaneConnection) {
        self.connection = Some(connection);
        self.tenants.clear();
    }

    /// Counts a tenant that uses the lane now. `false` when the connection has served enough of
    /// them, or for long enough.
    pub(super) fn admit(&mut self, affinity: Affinity, lifetime: Duration, now: Instant) -> bool {
        let is_young = self.connection.as_mut().is_none_or(|connection| {
            connection.idle = now.saturating_duration_since(connection.used);
            connection.used = now;
            now.saturating_duration_since(connection.opened) <= lifetime
        });
        self.tenants.admit(affinity.key) && is_young
    }
}

/// An open connection, in a pool of its own: that is how SeaORM opens one, and begins transactions
/// and streams. Statements run on it directly, as long as the lane holds it.
pub(in crate::source) struct LaneConnection {
    pub(super) database: DatabaseConnection,
    /// Taken out of the pool.
    pub(super) held: Option<Held>,
    pub(super) cut: Cut,
    /// What is set on what is held, if that is known.
    session: Option<Session>,
    opened: Instant,
    used: Instant,
    /// For how long it had not been used when it was used last.
    idle: Duration,
    /// For how long it is thought to be still there.
    trusted_for: Duration,
    /// For how long a sign of life is waited for.
    answers_within: Duration,
}

impl LaneConnection {
    pub(in crate::source) fn new(
        database: DatabaseConnection,
        cut: Cut,
        trusted_for: Duration,
        answers_within: Duration,
    ) -> Self {
        let now = Instant::now();
        Self {
            database,
            held: None,
            cut,
            session: None,
            opened: now,
            used: now,
            idle: Duration::ZERO,
            trusted_for,
            answers_within,
        }
    }

    /// The connection itself, with `session` set on it. Unless it is held again, it goes back to its
    /// pool.
    pub(super) async fn hold(&mut self, session: &Session, text: Text<'_>) -> Result<Held, DbErr> {
        let mut held = self.take().await?;
        if self.session.as_ref() != Some(session) {
            self.session = None;
            if let Some(set) = session.set(self.database.get_database_backend()) {
                let setting = held.execute_unprepared(&set);
                let set = Watched::new(Some(&self.cut), setting).await;
                set.map_err(|error| session.refused(error))?;
            }
            self.session = Some(session.clone());
        }
        if text.may_set() {
            // Who writes it may set something else.
            self.session = None;
        }
        Ok(held)
    }

    async fn take(&mut self) -> Result<Held, DbErr> {
        if let Some(mut held) = self.held.take() {
            if self.idle < self.trusted_for {
                return Ok(held);
            }
            let ping = Watched::new(Some(&self.cut), held.ping());
            match tokio::time::timeout(self.answers_within, ping).await {
                Ok(Ok(())) => return Ok(held),
                // Its pool finds out as well, and connects anew.
                Ok(Err(_)) => drop(held),
                // Something on the way forgot it and says nothing. Its pool would ask, and wait, too.
                Err(_) => {
                    held.abandon();
                    self.cut.take();
                }
            }
        }
        // It may be another one.
        self.session = None;
        // Boxed: it is seldom needed, and large inside every statement's future.
        Box::pin(Held::take(&self.database)).await
    }

    pub(super) async fn close(mut self) -> Result<(), DbErr> {
        let said_goodbye = match self.held.take() {
            Some(held) => held.close().await,
            None => Ok(()),
        };
        self.database.close_by_ref().await?;
        said_goodbye
    }
}

/// Where there may be no runtime any more.
impl Drop for LaneConnection {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            held.cut();
        }
    }
}
