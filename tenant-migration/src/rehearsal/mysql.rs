use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use tenant_core::{ConnectionInfo, SchemaName, Tenancy};

use super::{
    MARK, Rehearsal, Rehearsed, SCRATCH, on_its_own_connection, recording::Recording, scratch_name,
};
use crate::{MigrationError, connection::closing, session::mysql::ServerLock};

/// A lock says that the database is in use; one that is not was left by somebody who was killed.
pub(super) async fn rehearse(
    tenancy: &Tenancy,
    rehearsal: &Rehearsal,
    recording: &Recording,
) -> Result<Rehearsed, MigrationError> {
    let server_url = rehearsal.beside.url().without_database();
    let server = tenancy.connection_to(&server_url).await?;
    let locks = tenancy.connection_to(&server_url).await?;
    closing(server, async |server| {
        closing(locks, async |locks| {
            sweep(server, locks).await?;
            let schema = scratch_name()?;
            let lock = ServerLock::take(locks, &schema, Duration::ZERO).await?;
            lock.during(async |_| in_database(tenancy, rehearsal, server, schema, recording).await)
                .await
        })
        .await
    })
    .await
}

async fn in_database(
    tenancy: &Tenancy,
    rehearsal: &Rehearsal,
    server: &DatabaseConnection,
    schema: SchemaName,
    recording: &Recording,
) -> Result<Rehearsed, MigrationError> {
    let quoted = schema.quoted(DbBackend::MySql);
    server
        .execute_unprepared(&format!("CREATE DATABASE {quoted}"))
        .await?;
    server
        .execute_unprepared(&format!("CREATE TABLE {quoted}.{MARK} (nothing integer)"))
        .await?;
    let place = ConnectionInfo::shared_in(rehearsal.beside.url(), schema);
    let rehearsed = on_its_own_connection(tenancy, rehearsal, &place, recording).await;
    let dropped = server
        .execute_unprepared(&format!("DROP DATABASE {quoted}"))
        .await;
    let rehearsed = rehearsed?;
    dropped?;
    Ok(rehearsed)
}

/// Removes scratch databases that nobody uses.
async fn sweep(
    server: &DatabaseConnection,
    locks: &DatabaseConnection,
) -> Result<(), MigrationError> {
    let select = "SELECT table_schema FROM information_schema.tables \
         WHERE table_schema LIKE ? AND table_name = ?";
    let values = [format!("{SCRATCH}%").into(), MARK.into()];
    let select = Statement::from_sql_and_values(DbBackend::MySql, select, values);
    for row in server.query_all_raw(select).await? {
        let Ok(schema) = SchemaName::try_from(row.try_get_by_index::<String>(0)?) else {
            continue;
        };
        if let Ok(lock) = ServerLock::take(locks, &schema, Duration::ZERO).await {
            let quoted = schema.quoted(DbBackend::MySql);
            let drop = format!("DROP DATABASE IF EXISTS {quoted}");
            lock.during(async |_| Ok(server.execute_unprepared(&drop).await?))
                .await?;
        }
    }
    Ok(())
}
