//! The second wall: on PostgreSQL each tenant's statements run under a role of its own, and the server
//! refuses what is another tenant's.

mod fleet;
mod refused;
mod session;
mod shared;

use std::sync::Arc;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};
use sea_orm_tenant::{
    ConnectionInfo, DatabaseRoles, DatabaseUrl, MemoryStore, Tenancy, TenancyBuilder,
    TenantConnection, TenantError, TenantInfo,
    migration::{Fleet, FleetBuilder, Provisioned},
};

use crate::{
    isolation::rows::ask,
    migration::library::{First, Yard},
    support::{Server, World},
};

/// Tenants with roles, and an application that may do nothing without them.
struct Walled<'w> {
    yard: Yard<'w>,
    /// The application's login.
    login: String,
    /// Where tenants are, as the application knows it.
    application: DatabaseUrl,
    store: Arc<MemoryStore>,
}

impl<'w> Walled<'w> {
    /// Without tenants.
    async fn new(world: &'w World) -> Self {
        let (_, number) = world.acme.as_str().split_once('-').unwrap();
        let login = format!("app-{number}");
        let owner = owner(world).await;
        let create = format!("CREATE ROLE \"{login}\" LOGIN NOINHERIT PASSWORD 'app'");
        owner.execute_unprepared(&create).await.unwrap();
        owner.close().await.unwrap();
        let mut url = url::Url::parse(world.database.expose()).unwrap();
        url.set_username(&login).unwrap();
        url.set_password(Some("app")).unwrap();
        Self {
            yard: Yard::new(world),
            login,
            application: DatabaseUrl::new(url.as_str()).unwrap(),
            store: Arc::default(),
        }
    }

    /// Makes tenants with all that they have.
    async fn make(&self, names: &[&str]) {
        let fleet = self.fleet();
        for name in names {
            let made = fleet.provision(&self.yard.provision(name)).await.unwrap();
            assert_eq!(made, Provisioned::Made);
            self.enter(name);
        }
    }

    /// Enters a tenant in the application's store.
    fn enter(&self, name: &str) {
        let id = self.yard.id(name);
        let place = ConnectionInfo::shared(&self.application, &id);
        self.store.insert(TenantInfo::active(id), place).unwrap();
    }

    fn builder(&self) -> FleetBuilder<Arc<MemoryStore>> {
        self.builder_of::<4>()
    }

    /// With the first `N` migrations.
    fn builder_of<const N: usize>(&self) -> FleetBuilder<Arc<MemoryStore>> {
        self.yard
            .builder::<First<N>>()
            .database_roles(roles())
            .role_members([self.login.as_str()])
    }

    fn fleet(&self) -> Fleet<Arc<MemoryStore>> {
        self.builder().build().unwrap()
    }

    /// The application's, whose statements all go over one connection.
    fn tenancy(&self) -> TenancyBuilder {
        Tenancy::builder()
            .store(Arc::clone(&self.store))
            .shared_database(self.application.clone())
            .database_roles(roles())
            .max_connections(1)
    }

    async fn db(&self, tenancy: &Tenancy, name: &str) -> TenantConnection {
        tenancy.for_tenant(&self.yard.id(name)).await.unwrap()
    }

    fn role(&self, name: &str) -> String {
        format!("lib/{}", self.schema(name))
    }

    fn schema(&self, name: &str) -> String {
        format!("tenant_{}", self.yard.id(name))
    }
}

fn roles() -> DatabaseRoles {
    DatabaseRoles::new("lib").unwrap()
}

/// Past all walls.
async fn owner(world: &World) -> DatabaseConnection {
    let owner = world.tenancy.connection_to(&world.database).await;
    owner.unwrap()
}

/// Who the server thinks one is.
async fn user(db: &impl ConnectionTrait) -> String {
    ask(
        db,
        "SELECT current_user::text FROM (SELECT '$tenant') AS one",
    )
    .await
    .unwrap()
}

/// That the server refused a statement for want of a right.
#[track_caller]
fn assert_refused<T>(what: &str, outcome: Result<T, DbErr>) {
    let Err(error) = outcome else {
        panic!("{what}: not refused");
    };
    assert!(
        matches!(TenantError::from(error.clone()), TenantError::Database(_)),
        "{what}: {error}"
    );
    assert!(
        error.to_string().contains("permission denied"),
        "{what}: {error}"
    );
}

/// That a tenant's role could not be taken.
#[track_caller]
fn assert_no_role<T>(outcome: Result<T, DbErr>, role: &str) {
    let refused = TenantError::from(outcome.map(drop).unwrap_err());
    assert!(
        matches!(&refused, TenantError::RoleRefused { role: of, .. } if **of == *role),
        "{refused}"
    );
    assert!(refused.to_string().contains("Fleet::grant_roles"));
}

/// A test on PostgreSQL, which alone has roles.
macro_rules! on_postgres {
    ($($name:ident),+ $(,)?) => {
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::super::World::run(
                    super::super::Server::Postgres,
                    async |world| super::$name(world).await,
                ).await;
            })+
        }
    };
}
use on_postgres;
