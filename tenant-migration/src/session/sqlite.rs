//! One transaction a migration, also where SeaORM would have none: SQLite can take back DDL. The
//! database's own write lock keeps others away.

use std::{fs::File, path::PathBuf, time::Duration};

use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _,
};
use sea_orm_migration::MigrationTrait;
use tenant_core::{ConnectionInfo, TenantError};

use super::{Desk, Job, failed, half_applied, is_next, next, run};
use crate::{
    MigrationError,
    connection::closing,
    error::{conflict, in_words},
};

impl Desk {
    pub(super) async fn migrate_on_sqlite(
        &mut self,
        job: &Job,
        done: &mut usize,
    ) -> Result<(), MigrationError> {
        expect_file(job)?;
        let db = self.tenancy.dedicated_connection_to(&job.place).await?;
        let patience = self.lock_timeout;
        closing(db, async |db| migrate(db, job, done, patience).await).await
    }
}

async fn migrate(
    db: &DatabaseConnection,
    job: &Job,
    done: &mut usize,
    patience: Duration,
) -> Result<(), MigrationError> {
    loop {
        let tx = begin(db, &job.place, patience).await?;
        job.migrations.install(&tx).await?;
        let applied = job.migrations.applied(&tx).await?;
        let Some(migration) = next(job, *done, &applied)? else {
            // The table may be new.
            tx.commit().await?;
            return Ok(());
        };
        if migration.use_transaction() == Some(false) {
            tx.commit().await?;
            *done += usize::from(migrate_outside(db, job, &*migration).await?);
        } else {
            run(&*migration, job.direction, &tx).await?;
            check_references(&tx)
                .await
                .map_err(|error| failed(&*migration, error))?;
            job.migrations
                .note(&tx, job.direction, migration.name())
                .await?;
            tx.commit()
                .await
                .map_err(|error| failed(&*migration, error))?;
            *done += 1;
        }
    }
}

/// A transaction that writes from its start.
///
/// References are not enforced in it, but looked at in the end: whoever rebuilds a table, as SQLite's
/// documentation says to change one, drops it on the way, and that would delete what refers to it.
pub(crate) async fn begin(
    db: &DatabaseConnection,
    place: &ConnectionInfo,
    patience: Duration,
) -> Result<DatabaseTransaction, MigrationError> {
    let locked = |error: DbErr| {
        if conflict::is_transient(&error) {
            return MigrationError::Locked {
                place: in_words(place),
            };
        }
        error.into()
    };
    let patience = format!("PRAGMA busy_timeout = {}", patience.as_millis());
    db.execute_unprepared(&patience).await?;
    db.execute_unprepared("PRAGMA foreign_keys = OFF").await?;
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    db.begin_with_options(options).await.map_err(locked)
}

/// That no row refers to one that is not there.
pub(crate) async fn check_references(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    let check = Statement::from_string(
        DbBackend::Sqlite,
        "SELECT \"table\", \"parent\", count(*) FROM pragma_foreign_key_check GROUP BY 1, 2 LIMIT 1",
    );
    match tx.query_one_raw(check).await? {
        None => Ok(()),
        Some(row) => {
            let (table, parent): (String, String) =
                (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            let rows: i64 = row.try_get_by_index(2)?;
            Err(DbErr::Custom(format!(
                "{rows} rows of {table} refer to rows of {parent} that are not there"
            )))
        }
    }
}

/// One migration that wants no transaction. A file beside the database keeps others away. `false`
/// when somebody else was faster.
async fn migrate_outside(
    db: &DatabaseConnection,
    job: &Job,
    migration: &dyn MigrationTrait,
) -> Result<bool, MigrationError> {
    let _lock = lock_file(&job.place)?;
    db.execute_unprepared("PRAGMA foreign_keys = ON").await?;
    let applied = job.migrations.applied(db).await?;
    if !is_next(job, migration, &applied)? {
        return Ok(false);
    }
    let ran = run(migration, job.direction, db).await;
    ran.map_err(half_applied)?;
    job.migrations
        .note(db, job.direction, migration.name())
        .await?;
    Ok(true)
}

/// It stays where it is: whoever removed it could remove one that somebody else has just locked.
pub(crate) fn lock_file(place: &ConnectionInfo) -> Result<File, MigrationError> {
    let path = file(place)?.with_extension("migration-lock");
    let unusable = |error: std::io::Error| {
        MigrationError::Configuration(format!("the lock file {}: {error}", path.display()))
    };
    let lock = File::create(&path).map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(MigrationError::Locked {
            place: in_words(place),
        }),
        Err(std::fs::TryLockError::Error(error)) => Err(unusable(error)),
    }
}

fn expect_file(job: &Job) -> Result<(), MigrationError> {
    if file(&job.place)?.exists() {
        return Ok(());
    }
    Err(TenantError::MissingSchema {
        tenant: job.tenant.clone(),
        schema: job.place.schema().clone(),
    }
    .into())
}

/// The file of a place.
pub(crate) fn file(place: &ConnectionInfo) -> Result<PathBuf, MigrationError> {
    place
        .url()
        .file()
        .ok_or_else(|| MigrationError::Configuration("an SQLite database has no file".to_owned()))
}
