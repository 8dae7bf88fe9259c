use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use tenant_core::{ConnectionInfo, SchemaName, Tenancy};

use super::{Rehearsal, Rehearsed, SCRATCH, recording::Recording, rehearse, scratch_name};
use crate::{MigrationError, fleet::panicked, session::mysql::ServerLock};

/// A lock says that the database is in use; one that is not was left by somebody who was killed.
pub(super) async fn rehearse(
    tenancy: &Tenancy,
    rehearsal: &Rehearsal,
    recording: &Recording,
) -> Result<Rehearsed, MigrationError> {
    let server_url = rehearsal.beside.url().without_database();
    let server = tenancy.connection_to(&server_url).await?;
    let locks = tenancy.connection_to(&server_url).await?;
    let rehearsed = async {
        sweep(&server, &locks).await?;
        let schema = scratch_name()?;
        let lock = ServerLock::take(&locks, &schema, Duration::ZERO).await?;
        let place = ConnectionInfo::shared_in(rehearsal.beside.url(), schema.clone());
        let quoted = schema.quoted(DbBackend::MySql);
        server
            .execute_unprepared(&format!("CREATE DATABASE {quoted}"))
            .await?;
        let rehearsed =
            AssertUnwindSafe(beside(tenancy, rehearsal, &place, recording)).catch_unwind();
        let rehearsed = rehearsed
            .await
            .unwrap_or_else(|panic| Err(panicked(&*panic)));
        let dropped = server
            .execute_unprepared(&format!("DROP DATABASE {quoted}"))
            .await;
        let rehearsed = rehearsed?;
        dropped?;
        lock.release().await?;
        Ok::<_, MigrationError>(rehearsed)
    };
    let rehearsed = rehearsed.await;
    let closed = (server.close().await, locks.close().await);
    let rehearsed = rehearsed?;
    closed.0?;
    closed.1?;
    Ok(rehearsed)
}

async fn beside(
    tenancy: &Tenancy,
    rehearsal: &Rehearsal,
    place: &ConnectionInfo,
    recording: &Recording,
) -> Result<Rehearsed, MigrationError> {
    let mut db = tenancy.dedicated_connection_to(place).await?;
    recording.listen_to(&mut db);
    let rehearsed = async {
        let statements = rehearse!(rehearsal, recording, &db);
        let structure = rehearsal.structure(&db, place.schema()).await?;
        Ok::<_, MigrationError>(Rehearsed {
            structure,
            statements,
            schema: place.schema().clone(),
        })
    };
    let rehearsed = rehearsed.await;
    let closed = db.close().await;
    let rehearsed = rehearsed?;
    closed?;
    Ok(rehearsed)
}

/// Removes scratch databases that nobody uses.
async fn sweep(
    server: &DatabaseConnection,
    locks: &DatabaseConnection,
) -> Result<(), MigrationError> {
    let select = "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE ?";
    let values = [format!("{SCRATCH}%").into()];
    let select = Statement::from_sql_and_values(DbBackend::MySql, select, values);
    for row in server.query_all_raw(select).await? {
        let Ok(schema) = SchemaName::try_from(row.try_get_by_index::<String>(0)?) else {
            continue;
        };
        if let Ok(lock) = ServerLock::take(locks, &schema, Duration::ZERO).await {
            let quoted = schema.quoted(DbBackend::MySql);
            let dropped = server
                .execute_unprepared(&format!("DROP DATABASE IF EXISTS {quoted}"))
                .await;
            lock.release().await?;
            dropped?;
        }
    }
    Ok(())
}
