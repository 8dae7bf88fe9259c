use std::{fs::File, time::Duration};

use tenant_core::{ConnectionInfo, DatabaseUrl, SchemaName, Tenancy, TenantError};

use super::{Rehearsal, Rehearsed, recording::Recording, rehearse};
use crate::{MigrationError, session::sqlite};

/// In a directory of its own, which goes with all that is in it.
pub(super) async fn rehearse(
    tenancy: &Tenancy,
    rehearsal: &Rehearsal,
    recording: &Recording,
) -> Result<Rehearsed, MigrationError> {
    let unusable = |error: std::io::Error| {
        MigrationError::Configuration(format!("there is no place for a scratch file: {error}"))
    };
    let directory = tempfile::tempdir().map_err(unusable)?;
    let file = directory.path().join("scratch.sqlite");
    File::create(&file).map_err(unusable)?;
    let place =
        ConnectionInfo::dedicated(&DatabaseUrl::sqlite(&file)?).map_err(TenantError::from)?;
    let mut db = tenancy.dedicated_connection_to(&place).await?;
    recording.listen_to(&mut db);
    let rehearsed = async {
        let schema = place.schema();
        let (statements, structure) = if rehearsal.migrations.are_transactional() {
            let tx = sqlite::begin(&db, &place, Duration::from_secs(1)).await?;
            let statements = rehearse!(rehearsal, recording, &tx);
            let structure = rehearsal.structure(&tx, schema).await?;
            tx.rollback().await?;
            (statements, structure)
        } else {
            let statements = rehearse!(rehearsal, recording, &db);
            let structure = rehearsal.structure(&db, schema).await?;
            (statements, structure)
        };
        Ok::<_, MigrationError>(Rehearsed {
            structure,
            statements,
            schema: SchemaName::clone(schema),
        })
    };
    let rehearsed = rehearsed.await;
    let closed = db.close().await;
    let rehearsed = rehearsed?;
    closed?;
    Ok(rehearsed)
}
