use std::{collections::HashMap, sync::Arc};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement};
use tenant_core::{ConnectionInfo, DatabaseUrl, Tenancy};

use super::{Found, Key, all_unreadable, in_chunks, key, read};
use crate::connection::closing;

/// One statement takes a lock on each of its tables and their indexes, and the server has places for
/// 64 times as many as it has connections.
const AT_ONCE: usize = 250;

pub(super) async fn look(
    tenancy: &Tenancy,
    url: &DatabaseUrl,
    places: &[Arc<ConnectionInfo>],
    table: &str,
) -> Vec<(Key, Found)> {
    let db = match tenancy.connection_to(url).await {
        Ok(db) => db,
        Err(error) => return all_unreadable(places, error),
    };
    let found = closing(db, async |db| look_on(db, places, table).await).await;
    found.unwrap_or_else(|error| all_unreadable(places, error))
}

async fn look_on(
    db: &DatabaseConnection,
    places: &[Arc<ConnectionInfo>],
    table: &str,
) -> Result<Vec<(Key, Found)>, DbErr> {
    let schemas = schemas(db, places, table).await?;
    let (mut ready, mut found) = (Vec::new(), Vec::new());
    for place in places {
        match schemas.get(place.schema().as_str()) {
            Some(true) => ready.push(Arc::clone(place)),
            Some(false) => found.push((key(place), Found::NoTable)),
            None => found.push((key(place), Found::NoSchema)),
        }
    }
    found.extend(in_chunks(&ready, AT_ONCE, |chunk| read(db, chunk, table)).await);
    Ok(found)
}

/// The schemas that are there, and whether each has the table.
async fn schemas(
    db: &DatabaseConnection,
    places: &[Arc<ConnectionInfo>],
    table: &str,
) -> Result<HashMap<String, bool>, DbErr> {
    // No schema's name has a comma.
    let names: Vec<&str> = places.iter().map(|place| place.schema().as_str()).collect();
    let select = "SELECT n.nspname::text, c.oid IS NOT NULL FROM pg_catalog.pg_namespace n \
         LEFT JOIN pg_catalog.pg_class c \
         ON c.relnamespace = n.oid AND c.relname = $2 AND c.relkind IN ('r', 'p') \
         WHERE n.nspname = ANY (pg_catalog.string_to_array($1, ','))";
    let values = [names.join(",").into(), table.into()];
    let select = Statement::from_sql_and_values(DbBackend::Postgres, select, values);
    let rows = db.query_all_raw(select).await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}
