use tenant_core::{CachedStore, DatabaseRoles, DatabaseUrl, Tenancy, TenantContext, TenantId};

use super::{Contender, Limits, To};
use crate::{BoxError, library::scoped, load::Request, tenants};

/// This product, from the scope of a request on.
pub(super) struct Ours {
    tenancy: Tenancy,
    ids: Vec<TenantId>,
}

impl Ours {
    pub(super) fn open(
        to: &To<'_>,
        with_lanes: bool,
        roles: Option<DatabaseRoles>,
    ) -> Result<Self, BoxError> {
        let Limits {
            connections,
            connections_per_tenant,
            ..
        } = to.limits;
        let mut url = to.tenants.url(to.application);
        if roles.is_some() {
            tenants::log_in_without_rights(&mut url)?;
        }
        let url = DatabaseUrl::new(url)?;
        let mut tenancy = Tenancy::builder()
            .store(CachedStore::new(to.tenants.store(&url)?))
            .max_connections(connections)
            .connections_per_tenant(match with_lanes {
                true => connections_per_tenant,
                false => connections,
            } as usize)
            .prepared_statements(to.limits.statements)
            .tenants_per_connection(to.limits.tenants_per_connection);
        if let Some(roles) = roles {
            tenancy = tenancy.database_roles(roles);
        }
        Ok(Self {
            tenancy: tenancy.build()?,
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
