//! What the middleware costs a request:
//!
//!     cargo bench -p tenant-actix --bench middleware
//!
//! Four servers in this process, of one worker each, two of them with the middleware. Clients on
//! keep-alive connections send to one without and to one with it, in short turns, so that what the
//! machine does meanwhile falls on both. The ratio is that of all turns together; its spread is that
//! of their tenths.
//!
//! The target is for a handler that reads one row of PostgreSQL by its key, the same with and
//! without. One that answers from memory shows the most that the middleware can cost, and one that
//! takes its connection from `TenantDb`, and not from the application's data, what all of this
//! product costs.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a measurement"
)]

use std::{
    collections::HashMap,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpResponse, HttpServer,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    web,
};
use sea_orm::{ActiveValue::Set, entity::prelude::*};
use tenant_actix::{TenantDb, TenantMiddleware, TenantProblem};
use tenant_core::{
    CachedStore, ConnectionInfo, DatabaseUrl, Tenancy, TenantConnection, TenantError, TenantId,
    TenantInfo, TenantStore,
};
use tenant_testkit::TestDatabase;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Runtime,
};

const CONNECTIONS: usize = 32;
/// Each connection is one tenant's, as a browser's is.
const TENANTS: usize = CONNECTIONS;
const TURN: Duration = Duration::from_millis(20);
/// Of turns. The first tenth warms up.
const PAIRS: usize = 1_100;
/// Requests per second with the middleware, to those without.
const TARGET: f64 = 0.97;

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "middleware_bench", schema_name = "$tenant")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub title: String,
}

impl ActiveModelBehavior for ActiveModel {}

fn main() {
    // `cargo test --benches` only wants to know whether it runs.
    let is_test = std::env::args().any(|argument| argument == "--test");
    let pairs = if is_test { 11 } else { PAIRS };
    let client = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let database = client.block_on(TestDatabase::postgres()).unwrap();
    let tenancy = client.block_on(tenancy(database.url()));
    let shared = client.block_on(tenancy.for_tenant(&id(0))).unwrap();
    let shared = web::Data::new(shared);
    let tenants = TenantMiddleware::new(tenancy.clone()).exclude_paths(["/health", "/docs/*"]);
    let routes = move |config: &mut web::ServiceConfig| {
        config
            .app_data(shared.clone())
            .route("/memory", web::get().to(from_memory))
            .route("/row", web::get().to(row))
            .route("/tenants-row", web::get().to(tenants_row));
    };
    let plain = || {
        let routes = routes.clone();
        serve(move || App::new().configure(routes.clone()))
    };
    let scoped = || {
        let (tenants, routes) = (tenants.clone(), routes.clone());
        serve(move || App::new().wrap(tenants.clone()).configure(routes.clone()))
    };
    // In this order: of two servers that are the same, the one that is made later may be slower.
    let (first, second, third, fourth) = (plain(), scoped(), scoped(), plain());

    println!("| handler | requests/s without | with the middleware | ratio | of tenths |");
    println!("|---|---|---|---|---|");
    let compare = |name, without, with| {
        let compared = Compared {
            without: ([first, fourth], without),
            with: ([second, third], with),
        };
        compared.run(&client, pairs, name)
    };
    compare("answers from memory", "/memory", "/memory");
    let ratio = compare("reads a row", "/row", "/row");
    compare("reads a row through `TenantDb`", "/row", "/tenants-row");
    drop(database);
    let verdict = if ratio >= TARGET { "ok" } else { "short" };
    println!("target actix_ratio {ratio:.3} {TARGET} {verdict}");
    if ratio < TARGET && !is_test {
        std::process::exit(1);
    }
}

async fn from_memory() -> HttpResponse {
    HttpResponse::Ok().json(["Around the Moon", "Off on a Comet", "The Last Man"])
}

/// From a connection that the application has, whoever asks.
async fn row(db: web::Data<TenantConnection>) -> Result<HttpResponse, TenantProblem> {
    titles(&**db).await
}

async fn tenants_row(db: TenantDb) -> Result<HttpResponse, TenantProblem> {
    titles(&db).await
}

async fn titles(db: &impl ConnectionTrait) -> Result<HttpResponse, TenantProblem> {
    let book = Entity::find_by_id(1).one(db).await?;
    Ok(HttpResponse::Ok().json([book.unwrap().title]))
}

/// Tenants as they are looked up in production, behind a cache. They are all in one schema.
async fn tenancy(database: &DatabaseUrl) -> Tenancy {
    let tenants = (0..TENANTS).map(|tenant| (id(tenant), Arc::new(TenantInfo::active(id(tenant)))));
    let store = OneSchema {
        tenants: tenants.collect(),
        place: Arc::new(ConnectionInfo::dedicated(database).unwrap()),
    };
    let tenancy = Tenancy::builder()
        .store(CachedStore::new(store))
        .build()
        .unwrap();
    let db = tenancy.for_tenant(&id(0)).await.unwrap();
    let table =
        "CREATE TABLE $tenant.middleware_bench (id integer PRIMARY KEY, title text NOT NULL)";
    db.execute_unprepared(table).await.unwrap();
    let book = ActiveModel {
        id: Set(1),
        title: Set("Around the Moon".to_owned()),
    };
    book.insert(&db).await.unwrap();
    tenancy
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

fn id(number: usize) -> TenantId {
    TenantId::try_from(format!("tenant-{number}")).unwrap()
}

fn serve<F, T, B>(application: F) -> SocketAddr
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
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let server = HttpServer::new(application)
            .workers(1)
            .disable_signals()
            .listen(listener)
            .unwrap()
            .run();
        actix_web::rt::System::new().block_on(server)
    });
    address
}

/// Servers, and what is asked of them.
struct Compared {
    without: ([SocketAddr; 2], &'static str),
    with: ([SocketAddr; 2], &'static str),
}

impl Compared {
    /// Prints a row, and returns the ratio.
    fn run(&self, client: &Runtime, pairs: usize, name: &str) -> f64 {
        client.block_on(async {
            let mut without = Clients::of_both(self.without).await;
            let mut with = Clients::of_both(self.with).await;
            let mut tenths = Vec::new();
            for tenth in 0..11 {
                let mut sums = (0.0, 0.0);
                for pair in 0..pairs / 11 {
                    let server = pair / 2 % 2;
                    if pair % 2 == 0 {
                        sums.0 += without[server].turn().await;
                        sums.1 += with[server].turn().await;
                    } else {
                        sums.1 += with[server].turn().await;
                        sums.0 += without[server].turn().await;
                    }
                }
                if tenth > 0 {
                    tenths.push(sums);
                }
            }
            let turns = (pairs / 11 * tenths.len()) as f64;
            let sum = |of: fn(&(f64, f64)) -> f64| tenths.iter().map(of).sum::<f64>() / turns;
            let (without, with) = (sum(|tenth| tenth.0), sum(|tenth| tenth.1));
            let ratios = tenths.iter().map(|tenth| tenth.1 / tenth.0);
            let (least, most) = ratios.fold((f64::MAX, 0.0), |(least, most): (f64, f64), ratio| {
                (least.min(ratio), most.max(ratio))
            });
            let ratio = with / without;
            println!(
                "| {name} | {without:.0} | {with:.0} | {ratio:.3} | {least:.3} to {most:.3} |"
            );
            ratio
        })
    }
}

/// Connections that are kept from turn to turn.
struct Clients(Vec<Client>);

impl Clients {
    async fn of_both((servers, path): ([SocketAddr; 2], &str)) -> [Self; 2] {
        let [one, other] = servers;
        [Self::of(one, path).await, Self::of(other, path).await]
    }

    async fn of(server: SocketAddr, path: &str) -> Self {
        let mut clients = Vec::new();
        for number in 0..CONNECTIONS {
            clients.push(Client::connect(server, path, number).await);
        }
        Self(clients)
    }

    /// Requests per second.
    async fn turn(&mut self) -> f64 {
        let started = Instant::now();
        let sending = self.0.iter_mut().map(|client| client.send(started + TURN));
        let answered: usize = futures_util::future::join_all(sending).await.iter().sum();
        answered as f64 / started.elapsed().as_secs_f64()
    }
}

struct Client {
    connection: TcpStream,
    requests: Vec<String>,
    next: usize,
}

impl Client {
    async fn connect(server: SocketAddr, path: &str, number: usize) -> Self {
        let connection = TcpStream::connect(server).await.unwrap();
        connection.set_nodelay(true).unwrap();
        let tenants = (number..TENANTS).step_by(CONNECTIONS);
        let requests = tenants.map(|tenant| {
            format!(
                "GET {path} HTTP/1.1\r\nhost: books.example\r\naccept: application/json\r\n\
                 user-agent: bench\r\nx-tenant-id: {}\r\n\r\n",
                id(tenant)
            )
        });
        Self {
            connection,
            requests: requests.collect(),
            next: 0,
        }
    }

    /// One request after the other.
    async fn send(&mut self, until: Instant) -> usize {
        let (mut answer, mut answered) = ([0; 4096], 0);
        while Instant::now() < until {
            let request = &self.requests[self.next % self.requests.len()];
            self.next += 1;
            self.connection.write_all(request.as_bytes()).await.unwrap();
            let read = self.connection.read(&mut answer).await.unwrap();
            let answer = &answer[..read];
            assert!(
                answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"]"),
                "{}",
                String::from_utf8_lossy(answer)
            );
            answered += 1;
        }
        answered
    }
}
