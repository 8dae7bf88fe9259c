use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use serde::Deserialize;

use super::{TenantInfo, TenantStatus, TenantStore};
use crate::{ConnectionInfo, DatabaseUrl, TenantError, TenantId, placement::ConnectionEntry};

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
    tenants: RwLock<HashMap<TenantId, Entry>>,
}

#[derive(Clone, Debug)]
struct Entry {
    info: Arc<TenantInfo>,
    connection: Arc<ConnectionInfo>,
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
    /// place; and those of [`insert`](Self::insert).
    pub fn from_json(json: &str) -> Result<Self, TenantError> {
        let file: File = serde_json::from_str(json)
            .map_err(|error| TenantError::Configuration(format!("the tenant file: {error}")))?;
        let store = Self::new();
        for tenant in file.tenants {
            let info = TenantInfo {
                name: tenant.name.unwrap_or_else(|| tenant.id.to_string()),
                id: tenant.id,
                status: tenant.status,
                plan: tenant.plan,
                metadata: tenant.metadata,
            };
            let connection = tenant
                .connection
                .resolve(&info.id, file.database_url.as_ref())?;
            if store.read().contains_key(&info.id) {
                return Err(TenantError::InvalidStoreEntry {
                    tenant: info.id,
                    reason: "it is in the tenant file twice".to_owned(),
                });
            }
            store.insert(info, connection)?;
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
    /// [`TenantError::InvalidStoreEntry`] when another tenant is placed in the same schema of the
    /// same database: each would see the other's rows.
    pub fn insert(&self, info: TenantInfo, connection: ConnectionInfo) -> Result<(), TenantError> {
        let mut tenants = self.write();
        let neighbour = tenants
            .iter()
            .find(|(id, entry)| **id != info.id && entry.connection.overlaps(&connection));
        if let Some((neighbour, _)) = neighbour {
            return Err(TenantError::InvalidStoreEntry {
                reason: format!(
                    "its schema {} is that of tenant {neighbour} in the same database",
                    connection.schema()
                ),
                tenant: info.id,
            });
        }
        tenants.insert(
            info.id.clone(),
            Entry {
                info: Arc::new(info),
                connection: Arc::new(connection),
            },
        );
        Ok(())
    }

    /// Changes a tenant's status.
    ///
    /// # Errors
    ///
    /// [`TenantError::UnknownTenant`].
    pub fn set_status(&self, id: &TenantId, status: TenantStatus) -> Result<(), TenantError> {
        match self.write().get_mut(id) {
            Some(entry) => {
                entry.info = Arc::new(TenantInfo::clone(&entry.info).with_status(status));
                Ok(())
            }
            None => Err(unknown(id)),
        }
    }

    /// Forgets a tenant. Its data stays where it is. `false` when it was not known.
    pub fn remove(&self, id: &TenantId) -> bool {
        self.write().remove(id).is_some()
    }

    /// The tenants, in the order of their ids.
    #[must_use]
    pub fn ids(&self) -> Vec<TenantId> {
        let mut ids: Vec<_> = self.read().keys().cloned().collect();
        ids.sort_unstable();
        ids
    }

    fn entry(&self, id: &TenantId) -> Result<Entry, TenantError> {
        self.read().get(id).cloned().ok_or_else(|| unknown(id))
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<TenantId, Entry>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<TenantId, Entry>> {
        self.tenants.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown(id: &TenantId) -> TenantError {
    TenantError::UnknownTenant { tenant: id.clone() }
}

#[async_trait::async_trait]
impl TenantStore for MemoryStore {
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
