use std::{sync::Arc, time::Instant};

use sea_orm::{ConnAcquireErr, DatabaseConnection, DbErr};

use super::{
    Lanes,
    held::Held,
    lane::{Lane, LaneConnection},
    stale::is_stale_plan,
    turns::Affinity,
    watched::Watched,
};
use crate::{
    TenantError,
    source::session::{Session, Text},
};

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
        let lane = self.lane.as_mut();
        if lane.is_some_and(|lane| !lane.admit(affinity, lifetime, now)) {
            self.discard();
        }
        if self.connection().is_none() {
            self.open().await?;
            if let Some(lane) = &mut self.lane {
                lane.admit(affinity, lifetime, now);
            }
        }
        Ok(())
    }

    /// The connection, for a statement, with `session` set on it. It is given back with
    /// [`keep`](Self::keep) when all went well, and dropped otherwise: then its pool sees to it.
    ///
    /// # Errors
    ///
    /// That it is closed, and the driver's. A seat that was handed out has one that is open.
    pub(in crate::source) async fn hold(
        &mut self,
        session: &Session,
        text: Text<'_>,
    ) -> Result<Held, DbErr> {
        let connection = self.connection_mut().ok_or_else(super::is_closed)?;
        let held = connection.hold(session, text).await;
        held.inspect_err(|error| {
            self.learn_from(error);
        })
    }

    /// Gives back what [`hold`](Self::hold) returned.
    pub(in crate::source) fn keep(&mut self, held: Held) {
        if let Some(connection) = self.connection_mut() {
            connection.held = Some(held);
        }
    }

    /// The connection in its pool, for what SeaORM does in one.
    ///
    /// # Errors
    ///
    /// That it is closed. A seat that was handed out has one that is open.
    pub(in crate::source) fn database(&mut self) -> Result<DatabaseConnection, DbErr> {
        let connection = self.connection_mut().ok_or_else(super::is_closed)?;
        drop(connection.held.take());
        Ok(connection.database.clone())
    }

    /// What is done on the connection, watched: it may be cut off.
    pub(in crate::source) fn watch<F>(&self, future: F) -> Watched<'_, F> {
        Watched::new(self.connection().map(|connection| &connection.cut), future)
    }

    /// Something on the connection, which was not watched, was cut off.
    pub(in crate::source) fn note_cut(&self) {
        if let Some(connection) = self.connection() {
            connection.cut.note();
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
        let lane = self.lane.as_mut();
        if let Some(connection) = lane.and_then(|lane| lane.connection.take()) {
            self.lanes.close_in_background(connection);
        }
    }

    async fn open(&mut self) -> Result<(), TenantError> {
        let connection = self.lanes.open_lazily().await?;
        if let Some(lane) = &mut self.lane {
            lane.open(connection);
        }
        Ok(())
    }

    fn connection(&self) -> Option<&LaneConnection> {
        self.lane.as_ref()?.connection.as_ref()
    }

    fn connection_mut(&mut self) -> Option<&mut LaneConnection> {
        self.lane.as_mut()?.connection.as_mut()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(lane) = self.lane.take() {
            self.lanes.give_back(self.number, lane);
        }
    }
}
