//! What the middleware costs a request: `cargo bench -p tenant-actix --bench middleware`.
//!
//! Pairs of servers in this process, of one worker each, one of them with the middleware. Clients on
//! keep-alive connections send to one and then to the other, turn by turn, so that what the machine
//! does meanwhile falls on both. The ratio is that of a pair of turns.
//!
//! The target is for a handler that reads one row of an SQLite file by its key, the same with and
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
    net::{SocketAddr, TcpListener},
    path::Path,
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
    CachedStore, ConnectionInfo, DatabaseUrl, MemoryStore, Tenancy, TenantConnection, TenantError,
    TenantId, TenantInfo, TenantStore,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Runtime,
};

const CONNECTIONS: usize = 32;
const TENANTS: usize = 1_000;
const TURN: Duration = Duration::from_millis(250);
const PAIRS: usize = 60;
/// Requests per second with the middleware, to those without.
const TARGET: f64 = 0.97;

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "book", schema_name = "$tenant")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub title: String,
}

impl ActiveModelBehavior for ActiveModel {}

fn main() {
    // `cargo test --benches` only wants to know whether it runs.
    let is_test = std::env::args().any(|argument| argument == "--test");
    let pairs = if is_test { 1 } else { PAIRS };
    let directory = tempfile::tempdir().unwrap();
    let client = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let tenancy = client.block_on(tenancy(directory.path()));
    let shared = client.block_on(tenancy.for_tenant(&id(0))).unwrap();
    let shared = web::Data::new(shared);
    let tenants = TenantMiddleware::new(tenancy).exclude_paths(["/health", "/docs/*"]);
    let routes = move |config: &mut web::ServiceConfig| {
        config
            .app_data(shared.clone())
            .route("/memory", web::get().to(from_memory))
            .route("/row", web::get().to(row))
            .route("/tenants-row", web::get().to(tenants_row));
    };
    let plain = {
        let routes = routes.clone();
        serve(move || App::new().configure(routes.clone()))
    };
    let scoped = serve(move || App::new().wrap(tenants.clone()).configure(routes.clone()));

    println!(
        "| handler | requests/s without | with the middleware | ratio | 10% to 90% of pairs |"
    );
    println!("|---|---|---|---|---|");
    let compare = |name, without, with| {
        let compared = Compared {
            without: (plain, without),
            with: (scoped, with),
        };
        compared.run(&client, pairs, name)
    };
    compare("answers from memory", "/memory", "/memory");
    let ratio = compare("reads a row", "/row", "/row");
    compare("reads a row through `TenantDb`", "/row", "/tenants-row");
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

/// Tenants as they are looked up in production, behind a cache. They all have the same file.
async fn tenancy(directory: &Path) -> Tenancy {
    let file = DatabaseUrl::sqlite(directory.join("books.sqlite")).unwrap();
    let store = MemoryStore::new();
    for tenant in 0..TENANTS {
        store
            .add(
                id(tenant),
                &DatabaseUrl::sqlite(directory.join(tenant.to_string())).unwrap(),
            )
            .unwrap();
    }
    let tenancy = Tenancy::builder()
        .store(CachedStore::new(OneFile(
            store,
            ConnectionInfo::dedicated(&file).unwrap().into(),
        )))
        .build()
        .unwrap();
    let db = tenancy.create_schema(&id(0)).await.unwrap();
    let table = "CREATE TABLE $tenant.book (id INTEGER PRIMARY KEY, title TEXT NOT NULL)";
    db.execute_unprepared(table).await.unwrap();
    let book = ActiveModel {
        id: Set(1),
        title: Set("Around the Moon".to_owned()),
    };
    book.insert(&db).await.unwrap();
    tenancy
}

/// A thousand files would measure the opening of files.
struct OneFile(MemoryStore, Arc<ConnectionInfo>);

#[async_trait::async_trait]
impl TenantStore for OneFile {
    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        self.0.tenant(id).await
    }

    async fn connection(&self, _: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        Ok(Arc::clone(&self.1))
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

/// Two servers, and what is asked of them.
struct Compared {
    without: (SocketAddr, &'static str),
    with: (SocketAddr, &'static str),
}

impl Compared {
    /// Prints a row, and returns the median ratio.
    fn run(&self, client: &Runtime, pairs: usize, name: &str) -> f64 {
        let (mut rates, mut ratios) = (Vec::new(), Vec::new());
        // The first turns warm up.
        for pair in 0..=pairs {
            let (without, with) = if pair % 2 == 0 {
                let without = client.block_on(turn(self.without));
                (without, client.block_on(turn(self.with)))
            } else {
                let with = client.block_on(turn(self.with));
                (client.block_on(turn(self.without)), with)
            };
            if pair > 0 {
                rates.push((without, with));
                ratios.push(with / without);
            }
        }
        let without = quantile(rates.iter().map(|rate| rate.0).collect(), 0.5);
        let with = quantile(rates.iter().map(|rate| rate.1).collect(), 0.5);
        let ratio = quantile(ratios.clone(), 0.5);
        println!(
            "| {name} | {without:.0} | {with:.0} | {ratio:.3} | {:.3} to {:.3} |",
            quantile(ratios.clone(), 0.1),
            quantile(ratios, 0.9)
        );
        ratio
    }
}

fn quantile(mut values: Vec<f64>, at: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    values[(last as f64 * at).round() as usize]
}

/// Requests per second.
async fn turn((server, path): (SocketAddr, &str)) -> f64 {
    let started = Instant::now();
    let clients = (0..CONNECTIONS).map(|number| send(server, path, number, started + TURN));
    let answered: usize = futures_util::future::join_all(clients).await.iter().sum();
    answered as f64 / started.elapsed().as_secs_f64()
}

/// One request after the other on one connection.
async fn send(server: SocketAddr, path: &str, number: usize, until: Instant) -> usize {
    let mut connection = TcpStream::connect(server).await.unwrap();
    connection.set_nodelay(true).unwrap();
    let requests: Vec<String> = (number..TENANTS)
        .step_by(CONNECTIONS)
        .map(|tenant| {
            format!(
                "GET {path} HTTP/1.1\r\nhost: books.example\r\naccept: application/json\r\n\
                 user-agent: bench\r\nx-tenant-id: {}\r\n\r\n",
                id(tenant)
            )
        })
        .collect();
    let (mut answer, mut answered) = ([0; 4096], 0);
    while Instant::now() < until {
        let request = requests[answered % requests.len()].as_bytes();
        connection.write_all(request).await.unwrap();
        let read = connection.read(&mut answer).await.unwrap();
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
