use std::sync::Arc;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement};
use tenant_core::{ConnectionInfo, Tenancy};

use super::{Found, Key, key};
use crate::{MigrationError, connection::closing, session::file};

/// Each file is a database, and there is nothing that knows of them all.
pub(super) async fn look(
    tenancy: &Tenancy,
    places: &[Arc<ConnectionInfo>],
    table: &str,
) -> Vec<(Key, Found)> {
    let mut found = Vec::with_capacity(places.len());
    for place in places {
        let read = read(tenancy, place, table).await;
        found.push((key(place), read.unwrap_or_else(Found::Unreadable)));
    }
    found
}

async fn read(
    tenancy: &Tenancy,
    place: &ConnectionInfo,
    table: &str,
) -> Result<Found, MigrationError> {
    if !file(place)?.exists() {
        return Ok(Found::NoSchema);
    }
    let db = tenancy.dedicated_connection_to(place).await?;
    let found = closing(db, async |db| applied(db, table).await).await?;
    Ok(match found {
        Some(applied) => Found::Applied(applied),
        None => Found::NoTable,
    })
}

async fn applied(db: &DatabaseConnection, table: &str) -> Result<Option<Vec<String>>, DbErr> {
    let has_table = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?";
    let has_table = Statement::from_sql_and_values(DbBackend::Sqlite, has_table, [table.into()]);
    if db.query_one_raw(has_table).await?.is_none() {
        return Ok(None);
    }
    let table = table.replace('"', "\"\"");
    let select = format!("SELECT version FROM \"{table}\"");
    let rows = db
        .query_all_raw(Statement::from_string(DbBackend::Sqlite, select))
        .await?;
    let applied = rows.iter().map(|row| row.try_get_by_index(0));
    Ok(Some(applied.collect::<Result<_, _>>()?))
}
