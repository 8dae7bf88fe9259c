use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use tenant_core::{ConnectionInfo, SchemaName, Tenancy};

use super::{
    MARK, Rehearsal, Rehearsed, SCRATCH, on_its_own_connection, recording::Recording, rehearse,
    scratch_name,
};
use crate::{
    MigrationError,
    connection::closing,
    session::{lock_number, postgres},
};

/// A scratch schema is nobody else's, so this is for other locks.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn rehearse(
    tenancy: &Tenancy,
    rehearsal: &Rehearsal,
    recording: &Recording,
) -> Result<Rehearsed, MigrationError> {
    let mut db = tenancy.connection_to(rehearsal.beside.url()).await?;
    recording.listen_to(&mut db);
    closing(db, async |db| {
        match rehearsal.migrations.are_transactional() {
            true => in_transaction(rehearsal, db, recording).await,
            false => committed(tenancy, rehearsal, db, recording).await,
        }
    })
    .await
}

/// Nobody ever sees the schema: it is rolled back.
async fn in_transaction(
    rehearsal: &Rehearsal,
    db: &DatabaseConnection,
    recording: &Recording,
) -> Result<Rehearsed, MigrationError> {
    let schema = scratch_name()?;
    let place = ConnectionInfo::shared_in(rehearsal.beside.url(), schema.clone());
    let tx = postgres::begin(db, &place, PATIENCE).await?;
    let create = format!("CREATE SCHEMA {}", schema.quoted(DbBackend::Postgres));
    tx.execute_unprepared(&create).await?;
    let statements = rehearse!(rehearsal, recording, &tx);
    let structure = rehearsal.structure(&tx, &schema).await?;
    tx.rollback().await?;
    Ok(Rehearsed {
        structure,
        statements,
        schema,
    })
}

/// Some migrations want no transaction. A lock says that the schema is in use; one that is not was
/// left by somebody who was killed.
async fn committed(
    tenancy: &Tenancy,
    rehearsal: &Rehearsal,
    db: &DatabaseConnection,
    recording: &Recording,
) -> Result<Rehearsed, MigrationError> {
    sweep(db).await?;
    let schema = scratch_name()?;
    let quoted = schema.quoted(DbBackend::Postgres);
    lock(db, &schema).await?;
    db.execute_unprepared(&format!("CREATE SCHEMA {quoted}"))
        .await?;
    db.execute_unprepared(&format!("CREATE TABLE {quoted}.{MARK} (nothing integer)"))
        .await?;
    let place = ConnectionInfo::shared_in(rehearsal.beside.url(), schema.clone());
    let rehearsed = on_its_own_connection(tenancy, rehearsal, &place, recording).await;
    let dropped = db
        .execute_unprepared(&format!("DROP SCHEMA {quoted} CASCADE"))
        .await;
    let rehearsed = rehearsed?;
    dropped?;
    Ok(rehearsed)
}

/// Removes scratch schemas that nobody uses.
async fn sweep(db: &DatabaseConnection) -> Result<(), MigrationError> {
    let select = "SELECT schemaname::text FROM pg_catalog.pg_tables \
         WHERE pg_catalog.starts_with(schemaname::text, $1) AND tablename = $2";
    let values = [SCRATCH.into(), MARK.into()];
    let select = Statement::from_sql_and_values(DbBackend::Postgres, select, values);
    for row in db.query_all_raw(select).await? {
        let Ok(schema) = SchemaName::try_from(row.try_get_by_index::<String>(0)?) else {
            continue;
        };
        if lock(db, &schema).await? {
            let quoted = schema.quoted(DbBackend::Postgres);
            db.execute_unprepared(&format!("DROP SCHEMA IF EXISTS {quoted} CASCADE"))
                .await?;
        }
    }
    Ok(())
}

/// Whether it could be had. It ends with the connection.
async fn lock(db: &DatabaseConnection, schema: &SchemaName) -> Result<bool, MigrationError> {
    let lock = "SELECT pg_catalog.pg_try_advisory_lock($1)";
    let values = [lock_number(schema).into()];
    let lock = Statement::from_sql_and_values(DbBackend::Postgres, lock, values);
    match db.query_one_raw(lock).await? {
        Some(row) => Ok(row.try_get_by_index(0)?),
        None => Ok(false),
    }
}
