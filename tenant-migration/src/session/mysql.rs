//! The server cannot take back DDL, so there is no transaction around a migration. What was begun is
//! noted before it begins; a lock of the server's keeps others away.

use std::{sync::Arc, time::Duration};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, Statement,
    TransactionTrait as _,
    sea_query::{Alias, ColumnDef, Expr, ExprTrait as _, Order, Query, Table},
};
use tenant_core::SchemaName;

use super::{Desk, Job, failed, half_applied, lock_name, next, run};
use crate::{MigrationError, Migrations, connection::closing, ledger::Direction};

impl Desk {
    pub(super) async fn migrate_on_mysql(
        &mut self,
        job: &Job,
        done: &mut usize,
    ) -> Result<(), MigrationError> {
        let patience = self.lock_timeout;
        let locks = self.connection(job.place.url()).await?;
        let lock = ServerLock::take(locks, job.place.schema(), patience).await?;
        let db = self.tenancy.dedicated_connection_to(&job.place).await?;
        lock.during(async |lock| {
            closing(db, async |db| migrate(db, lock, job, done, patience).await).await
        })
        .await
    }

    /// A migration that was begun and cannot be run again: its last statement may have been all that
    /// is missing of it, or nothing at all. Where the schema is as it is to be, that is noted.
    pub(crate) async fn finish_on_mysql(
        &mut self,
        job: &Job,
        migration: &str,
        is_as_it_is_to_be: impl AsyncFnOnce(&[String]) -> Result<bool, MigrationError>,
    ) -> Result<bool, MigrationError> {
        let patience = self.lock_timeout;
        let locks = self.connection(job.place.url()).await?;
        let lock = ServerLock::take(locks, job.place.schema(), patience).await?;
        let db = self.tenancy.dedicated_connection_to(&job.place).await?;
        lock.during(async |lock| {
            closing(db, async |db| {
                let begun = Begun::of(&job.migrations);
                let applied = job.migrations.applied(db).await?;
                if !begun.has(db, migration).await? || !is_as_it_is_to_be(&applied).await? {
                    return Ok(false);
                }
                lock.check().await?;
                begun.finish(db, job, migration).await?;
                Ok::<_, MigrationError>(true)
            })
            .await
        })
        .await
    }
}

async fn migrate(
    db: &DatabaseConnection,
    lock: &ServerLock,
    job: &Job,
    done: &mut usize,
    patience: Duration,
) -> Result<(), MigrationError> {
    be_patient(db, patience).await?;
    job.migrations.install(db).await?;
    let begun = Begun::of(&job.migrations);
    begun.install(db).await?;
    *done += finish_the_other_way(db, lock, job, &begun).await?;
    loop {
        let applied = job.migrations.applied(db).await?;
        let Some(migration) = next(job, *done, &applied)? else {
            return Ok(());
        };
        let name = migration.name();
        let is_resumed = begun.has(db, name).await?;
        if !is_resumed {
            begun.note(db, name).await?;
        }
        let outcome = if migration.use_transaction() == Some(true) {
            let tx = db.begin().await?;
            match run(&*migration, job.direction, &tx).await {
                Ok(()) => tx
                    .commit()
                    .await
                    .map_err(|error| failed(&*migration, error)),
                Err(error) => Err(error),
            }
        } else {
            run(&*migration, job.direction, db).await
        };
        match outcome {
            Err(MigrationError::Migration { migration, source })
                if is_resumed && !crate::error::conflict::is_transient(&source) =>
            {
                return Err(MigrationError::HalfApplied { migration, source });
            }
            outcome => outcome?,
        }
        lock.check().await?;
        begun.finish(db, job, name).await?;
        *done += 1;
    }
}

/// What was begun the other way, and not finished, is done again this way first, and counted: of a
/// migration whose taking back was cut off, some is gone, although it counts as applied.
async fn finish_the_other_way(
    db: &DatabaseConnection,
    lock: &ServerLock,
    job: &Job,
    begun: &Begun,
) -> Result<usize, MigrationError> {
    let mut done = 0;
    let applied = job.migrations.applied(db).await?;
    for name in begun.all(db).await? {
        let is_applied = applied.contains(&name);
        if is_applied != (job.direction == Direction::Up) {
            continue;
        }
        let names = job.migrations.names();
        let place = names.iter().position(|known| **known == *name);
        let Some(migration) = place.and_then(|place| job.migrations.at(place)) else {
            continue;
        };
        let ran = run(&*migration, job.direction, db).await;
        // Others who are in the way are no reason to mend anything by hand.
        ran.map_err(|error| match error.is_transient() {
            true => error,
            false => half_applied(error),
        })?;
        lock.check().await?;
        begun.forget(db, &name).await?;
        done += 1;
    }
    Ok(done)
}

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

/// The table that says which migration was begun, beside the one of those that were applied.
pub(crate) struct Begun(String);

const VERSION: &str = "version";

impl Begun {
    pub(crate) fn of(migrations: &Migrations) -> Self {
        Self(migrations.begun_table())
    }

    pub(crate) async fn install(&self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Alias::new(&self.0))
            .if_not_exists()
            .col(
                ColumnDef::new(VERSION)
                    .string_len(255)
                    .not_null()
                    .primary_key(),
            )
            .take();
        db.execute(&table).await?;
        Ok(())
    }

    async fn has(&self, db: &impl ConnectionTrait, name: &str) -> Result<bool, DbErr> {
        let select = Query::select()
            .column(VERSION)
            .from(Alias::new(&self.0))
            .and_where(Expr::col(VERSION).eq(name))
            .take();
        Ok(db.query_one(&select).await?.is_some())
    }

    async fn all(&self, db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
        let select = Query::select()
            .column(VERSION)
            .from(Alias::new(&self.0))
            .order_by(VERSION, Order::Asc)
            .take();
        let rows = db.query_all(&select).await?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect()
    }

    async fn forget(&self, db: &impl ConnectionTrait, name: &str) -> Result<(), DbErr> {
        let delete = Query::delete()
            .from_table(Alias::new(&self.0))
            .and_where(Expr::col(VERSION).eq(name))
            .take();
        db.execute(&delete).await?;
        Ok(())
    }

    async fn note(&self, db: &impl ConnectionTrait, name: &str) -> Result<(), DbErr> {
        let insert = Query::insert()
            .into_table(Alias::new(&self.0))
            .columns([VERSION])
            .values([Expr::value(name)])
            .map_err(|error| DbErr::Custom(error.to_string()))?
            .take();
        db.execute(&insert).await?;
        Ok(())
    }

    /// In one transaction: that it was applied, and that it is begun no more.
    pub(crate) async fn finish(
        &self,
        db: &DatabaseConnection,
        job: &Job,
        name: &str,
    ) -> Result<(), DbErr> {
        let tx = db.begin().await?;
        job.migrations.note(&tx, job.direction, name).await?;
        self.forget(&tx, name).await?;
        tx.commit().await
    }
}

/// Neither a lock of tables nor one of rows is waited for longer. The server's own patience for tables
/// is a year.
pub(crate) async fn be_patient(db: &DatabaseConnection, patience: Duration) -> Result<(), DbErr> {
    let seconds = Ord::max(patience.as_secs(), 1);
    for setting in ["lock_wait_timeout", "innodb_lock_wait_timeout"] {
        db.execute_unprepared(&format!("SET SESSION {setting} = {seconds}"))
            .await?;
    }
    Ok(())
}
