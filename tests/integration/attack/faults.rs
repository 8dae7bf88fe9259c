//! Databases that are killed and started again, connections that are cut, and a failover to a server
//! that has nothing: under load, on servers of the test's own.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::{HttpResponse, web};
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, Statement};
use sea_orm_tenant::{
    DatabaseUrl, MemoryStore, Tenancy, TenantId,
    actix::{TenantDb, TenantMiddleware, TenantProblem, TenantTransaction},
};
use tenant_testkit::{MariaDb, Postgres};

use super::network::Network;
use crate::{
    actix::server::Server,
    isolation::rows::{add, names},
    support::{entities::author, plain},
};

const TENANTS: [TenantId; 4] = [
    TenantId::from_static("acme"),
    TenantId::from_static("globex"),
    TenantId::from_static("initech"),
    TenantId::from_static("umbrella"),
];
const CLIENTS: usize = 6;

/// A server that can be killed.
trait Killable: Send + 'static {
    fn kill(&mut self);
    fn restart(&mut self);
    fn url(&self) -> &DatabaseUrl;
    fn port(&self) -> u16;
    /// Ends every connection but the one that this is said on.
    const CUT: &'static str;
}

impl Killable for Postgres {
    fn kill(&mut self) {
        Self::kill(self);
    }

    fn restart(&mut self) {
        Self::restart(self).unwrap();
    }

    fn url(&self) -> &DatabaseUrl {
        Self::url(self)
    }

    fn port(&self) -> u16 {
        Self::port(self)
    }

    const CUT: &'static str = "SELECT 'SELECT pg_terminate_backend(' || pid || ')' FROM pg_stat_activity \
         WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
}

impl Killable for MariaDb {
    fn kill(&mut self) {
        Self::kill(self);
    }

    fn restart(&mut self) {
        Self::restart(self).unwrap();
    }

    fn url(&self) -> &DatabaseUrl {
        Self::url(self)
    }

    fn port(&self) -> u16 {
        Self::port(self)
    }

    const CUT: &'static str = "SELECT CONCAT('KILL CONNECTION ', id) FROM information_schema.processlist \
         WHERE id <> connection_id() AND user <> 'system user'";
}

fn postgres() -> Postgres {
    Postgres::builder().durable().start().unwrap()
}

fn mariadb() -> MariaDb {
    MariaDb::builder().durable().start().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_postgres_loses_no_acknowledged_write() {
    killed_and_started_again(postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_mariadb_loses_no_acknowledged_write() {
    killed_and_started_again(mariadb()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_of_postgres_that_are_cut_lose_no_acknowledged_write() {
    cut_again_and_again(postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_of_mariadb_that_are_cut_lose_no_acknowledged_write() {
    cut_again_and_again(mariadb()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_to_an_empty_postgres_shows_nobody_an_empty_table() {
    failed_over_to_nothing(postgres(), postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_to_an_empty_mariadb_shows_nobody_an_empty_table() {
    failed_over_to_nothing(mariadb(), mariadb()).await;
}

async fn killed_and_started_again(mut server: impl Killable) {
    let tenancy = tenants_in(server.url()).await;
    let load = Load::start(&tenancy);
    let times = figures::sized(2, 8);
    for _ in 0..times {
        load.goes_on().await;
        server = tokio::task::spawn_blocking(move || {
            server.kill();
            server.restart();
            server
        })
        .await
        .unwrap();
    }
    load.goes_on().await;
    load.end_and_look(server.url()).await;
    figures::figure("servers-killed", times);
}

async fn cut_again_and_again<K: Killable>(server: K) {
    let tenancy = tenants_in(server.url()).await;
    let load = Load::start(&tenancy);
    let killer = Database::connect(plain(server.url())).await.unwrap();
    let mut cut = 0;
    for _ in 0..figures::sized(5, 100) {
        load.goes_on().await;
        for kill in texts(&killer, K::CUT).await {
            // It may have gone by itself.
            cut += usize::from(killer.execute_unprepared(&kill).await.is_ok());
        }
    }
    load.goes_on().await;
    killer.close().await.unwrap();
    assert!(cut > 0);
    load.end_and_look(server.url()).await;
    figures::figure("connections-cut", cut);
}

/// The network's name leads to another server, which lets the application in and has no tenants.
async fn failed_over_to_nothing(server: impl Killable, empty: impl Killable) {
    for each in [server.url(), empty.url()] {
        let db = Database::connect(plain(each)).await.unwrap();
        for sql in log_in(each) {
            db.execute_unprepared(sql).await.unwrap();
        }
        db.close().await.unwrap();
    }
    let network = Network::to(server.port()).await;
    let mut url = url::Url::parse(server.url().expose()).unwrap();
    url.set_username("attacked").unwrap();
    url.set_password(Some("with-nothing")).unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(network.port())).unwrap();
    let tenancy = tenants_in(&DatabaseUrl::new(url.to_string()).unwrap()).await;
    // Where unqualified names lead there is a table of that name, with a row.
    let there = Database::connect(plain(empty.url())).await.unwrap();
    let table = "CREATE TABLE author (id integer, name varchar(60), mentor_id integer)";
    there.execute_unprepared(table).await.unwrap();
    let foreign = "INSERT INTO author VALUES (1, 'NOT YOURS', NULL)";
    there.execute_unprepared(foreign).await.unwrap();

    let load = Load::start(&tenancy);
    for _ in 0..figures::sized(1, 5) {
        load.goes_on().await;
        network.turn_to(empty.port());
        let before = load.fails().await;
        // Every answer in between was looked at: there was none with rows, and none without.
        load.is_served_by_nobody(before).await;
        network.turn_to(server.port());
    }
    load.goes_on().await;
    load.end_and_look(server.url()).await;
    let schemas =
        "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'tenant%'";
    assert_eq!(
        texts(&there, schemas).await,
        [""; 0],
        "something was made there"
    );
    assert_eq!(
        texts(&there, "SELECT name FROM author").await,
        ["NOT YOURS"]
    );
    there.close().await.unwrap();
    figures::figure("failovers", figures::sized(1, 5));
}

fn log_in(url: &DatabaseUrl) -> &'static [&'static str] {
    match url.backend() {
        sea_orm::DbBackend::Postgres => {
            &["CREATE ROLE attacked SUPERUSER LOGIN PASSWORD 'with-nothing'"]
        }
        _ => &[
            "CREATE USER attacked@'%' IDENTIFIED BY 'with-nothing'",
            "GRANT ALL ON *.* TO attacked@'%'",
        ],
    }
}

async fn texts(db: &DatabaseConnection, sql: &str) -> Vec<String> {
    let select = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(select).await.unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

/// Tenants with a row each, in a server's default database.
async fn tenants_in(url: &DatabaseUrl) -> Tenancy {
    let store = MemoryStore::new();
    for tenant in TENANTS {
        store.add(tenant, url).unwrap();
    }
    let tenancy = Tenancy::builder()
        .store(store)
        .max_connections(4)
        .acquire_timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    for tenant in TENANTS {
        let db = tenancy.create_schema(&tenant).await.unwrap();
        let tables = db.get_schema_builder().register(author::Entity);
        tables.apply(&db).await.unwrap();
        add(&db, &format!("{tenant}+first")).await.unwrap();
    }
    tenancy
}

/// Clients that write and read without a pause.
struct Load {
    server: Arc<Server>,
    tenancy: Tenancy,
    log: Arc<Log>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

#[derive(Default)]
struct Log {
    ended: AtomicBool,
    served: AtomicUsize,
    failed: AtomicUsize,
    acknowledged: Mutex<BTreeSet<String>>,
    tried: Mutex<BTreeSet<String>>,
}

impl Load {
    fn start(tenancy: &Tenancy) -> Self {
        let tenants = TenantMiddleware::new(tenancy.clone());
        let server = Arc::new(Server::start(tenants, |config| {
            config
                .route("/names", web::get().to(list))
                .route("/add/{name}", web::post().to(add_one));
        }));
        let log = Arc::new(Log::default());
        let clients = (0..CLIENTS).map(|number| {
            let (server, log) = (server.clone(), log.clone());
            tokio::spawn(async move { client(number, &server, &log).await })
        });
        Self {
            clients: clients.collect(),
            server,
            tenancy: tenancy.clone(),
            log,
        }
    }

    /// Waits until requests are served, whatever was before.
    async fn goes_on(&self) {
        let before = self.log.served.load(Ordering::SeqCst);
        self.until("served", async || {
            self.log.served.load(Ordering::SeqCst) > before + 40
        })
        .await;
    }

    /// Waits until requests fail.
    async fn fails(&self) -> usize {
        let before = self.log.failed.load(Ordering::SeqCst);
        self.until("refused", async || {
            self.log.failed.load(Ordering::SeqCst) > before + CLIENTS
        })
        .await;
        // Those that were answered before are all told of.
        self.log.served.load(Ordering::SeqCst)
    }

    async fn is_served_by_nobody(&self, served: usize) {
        self.fails().await;
        // Each client may have been told of one that was under way.
        let now = self.log.served.load(Ordering::SeqCst);
        assert!(
            now <= served + CLIENTS,
            "{} requests were served",
            now - served
        );
    }

    async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        for _ in 0..1_200 {
            if is_so().await {
                return;
            }
            assert!(
                !self
                    .clients
                    .iter()
                    .any(tokio::task::JoinHandle::is_finished)
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("for a minute nothing was {what}");
    }

    /// What was acknowledged is there, once and where it belongs, and nothing else is.
    async fn end_and_look(self, url: &DatabaseUrl) {
        self.log.ended.store(true, Ordering::SeqCst);
        for client in join_all(self.clients).await {
            client.unwrap();
        }
        Arc::into_inner(self.server).unwrap().stop().await;
        self.tenancy.close().await;
        drop(self.tenancy);

        let store = MemoryStore::new();
        for tenant in TENANTS {
            store.add(tenant, url).unwrap();
        }
        let tenancy = Tenancy::builder().store(store).build().unwrap();
        let mut found = BTreeSet::new();
        for tenant in TENANTS {
            for name in names(&tenancy.for_tenant(&tenant).await.unwrap())
                .await
                .unwrap()
            {
                assert!(
                    name.starts_with(&format!("{tenant}+")),
                    "{name} is {tenant}'s"
                );
                found.insert(name);
            }
        }
        tenancy.close().await;
        let acknowledged = self.log.acknowledged.lock().unwrap();
        let lost: Vec<_> = acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "acknowledged, and not there: {lost:?}");
        let tried = self.log.tried.lock().unwrap();
        let is_first = |name: &&String| name.ends_with("+first");
        let made_up = found.difference(&tried).filter(|name| !is_first(name));
        assert_eq!(made_up.count(), 0);
        let (served, failed) = (&self.log.served, &self.log.failed);
        let (served, failed) = (served.load(Ordering::SeqCst), failed.load(Ordering::SeqCst));
        figures::figure("requests", served + failed);
        figures::figure("requests-failed-in-faults", failed);
        figures::figure("writes-acknowledged", acknowledged.len());
        figures::figure("writes-lost", lost.len());
    }
}

async fn client(number: usize, server: &Server, log: &Log) {
    let mut count = 0;
    while !log.ended.load(Ordering::SeqCst) {
        count += 1;
        let tenant = &TENANTS[(number + count) % TENANTS.len()];
        let name = format!("{tenant}+{number}.{count}");
        let (method, path) = match count % 2 {
            0 => ("GET", "/names".to_owned()),
            _ => {
                log.tried.lock().unwrap().insert(name.clone());
                ("POST", format!("/add/{name}"))
            }
        };
        let answer = server.answer(method, &path, tenant.as_str()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        match head.split(' ').nth(1) {
            Some("200") => {
                let rows: Vec<_> = body.lines().collect();
                assert!(
                    rows.contains(&format!("{tenant}+first").as_str()),
                    "rows are lost: {body}"
                );
                let is_own = |row: &&str| row.starts_with(&format!("{tenant}+"));
                assert!(rows.iter().all(is_own), "{tenant} is shown {body}");
                log.served.fetch_add(1, Ordering::SeqCst);
            }
            Some("201") => {
                log.acknowledged.lock().unwrap().insert(name);
                log.served.fetch_add(1, Ordering::SeqCst);
            }
            // Away, or something that is not there.
            Some("503" | "500") => {
                assert!(head.contains("application/problem+json"), "{answer}");
                log.failed.fetch_add(1, Ordering::SeqCst);
            }
            _ => panic!("{answer}"),
        }
    }
}

async fn list(db: TenantDb) -> Result<String, TenantProblem> {
    Ok(names(&db).await?.join("\n"))
}

async fn add_one(
    tx: TenantTransaction,
    name: web::Path<String>,
) -> Result<HttpResponse, TenantProblem> {
    add(&tx, &name).await?;
    Ok(HttpResponse::Created().finish())
}
