use std::{fs::File, time::Duration};

use tenant_core::{ConnectionInfo, DatabaseUrl, Tenancy};

use super::{Rehearsal, Rehearsed, on_its_own_connection, recording::Recording, rehearse};
use crate::{MigrationError, connection::closing, session::sqlite};

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
    let place = ConnectionInfo::dedicated(&DatabaseUrl::sqlite(&file)?)?;
    if !rehearsal.migrations.are_transactional() {
        return on_its_own_connection(tenancy, rehearsal, &place, recording).await;
    }
    let mut db = tenancy.dedicated_connection_to(&place).await?;
    recording.listen_to(&mut db);
    closing(db, async |db| {
        let tx = sqlite::begin(db, &place, Duration::from_secs(1)).await?;
        let rehearsed = Rehearsed {
            statements: rehearse!(rehearsal, recording, &tx),
            structure: rehearsal.structure(&tx, place.schema()).await?,
            schema: place.schema().clone(),
        };
        tx.rollback().await?;
        Ok::<_, MigrationError>(rehearsed)
    })
    .await
}
