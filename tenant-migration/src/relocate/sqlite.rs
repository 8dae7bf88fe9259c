use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use tenant_core::{ConnectionInfo, TenantDirectory};

use super::{Found, Relocation};
use crate::{
    Fleet, MigrationError,
    connection::closing,
    error::{conflict, in_words},
    files,
    session::{file, sqlite},
};

pub(super) async fn rename<R: TenantDirectory + 'static>(
    fleet: &Fleet<R>,
    relocation: &Relocation<'_>,
    target: &ConnectionInfo,
) -> Result<(), MigrationError> {
    let from = relocation.from;
    let (_from, _to) = (sqlite::lock_file(from)?, sqlite::lock_file(target)?);
    let (old, new) = (file(from)?, file(target)?);
    // One file with both names was being moved by somebody who was killed, and may have been written to
    // since then, by its old name.
    let is_half_moved = files::is_one_file(&old, &new);
    if !is_half_moved && !Found::of(old.exists(), new.exists()).decide(relocation)? {
        return Ok(());
    }
    let db = fleet.tenancy().dedicated_connection_to(from).await?;
    closing(db, async |db| leave_log(db, from).await).await?;
    files::move_to(&old, &new)
}

/// Puts what is in the log into the file. This takes the file for itself: whoever else has it open
/// would go on writing to a log that belongs to no file any more.
async fn leave_log(db: &DatabaseConnection, from: &ConnectionInfo) -> Result<(), MigrationError> {
    let locked = || MigrationError::Locked {
        place: in_words(from),
    };
    let leave = Statement::from_string(DbBackend::Sqlite, "PRAGMA journal_mode = DELETE");
    let mode = match db.query_one_raw(leave).await {
        Ok(row) => row
            .map(|row| row.try_get_by_index::<String>(0))
            .transpose()?,
        Err(error) if conflict::is_transient(&error) => return Err(locked()),
        Err(error) => return Err(error.into()),
    };
    match mode.as_deref() {
        Some("delete") => Ok(()),
        _ => Err(locked()),
    }
}
