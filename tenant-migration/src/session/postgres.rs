//! One transaction a migration. Its search path, its lock and its patience end with it, so that the
//! connection serves one tenant after the other, also through a transaction pooler.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, Statement,
    TransactionTrait as _,
};
use tenant_core::{ConnectionInfo, SchemaName, TenantError, TenantId};

use super::{Desk, Job, failed, half_applied, is_next, lock_number, next, run};
use crate::{
    MigrationError, connection::closing, error::conflict, fleet::waits, ledger::Direction,
    names::quoted,
};
use sea_orm_migration::MigrationTrait;

impl Desk {
    pub(super) async fn migrate_on_postgres(
        &mut self,
        job: &Job,
        done: &mut usize,
    ) -> Result<(), MigrationError> {
        let patience = self.lock_timeout;
        loop {
            let db = self.connection(job.place.url()).await?;
            let (tx, applied) = begin_and_read(db, job, patience).await?;
            let Some(migration) = next(job, *done, &applied)? else {
                tx.rollback().await?;
                return Ok(());
            };
            if migration.use_transaction() == Some(false) {
                // The table may be new.
                tx.commit().await?;
                *done += usize::from(self.migrate_outside(job, &*migration).await?);
                continue;
            }
            run(&*migration, job.direction, &tx).await?;
            job.migrations
                .note(&tx, job.direction, migration.name())
                .await?;
            grant(&tx, job).await?;
            // What is checked at the end is the migration's doing.
            tx.commit()
                .await
                .map_err(|error| failed(&*migration, error))?;
            *done += 1;
            let is_last = match job.direction {
                Direction::Up => applied.len() + 1 == job.migrations.names().len(),
                Direction::Down => applied.len() == 1,
            };
            if is_last {
                return Ok(());
            }
        }
    }

    /// One migration that wants no transaction, on a connection whose search path is the tenant's
    /// from its start. `false` when somebody else was faster.
    async fn migrate_outside(
        &self,
        job: &Job,
        migration: &dyn MigrationTrait,
    ) -> Result<bool, MigrationError> {
        let db = self.tenancy.dedicated_connection_to(&job.place).await?;
        let patience = self.lock_timeout;
        closing(db, async |db| {
            let schema = job.place.schema();
            let lock = SessionLock::take(db, schema, patience).await?;
            let applied = job.migrations.applied(db).await?;
            if !is_next(job, migration, &applied)? {
                return Ok(false);
            }
            // What can never be granted is said before anything is done.
            grant(db, job).await?;
            // It is not tried again: what it did is not taken back.
            let ran = run(migration, job.direction, db).await;
            ran.map_err(half_applied)?;
            let noted = async {
                lock.check(db).await?;
                note_and_grant(db, job, migration.name()).await
            };
            noted.await.map_err(|error| ran_already(migration, error))?;
            Ok::<_, MigrationError>(true)
        })
        .await
    }
}

/// It ran, and is not to be run again for those who are in the way.
fn ran_already(migration: &dyn MigrationTrait, error: MigrationError) -> MigrationError {
    if !error.is_transient() {
        return error;
    }
    MigrationError::HalfApplied {
        migration: migration.name().into(),
        source: match error {
            MigrationError::Tenant(TenantError::Database(source)) => source,
            other => DbErr::Custom(other.to_string()),
        },
    }
}

/// Both or neither: who finds a migration noted grants nothing. Others in the way are waited for here,
/// since the migration itself is not to be run again for them.
async fn note_and_grant(
    db: &DatabaseConnection,
    job: &Job,
    name: &str,
) -> Result<(), MigrationError> {
    const ATTEMPTS: usize = 10;

    let mut waits = waits(ATTEMPTS);
    loop {
        let noted = async {
            let tx = db.begin().await?;
            job.migrations.note(&tx, job.direction, name).await?;
            grant(&tx, job).await?;
            Ok(tx.commit().await?)
        };
        let noted: Result<(), MigrationError> = noted.await;
        match (noted, waits.next()) {
            (Err(error), Some(wait)) if error.is_transient() => tokio::time::sleep(wait).await,
            (noted, _) => return noted,
        }
    }
}

/// What a migration made is the tenant's to use.
async fn grant(db: &impl ConnectionTrait, job: &Job) -> Result<(), MigrationError> {
    match &job.rights {
        Some(rights) => rights.grant(db).await,
        None => Ok(()),
    }
}

/// A lock that ends with its connection.
pub(crate) struct SessionLock {
    schema: SchemaName,
    /// The server's process, which has it.
    process: i32,
}

impl SessionLock {
    /// Of those who migrate.
    async fn take(
        db: &DatabaseConnection,
        schema: &SchemaName,
        patience: Duration,
    ) -> Result<Self, MigrationError> {
        Self::numbered(lock_number(schema), db, schema, patience).await
    }

    /// Of those who make a schema in steps.
    pub(crate) async fn take_for_making(
        db: &DatabaseConnection,
        schema: &SchemaName,
        patience: Duration,
    ) -> Result<Self, MigrationError> {
        Self::numbered(!lock_number(schema), db, schema, patience).await
    }

    async fn numbered(
        number: i64,
        db: &DatabaseConnection,
        schema: &SchemaName,
        patience: Duration,
    ) -> Result<Self, MigrationError> {
        let lock = "SELECT pg_catalog.pg_backend_pid(), pg_catalog.set_config('lock_timeout', $1, false), pg_catalog.pg_advisory_lock($2)::text";
        let values = [milliseconds(patience).into(), number.into()];
        let lock = Statement::from_sql_and_values(DbBackend::Postgres, lock, values);
        let row = db.query_one_raw(lock).await;
        let row = row.map_err(|error| locked(error, schema))?;
        Ok(Self {
            schema: schema.clone(),
            process: match row {
                Some(row) => row.try_get_by_index(0)?,
                None => 0,
            },
        })
    }

    /// That it is still held: a connection that broke was replaced without a word.
    pub(crate) async fn check(&self, db: &impl ConnectionTrait) -> Result<(), MigrationError> {
        let select = "SELECT pg_catalog.pg_backend_pid()";
        let select = Statement::from_string(DbBackend::Postgres, select);
        let process: Option<i32> = match db.query_one_raw(select).await? {
            Some(row) => Some(row.try_get_by_index(0)?),
            None => None,
        };
        if process == Some(self.process) {
            return Ok(());
        }
        Err(MigrationError::locked(&self.schema))
    }
}

/// A transaction as [`begin`] has it, and the migrations that were applied in the schema.
async fn begin_and_read(
    db: &DatabaseConnection,
    job: &Job,
    patience: Duration,
) -> Result<(DatabaseTransaction, Vec<String>), MigrationError> {
    let (schema, migrations) = (job.place.schema(), &job.migrations);
    let mut tx = begin(db, &job.place, patience).await?;
    // Most schemas have the table, and something in it. Where that is so, it need not be asked.
    match applied_in(&tx, schema, migrations.table()).await {
        Ok(applied) if !applied.is_empty() => return Ok((tx, applied)),
        Ok(_) => {}
        Err(error) if conflict::is_undefined_table(&error) => {
            tx.rollback().await?;
            tx = begin(db, &job.place, patience).await?;
        }
        Err(error) => return Err(error.into()),
    }
    let state = SchemaState::read(&tx, schema, migrations.table()).await?;
    state.expect_schema(&job.tenant, &job.place)?;
    if !state.has_table {
        migrations.install(&tx).await?;
    }
    let applied = migrations.applied(&tx).await?;
    Ok((tx, applied))
}

/// What the table of migrations has, if it is in this schema: the search path goes on to temporary
/// tables. The text is the same for all schemas, so that it stays prepared.
async fn applied_in(
    tx: &DatabaseTransaction,
    schema: &SchemaName,
    table: &str,
) -> Result<Vec<String>, DbErr> {
    let table = quoted(table, DbBackend::Postgres);
    let select =
        format!("SELECT version FROM {table} WHERE tableoid = pg_catalog.to_regclass($1)::oid");
    let qualified = format!("{}.{table}", schema.quoted(DbBackend::Postgres));
    let select = Statement::from_sql_and_values(DbBackend::Postgres, select, [qualified.into()]);
    let rows = tx.query_all_raw(select).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// A transaction in which unqualified names are the tenant's, and in which nobody else is at work on
/// its schema.
pub(crate) async fn begin(
    db: &DatabaseConnection,
    place: &ConnectionInfo,
    patience: Duration,
) -> Result<DatabaseTransaction, MigrationError> {
    let tx = db.begin().await?;
    // In this order: patience is for the lock, too.
    let set = "SELECT pg_catalog.set_config('search_path', $1, true), pg_catalog.set_config('lock_timeout', $2, true), pg_catalog.pg_advisory_xact_lock($3)::text";
    let schema = place.schema();
    let values = [
        format!("{}, pg_temp", schema.quoted(DbBackend::Postgres)).into(),
        milliseconds(patience).into(),
        lock_number(schema).into(),
    ];
    tx.query_one_raw(Statement::from_sql_and_values(
        DbBackend::Postgres,
        set,
        values,
    ))
    .await
    .map_err(|error| locked(error, schema))?;
    Ok(tx)
}

/// What is there of a tenant's schema. Read by a statement of its own: one that waits for a lock
/// sees what was there before it waited.
pub(crate) struct SchemaState {
    pub(crate) has_schema: bool,
    /// The one of migrations.
    pub(crate) has_table: bool,
}

impl SchemaState {
    pub(crate) async fn read(
        db: &impl ConnectionTrait,
        schema: &SchemaName,
        table: &str,
    ) -> Result<Self, DbErr> {
        // With `EXISTS` it would read all of `pg_class`, which it takes to find one soon.
        let select = "SELECT c.oid IS NOT NULL FROM pg_catalog.pg_namespace n \
             LEFT JOIN pg_catalog.pg_class c \
             ON c.relnamespace = n.oid AND c.relname = $2 AND c.relkind IN ('r', 'p') \
             WHERE n.nspname = $1";
        let values = [schema.as_str().into(), table.into()];
        let select = Statement::from_sql_and_values(DbBackend::Postgres, select, values);
        let row = db.query_one_raw(select).await?;
        let has_table = row.as_ref().map(|row| row.try_get_by_index(0));
        Ok(Self {
            has_schema: row.is_some(),
            has_table: has_table.transpose()?.unwrap_or(false),
        })
    }

    pub(crate) fn expect_schema(
        &self,
        tenant: &TenantId,
        place: &ConnectionInfo,
    ) -> Result<(), TenantError> {
        if self.has_schema {
            return Ok(());
        }
        Err(TenantError::MissingSchema {
            tenant: tenant.clone(),
            schema: place.schema().clone(),
        })
    }
}

/// As PostgreSQL's settings have it. Zero would be without end.
fn milliseconds(patience: Duration) -> String {
    format!("{}ms", patience.as_millis().max(1))
}

fn locked(error: DbErr, schema: &SchemaName) -> MigrationError {
    if conflict::is_transient(&error) {
        return MigrationError::locked(schema);
    }
    error.into()
}
