use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, Statement,
};
use tenant_core::{ConnectionInfo, Placement, SchemaName, Tenancy, TenantDirectory};

use super::{Content, Making, ProvisionStep};
use crate::{
    Fleet, MigrationError, Migrations,
    connection::closing,
    error::conflict,
    fleet::panicked,
    ledger::Direction,
    names::quoted,
    session::{
        postgres::{SchemaState, SessionLock, begin},
        run,
    },
};

pub(super) async fn make<R: TenantDirectory + 'static>(
    fleet: &Fleet<R>,
    making: &Making<'_>,
) -> Result<(), MigrationError> {
    let db = fleet.tenancy().connection_to(making.place.url()).await?;
    closing(db, async |db| {
        let begun = Unfinished::of(fleet.migrations());
        let in_steps = !fleet.migrations().are_transactional()
            || fleet.settings().citus
            || has_citus(db).await?
            // By a program with other settings.
            || begun.is_there(db, making.place.schema()).await?;
        match in_steps {
            false => at_once(fleet, making, db).await,
            true => in_steps_with(fleet, making, db).await,
        }
    })
    .await
}

/// One transaction: it is all there, or nothing is.
async fn at_once<R: TenantDirectory + 'static>(
    fleet: &Fleet<R>,
    making: &Making<'_>,
    db: &DatabaseConnection,
) -> Result<(), MigrationError> {
    let migrations = fleet.migrations();
    let tx = begin(db, &making.place, fleet.settings().lock_timeout).await?;
    if !create(making, migrations, &tx).await? {
        tx.rollback().await?;
        // By a program that knew fewer migrations, perhaps.
        return making.migrate(fleet).await;
    }
    making.tell(ProvisionStep::Migrate, false).await?;
    migrations.install(&tx).await?;
    for place in 0..migrations.names().len() {
        if let Some(migration) = migrations.at(place) {
            run(&*migration, Direction::Up, &tx).await?;
            migrations
                .note(&tx, Direction::Up, migration.name())
                .await?;
        }
    }
    fleet.grant_in(&tx, &making.place).await?;
    making.tell(ProvisionStep::Migrate, true).await?;
    making.seed(&tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Creates the schema, unless it was made completely before.
async fn create(
    making: &Making<'_>,
    migrations: &Migrations,
    tx: &DatabaseTransaction,
) -> Result<bool, MigrationError> {
    let schema = making.place.schema();
    let state = SchemaState::read(tx, schema, migrations.table()).await?;
    if state.has_table {
        return Ok(false);
    }
    if state.has_schema && !is_empty(tx, schema).await? {
        return Err(making.occupied());
    }
    making.tell(ProvisionStep::CreateSchema, false).await?;
    if !state.has_schema {
        let schema = schema.quoted(DbBackend::Postgres);
        tx.execute_unprepared(&format!("CREATE SCHEMA {schema}"))
            .await
            .map_err(|error| in_the_way(error, making.place.schema()))?;
    }
    making.tell(ProvisionStep::CreateSchema, true).await?;
    Ok(true)
}

/// The schema, and then each migration by itself. A table in the schema says that it is not complete;
/// when this fails, all of it is removed.
///
/// Whoever makes it has a lock of its own meanwhile: that of a migration ends with each of them.
async fn in_steps_with<R: TenantDirectory + 'static>(
    fleet: &Fleet<R>,
    making: &Making<'_>,
    db: &DatabaseConnection,
) -> Result<(), MigrationError> {
    let patience = fleet.settings().lock_timeout;
    let lock = SessionLock::take_for_making(db, making.place.schema(), patience).await?;
    let unfinished = Unfinished::of(fleet.migrations());
    if !begin_making(fleet, making, db, &unfinished).await? {
        return making.migrate(fleet).await;
    }
    let made = AssertUnwindSafe(finish(fleet, making, db, &unfinished)).catch_unwind();
    let made = made.await.unwrap_or_else(|panic| Err(panicked(&*panic)));
    if made.is_err()
        && let Err(error) = remove(fleet, making, db, &unfinished, &lock).await
    {
        tracing::warn!(tenant.id = making.id.as_str(), %error, "a schema that was not completed stays");
    }
    made
}

/// Creates the schema, and notes that it is not complete. `false` for one that is.
async fn begin_making<R: TenantDirectory + 'static>(
    fleet: &Fleet<R>,
    making: &Making<'_>,
    db: &DatabaseConnection,
    unfinished: &Unfinished,
) -> Result<bool, MigrationError> {
    let (schema, patience) = (making.place.schema(), fleet.settings().lock_timeout);
    let tx = begin(db, &making.place, patience).await?;
    if unfinished.is_there(&tx, schema).await? {
        tx.rollback().await?;
        return Ok(true);
    }
    if !create(making, fleet.migrations(), &tx).await? {
        tx.rollback().await?;
        return Ok(false);
    }
    // Citus wants a schema and its tables in statements of their own, and where there are serial
    // columns, in transactions of their own.
    tx.commit()
        .await
        .map_err(|error| in_the_way(error, schema))?;
    let tx = begin(db, &making.place, patience).await?;
    tx.execute_unprepared(&unfinished.create()).await?;
    tx.commit().await?;
    Ok(true)
}

/// Two who create schemas at once may collide in a catalogue, although these are different: in
/// Citus's, above all.
fn in_the_way(error: DbErr, schema: &SchemaName) -> MigrationError {
    if conflict::is_duplicate(&error) {
        return MigrationError::locked(schema);
    }
    error.into()
}

async fn finish<R: TenantDirectory + 'static>(
    fleet: &Fleet<R>,
    making: &Making<'_>,
    db: &DatabaseConnection,
    unfinished: &Unfinished,
) -> Result<(), MigrationError> {
    making.tell(ProvisionStep::Migrate, false).await?;
    making.migrate(fleet).await?;
    making.tell(ProvisionStep::Migrate, true).await?;
    let tx = begin(db, &making.place, fleet.settings().lock_timeout).await?;
    making.seed(&tx).await?;
    tx.execute_unprepared(&unfinished.drop()).await?;
    tx.commit().await?;
    Ok(())
}

/// Only what this made, and nobody completed. A database of the tenant's own had its schema before.
async fn remove<R: TenantDirectory + 'static>(
    fleet: &Fleet<R>,
    making: &Making<'_>,
    db: &DatabaseConnection,
    unfinished: &Unfinished,
    lock: &SessionLock,
) -> Result<(), MigrationError> {
    if making.place.placement() == Placement::Dedicated {
        return Ok(());
    }
    let schema = making.place.schema();
    let tx = begin(db, &making.place, fleet.settings().lock_timeout).await?;
    lock.check(&tx).await?;
    if unfinished.is_there(&tx, schema).await? {
        fleet.revoke_in(&tx, &making.place).await?;
        let schema = schema.quoted(DbBackend::Postgres);
        tx.execute_unprepared(&format!("DROP SCHEMA {schema} CASCADE"))
            .await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The table that says that a schema is not complete.
struct Unfinished(String);

impl Unfinished {
    fn of(migrations: &Migrations) -> Self {
        Self(migrations.unfinished_table())
    }

    async fn is_there(
        &self,
        db: &impl ConnectionTrait,
        schema: &SchemaName,
    ) -> Result<bool, DbErr> {
        Ok(SchemaState::read(db, schema, &self.0).await?.has_table)
    }

    fn create(&self) -> String {
        format!("CREATE TABLE {} (nothing integer)", self.quoted())
    }

    fn drop(&self) -> String {
        format!("DROP TABLE {}", self.quoted())
    }

    fn quoted(&self) -> String {
        quoted(&self.0, DbBackend::Postgres)
    }
}

pub(super) async fn content(
    tenancy: &Tenancy,
    place: &ConnectionInfo,
    migrations: &Migrations,
) -> Result<Content, MigrationError> {
    let db = tenancy.connection_to(place.url()).await?;
    closing(db, async |db| {
        let schema = place.schema();
        if Unfinished::of(migrations).is_there(db, schema).await? {
            return Ok(Content::Unfinished);
        }
        if is_empty(db, schema).await? {
            return Ok(Content::None);
        }
        let state = SchemaState::read(db, schema, migrations.table()).await?;
        Ok::<_, DbErr>(match state.has_table {
            true => Content::Complete,
            false => Content::Foreign,
        })
    })
    .await
}

async fn has_citus(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let select = "SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus'";
    let select = Statement::from_string(DbBackend::Postgres, select);
    Ok(db.query_one_raw(select).await?.is_some())
}

/// Also of a schema that is not there.
async fn is_empty(db: &impl ConnectionTrait, schema: &SchemaName) -> Result<bool, DbErr> {
    let select = "SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = $1 AND ( \
         EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = n.oid) \
         OR EXISTS (SELECT FROM pg_catalog.pg_type WHERE typnamespace = n.oid) \
         OR EXISTS (SELECT FROM pg_catalog.pg_proc WHERE pronamespace = n.oid))";
    let values = [schema.as_str().into()];
    let select = Statement::from_sql_and_values(DbBackend::Postgres, select, values);
    Ok(db.query_one_raw(select).await?.is_none())
}
