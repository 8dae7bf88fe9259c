use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement};
use tenant_core::{SchemaName, TenantDirectory, TenantError};

use super::{Found, Relocation};
use crate::{
    Fleet, MigrationError,
    connection::closing,
    names::quoted,
    session::mysql::{ServerLock, be_patient},
};

/// A database has no other name: its tables are moved into another one, all by one statement.
pub(super) async fn rename<R: TenantDirectory + 'static>(
    fleet: &Fleet<R>,
    relocation: &Relocation<'_>,
) -> Result<(), MigrationError> {
    let Relocation { from, to, .. } = relocation;
    let url = from.url().without_database();
    let db = fleet.tenancy().connection_to(&url).await?;
    let locks = fleet.tenancy().connection_to(&url).await?;
    let patience = fleet.settings().lock_timeout;
    closing(db, async |db| {
        be_patient(db, patience).await?;
        closing(locks, async |locks| {
            let lock = ServerLock::take_for_moving(locks, from.schema(), to, patience).await?;
            lock.during(async |lock| move_tables(db, relocation, lock).await)
                .await
        })
        .await
    })
    .await
}

async fn move_tables(
    db: &DatabaseConnection,
    relocation: &Relocation<'_>,
    lock: &ServerLock,
) -> Result<(), MigrationError> {
    let Relocation { from, to, .. } = relocation;
    let old_tables = tables(db, from.schema()).await?;
    let new_tables = tables(db, to).await?;
    // An empty one is what is left of one whose tables were moved, or what they are to be moved to.
    let found = match (exists(db, from.schema()).await?, exists(db, to).await?) {
        (true, true) if new_tables.is_empty() => Found::Old,
        (true, true) if old_tables.is_empty() => Found::New,
        (old, new) => Found::of(old, new),
    };
    let (old, new) = (
        from.schema().quoted(DbBackend::MySql),
        to.quoted(DbBackend::MySql),
    );
    if found.decide(relocation)? {
        refuse_what_cannot_move(db, from.schema()).await?;
        db.execute_unprepared(&format!("CREATE DATABASE IF NOT EXISTS {new}"))
            .await?;
        let moves: Vec<String> = old_tables
            .iter()
            .map(|table| {
                let table = quoted(table, DbBackend::MySql);
                format!("{old}.{table} TO {new}.{table}")
            })
            .collect();
        lock.check().await?;
        if !moves.is_empty() {
            db.execute_unprepared(&format!("RENAME TABLE {}", moves.join(", ")))
                .await?;
        }
    }
    lock.check().await?;
    if !tables(db, from.schema()).await?.is_empty() {
        return Err(MigrationError::locked(from.schema()));
    }
    db.execute_unprepared(&format!("DROP DATABASE IF EXISTS {old}"))
        .await?;
    Ok(())
}

async fn exists(db: &DatabaseConnection, schema: &SchemaName) -> Result<bool, DbErr> {
    let select = "SELECT 1 FROM information_schema.schemata WHERE schema_name = ?";
    let values = [schema.as_str().into()];
    let select = Statement::from_sql_and_values(DbBackend::MySql, select, values);
    Ok(db.query_one_raw(select).await?.is_some())
}

async fn tables(db: &DatabaseConnection, schema: &SchemaName) -> Result<Vec<String>, DbErr> {
    let select = "SELECT table_name FROM information_schema.tables WHERE table_schema = ?";
    let values = [schema.as_str().into()];
    let select = Statement::from_sql_and_values(DbBackend::MySql, select, values);
    let rows = db.query_all_raw(select).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

pub(super) async fn refuse_what_cannot_move(
    db: &DatabaseConnection,
    schema: &SchemaName,
) -> Result<(), MigrationError> {
    let select = "SELECT table_name FROM information_schema.views WHERE table_schema = ? \
         UNION ALL SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = ? \
         UNION ALL SELECT routine_name FROM information_schema.routines WHERE routine_schema = ? \
         UNION ALL SELECT event_name FROM information_schema.events WHERE event_schema = ? LIMIT 1";
    let values = [(); 4].map(|()| schema.as_str().into());
    let select = Statement::from_sql_and_values(DbBackend::MySql, select, values);
    if db.query_one_raw(select).await?.is_none() {
        return Ok(());
    }
    Err(TenantError::Unsupported {
        operation: "renaming a database with views, triggers, routines or events",
        backend: "MySQL",
        instead: "those cannot be moved to another one: drop them first, and make them again afterwards",
    }
    .into())
}
