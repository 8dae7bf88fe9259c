//! A tenant's schema while one migrates it: a connection on which unqualified names are the
//! tenant's, and a lock that keeps others away.

pub(crate) mod mysql;
pub(crate) mod postgres;
pub(crate) mod sqlite;

use std::{sync::Arc, time::Duration};

use sea_orm::{DatabaseConnection, DbBackend, DbErr};
use sea_orm_migration::{IntoSchemaManagerConnection, MigrationTrait, SchemaManager};
use sha2::{Digest as _, Sha256};
use tenant_core::{ConnectionInfo, DatabaseUrl, SchemaName, Tenancy, TenantError, TenantId};

use crate::{MigrationError, Migrations, ledger::Direction, roles::Rights};

pub(crate) use self::sqlite::file;

/// What one worker has open, for one tenant after the other.
pub(crate) struct Desk {
    tenancy: Tenancy,
    lock_timeout: Duration,
    /// A connection that the next tenant of the same database can use.
    open: Option<(DatabaseUrl, DatabaseConnection)>,
}

/// What is to be done to a tenant's schema.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) tenant: TenantId,
    pub(crate) place: Arc<ConnectionInfo>,
    pub(crate) migrations: Migrations,
    pub(crate) direction: Direction,
    /// At most so many migrations.
    pub(crate) steps: Option<usize>,
    /// What the tenant's role may do with what is made.
    pub(crate) rights: Option<Rights>,
}

impl Desk {
    pub(crate) fn new(tenancy: Tenancy, lock_timeout: Duration) -> Self {
        Self {
            tenancy,
            lock_timeout,
            open: None,
        }
    }

    /// Applies or takes back, one after the other, until nothing is left to do, and counts. What was
    /// done is done when this fails, and it goes on from there when it is called again.
    pub(crate) async fn migrate(
        &mut self,
        job: &Job,
        done: &mut usize,
    ) -> Result<(), MigrationError> {
        let outcome = match job.place.url().backend() {
            DbBackend::Postgres => self.migrate_on_postgres(job, done).await,
            DbBackend::MySql => self.migrate_on_mysql(job, done).await,
            DbBackend::Sqlite => self.migrate_on_sqlite(job, done).await,
            other => Err(MigrationError::Configuration(format!(
                "{} cannot be migrated",
                other.as_str()
            ))),
        };
        if outcome.is_err() {
            // Whatever it was, the next tenant shall have a connection that nothing happened to.
            self.close().await;
        }
        outcome
    }

    /// The connection to a database that tenants share, for whoever is next.
    async fn connection(&mut self, url: &DatabaseUrl) -> Result<&DatabaseConnection, TenantError> {
        if self.open.as_ref().is_none_or(|(open, _)| open != url) {
            self.close().await;
            self.open = Some((url.clone(), self.tenancy.connection_to(url).await?));
        }
        match &self.open {
            Some((_, connection)) => Ok(connection),
            None => Err(TenantError::Configuration(
                "no connection is open".to_owned(),
            )),
        }
    }

    /// Closes what is open.
    pub(crate) async fn close(&mut self) {
        /// One on which a statement was given up may not close before that has ended.
        const PATIENCE: Duration = Duration::from_secs(5);

        let Some((_, connection)) = self.open.take() else {
            return;
        };
        match tokio::time::timeout(PATIENCE, connection.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a connection was not closed well"),
            Err(_) => tracing::debug!("a connection is still busy, and left to itself"),
        }
    }
}

/// Runs one migration.
pub(crate) async fn run<'c>(
    migration: &dyn MigrationTrait,
    direction: Direction,
    db: impl IntoSchemaManagerConnection<'c>,
) -> Result<(), MigrationError> {
    let manager = SchemaManager::new(db);
    let done = match direction {
        Direction::Up => migration.up(&manager).await,
        Direction::Down => migration.down(&manager).await,
    };
    done.map_err(|source| failed(migration, source))
}

fn failed(migration: &dyn MigrationTrait, source: DbErr) -> MigrationError {
    MigrationError::Migration {
        migration: migration.name().into(),
        source,
    }
}

/// The migration that comes next, unless as many were run as were asked for.
fn next(
    job: &Job,
    done: usize,
    applied: &[String],
) -> Result<Option<Box<dyn MigrationTrait>>, MigrationError> {
    if job.steps.is_some_and(|steps| done >= steps) {
        return Ok(None);
    }
    let place = job.migrations.next(applied, job.direction)?;
    Ok(place.and_then(|place| job.migrations.at(place)))
}

/// Whether a migration is still the one that comes next: somebody else may have been faster.
fn is_next(
    job: &Job,
    migration: &dyn MigrationTrait,
    applied: &[String],
) -> Result<bool, MigrationError> {
    let place = job.migrations.next(applied, job.direction)?;
    let next = place.and_then(|place| job.migrations.names().get(place));
    Ok(next.is_some_and(|next| **next == *migration.name()))
}

/// Of a migration that nothing takes back.
fn half_applied(error: MigrationError) -> MigrationError {
    match error {
        MigrationError::Migration { migration, source } => {
            MigrationError::HalfApplied { migration, source }
        }
        other => other,
    }
}

/// A number for a schema, for locks that are named by numbers.
pub(crate) fn lock_number(schema: &SchemaName) -> i64 {
    let digest = digest(schema);
    let mut number = [0; 8];
    number.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(number)
}

/// A name for a schema, for locks that are named by at most 64 characters.
fn lock_name(schema: &SchemaName) -> String {
    let digest = digest(schema);
    let hexadecimal: String = digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("tenant-migration:{hexadecimal}")
}

fn digest(schema: &SchemaName) -> Vec<u8> {
    Sha256::digest(format!("sea-orm-tenant migration of {schema}")).to_vec()
}
