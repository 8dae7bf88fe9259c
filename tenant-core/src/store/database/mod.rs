//! Tenants in a table.

mod keys;
mod record;

use std::{fmt, sync::Arc};

use sea_orm::DatabaseConnection;

pub use self::{
    keys::UrlKeys,
    record::{
        ChangeKind, Changes, NewTenant, RecordedChange, Revision, TenantRecord, TenantUpdate,
    },
};
use super::{TenantInfo, TenantPage, TenantQuery, TenantStore};
use crate::{ConnectionInfo, TenantError, TenantId};

/// Tenants in tables of the application's own database, their databases' URLs sealed.
#[derive(Clone)]
pub struct DatabaseStore {
    db: DatabaseConnection,
    keys: UrlKeys,
}

fn not_yet<T>() -> Result<T, TenantError> {
    Err(TenantError::Configuration("not yet".to_owned()))
}

#[allow(missing_docs, unused_variables, clippy::unused_async)]
impl DatabaseStore {
    /// A store in this database.
    #[must_use]
    pub fn new(db: DatabaseConnection, keys: UrlKeys) -> Self {
        Self { db, keys }
    }
    pub async fn migrate(&self) -> Result<(), TenantError> {
        not_yet()
    }
    pub async fn ping(&self) -> Result<(), TenantError> {
        not_yet()
    }
    pub async fn create(&self, tenant: NewTenant) -> Result<TenantRecord, TenantError> {
        not_yet()
    }
    pub async fn record(&self, id: &TenantId) -> Result<TenantRecord, TenantError> {
        not_yet()
    }
    pub async fn update(
        &self,
        id: &TenantId,
        update: TenantUpdate,
        expected: Option<Revision>,
    ) -> Result<TenantRecord, TenantError> {
        not_yet()
    }
    pub async fn delete(
        &self,
        id: &TenantId,
        expected: Option<Revision>,
    ) -> Result<(), TenantError> {
        not_yet()
    }
    pub async fn list(&self, query: &TenantQuery) -> Result<TenantPage, TenantError> {
        not_yet()
    }
    pub async fn revision(&self) -> Result<Revision, TenantError> {
        not_yet()
    }
    pub async fn changes_after(&self, after: Revision, limit: u64) -> Result<Changes, TenantError> {
        not_yet()
    }
    pub async fn reseal(&self) -> Result<u64, TenantError> {
        not_yet()
    }
}

impl fmt::Debug for DatabaseStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseStore").finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl TenantStore for DatabaseStore {
    async fn tenant(&self, _id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        not_yet()
    }

    async fn connection(&self, _id: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        not_yet()
    }
}
