use std::{future::Future, sync::Arc};

use tenant_core::{MemoryStore, Tenancy, TenantConnection, TenantId};

use super::TestTenants;
use crate::TestkitError;

/// What a `#[tenant_test]` may ask for, by its type.
///
/// | type | is |
/// |---|---|
/// | [`TenantConnection`] | that of the tenant whose id is the parameter's name, which is made |
/// | [`TenantId`] | the tenant whose id is the parameter's name, which is made |
/// | [`Tenancy`] | how all of them are reached |
/// | `Arc<TestTenants>` | all of it: the database, the store, and tenants that are made later |
/// | `Arc<MemoryStore>` | the store that they are in |
///
/// Implement it for what your own tests begin with: a service with its routes, a tenant with rows.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no parameter of a tenant test",
    label = "not a `TestParameter`",
    note = "there are `TenantConnection`, `TenantId`, `Tenancy`, `Arc<TestTenants>` and \
            `Arc<MemoryStore>`; `TestParameter` can be implemented for types of your own"
)]
pub trait TestParameter: Sized {
    /// Makes it. `name` is that of the parameter, without leading underscores.
    ///
    /// # Errors
    ///
    /// Fail the test before it begins.
    fn make(
        tenants: &Arc<TestTenants>,
        name: &str,
    ) -> impl Future<Output = Result<Self, TestkitError>>;
}

impl TestParameter for TenantConnection {
    async fn make(tenants: &Arc<TestTenants>, name: &str) -> Result<Self, TestkitError> {
        tenants.provision(&tenant(name)?).await
    }
}

impl TestParameter for TenantId {
    async fn make(tenants: &Arc<TestTenants>, name: &str) -> Result<Self, TestkitError> {
        let tenant = tenant(name)?;
        tenants.provision(&tenant).await?;
        Ok(tenant)
    }
}

impl TestParameter for Tenancy {
    async fn make(tenants: &Arc<TestTenants>, _name: &str) -> Result<Self, TestkitError> {
        Ok(tenants.tenancy().clone())
    }
}

impl TestParameter for Arc<TestTenants> {
    async fn make(tenants: &Arc<TestTenants>, _name: &str) -> Result<Self, TestkitError> {
        Ok(Arc::clone(tenants))
    }
}

impl TestParameter for Arc<MemoryStore> {
    async fn make(tenants: &Arc<TestTenants>, _name: &str) -> Result<Self, TestkitError> {
        Ok(Arc::clone(tenants.store()))
    }
}

fn tenant(name: &str) -> Result<TenantId, TestkitError> {
    Ok(name.parse().map_err(tenant_core::TenantError::from)?)
}
