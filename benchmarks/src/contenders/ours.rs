use tenant_core::{CachedStore, DatabaseUrl, Tenancy, TenantContext, TenantId};

use super::{Contender, Limits, To};
use crate::{BoxError, library::scoped, load::Request};

/// This product, from the scope of a request on.
pub(super) struct Ours {
    tenancy: Tenancy,
    ids: Vec<TenantId>,
}

impl Ours {
    pub(super) fn open(to: &To<'_>, with_lanes: bool) -> Result<Self, BoxError> {
        let Limits {
            connections,
            connections_per_tenant,
            ..
        } = to.limits;
        let url = DatabaseUrl::new(to.tenants.url(to.application))?;
        let tenancy = Tenancy::builder()
            .store(CachedStore::new(to.tenants.store(&url)?))
            .max_connections(connections)
            .connections_per_tenant(match with_lanes {
                true => connections_per_tenant,
                false => connections,
            } as usize)
            .prepared_statements(to.limits.statements)
            .tenants_per_connection(to.limits.tenants_per_connection)
            .build()?;
        Ok(Self {
            tenancy,
            ids: to.tenants.ids().to_vec(),
        })
    }
}

#[async_trait::async_trait]
impl Contender for Ours {
    async fn answer(&self, request: Request) -> Result<(), BoxError> {
        TenantContext::scope(self.ids[request.tenant].clone(), async {
            let db = self.tenancy.current().await?;
            Ok(scoped::answer(&db, request.what, request.key).await?)
        })
        .await
    }

    async fn close(&self) {
        self.tenancy.close().await;
    }
}
