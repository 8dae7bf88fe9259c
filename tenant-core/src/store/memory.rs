mod registry;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use serde::Deserialize;

use super::{TenantInfo, TenantStatus, TenantStore};
use crate::{ConnectionEntry, ConnectionInfo, DatabaseUrl, TenantError, TenantId};

/// Tenants held in memory: built in code, or read from a JSON file.
///
/// ```
/// # use tenant_core::{DatabaseUrl, MemoryStore, TenantId};
/// let database = DatabaseUrl::new("postgres://app@localhost/app")?;
/// let store = MemoryStore::new();
/// store.add(TenantId::from_static("acme"), &database)?;
/// # Ok::<(), tenant_core::TenantError>(())
/// ```
///
/// The file says the same; what is left out gets its default:
///
/// ```
/// # use tenant_core::MemoryStore;
/// let store = MemoryStore::from_json(r#"{
///     "database_url": "postgres://app@localhost/app",
///     "tenants": [
///         { "id": "acme", "name": "Acme Inc.", "plan": "pro" },
///         { "id": "globex", "status": "suspended", "connection": { "schema": "globex_eu" } },
///         { "id": "initech", "connection": { "placement": "dedicated", "url": "mysql://app@db2/initech" } }
///     ]
/// }"#)?;
/// # Ok::<(), tenant_core::TenantError>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore {
    tenants: RwLock<Tenants>,
}

#[derive(Debug, Default)]
struct Tenants {
    entries: HashMap<TenantId, Entry>,
    /// Who is where, to find two tenants in one place without comparing each with each.
    places: HashMap<Arc<str>, TenantId>,
}

#[derive(Clone, Debug)]
struct Entry {
    info: Arc<TenantInfo>,
    connection: Arc<ConnectionInfo>,
    /// As it was when the tenant came: on SQLite a link may turn up later, and lead elsewhere.
    place: Arc<str>,
}

impl Entry {
    /// Looks at the file system, on SQLite: not to be called under the lock.
    fn new(info: TenantInfo, connection: ConnectionInfo) -> Self {
        Self {
            info: Arc::new(info),
            place: connection.place().into(),
            connection: Arc::new(connection),
        }
    }

    fn set_status(&mut self, status: TenantStatus) {
        self.info = Arc::new(TenantInfo::clone(&self.info).with_status(status));
    }
}

impl MemoryStore {
    /// A store that knows nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the store from JSON.
    ///
    /// # Errors
    ///
    /// [`TenantError::Configuration`] when it is not the JSON that is described above, with the
    /// place; [`TenantError::InvalidStoreEntry`] when an entry contradicts itself, is there twice, or
    /// places its tenant where another one is.
    pub fn from_json(json: &str) -> Result<Self, TenantError> {
        let file: File = serde_json::from_str(json).map_err(|error| unreadable(&error))?;
        let store = Self::new();
        for tenant in file.tenants {
            let info = TenantInfo {
                name: tenant.name.unwrap_or_else(|| tenant.id.to_string()),
                id: tenant.id,
                status: tenant.status,
                plan: tenant.plan,
                metadata: tenant.metadata,
                created_at: None,
                updated_at: None,
            };
            if store.read().entries.contains_key(&info.id) {
                let reason = "it is in the tenant file twice";
                return Err(TenantError::invalid_entry(&info.id, reason));
            }
            let placed = tenant
                .connection
                .place(&info.id, file.database_url.as_ref());
            let connection = match placed {
                Ok(connection) => connection,
                Err(error) => {
                    return Err(TenantError::invalid_entry(&info.id, error.to_string()));
                }
            };
            let entry = Entry::new(info, connection);
            let mut tenants = store.write();
            if let Some(reason) = tenants.taken(&entry) {
                return Err(TenantError::invalid_entry(&entry.info.id, reason));
            }
            tenants.put(entry);
        }
        Ok(store)
    }

    /// Reads the store from a JSON file.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json), and when the file cannot be read.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, TenantError> {
        let path = path.as_ref();
        let json = std::fs::read_to_string(path).map_err(|error| {
            TenantError::Configuration(format!("the tenant file {}: {error}", path.display()))
        })?;
        Self::from_json(&json)
    }

    /// Adds an active tenant, with a schema of its own in a database that tenants share.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert).
    pub fn add(&self, id: TenantId, database: &DatabaseUrl) -> Result<(), TenantError> {
        let connection = ConnectionInfo::shared(database, &id);
        self.insert(TenantInfo::active(id), connection)
    }

    /// Adds a tenant, or replaces what was known of it.
    ///
    /// # Errors
    ///
    /// [`TenantError::EntryRefused`] when another tenant is placed in the same schema of the same
    /// database: each would see the other's rows.
    pub fn insert(&self, info: TenantInfo, connection: ConnectionInfo) -> Result<(), TenantError> {
        let entry = Entry::new(info, connection);
        self.write().insert(entry)
    }

    /// Changes a tenant's status.
    ///
    /// # Errors
    ///
    /// [`TenantError::UnknownTenant`].
    pub fn set_status(&self, id: &TenantId, status: TenantStatus) -> Result<(), TenantError> {
        self.write().entry_mut(id)?.set_status(status);
        Ok(())
    }

    /// Forgets a tenant. Its data stays where it is. `false` when it was not known.
    pub fn remove(&self, id: &TenantId) -> bool {
        self.write().remove(id)
    }

    /// The tenants, in the order of their ids.
    #[must_use]
    pub fn ids(&self) -> Vec<TenantId> {
        let mut ids: Vec<_> = self.read().entries.keys().cloned().collect();
        ids.sort_unstable();
        ids
    }

    fn entry(&self, id: &TenantId) -> Result<Entry, TenantError> {
        self.read()
            .entries
            .get(id)
            .cloned()
            .ok_or_else(|| TenantError::unknown(id))
    }

    fn read(&self) -> RwLockReadGuard<'_, Tenants> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tenants> {
        self.tenants.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tenants {
    fn insert(&mut self, entry: Entry) -> Result<(), TenantError> {
        match self.taken(&entry) {
            Some(reason) => Err(TenantError::entry_refused(
                &entry.info.id,
                format!("{reason}; place it in another schema, or in another database"),
            )),
            None => {
                self.put(entry);
                Ok(())
            }
        }
    }

    /// What is wrong with an entry's place, if that is somebody else's.
    fn taken(&self, entry: &Entry) -> Option<String> {
        let neighbour = self.places.get(&entry.place)?;
        (*neighbour != entry.info.id).then(|| {
            format!(
                "its schema {} is that of tenant {neighbour} in the same database",
                entry.connection.schema()
            )
        })
    }

    fn put(&mut self, entry: Entry) {
        let id = entry.info.id.clone();
        self.remove(&id);
        self.places.insert(Arc::clone(&entry.place), id.clone());
        self.entries.insert(id, entry);
    }

    fn entry_mut(&mut self, id: &TenantId) -> Result<&mut Entry, TenantError> {
        self.entries
            .get_mut(id)
            .ok_or_else(|| TenantError::unknown(id))
    }

    fn remove(&mut self, id: &TenantId) -> bool {
        let removed = self.entries.remove(id);
        if let Some(removed) = &removed {
            self.places.remove(&removed.place);
        }
        removed.is_some()
    }
}

/// What is wrong with the file, and where. A value that might be a URL in the wrong place is not
/// repeated.
fn unreadable(error: &serde_json::Error) -> TenantError {
    let mut what = error.to_string();
    if what.contains(['@', '/']) {
        what = format!(
            "a value of the wrong kind at line {} column {}",
            error.line(),
            error.column()
        );
    }
    TenantError::Configuration(format!("the tenant file: {what}"))
}

#[async_trait::async_trait]
impl TenantStore for MemoryStore {
    fn tenant_at_hand(&self, id: &TenantId) -> Option<Arc<TenantInfo>> {
        self.read()
            .entries
            .get(id)
            .map(|entry| Arc::clone(&entry.info))
    }

    fn connection_at_hand(&self, id: &TenantId) -> Option<Arc<ConnectionInfo>> {
        self.read()
            .entries
            .get(id)
            .map(|entry| Arc::clone(&entry.connection))
    }

    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        Ok(self.entry(id)?.info)
    }

    async fn connection(&self, id: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        Ok(self.entry(id)?.connection)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    database_url: Option<DatabaseUrl>,
    tenants: Vec<FileTenant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileTenant {
    id: TenantId,
    #[serde(default)]
    name: Option<String>,
    #[serde(default = "active")]
    status: TenantStatus,
    #[serde(default)]
    plan: Option<String>,
    #[serde(default)]
    metadata: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    connection: ConnectionEntry,
}

fn active() -> TenantStatus {
    TenantStatus::Active
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACME: TenantId = TenantId::from_static("acme");
    const GLOBEX: TenantId = TenantId::from_static("globex");

    fn database() -> DatabaseUrl {
        DatabaseUrl::new("postgres://app@h/app").unwrap()
    }

    #[tokio::test]
    async fn reads_what_was_written() {
        let store = MemoryStore::new();
        store.add(ACME, &database()).unwrap();
        assert_eq!(store.tenant(&ACME).await.unwrap().name, "acme");
        store.set_status(&ACME, TenantStatus::Suspended).unwrap();
        let info = store.tenant(&ACME).await.unwrap();
        assert_eq!(info.status, TenantStatus::Suspended);
        let placed = store.connection(&ACME).await.unwrap();
        assert_eq!(placed.schema().as_str(), "tenant_acme");
        assert!(store.remove(&ACME));
        let gone = store.tenant(&ACME).await.unwrap_err();
        assert!(matches!(gone, TenantError::UnknownTenant { tenant } if tenant == ACME));
        assert!(store.set_status(&ACME, TenantStatus::Active).is_err());
    }

    #[test]
    fn two_tenants_never_share_a_schema() {
        let store = MemoryStore::new();
        store.add(ACME, &database()).unwrap();
        let theirs = ConnectionInfo::shared(&database(), &ACME);
        let refused = store.insert(TenantInfo::active(GLOBEX), theirs.clone());
        assert_eq!(
            refused.unwrap_err().to_string(),
            "what was to be written about tenant globex was refused: its schema tenant_acme is that of tenant acme in the same database; place it in another schema, or in another database"
        );
        assert_eq!(store.ids(), [ACME]);
        // A tenant may be written again, and what it left may be taken.
        store
            .insert(TenantInfo::active(ACME), theirs.clone())
            .unwrap();
        let elsewhere = DatabaseUrl::new("postgres://h/eu").unwrap();
        store.add(ACME, &elsewhere).unwrap();
        store
            .insert(TenantInfo::active(GLOBEX), theirs.clone())
            .unwrap();
        assert!(store.remove(&GLOBEX));
        store.insert(TenantInfo::active(ACME), theirs).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn who_is_removed_leaves_the_place_it_came_to() {
        let directory = tempfile::tempdir().unwrap();
        let (here, there) = (
            directory.path().join("here"),
            directory.path().join("there"),
        );
        std::fs::create_dir(&here).unwrap();
        let place = || {
            let url = format!("sqlite://{}/t.sqlite", here.display());
            ConnectionInfo::dedicated(&DatabaseUrl::new(url).unwrap()).unwrap()
        };
        let store = MemoryStore::new();
        store.insert(TenantInfo::active(ACME), place()).unwrap();
        std::fs::rename(&here, &there).unwrap();
        std::os::unix::fs::symlink(&there, &here).unwrap();
        assert!(store.remove(&ACME));
        std::fs::remove_file(&here).unwrap();
        std::fs::create_dir(&here).unwrap();
        store.insert(TenantInfo::active(GLOBEX), place()).unwrap();
    }

    #[test]
    fn a_file_with_a_mistake_says_where() {
        let error = |json: &str| MemoryStore::from_json(json).unwrap_err().to_string();
        assert!(error(r#"{"tenants":[{"id":"Acme"}]}"#).contains("tenant id \"Acme\" is invalid"));
        assert!(error(r#"{"tenants":[{"id":"a","plam":""}]}"#).contains("unknown field `plam`"));
        assert!(error("{\n\"tenants\": 3}").contains("line 2"));
        let twice = r#"{"database_url":"mysql://h/d","tenants":[{"id":"a"},{"id":"a"}]}"#;
        assert!(error(twice).contains("twice"));
        let misplaced = r#"{"tenants":[{"id":"a","connection":"postgres://u:hunter2@h"}]}"#;
        assert!(error(misplaced).contains("wrong kind at line 1 column"));
        for entry in [
            r#""id":"postgres://u:hunter2@h""#,
            r#""id":"a","status":"u:hunter2@h""#,
            r#""id":"a","connection":{"schema":"mysql://u:hunter2@h"}"#,
            r#""id":"a","connection":{"url":"http://u:hunter2@h"}"#,
            r#""id":"a","postgres://u:hunter2@h":1"#,
        ] {
            let shown = error(&format!("{{\"tenants\":[{{{entry}}}]}}"));
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        assert!(
            MemoryStore::from_file("/nowhere")
                .unwrap_err()
                .to_string()
                .contains("/nowhere")
        );
    }
}
