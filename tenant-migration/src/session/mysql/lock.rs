use std::{sync::Arc, time::Duration};

use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, Statement,
    TransactionTrait as _,
};
use tenant_core::SchemaName;

use crate::{MigrationError, session::lock_name};

/// A lock that is held by a connection which does nothing else. It ends with that.
///
/// What is asked on it is asked in tasks, which nobody cuts off: the driver may wait for ever for the
/// rest of an answer that somebody gave up, and the lock would be held as long.
pub(crate) struct ServerLock {
    /// So that the connection is nobody else's.
    pinned: Arc<DatabaseTransaction>,
    names: Vec<String>,
    schema: SchemaName,
}

impl ServerLock {
    /// Of those who migrate.
    pub(crate) async fn take(
        db: &DatabaseConnection,
        schema: &SchemaName,
        patience: Duration,
    ) -> Result<Self, MigrationError> {
        Self::of_names(vec![lock_name(schema)], db, schema, patience).await
    }

    /// Of those who make the database.
    pub(crate) async fn take_for_making(
        db: &DatabaseConnection,
        schema: &SchemaName,
        patience: Duration,
    ) -> Result<Self, MigrationError> {
        Self::of_names(vec![making(schema)], db, schema, patience).await
    }

    /// Of those who move it: nobody makes either meanwhile, nor migrates the one that is there.
    pub(crate) async fn take_for_moving(
        db: &DatabaseConnection,
        from: &SchemaName,
        to: &SchemaName,
        patience: Duration,
    ) -> Result<Self, MigrationError> {
        let mut names = vec![making(from), making(to)];
        // In one order, so that no two wait for each other.
        names.sort_unstable();
        names.push(lock_name(from));
        Self::of_names(names, db, from, patience).await
    }

    async fn of_names(
        names: Vec<String>,
        db: &DatabaseConnection,
        schema: &SchemaName,
        patience: Duration,
    ) -> Result<Self, MigrationError> {
        let db = db.clone();
        let lock = Self {
            pinned: Arc::new(to_its_end(async move { db.begin().await }).await?),
            names,
            schema: schema.clone(),
        };
        // In whole seconds, and at once for none.
        let seconds = i64::try_from(patience.as_secs()).unwrap_or(i64::MAX);
        let take = "SELECT CAST(GET_LOCK(?, ?) AS SIGNED)";
        for name in &lock.names {
            if lock.ask(take, name, Some(seconds)).await? != Some(1) {
                let lost = lock.lost();
                lock.release().await?;
                return Err(lost);
            }
        }
        Ok(lock)
    }

    /// That it is still held: a server that was restarted has forgotten it.
    pub(crate) async fn check(&self) -> Result<(), MigrationError> {
        let held = "SELECT CAST(IS_USED_LOCK(?) = CONNECTION_ID() AS SIGNED)";
        for name in &self.names {
            if self.ask(held, name, None).await? != Some(1) {
                return Err(self.lost());
            }
        }
        Ok(())
    }

    /// Works while it is held, and releases it whatever came of that.
    pub(crate) async fn during<T>(
        self,
        work: impl AsyncFnOnce(&Self) -> Result<T, MigrationError>,
    ) -> Result<T, MigrationError> {
        let done = work(&self).await;
        let released = self.release().await;
        let done = done?;
        released?;
        Ok(done)
    }

    /// Also what is not held.
    async fn release(self) -> Result<(), MigrationError> {
        for name in &self.names {
            self.ask("SELECT CAST(RELEASE_LOCK(?) AS SIGNED)", name, None)
                .await?;
        }
        Ok(())
    }

    async fn ask(
        &self,
        select: &str,
        name: &str,
        seconds: Option<i64>,
    ) -> Result<Option<i64>, DbErr> {
        let values = std::iter::once(name.into()).chain(seconds.map(Into::into));
        let select = Statement::from_sql_and_values(DbBackend::MySql, select, values);
        let pinned = Arc::clone(&self.pinned);
        match to_its_end(async move { pinned.query_one_raw(select).await }).await? {
            Some(row) => row.try_get_by_index(0),
            None => Ok(None),
        }
    }

    fn lost(&self) -> MigrationError {
        MigrationError::locked(&self.schema)
    }
}

/// The name of the lock of those who make a database.
fn making(schema: &SchemaName) -> String {
    format!("{}/", lock_name(schema))
}

/// In a task of its own.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, DbErr>> + Send + 'static,
) -> Result<T, DbErr> {
    let ended = tokio::spawn(work).await;
    ended.unwrap_or_else(|failed| Err(DbErr::Custom(failed.to_string())))
}
