use sea_orm::{Database, DatabaseConnection};
use tenant_core::{SchemaName, TenantConnection, TenantId};

use super::{Contender, To};
use crate::{BoxError, library::scoped, load::Request};

/// Qualified statements, each on whichever connection is free.
pub(super) struct SharedPool {
    db: DatabaseConnection,
    tenants: Vec<(TenantId, SchemaName)>,
}

impl SharedPool {
    pub(super) async fn open(to: &To<'_>, statements: usize) -> Result<Self, BoxError> {
        let mut options = to.tenants.options(to.application, to.limits.connections);
        options
            .test_before_acquire(false)
            .map_sqlx_postgres_opts(move |postgres| postgres.statement_cache_capacity(statements));
        let ids = to.tenants.ids().iter().cloned();
        Ok(Self {
            db: Database::connect(options).await?,
            tenants: ids.zip(to.tenants.schemas()).collect(),
        })
    }
}

#[async_trait::async_trait]
impl Contender for SharedPool {
    async fn answer(&self, request: Request) -> Result<(), BoxError> {
        let (id, schema) = self.tenants[request.tenant].clone();
        let db = TenantConnection::borrow(&self.db, id, schema);
        Ok(scoped::answer(&db, request.what, request.key).await?)
    }

    async fn close(&self) {
        let _ = self.db.close_by_ref().await;
    }
}
