//! Tenants of a test, in a database of its own.

mod parameter;
mod settings;

use std::sync::Arc;

use tenant_core::{MemoryStore, Tenancy, TenantConnection, TenantId, TenantInfo};
use tenant_migration::{Fleet, Provision};

pub use self::{parameter::TestParameter, settings::TestTenantsBuilder};
use crate::{TestDatabase, TestkitError};

/// Tenants of one test, in a database that is the test's own, with a tenancy to reach them.
///
/// `#[tenant_test]` makes one; a test that wants other settings has a
/// [`builder`](Self::builder). All of it is removed when this is dropped.
///
/// ```no_run
/// # async fn test() -> Result<(), Box<dyn std::error::Error>> {
/// # use sea_orm_migration::MigratorTrait;
/// # struct Migrator;
/// # impl MigratorTrait for Migrator {
/// #     fn migrations() -> Vec<Box<dyn sea_orm_migration::MigrationTrait>> { Vec::new() }
/// # }
/// use tenant_testkit::{TestDatabase, TestTenants};
///
/// let tenants = TestTenants::builder()
///     .migrations::<Migrator>()
///     // One connection for all of them shows whether anything is left behind on it.
///     .configure(|tenancy| tenancy.max_connections(1))
///     .build(TestDatabase::postgres().await?)
///     .await?;
/// let acme = tenants.provision(&"acme".parse()?).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TestTenants {
    tenancy: Tenancy,
    fleet: Option<Fleet<Arc<MemoryStore>>>,
    store: Arc<MemoryStore>,
    /// Last, so that the others have closed what they have open.
    database: TestDatabase,
}

impl TestTenants {
    /// With other settings.
    pub fn builder() -> TestTenantsBuilder {
        TestTenantsBuilder::default()
    }

    /// Makes a tenant with a schema of its own, as the migrations have it, or an empty one where
    /// there are none. A tenant that is there already is left as it is.
    ///
    /// # Errors
    ///
    /// [`TestkitError::Provision`], [`TestkitError::Tenant`].
    pub async fn provision(&self, tenant: &TenantId) -> Result<TenantConnection, TestkitError> {
        let info = TenantInfo::active(tenant.clone());
        let place = self.database.place(tenant)?;
        match &self.fleet {
            Some(fleet) => {
                let provision = Provision::new(info, place);
                fleet.provision(&provision).await.map_err(Box::new)?;
            }
            None if self.store.ids().contains(tenant) => {}
            None => {
                self.store.insert(info, place)?;
                self.tenancy.create_schema(tenant).await?;
            }
        }
        Ok(self.tenancy.for_tenant(tenant).await?)
    }

    /// How they are reached. Shared tables are in the test's database itself.
    #[must_use]
    pub fn tenancy(&self) -> &Tenancy {
        &self.tenancy
    }

    /// The tenants that there are.
    #[must_use]
    pub fn store(&self) -> &Arc<MemoryStore> {
        &self.store
    }

    /// Where they are.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }
}
