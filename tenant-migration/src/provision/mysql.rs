use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, IsolationLevel, Statement,
    TransactionTrait as _,
};
use tenant_core::{ConnectionInfo, Placement, SchemaName, Tenancy, TenantDirectory};

use super::{Content, Making, ProvisionStep};
use crate::{
    Fleet, MigrationError, Migrations,
    connection::closing,
    fleet::panicked,
    names::quoted,
    session::mysql::{ServerLock, be_patient},
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
        be_patient(server, patience).await?;
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
    match content_of(server, schema, migrations).await? {
        // By a program that knew fewer migrations, perhaps.
        Content::Complete => return making.migrate(fleet).await,
        Content::Foreign => return Err(making.occupied()),
        Content::Unfinished => drop_unfinished(server, &making.place, migrations, lock).await?,
        Content::None => {}
    }
    let made = create_and_fill(fleet, making, server);
    let made = AssertUnwindSafe(made).catch_unwind().await;
    let made = made.unwrap_or_else(|panic| Err(panicked(&*panic)));
    if made.is_err()
        && let Err(error) = drop_unfinished(server, &making.place, migrations, lock).await
    {
        tracing::warn!(tenant.id = making.id.as_str(), %error, "a database that was not completed stays");
    }
    made
}

pub(super) async fn content(
    tenancy: &Tenancy,
    place: &ConnectionInfo,
    migrations: &Migrations,
) -> Result<Content, MigrationError> {
    let url = place.url().without_database();
    let db = tenancy.connection_to(&url).await?;
    closing(db, async |db| {
        content_of(db, place.schema(), migrations).await
    })
    .await
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
        be_patient(db, fleet.settings().lock_timeout).await?;
        // Whatever the server's default is: rows that are copied are locked against new ones beside
        // them only so.
        let repeatable = Some(IsolationLevel::RepeatableRead);
        let tx = db.begin_with_config(repeatable, None).await?;
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

async fn content_of(
    server: &DatabaseConnection,
    schema: &SchemaName,
    migrations: &Migrations,
) -> Result<Content, DbErr> {
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
        (0, ..) => Content::None,
        (_, 1.., _) => Content::Unfinished,
        (_, _, 1..) => Content::Complete,
        _ => Content::Foreign,
    })
}

/// Only while nobody else can have completed it. A database of the tenant's own was there before, and
/// is there afterwards.
async fn drop_unfinished(
    server: &DatabaseConnection,
    place: &ConnectionInfo,
    migrations: &Migrations,
    lock: &ServerLock,
) -> Result<(), MigrationError> {
    let schema = place.schema();
    if content_of(server, schema, migrations).await? != Content::Unfinished {
        return Ok(());
    }
    let create = match place.placement() {
        Placement::Dedicated => creation(server, schema).await?,
        _ => None,
    };
    lock.check().await?;
    let schema = schema.quoted(DbBackend::MySql);
    server
        .execute_unprepared(&format!("DROP DATABASE IF EXISTS {schema}"))
        .await?;
    if let Some(create) = create {
        server.execute_unprepared(&create).await?;
    }
    Ok(())
}

/// What makes a database again as it is, but empty.
async fn creation(
    server: &DatabaseConnection,
    schema: &SchemaName,
) -> Result<Option<String>, DbErr> {
    let select = "SELECT default_character_set_name, default_collation_name \
         FROM information_schema.schemata WHERE schema_name = ?";
    let values = [schema.as_str().into()];
    let select = Statement::from_sql_and_values(DbBackend::MySql, select, values);
    let Some(row) = server.query_one_raw(select).await? else {
        return Ok(None);
    };
    let (characters, collation): (String, String) =
        (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    Ok(Some(format!(
        "CREATE DATABASE {} CHARACTER SET {} COLLATE {}",
        schema.quoted(DbBackend::MySql),
        quoted(&characters, DbBackend::MySql),
        quoted(&collation, DbBackend::MySql),
    )))
}
