use std::sync::Arc;

use super::{TenantInfo, TenantQuery, TenantStatus, TenantStore};
use crate::{ConnectionInfo, TenantError, TenantId};

/// A tenant, and where its tables are: one entry that makes no sense hides no other.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlacedTenant {
    /// The tenant.
    pub id: TenantId,
    /// What is known about it, or why nothing is.
    pub info: Result<TenantInfo, TenantError>,
    /// Where it is, or why that is not known.
    pub connection: Result<Arc<ConnectionInfo>, TenantError>,
}

impl PlacedTenant {
    /// A tenant in its place.
    #[must_use]
    pub fn new(
        id: TenantId,
        info: Result<TenantInfo, TenantError>,
        connection: Result<Arc<ConnectionInfo>, TenantError>,
    ) -> Self {
        Self {
            id,
            info,
            connection,
        }
    }
}

/// Some tenants in their places, in the order of their ids' bytes.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PlacedPage {
    /// The tenants.
    pub tenants: Vec<PlacedTenant>,
    /// What to ask for [after](TenantQuery::after) to have the next page; none on the last.
    pub next: Option<TenantId>,
}

impl PlacedPage {
    /// These tenants, and where the next page begins, if there is one.
    #[must_use]
    pub fn new(tenants: Vec<PlacedTenant>, next: Option<TenantId>) -> Self {
        Self { tenants, next }
    }
}

/// A store whose tenants can be listed: what work on all of them needs.
#[async_trait::async_trait]
pub trait TenantDirectory: TenantStore {
    /// One page of tenants and their places. Whoever is there from the first page to the last is in
    /// exactly one of them.
    ///
    /// # Errors
    ///
    /// [`TenantError::StoreUnavailable`]. What is wrong with one tenant's entry is said with the tenant.
    async fn list_placed(&self, query: &TenantQuery) -> Result<PlacedPage, TenantError>;

    /// One tenant and its place, as they are now: what a cache remembers is not good enough for whoever
    /// changes them.
    ///
    /// # Errors
    ///
    /// Those of [`TenantStore::tenant`], but for [`TenantError::InvalidStoreEntry`], which is said with
    /// the tenant.
    async fn placed(&self, id: &TenantId) -> Result<PlacedTenant, TenantError> {
        let info = match self.tenant(id).await {
            Ok(info) => Ok((*info).clone()),
            Err(error @ TenantError::InvalidStoreEntry { .. }) => Err(error),
            Err(error) => return Err(error),
        };
        let connection = self.connection(id).await;
        Ok(PlacedTenant::new(id.clone(), info, connection))
    }
}

/// A store in which tenants are made, moved and removed: what provisioning needs. It holds what is
/// known about tenants; their schemas are made, moved and removed elsewhere.
#[async_trait::async_trait]
pub trait TenantRegistry: TenantDirectory {
    /// Makes a tenant, which is [`Pending`](TenantStatus::Pending) or
    /// [`Active`](TenantStatus::Active).
    ///
    /// # Errors
    ///
    /// [`TenantError::TenantExists`]; [`TenantError::EntryRefused`] in another status, when another
    /// tenant is placed in the same schema of the same database, and for what else the store does not
    /// take; [`TenantError::StoreUnavailable`].
    async fn register(
        &self,
        info: TenantInfo,
        connection: ConnectionInfo,
    ) -> Result<(), TenantError>;

    /// Takes a tenant a step further in its life.
    ///
    /// # Errors
    ///
    /// [`TenantError::UnknownTenant`]; [`TenantError::IllegalStatusChange`] for a step that
    /// [`TenantStatus::may_become`] does not know; [`TenantError::StoreUnavailable`].
    async fn change_status(&self, id: &TenantId, status: TenantStatus) -> Result<(), TenantError>;

    /// Notes where a tenant's tables are now.
    ///
    /// # Errors
    ///
    /// [`TenantError::UnknownTenant`]; [`TenantError::EntryRefused`] when another tenant is there;
    /// [`TenantError::StoreUnavailable`].
    async fn change_place(
        &self,
        id: &TenantId,
        connection: ConnectionInfo,
    ) -> Result<(), TenantError>;

    /// Removes a tenant that was never served: it is [`Pending`](TenantStatus::Pending) or
    /// [`Provisioning`](TenantStatus::Provisioning).
    ///
    /// # Errors
    ///
    /// [`TenantError::UnknownTenant`]; [`TenantError::IllegalStatusChange`] when it is something
    /// else; [`TenantError::StoreUnavailable`].
    async fn withdraw(&self, id: &TenantId) -> Result<(), TenantError>;

    /// Removes a tenant that is [`Archived`](TenantStatus::Archived).
    ///
    /// # Errors
    ///
    /// [`TenantError::UnknownTenant`]; [`TenantError::IllegalStatusChange`] when it is not archived;
    /// [`TenantError::StoreUnavailable`].
    async fn forget(&self, id: &TenantId) -> Result<(), TenantError>;
}

#[async_trait::async_trait]
impl<S: TenantDirectory + ?Sized> TenantDirectory for Arc<S> {
    async fn list_placed(&self, query: &TenantQuery) -> Result<PlacedPage, TenantError> {
        (**self).list_placed(query).await
    }

    async fn placed(&self, id: &TenantId) -> Result<PlacedTenant, TenantError> {
        (**self).placed(id).await
    }
}

#[async_trait::async_trait]
impl<S: TenantRegistry + ?Sized> TenantRegistry for Arc<S> {
    async fn register(
        &self,
        info: TenantInfo,
        connection: ConnectionInfo,
    ) -> Result<(), TenantError> {
        (**self).register(info, connection).await
    }

    async fn change_status(&self, id: &TenantId, status: TenantStatus) -> Result<(), TenantError> {
        (**self).change_status(id, status).await
    }

    async fn change_place(
        &self,
        id: &TenantId,
        connection: ConnectionInfo,
    ) -> Result<(), TenantError> {
        (**self).change_place(id, connection).await
    }

    async fn withdraw(&self, id: &TenantId) -> Result<(), TenantError> {
        (**self).withdraw(id).await
    }

    async fn forget(&self, id: &TenantId) -> Result<(), TenantError> {
        (**self).forget(id).await
    }
}
