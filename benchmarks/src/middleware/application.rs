//! The application, with the middleware and without.

use std::{
    collections::HashMap,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
};

use actix_web::{
    App, HttpResponse, HttpServer,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    web,
};
use sea_orm::{ActiveValue::Set, ConnectOptions, Database, DatabaseConnection, entity::prelude::*};
use tenant_actix::{TenantDb, TenantMiddleware, TenantProblem};
use tenant_core::{
    CachedStore, ConnectionInfo, DatabaseUrl, Tenancy, TenantError, TenantId, TenantInfo,
    TenantStore,
};

use super::clients::CONNECTIONS;
use crate::BoxError;

/// Each connection is one tenant's, as a browser's is.
const TENANTS: usize = CONNECTIONS;
/// Of connections to PostgreSQL.
const POOL: u32 = 8;

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "middleware_bench", schema_name = "$tenant")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub title: String,
}

impl ActiveModelBehavior for ActiveModel {}

/// The same table, for those who know no tenants.
mod plain {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "middleware_bench")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Four servers: without the middleware, with it twice, without it. In this order, since of two that
/// are the same, the one that is made later may be slower.
pub(super) async fn serve(
    tenancy: &Tenancy,
    pool: &DatabaseConnection,
) -> Result<[SocketAddr; 4], BoxError> {
    let pool = web::Data::new(pool.clone());
    let tenants = TenantMiddleware::new(tenancy.clone()).exclude_paths(["/health", "/docs/*"]);
    let routes = move |config: &mut web::ServiceConfig| {
        config
            .app_data(pool.clone())
            .route("/memory", web::get().to(from_memory))
            .route("/row", web::get().to(row))
            .route("/tenants-row", web::get().to(tenants_row));
    };
    let plain = || {
        let routes = routes.clone();
        listen(move || App::new().configure(routes.clone()))
    };
    let scoped = || {
        let (tenants, routes) = (tenants.clone(), routes.clone());
        listen(move || App::new().wrap(tenants.clone()).configure(routes.clone()))
    };
    Ok([plain()?, scoped()?, scoped()?, plain()?])
}

async fn from_memory() -> HttpResponse {
    HttpResponse::Ok().json(["Around the Moon", "Off on a Comet", "The Last Man"])
}

/// For an application without tenants.
async fn row(pool: web::Data<DatabaseConnection>) -> Result<HttpResponse, TenantProblem> {
    let book = plain::Entity::find_by_id(1).one(&**pool).await?;
    Ok(HttpResponse::Ok().json(book.map(|book| [book.title])))
}

async fn tenants_row(db: TenantDb) -> Result<HttpResponse, TenantProblem> {
    let book = Entity::find_by_id(1).one(&db).await?;
    Ok(HttpResponse::Ok().json(book.map(|book| [book.title])))
}

/// SeaORM's own pool, of as many connections as the tenants have, and without a ping before each use.
pub(super) async fn pool(database: &str) -> Result<DatabaseConnection, BoxError> {
    let mut options = ConnectOptions::new(database);
    options
        .max_connections(POOL)
        .min_connections(POOL)
        .test_before_acquire(false);
    Ok(Database::connect(options).await?)
}

/// Tenants as they are looked up in production, behind a cache. They are all in one schema.
pub(super) async fn tenancy(database: &str) -> Result<Tenancy, BoxError> {
    let database = DatabaseUrl::new(database)?;
    let mut tenants = HashMap::new();
    for tenant in 0..TENANTS {
        let id = id(tenant)?;
        tenants.insert(id.clone(), Arc::new(TenantInfo::active(id)));
    }
    let store = OneSchema {
        tenants,
        place: Arc::new(ConnectionInfo::dedicated(&database)?),
    };
    let tenancy = Tenancy::builder()
        .store(CachedStore::new(store))
        .max_connections(POOL)
        .build()?;
    let db = tenancy.for_tenant(&id(0)?).await?;
    let table =
        "CREATE TABLE $tenant.middleware_bench (id integer PRIMARY KEY, title text NOT NULL)";
    db.execute_unprepared(table).await?;
    let book = ActiveModel {
        id: Set(1),
        title: Set("Around the Moon".to_owned()),
    };
    book.insert(&db).await?;
    Ok(tenancy)
}

/// A schema for each would measure PostgreSQL's catalogue.
struct OneSchema {
    tenants: HashMap<TenantId, Arc<TenantInfo>>,
    place: Arc<ConnectionInfo>,
}

#[async_trait::async_trait]
impl TenantStore for OneSchema {
    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        let tenant = id.clone();
        let unknown = TenantError::UnknownTenant { tenant };
        self.tenants.get(id).cloned().ok_or(unknown)
    }

    async fn connection(&self, _: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        Ok(Arc::clone(&self.place))
    }
}

fn id(number: usize) -> Result<TenantId, BoxError> {
    Ok(TenantId::try_from(format!("tenant-{number}"))?)
}

/// In a thread that ends with the process.
fn listen<F, T, B>(application: F) -> Result<SocketAddr, BoxError>
where
    F: Fn() -> App<T> + Send + Clone + 'static,
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = actix_web::Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        let server = HttpServer::new(application)
            .workers(1)
            .disable_signals()
            .listen(listener)?
            .run();
        actix_web::rt::System::new().block_on(server)
    });
    Ok(address)
}
