use std::{fs, path::Path};

use sea_orm::ConnectionTrait as _;
use tenant_core::{ConnectionInfo, SchemaName, TenantDirectory, TenantId};

use super::Found;
use crate::{
    Fleet, MigrationError,
    connection::closing,
    session::{file, sqlite},
};

pub(super) async fn rename<R: TenantDirectory + 'static>(
    fleet: &Fleet<R>,
    tenant: &TenantId,
    from: &ConnectionInfo,
    target: &ConnectionInfo,
    to: &SchemaName,
) -> Result<(), MigrationError> {
    let _lock = sqlite::lock_file(from)?;
    let (old, new) = (file(from)?, file(target)?);
    if !Found::of(old.exists(), new.exists()).decide(tenant, from, to)? {
        return Ok(());
    }
    // What is in the log belongs to the file.
    let db = fleet.tenancy().dedicated_connection_to(from).await?;
    let empty = "PRAGMA wal_checkpoint(TRUNCATE)";
    closing(db, async |db| db.execute_unprepared(empty).await).await?;
    let mut log = old.clone().into_os_string();
    log.push("-wal");
    if Path::new(&log).metadata().is_ok_and(|log| log.len() > 0) {
        return Err(MigrationError::Locked {
            schema: from.schema().clone(),
        });
    }
    fs::rename(&old, &new)
        .map_err(|error| MigrationError::Configuration(format!("{}: {error}", old.display())))
}
