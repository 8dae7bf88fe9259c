//! Where tenants are looked up.

mod cached;
mod change;
#[cfg(feature = "database-store")]
mod database;
mod info;
mod listing;
mod memory;
mod registry;

use std::sync::Arc;

#[cfg(feature = "database-store")]
#[doc(hidden)]
pub use self::database::entity as tenant_tables;
#[cfg(feature = "database-store")]
pub use self::database::{
    ChangeKind, Changes, CreateTenantTables, DatabaseStore, NewTenant, RecordedChange, Revision,
    TenantRecord, TenantUpdate, UrlKeys,
};
pub use self::{
    cached::{CacheStatistics, CachedStore, CachedStoreBuilder},
    change::TenantChange,
    info::{InvalidTenantStatus, TenantInfo, TenantStatus},
    listing::{ListedTenant, TenantPage, TenantQuery},
    memory::MemoryStore,
    registry::{PlacedPage, PlacedTenant, TenantDirectory, TenantRegistry},
};
use crate::{ConnectionInfo, TenantError, TenantId};

/// Where tenants are looked up: in memory, in a table, at a service.
///
/// Called for every request, so return what you hold behind an `Arc`; do not copy it. The `*_at_hand`
/// methods never wait and never fail. `tenant` and `connection` fail with
/// [`UnknownTenant`](TenantError::UnknownTenant) only when the store *knows* that there is no such tenant,
/// with [`StoreUnavailable`](TenantError::StoreUnavailable) when it cannot know, and with
/// [`InvalidStoreEntry`](TenantError::InvalidStoreEntry) when the entry is unusable.
#[async_trait::async_trait]
pub trait TenantStore: Send + Sync {
    /// What is known about a tenant, if that is in memory and good enough to be used: what
    /// [`tenant`](Self::tenant) would say without asking anybody. So a request need not wait. `None`
    /// says nothing about the tenant, and is what this returns unless implemented.
    fn tenant_at_hand(&self, id: &TenantId) -> Option<Arc<TenantInfo>> {
        let _ = id;
        None
    }

    /// Where a tenant's tables are, in the same way: what [`connection`](Self::connection) would say
    /// without asking anybody.
    fn connection_at_hand(&self, id: &TenantId) -> Option<Arc<ConnectionInfo>> {
        let _ = id;
        None
    }

    /// What is known about a tenant.
    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError>;

    /// Where a tenant's tables are.
    async fn connection(&self, id: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError>;
}

#[async_trait::async_trait]
impl<S: TenantStore + ?Sized> TenantStore for Box<S> {
    fn tenant_at_hand(&self, id: &TenantId) -> Option<Arc<TenantInfo>> {
        (**self).tenant_at_hand(id)
    }

    fn connection_at_hand(&self, id: &TenantId) -> Option<Arc<ConnectionInfo>> {
        (**self).connection_at_hand(id)
    }

    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        (**self).tenant(id).await
    }

    async fn connection(&self, id: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        (**self).connection(id).await
    }
}

#[async_trait::async_trait]
impl<S: TenantStore + ?Sized> TenantStore for Arc<S> {
    fn tenant_at_hand(&self, id: &TenantId) -> Option<Arc<TenantInfo>> {
        (**self).tenant_at_hand(id)
    }

    fn connection_at_hand(&self, id: &TenantId) -> Option<Arc<ConnectionInfo>> {
        (**self).connection_at_hand(id)
    }

    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        (**self).tenant(id).await
    }

    async fn connection(&self, id: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        (**self).connection(id).await
    }
}
