use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use sea_orm::Database;
use sea_orm_migration::MigratorTrait;
use tenant_core::{DatabaseUrl, MemoryStore, Tenancy, TenancyBuilder};
use tenant_migration::{Fleet, MigrationError, Migrations};

use super::TestTenants;
use crate::{TestDatabase, TestkitError, database::plain};

type Configure = Arc<dyn Fn(TenancyBuilder) -> TenancyBuilder + Send + Sync>;
type Migrated<'t> = Pin<Box<dyn Future<Output = Result<(), TestkitError>> + 't>>;

/// Settings of [`TestTenants`]. All have defaults.
#[derive(Clone, Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct TestTenantsBuilder {
    migrations: Option<fn() -> Result<Migrations, MigrationError>>,
    shared: Option<fn(&DatabaseUrl) -> Migrated<'_>>,
    configure: Option<Configure>,
}

impl TestTenantsBuilder {
    /// What makes the tables of tenants. Default: none, schemas are empty.
    pub fn migrations<M: MigratorTrait>(mut self) -> Self {
        self.migrations = Some(Migrations::of::<M>);
        self
    }

    /// What makes the tables that tenants share, before there are tenants. Default: none.
    pub fn shared_migrations<M: MigratorTrait + 'static>(mut self) -> Self {
        self.shared = Some(|shared| Box::pin(migrate_shared::<M>(shared)));
        self
    }

    /// Changes settings of the tenancy: `.configure(|tenancy| tenancy.max_connections(1))`.
    pub fn configure(
        mut self,
        configure: impl Fn(TenancyBuilder) -> TenancyBuilder + Send + Sync + 'static,
    ) -> Self {
        self.configure = Some(Arc::new(configure));
        self
    }

    /// Applies the shared migrations to the database. There are no tenants yet.
    ///
    /// # Errors
    ///
    /// [`TestkitError::Tenant`] about the settings of the tenancy, [`TestkitError::Provision`] about
    /// the migrations, [`TestkitError::Database`] when those of shared tables fail.
    pub async fn build(self, database: TestDatabase) -> Result<TestTenants, TestkitError> {
        let store = Arc::new(MemoryStore::new());
        let tenancy = Tenancy::builder()
            .store(Arc::clone(&store))
            .shared_database(database.shared().clone())
            // The kit ends sessions, to have the server record what comes after: whoever uses a
            // connection next is not to notice, however soon that is.
            .configure(|options| {
                options.test_before_acquire_if_idle_for(Duration::ZERO);
            });
        let tenancy = match &self.configure {
            Some(configure) => configure(tenancy).build()?,
            None => tenancy.build()?,
        };
        let fleet = match self.migrations {
            Some(migrations) => {
                let migrations = migrations().map_err(Box::new)?;
                let fleet = Fleet::builder(Arc::clone(&store), migrations);
                Some(fleet.build().map_err(Box::new)?)
            }
            None => None,
        };
        if let Some(migrate) = self.shared {
            migrate(database.shared()).await?;
        }
        Ok(TestTenants {
            tenancy,
            fleet,
            store,
            database,
        })
    }
}

/// Migrations take SeaORM's own type, so this is on a connection of its own.
async fn migrate_shared<M: MigratorTrait>(shared: &DatabaseUrl) -> Result<(), TestkitError> {
    let migrating = async {
        let db = Database::connect(plain(shared)).await?;
        let migrated = M::up(&db, None).await;
        db.close().await.and(migrated)
    };
    migrating.await.map_err(TestkitError::database(
        "apply the migrations of shared tables",
    ))
}

impl fmt::Debug for TestTenantsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestTenantsBuilder")
            .field("migrations", &self.migrations.is_some())
            .field("shared_migrations", &self.shared.is_some())
            .field("configure", &self.configure.is_some())
            .finish()
    }
}
