//! Taking a tenant out of service: archived first, and dropped when nobody misses it.

mod drop;

use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use tenant_core::{
    ConnectionInfo, Placement, SchemaName, TenantError, TenantId, TenantInfo, TenantRegistry,
    TenantStatus,
};

use crate::{Fleet, MigrationError, relocate::Relocation};

impl<R: TenantRegistry + 'static> Fleet<R> {
    /// Takes a tenant out of service and keeps its data: its schema is renamed, so that whoever still
    /// has a connection finds nothing, and a new tenant of that name finds it free. Returns where the
    /// data is now, which the registry knows, too. One that has a database for itself keeps its
    /// place.
    ///
    /// Doing so again goes on where it stopped, or says where the data is.
    ///
    /// On SQLite nobody else may have the file open: a data source that has is closed after its idle
    /// timeout, or with its tenancy.
    ///
    /// # Errors
    ///
    /// [`MigrationError::WrongStatus`] for one that was never served; [`MigrationError::Locked`];
    /// [`TenantError::Unsupported`] on MySQL, when the database has views, triggers, routines or
    /// events; what is wrong with the registry or the database.
    pub async fn archive(&self, id: &TenantId) -> Result<ConnectionInfo, MigrationError> {
        let status = self.registry().placed(id).await?.info?.status;
        if status.is_before_first_use() {
            return Err(MigrationError::WrongStatus {
                tenant: id.clone(),
                status,
                operation: "archiving",
                needed: "one that was served; drop it instead",
            });
        }
        // Nobody is served from here on.
        let archived = TenantStatus::Archived;
        self.registry().change_status(id, archived).await?;
        let entry = self.registry().placed(id).await?;
        let place = entry.connection?;
        if place.placement() == Placement::Dedicated || is_archived(&place) {
            return Ok((*place).clone());
        }
        let before = self.archived_before(&place, &entry.info?).await?;
        let may_be_done = before.is_some();
        let name = match before {
            Some(name) => name,
            None => archived_name(&original(&place), SystemTime::now())?,
        };
        let place = self
            .relocate(&Relocation {
                tenant: id,
                from: &place,
                to: &name,
                may_be_done,
                is_served: false,
            })
            .await?;
        self.registry().change_place(id, place.clone()).await?;
        Ok(place)
    }

    /// Gives a tenant another id, and its schema the name that goes with it. Meanwhile it is in
    /// maintenance, and afterwards active. Doing so again goes on where it stopped. On SQLite nobody
    /// else may have the file open, as for [`archive`](Self::archive).
    ///
    /// # Errors
    ///
    /// [`TenantError::TenantExists`] when there is a tenant of the new id;
    /// [`MigrationError::WrongStatus`] when it is not active or in maintenance;
    /// [`MigrationError::SchemaOccupied`] when there is a schema of the new name;
    /// [`TenantError::Unsupported`] when it has a database for itself; what is wrong with the
    /// registry or the database.
    pub async fn rename(&self, from: &TenantId, to: &TenantId) -> Result<(), MigrationError> {
        let name = SchemaName::for_tenant(to);
        let successor = match self.registry().placed(to).await {
            Ok(entry) => Some(entry.connection?),
            Err(TenantError::UnknownTenant { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let entry = match self.registry().placed(from).await {
            Ok(entry) => entry,
            // It was done before.
            Err(TenantError::UnknownTenant { .. }) if successor.is_some() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let (info, place) = (entry.info?, entry.connection?);
        if let Some(successor) = &successor {
            // What this left when it was stopped: the new entry, and the old one without a schema.
            let is_left = from != to
                && matches!(
                    info.status,
                    TenantStatus::Maintenance | TenantStatus::Archived
                )
                && crate::relocate::renamed(&place, &name)?.overlaps(successor);
            if !is_left || self.has_schema_at(&place).await? {
                return Err(TenantError::TenantExists { tenant: to.clone() }.into());
            }
        } else {
            self.move_to(info, &place, to, &name).await?;
        }
        self.registry()
            .change_status(from, TenantStatus::Archived)
            .await?;
        self.registry().forget(from).await?;
        Ok(())
    }

    /// Renames the schema, and makes the new entry.
    async fn move_to(
        &self,
        mut info: TenantInfo,
        place: &ConnectionInfo,
        to: &TenantId,
        name: &SchemaName,
    ) -> Result<(), MigrationError> {
        let former = info.status;
        if !matches!(former, TenantStatus::Active | TenantStatus::Maintenance) {
            return Err(MigrationError::WrongStatus {
                tenant: info.id,
                status: former,
                operation: "renaming",
                needed: "active or in maintenance",
            });
        }
        let registry = self.registry();
        registry
            .change_status(&info.id, TenantStatus::Maintenance)
            .await?;
        let relocation = Relocation {
            tenant: &info.id,
            from: place,
            to: name,
            may_be_done: former == TenantStatus::Maintenance,
            is_served: true,
        };
        let place = match self.relocate(&relocation).await {
            Ok(place) => place,
            Err(error) => {
                // It is where it was, and is served as it was, unless that cannot be told. If it is
                // nowhere, nothing was begun that could be gone on with.
                let nowhere = matches!(
                    error,
                    MigrationError::Tenant(TenantError::MissingSchema { .. })
                );
                if nowhere || self.has_schema_at(place).await? {
                    registry.change_status(&info.id, former).await?;
                }
                return Err(error);
            }
        };
        info.id = to.clone();
        registry
            .register(info.with_status(TenantStatus::Active), place)
            .await?;
        Ok(())
    }
}

/// What the name of an archived schema begins with.
const ARCHIVED: &str = "archived_";

/// The name that a schema had, or that its file has.
fn original(place: &ConnectionInfo) -> String {
    match place.url().file() {
        Some(file) => file
            .file_stem()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        None => place.schema().to_string(),
    }
}

fn is_archived(place: &ConnectionInfo) -> bool {
    original(place).starts_with(ARCHIVED)
}

/// `archived_20260131t235959_tenant_acme`. What would be too long has a hash at its end.
fn archived_name(original: &str, now: SystemTime) -> Result<SchemaName, MigrationError> {
    let time = time_of(now);
    let name = format!("{ARCHIVED}{time}_{}", ending(original));
    Ok(SchemaName::try_from(name).map_err(TenantError::from)?)
}

/// `20260131t235959`, in UTC.
fn time_of(time: SystemTime) -> String {
    let time = humantime::format_rfc3339_seconds(time).to_string();
    let time: String = time.chars().filter(char::is_ascii_alphanumeric).collect();
    time.to_ascii_lowercase().trim_end_matches('z').to_owned()
}

/// What of its name an archived schema keeps.
fn ending(original: &str) -> String {
    /// What is left of a name beside its beginning and a time.
    const ROOM: usize = SchemaName::MAX_LEN - "archived_20260131t235959_".len();
    const HASH: usize = 8;
    if original.len() <= ROOM {
        return original.to_owned();
    }
    let digest = Sha256::digest(original);
    let hash: String = digest
        .iter()
        .take(HASH / 2)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    // Names are ASCII.
    let kept = original.get(..ROOM - HASH - 1).unwrap_or(original);
    format!("{kept}-{hash}")
}

/// Whether a schema's name says that it was archived, not before a time, and was called so.
fn was_called(name: &str, original: &str, not_before: Option<SystemTime>) -> bool {
    let not_before = not_before.map(time_of).unwrap_or_default();
    let time_and_ending = name.strip_prefix(ARCHIVED);
    time_and_ending
        .and_then(|rest| rest.split_once('_'))
        .is_some_and(|(time, ending_)| {
            time.len() == "20260131t235959".len()
                && ending_ == ending(original)
                && time >= not_before.as_str()
        })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn an_archived_schema_tells_when_and_what() {
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let name = archived_name("tenant_acme", now).unwrap();
        assert_eq!(name.as_str(), "archived_20270115t080000_tenant_acme");
        assert!(was_called(name.as_str(), "tenant_acme", None));
        assert!(!was_called(name.as_str(), "tenant_ac", None));
        assert!(!was_called("archived_x_tenant_acme", "tenant_acme", None));
        let later = Some(now + Duration::from_secs(1));
        assert!(was_called(name.as_str(), "tenant_acme", Some(now)));
        assert!(!was_called(name.as_str(), "tenant_acme", later));
        let long = format!("tenant_{}", "x".repeat(56));
        let other = format!("tenant_{}y", "x".repeat(55));
        let name = archived_name(&long, now).unwrap();
        assert_eq!(name.as_str().len(), SchemaName::MAX_LEN);
        assert!(was_called(name.as_str(), &long, None));
        assert!(!was_called(name.as_str(), &other, None));
    }
}
