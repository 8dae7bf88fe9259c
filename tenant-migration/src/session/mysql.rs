//! The server cannot take back DDL, so there is no transaction around a migration. What was begun is
//! noted before it begins; a lock of the server's keeps others away.

mod begun;
mod lock;

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbErr, TransactionTrait as _};

use self::begun::Begun;
pub(crate) use self::lock::ServerLock;
use super::{Desk, Job, failed, half_applied, next, run};
use crate::{MigrationError, connection::closing, ledger::Direction};

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
