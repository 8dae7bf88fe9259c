//! Taking a tenant out of service: archived first, and dropped when nobody misses it.

mod drop;

use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use tenant_core::{
    ConnectionInfo, Placement, SchemaName, TenantError, TenantId, TenantRegistry, TenantStatus,
};

use crate::{Fleet, MigrationError};

impl<R: TenantRegistry + 'static> Fleet<R> {
    /// Takes a tenant out of service and keeps its data: its schema is renamed, so that whoever still
    /// has a connection finds nothing, and a new tenant of that name finds it free. Returns where the
    /// data is now, which the registry knows, too. One that has a database for itself keeps its
    /// place.
    ///
    /// Doing so again goes on where it stopped, or says where the data is.
    ///
    /// # Errors
    ///
    /// What is wrong with the registry or the database.
    pub async fn archive(&self, id: &TenantId) -> Result<ConnectionInfo, MigrationError> {
        // Nobody is served from here on.
        let archived = TenantStatus::Archived;
        self.registry().change_status(id, archived).await?;
        let place = self.registry().connection(id).await?;
        if place.placement() == Placement::Dedicated || is_archived(&place) {
            return Ok((*place).clone());
        }
        let name = match self.archived_before(&place).await? {
            Some(name) => name,
            None => archived_name(&original(&place), SystemTime::now())?,
        };
        let place = self.relocate(id, &place, &name).await?;
        self.registry().change_place(id, place.clone()).await?;
        Ok(place)
    }

    /// Gives a tenant another id, and its schema the name that goes with it. Meanwhile it is in
    /// maintenance, and afterwards active. Doing so again goes on where it stopped.
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
        let successor = match self.registry().tenant(to).await {
            Ok(_) => Some(self.registry().connection(to).await?),
            Err(TenantError::UnknownTenant { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let info = match self.registry().tenant(from).await {
            Ok(info) => info,
            // It was done before.
            Err(TenantError::UnknownTenant { .. }) if successor.is_some() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let place = self.registry().connection(from).await?;
        if let Some(successor) = &successor {
            let is_own = crate::relocate::renamed(&place, &name)?.overlaps(successor);
            if !is_own || self.has_schema_at(&place).await? {
                return Err(TenantError::TenantExists { tenant: to.clone() }.into());
            }
        }
        if !matches!(
            info.status,
            TenantStatus::Active | TenantStatus::Maintenance
        ) && successor.is_none()
        {
            return Err(MigrationError::WrongStatus {
                tenant: from.clone(),
                status: info.status,
                operation: "renaming",
                needed: "active or in maintenance",
            });
        }
        if successor.is_none() {
            let maintenance = TenantStatus::Maintenance;
            self.registry().change_status(from, maintenance).await?;
            let place = self.relocate(from, &place, &name).await?;
            let mut info = (*info).clone().with_status(TenantStatus::Active);
            info.id = to.clone();
            self.registry().register(info, place).await?;
        }
        self.registry()
            .change_status(from, TenantStatus::Archived)
            .await?;
        self.registry().forget(from).await?;
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
    let time = humantime::format_rfc3339_seconds(now).to_string();
    let time: String = time.chars().filter(char::is_ascii_alphanumeric).collect();
    let time = time.to_ascii_lowercase();
    let time = time.trim_end_matches('z');
    let name = format!("{ARCHIVED}{time}_{}", ending(original));
    Ok(SchemaName::try_from(name).map_err(TenantError::from)?)
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

/// Whether a schema's name says that it was archived, and was called so before.
pub(crate) fn was_called(name: &str, original: &str) -> bool {
    let time_and_ending = name.strip_prefix(ARCHIVED);
    time_and_ending
        .and_then(|rest| rest.split_once('_'))
        .is_some_and(|(time, ending_)| {
            time.len() == "20260131t235959".len() && ending_ == ending(original)
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
        assert!(was_called(name.as_str(), "tenant_acme"));
        assert!(!was_called(name.as_str(), "tenant_ac"));
        assert!(!was_called("archived_x_tenant_acme", "tenant_acme"));
        let long = format!("tenant_{}", "x".repeat(56));
        let other = format!("tenant_{}y", "x".repeat(55));
        let name = archived_name(&long, now).unwrap();
        assert_eq!(name.as_str().len(), SchemaName::MAX_LEN);
        assert!(was_called(name.as_str(), &long));
        assert!(!was_called(name.as_str(), &other));
    }
}
