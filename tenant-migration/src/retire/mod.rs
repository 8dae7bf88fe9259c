//! Taking a tenant out of service: archived first, and dropped when nobody misses it.

mod drop;

use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use tenant_core::{
    ConnectionInfo, Placement, SchemaName, TenantError, TenantId, TenantInfo, TenantRegistry,
    TenantStatus,
};

use crate::{
    Fleet, MigrationError, files,
    relocate::{Found, Relocation},
};

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
    /// events, before anything is changed; what is wrong with the registry or the database.
    pub async fn archive(&self, id: &TenantId) -> Result<ConnectionInfo, MigrationError> {
        let entry = self.registry().placed(id).await?;
        let status = entry.info?.status;
        if status.is_before_first_use() {
            return Err(MigrationError::WrongStatus {
                tenant: id.clone(),
                status,
                operation: "archiving",
                needed: "one that was served; drop it instead",
            });
        }
        let place = entry.connection?;
        let stays = |place: &ConnectionInfo| {
            place.placement() == Placement::Dedicated || is_archived(place)
        };
        if status != TenantStatus::Archived && !stays(&place) {
            // One that would only be taken out of service is left in it.
            self.expect_movable(&place).await?;
        }
        // Nobody is served from here on.
        let archived = TenantStatus::Archived;
        self.registry().change_status(id, archived).await?;
        let entry = self.registry().placed(id).await?;
        let place = entry.connection?;
        if stays(&place) {
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
    /// The new id is entered before anything is moved, and taken back when that fails: nobody makes a
    /// tenant of that id meanwhile. What was stopped is told by the tenant's name, plan and metadata: where
    /// those were changed since, archive and drop the new entry, which has no schema, and begin again.
    ///
    /// # Errors
    ///
    /// [`TenantError::TenantExists`] when there is a tenant of the new id;
    /// [`MigrationError::WrongStatus`] when it is not active or in maintenance;
    /// [`MigrationError::SchemaOccupied`] when there is a schema of the new name;
    /// [`TenantError::Unsupported`] when it has a database for itself, and as for
    /// [`archive`](Self::archive); what is wrong with the registry or the database.
    pub async fn rename(&self, from: &TenantId, to: &TenantId) -> Result<(), MigrationError> {
        let registry = self.registry();
        let successor = match registry.placed(to).await {
            Ok(entry) => Some((entry.info?, entry.connection?)),
            Err(TenantError::UnknownTenant { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let entry = match registry.placed(from).await {
            Ok(entry) => entry,
            // It was done before.
            Err(TenantError::UnknownTenant { .. }) if successor.is_some() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let (info, place) = (entry.info?, entry.connection?);
        match &successor {
            None => self.move_to(&info, &place, to, false).await?,
            Some((_, there)) if from == to || !is_left(&info, &place, to, there)? => {
                return Err(TenantError::TenantExists { tenant: to.clone() }.into());
            }
            // It was stopped before anything was moved, unless that is a tenant of its own.
            Some((reserved, there)) if self.has_schema_at(&place).await? => {
                if !is_reserved_for(&info, reserved) || self.has_another_at(there, &place).await? {
                    return Err(TenantError::TenantExists { tenant: to.clone() }.into());
                }
                self.move_to(&info, &place, to, true).await?;
            }
            Some(_) => {}
        }
        if successor.is_none_or(|(info, _)| info.status == TenantStatus::Maintenance) {
            registry.change_status(to, TenantStatus::Active).await?;
        }
        registry.change_status(from, TenantStatus::Archived).await?;
        registry.forget(from).await?;
        Ok(())
    }

    /// Reserves the new id, and renames the schema.
    async fn move_to(
        &self,
        info: &TenantInfo,
        place: &ConnectionInfo,
        to: &TenantId,
        is_reserved: bool,
    ) -> Result<(), MigrationError> {
        let (former, registry) = (info.status, self.registry());
        if !matches!(former, TenantStatus::Active | TenantStatus::Maintenance) {
            return Err(MigrationError::WrongStatus {
                tenant: info.id.clone(),
                status: former,
                operation: "renaming",
                needed: "active or in maintenance",
            });
        }
        self.expect_movable(place).await?;
        let name = SchemaName::for_tenant(to);
        let target = crate::relocate::renamed(place, &name)?;
        let relocation = Relocation {
            tenant: &info.id,
            from: place,
            to: &name,
            may_be_done: former == TenantStatus::Maintenance,
            is_served: true,
        };
        if self.has_another_at(&target, place).await? {
            // Before there is an entry that says whose it is.
            Found::of(self.has_schema_at(place).await?, true).decide(&relocation)?;
        }
        registry
            .change_status(&info.id, TenantStatus::Maintenance)
            .await?;
        if !is_reserved && let Err(error) = self.reserve(info, to, target).await {
            registry.change_status(&info.id, former).await?;
            return Err(error.into());
        }
        let Err(error) = self.relocate(&relocation).await else {
            return Ok(());
        };
        // It is where it was, and is served as it was, unless that cannot be told. If it is nowhere,
        // nothing was begun that could be gone on with.
        let nowhere = matches!(
            error,
            MigrationError::Tenant(TenantError::MissingSchema { .. })
        );
        if nowhere || self.has_schema_at(place).await? {
            self.release(to).await;
            registry.change_status(&info.id, former).await?;
        }
        Err(error)
    }

    /// Whether there is a schema in a place, which is not the one of another place.
    async fn has_another_at(
        &self,
        target: &ConnectionInfo,
        place: &ConnectionInfo,
    ) -> Result<bool, MigrationError> {
        Ok(!is_half_moved(place, target) && self.has_schema_at(target).await?)
    }

    /// Enters the new id, as one that is in maintenance. A pending entry would be anybody's to
    /// provision, and none begins in maintenance: so it is active for a moment, without a schema.
    async fn reserve(
        &self,
        info: &TenantInfo,
        to: &TenantId,
        target: ConnectionInfo,
    ) -> Result<(), TenantError> {
        let mut reserved = info.clone().with_status(TenantStatus::Active);
        reserved.id = to.clone();
        self.registry().register(reserved, target).await?;
        let changed = self
            .registry()
            .change_status(to, TenantStatus::Maintenance)
            .await;
        if changed.is_err() {
            self.release(to).await;
        }
        changed
    }

    /// Takes back what was reserved.
    async fn release(&self, to: &TenantId) {
        let registry = self.registry();
        let released = async {
            registry.change_status(to, TenantStatus::Archived).await?;
            registry.forget(to).await
        };
        if let Err(error) = released.await {
            tracing::warn!(tenant.id = to.as_str(), %error, "the entry of a tenant that was not renamed stays");
        }
    }
}

/// Whether two places are one: on SQLite a file has both names when whoever moved it was killed half
/// way.
fn is_half_moved(old: &ConnectionInfo, new: &ConnectionInfo) -> bool {
    match (old.url().file(), new.url().file()) {
        (Some(old), Some(new)) => files::is_one_file(&old, &new),
        _ => false,
    }
}

/// Whether an entry may be what a rename left that was stopped.
fn is_left(
    info: &TenantInfo,
    place: &ConnectionInfo,
    to: &TenantId,
    there: &ConnectionInfo,
) -> Result<bool, MigrationError> {
    let was_begun = matches!(
        info.status,
        TenantStatus::Maintenance | TenantStatus::Archived
    );
    let target = crate::relocate::renamed(place, &SchemaName::for_tenant(to))?;
    Ok(was_begun && target.overlaps(there))
}

/// Whether an entry is one that a rename made of this tenant's.
fn is_reserved_for(info: &TenantInfo, reserved: &TenantInfo) -> bool {
    let is_unfinished = matches!(
        reserved.status,
        TenantStatus::Active | TenantStatus::Maintenance
    );
    is_unfinished
        && (&info.name, &info.plan, &info.metadata)
            == (&reserved.name, &reserved.plan, &reserved.metadata)
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
