use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement};
use tenant_core::{ConnectionInfo, DatabaseUrl, Tenancy};

use super::{Found, Key, all_unreadable, in_chunks, key, read};
use crate::{Migrations, connection::closing};

/// Each table that a statement reads is opened for it.
const AT_ONCE: usize = 100;

pub(super) async fn look(
    tenancy: &Tenancy,
    url: &DatabaseUrl,
    places: &[Arc<ConnectionInfo>],
    migrations: &Migrations,
) -> Vec<(Key, Found)> {
    let db = match tenancy.connection_to(url).await {
        Ok(db) => db,
        Err(error) => return all_unreadable(places, error),
    };
    let found = closing(db, async |db| look_on(db, places, migrations).await).await;
    found.unwrap_or_else(|error| all_unreadable(places, error))
}

async fn look_on(
    db: &DatabaseConnection,
    places: &[Arc<ConnectionInfo>],
    migrations: &Migrations,
) -> Result<Vec<(Key, Found)>, DbErr> {
    let (table, begun) = (migrations.table(), migrations.begun_table());
    let (with_table, all) = all_schemas(db, places, table).await?;
    let (with_begun, _) = all_schemas(db, places, &begun).await?;
    let (mut ready, mut found) = (Vec::new(), Vec::new());
    for place in places {
        let schema = place.schema().as_str();
        if with_table.contains(schema) {
            ready.push(Arc::clone(place));
        } else if all.contains(schema) {
            found.push((key(place), Found::NoTable));
        } else {
            found.push((key(place), Found::NoSchema));
        }
    }
    let mut with = ready.clone();
    with.retain(|place| with_begun.contains(place.schema().as_str()));
    let begun = in_chunks(&with, AT_ONCE, |chunk| read(db, chunk, &begun)).await;
    let begun: HashMap<Key, Found> = begun.into_iter().collect();
    for (key, applied) in in_chunks(&ready, AT_ONCE, |chunk| read(db, chunk, table)).await {
        let found_here = match (applied, begun.get(&key)) {
            // What was begun to be taken back does not count.
            (Found::Applied(mut applied), Some(Found::Applied(begun))) => {
                applied.retain(|name| !begun.contains(name));
                Found::Applied(applied)
            }
            (_, Some(unreadable @ Found::Unreadable(_))) => unreadable.clone(),
            (applied, _) => applied,
        };
        found.push((key, found_here));
    }
    Ok(found)
}

/// A statement has no more than 65,535 values.
const NAMES_AT_ONCE: usize = 10_000;

async fn all_schemas(
    db: &DatabaseConnection,
    places: &[Arc<ConnectionInfo>],
    table: &str,
) -> Result<(HashSet<String>, HashSet<String>), DbErr> {
    let mut all = (HashSet::new(), HashSet::new());
    for places in places.chunks(NAMES_AT_ONCE) {
        let (with_table, schemas) = schemas(db, places, table).await?;
        all.0.extend(with_table);
        all.1.extend(schemas);
    }
    Ok(all)
}

/// The databases that have the table, and all there are.
async fn schemas(
    db: &DatabaseConnection,
    places: &[Arc<ConnectionInfo>],
    table: &str,
) -> Result<(HashSet<String>, HashSet<String>), DbErr> {
    let marks = vec!["?"; places.len()].join(", ");
    let names = || places.iter().map(|place| place.schema().as_str().into());
    let all = format!(
        "SELECT schema_name FROM information_schema.schemata WHERE schema_name IN ({marks})"
    );
    let all = Statement::from_sql_and_values(DbBackend::MySql, all, names());
    let with_table = format!(
        "SELECT table_schema FROM information_schema.tables WHERE table_name = ? AND table_schema IN ({marks})"
    );
    let values = std::iter::once(table.into()).chain(names());
    let with_table = Statement::from_sql_and_values(DbBackend::MySql, with_table, values);
    Ok((
        first_column(db, with_table).await?,
        first_column(db, all).await?,
    ))
}

async fn first_column(
    db: &DatabaseConnection,
    select: Statement,
) -> Result<HashSet<String>, DbErr> {
    let rows = db.query_all_raw(select).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}
