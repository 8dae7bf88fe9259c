use std::sync::Arc;

use sea_orm_migration::SchemaManager;
use tenant_core::{ConnectionInfo, Tenancy};

use super::{Found, Key, key};
use crate::{MigrationError, Migrations, connection::closing, session::file};

/// Each file is a database, and there is nothing that knows of them all.
pub(super) async fn look(
    tenancy: &Tenancy,
    places: &[Arc<ConnectionInfo>],
    migrations: &Migrations,
) -> Vec<(Key, Found)> {
    let mut found = Vec::with_capacity(places.len());
    for place in places {
        let read = read(tenancy, place, migrations).await;
        found.push((key(place), read.unwrap_or_else(Found::Unreadable)));
    }
    found
}

async fn read(
    tenancy: &Tenancy,
    place: &ConnectionInfo,
    migrations: &Migrations,
) -> Result<Found, MigrationError> {
    if !file(place)?.exists() {
        return Ok(Found::NoSchema);
    }
    let db = tenancy.dedicated_connection_to(place).await?;
    closing(db, async |db| {
        if !SchemaManager::new(db).has_table(migrations.table()).await? {
            return Ok(Found::NoTable);
        }
        Ok::<_, sea_orm::DbErr>(Found::Applied(migrations.applied(db).await?))
    })
    .await
}
