use std::{collections::HashMap, sync::Arc};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement};
use tenant_core::{ConnectionInfo, DatabaseUrl, Tenancy};

use super::{Found, Key, all_unreadable, in_chunks, key};

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
    let found = match schemas(&db, places, table).await {
        Ok(schemas) => {
            let (ready, other) = sort(places, &schemas);
            let mut found = in_chunks(&ready, AT_ONCE, |chunk| read(&db, chunk, table)).await;
            found.extend(other);
            found
        }
        Err(error) => all_unreadable(places, error),
    };
    if let Err(error) = db.close().await {
        tracing::debug!(%error, "a connection was not closed well");
    }
    found
}

/// Those whose table can be read, and what is known of the others.
type Sorted = (Vec<Arc<ConnectionInfo>>, Vec<(Key, Found)>);

fn sort(places: &[Arc<ConnectionInfo>], schemas: &HashMap<String, bool>) -> Sorted {
    let (mut ready, mut other) = (Vec::new(), Vec::new());
    for place in places {
        match schemas.get(place.schema().as_str()) {
            Some(true) => ready.push(Arc::clone(place)),
            Some(false) => other.push((key(place), Found::NoTable)),
            None => other.push((key(place), Found::NoSchema)),
        }
    }
    (ready, other)
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

async fn read(
    db: &DatabaseConnection,
    places: Vec<Arc<ConnectionInfo>>,
    table: &str,
) -> Result<Vec<(Key, Found)>, DbErr> {
    let table = quoted(table);
    let selects = places.iter().enumerate().map(|(number, place)| {
        let schema = place.schema().quoted(DbBackend::Postgres);
        // As rows: to make one of them takes the server twice as long.
        format!("SELECT {number}, version FROM {schema}.{table}")
    });
    let select = selects.collect::<Vec<_>>().join(" UNION ALL ");
    // It is another text each time, so nothing is gained by keeping it prepared.
    let rows = db
        .query_all_raw(Statement::from_string(DbBackend::Postgres, select))
        .await?;
    let mut applied: HashMap<i32, Vec<String>> = HashMap::new();
    for row in &rows {
        let versions = applied.entry(row.try_get_by_index(0)?).or_default();
        versions.push(row.try_get_by_index(1)?);
    }
    let found = places.iter().zip(0..).map(|(place, number)| {
        let applied = applied.remove(&number).unwrap_or_default();
        (key(place), Found::Applied(applied))
    });
    Ok(found.collect())
}

/// A name that is the migrator's, and not ours.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
