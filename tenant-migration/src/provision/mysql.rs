use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement, TransactionTrait as _,
};
use tenant_core::{ConnectionInfo, SchemaName, Tenancy, TenantDirectory};

use super::{Making, ProvisionStep};
use crate::{
    Fleet, MigrationError, Migrations, connection::closing, fleet::panicked, names::quoted,
    session::mysql::ServerLock,
};

/// Nothing can be taken back here, so the first table says that the database is not complete, and
/// goes last. One that has it is removed and begun anew: nobody was ever served from it.
pub(super) async fn make<R: TenantDirectory + 'static>(
    fleet: &Fleet<R>,
    making: &Making<'_>,
) -> Result<(), MigrationError> {
    let url = making.place.url().without_database();
    let server = fleet.tenancy().connection_to(&url).await?;
    let locks = fleet.tenancy().connection_to(&url).await?;
    let patience = fleet.settings().lock_timeout;
    closing(server, async |server| {
        closing(locks, async |locks| {
            // Those who migrate take another lock, which comes after this one.
            let schema = making.place.schema();
            let lock = ServerLock::take_for_making(locks, schema, patience).await?;
            lock.during(async |lock| make_on(fleet, making, server, lock).await)
                .await
        })
        .await
    })
    .await
}

async fn make_on<R: TenantDirectory + 'static>(
    fleet: &Fleet<R>,
    making: &Making<'_>,
    server: &DatabaseConnection,
    lock: &ServerLock,
) -> Result<(), MigrationError> {
    let (schema, migrations) = (making.place.schema(), fleet.migrations());
    match Tables::of(server, schema, migrations).await? {
        // By a program that knew fewer migrations, perhaps.
        Tables::Complete => return making.migrate(fleet).await,
        Tables::Foreign => return Err(making.occupied()),
        Tables::Unfinished => drop_unfinished(server, schema, migrations, lock).await?,
        Tables::None => {}
    }
    let made = create_and_fill(fleet, making, server);
    let made = AssertUnwindSafe(made).catch_unwind().await;
    let made = made.unwrap_or_else(|panic| Err(panicked(&*panic)));
    if made.is_err()
        && let Err(error) = drop_unfinished(server, schema, migrations, lock).await
    {
        tracing::warn!(tenant.id = making.id.as_str(), %error, "a database that was not completed stays");
    }
    made
}

pub(super) async fn is_occupied(
    tenancy: &Tenancy,
    place: &ConnectionInfo,
    migrations: &Migrations,
) -> Result<bool, MigrationError> {
    let db = tenancy
        .connection_to(&place.url().without_database())
        .await?;
    let tables = closing(db, async |db| {
        Tables::of(db, place.schema(), migrations).await
    })
    .await?;
    Ok(!matches!(tables, Tables::None | Tables::Unfinished))
}

async fn create_and_fill<R: TenantDirectory + 'static>(
    fleet: &Fleet<R>,
    making: &Making<'_>,
    server: &DatabaseConnection,
) -> Result<(), MigrationError> {
    let schema = making.place.schema().quoted(DbBackend::MySql);
    let unfinished = quoted(&fleet.migrations().unfinished_table(), DbBackend::MySql);
    let unfinished = format!("{schema}.{unfinished}");
    making.tell(ProvisionStep::CreateSchema, false).await?;
    server
        .execute_unprepared(&format!("CREATE DATABASE IF NOT EXISTS {schema}"))
        .await?;
    server
        .execute_unprepared(&format!("CREATE TABLE {unfinished} (nothing integer)"))
        .await?;
    making.tell(ProvisionStep::CreateSchema, true).await?;
    making.tell(ProvisionStep::Migrate, false).await?;
    making.migrate(fleet).await?;
    making.tell(ProvisionStep::Migrate, true).await?;
    let db = fleet
        .tenancy()
        .dedicated_connection_to(&making.place)
        .await?;
    closing(db, async |db| {
        let tx = db.begin().await?;
        making.seed(&tx).await?;
        tx.commit().await?;
        Ok::<_, MigrationError>(())
    })
    .await?;
    server
        .execute_unprepared(&format!("DROP TABLE {unfinished}"))
        .await?;
    Ok(())
}

/// What there is where a tenant's database is to be.
enum Tables {
    None,
    Unfinished,
    Complete,
    Foreign,
}

impl Tables {
    async fn of(
        server: &DatabaseConnection,
        schema: &SchemaName,
        migrations: &Migrations,
    ) -> Result<Self, DbErr> {
        let select = "SELECT CAST(COUNT(*) AS SIGNED), \
             CAST(COALESCE(SUM(table_name = ?), 0) AS SIGNED), \
             CAST(COALESCE(SUM(table_name = ?), 0) AS SIGNED) \
             FROM information_schema.tables WHERE table_schema = ?";
        let values = [
            migrations.unfinished_table().into(),
            migrations.table().into(),
            schema.as_str().into(),
        ];
        let select = Statement::from_sql_and_values(DbBackend::MySql, select, values);
        let row = server
            .query_one_raw(select)
            .await?
            .ok_or_else(|| DbErr::RecordNotFound("a count of tables".to_owned()))?;
        let counts: (i64, i64, i64) = (
            row.try_get_by_index(0)?,
            row.try_get_by_index(1)?,
            row.try_get_by_index(2)?,
        );
        Ok(match counts {
            (0, ..) => Self::None,
            (_, 1.., _) => Self::Unfinished,
            (_, _, 1..) => Self::Complete,
            _ => Self::Foreign,
        })
    }
}

/// Only while nobody else can have completed it.
async fn drop_unfinished(
    server: &DatabaseConnection,
    schema: &SchemaName,
    migrations: &Migrations,
    lock: &ServerLock,
) -> Result<(), MigrationError> {
    if let Tables::Unfinished = Tables::of(server, schema, migrations).await? {
        lock.check().await?;
        let schema = schema.quoted(DbBackend::MySql);
        server
            .execute_unprepared(&format!("DROP DATABASE IF EXISTS {schema}"))
            .await?;
    }
    Ok(())
}
