//! Many tenants over a few connections, for thousands of requests that are cut off and panic at
//! random: every row that anybody sees is his own, what was acknowledged is there, and in the end
//! nothing is left, neither a connection nor a task.

mod machine;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::{HttpResponse, web};
use futures_util::{TryStreamExt as _, future::join_all};
use sea_orm::{ActiveValue::Set, EntityTrait as _};
use sea_orm_tenant::{
    ConnectionInfo, TenantContext, TenantId, TenantInfo,
    actix::{CurrentTenant, TenantDb, TenantMiddleware, TenantProblem, TenantTransaction},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use self::machine::{Memory, connections, settles_at, tasks};
use crate::{
    actix::server::{Server, vanish},
    isolation::rows::{add, names},
    support::{self, World, entities::author, on_every_database},
};

on_every_database!(every_response_has_its_own_tenants_rows);

/// How much there is of everything.
struct Size {
    tenants: usize,
    clients: usize,
    requests: usize,
    /// The least time, in which requests go on.
    time: Duration,
    connections: u32,
}

const ROWS: usize = 4;

impl Size {
    fn of(world: &World) -> Self {
        // SQLite's are files: what is held in common there is little.
        if figures::is_long() && world.server != support::Server::Sqlite {
            return Self {
                tenants: 200,
                clients: 32,
                requests: 100_000,
                time: Duration::from_secs(60),
                connections: 8,
            };
        }
        Self {
            tenants: 50,
            clients: 12,
            requests: 3_000,
            time: Duration::ZERO,
            connections: 4,
        }
    }
}

async fn every_response_has_its_own_tenants_rows(world: &World) {
    let size = Size::of(world);
    let tenants = Arc::new(make_tenants(world, size.tenants).await);
    let connections_before = connections(world).await;
    let tasks_before = tasks();
    let tenancy = world
        .tenancy()
        .max_connections(size.connections)
        // On SQLite each tenant is a data source: they have to make room for each other.
        .max_data_sources(16)
        .build()
        .unwrap();
    let server = Arc::new(Server::start(
        TenantMiddleware::new(tenancy.clone()),
        routes,
    ));
    let log = Arc::new(Log::default());
    let begun = Instant::now();
    let clients = (0..size.clients).map(|number| {
        let client = Client {
            server: server.clone(),
            tenants: tenants.clone(),
            log: log.clone(),
            random: fastrand::Rng::with_seed(number as u64),
        };
        tokio::spawn(client.run(size.requests.div_ceil(size.clients), begun + size.time))
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    let took = begun.elapsed();
    let server = Arc::into_inner(server).unwrap();
    server.stop().await;
    tenancy.close().await;
    assert_eq!(tenancy.open_data_sources(), 0);
    drop(tenancy);
    settles_at("tasks", tasks_before, async || tasks()).await;
    settles_at("connections", connections_before, async || {
        connections(world).await
    })
    .await;

    let lost = lost_writes(world, &tenants, &log).await;
    assert!(lost.is_empty(), "acknowledged, and not there: {lost:?}");
    let answered = log.answered.load(Ordering::Relaxed);
    let cut = log.cut.load(Ordering::Relaxed);
    let requests = answered + cut;
    assert!(requests >= size.requests);
    // Each kind of thing really happened.
    assert!(answered > requests / 2 && cut > requests / 10);

    let of = format!("{:?}", world.server).to_lowercase();
    figures::figure(&format!("load-{of}-requests"), requests);
    figures::figure(&format!("load-{of}-seconds"), took.as_secs());
    figures::figure("requests", requests);
    figures::figure("requests-cut", cut);
    figures::figure("writes-acknowledged", log.acknowledged());
    figures::figure("writes-lost", lost.len());
    // Each answer was looked at as it came.
    figures::figure("foreign-rows", 0);
    figures::figure("connections-left", 0);
    figures::figure("tasks-left", 0);
    if !size.time.is_zero() {
        let growth = log.memory.lock().unwrap().growth_over_the_second_half();
        assert!(
            growth < 5.0,
            "memory grew by {growth} % over the second half"
        );
        figures::figure(
            &format!("load-{of}-memory-growth-percent"),
            format!("{growth:.1}"),
        );
    }
}

/// Rows that were acknowledged and are not there. Fails on rows that nobody wrote.
async fn lost_writes(world: &World, tenants: &[TenantId], log: &Log) -> Vec<String> {
    let written = log.written.lock().unwrap().clone();
    let mut lost = Vec::new();
    for tenant in tenants {
        // Not on the server's connections: its workers, and their reactors, are ending.
        let found = names(&world.tenancy.for_tenant(tenant).await.unwrap())
            .await
            .unwrap();
        let mut expected = initial_rows(tenant);
        let written = written.get(tenant).cloned().unwrap_or_default();
        expected.extend(written.acknowledged);
        lost.extend(expected.iter().filter(|row| !found.contains(row)).cloned());
        for row in &found {
            let is_known = expected.contains(row) || written.unanswered.contains(row);
            assert!(is_known, "{row} is there, and should not be");
        }
    }
    lost
}

async fn make_tenants(world: &World, count: usize) -> Vec<TenantId> {
    let number = world.acme.as_str().strip_prefix("acme-").unwrap();
    let mut tenants = Vec::new();
    for tenant in 0..count {
        let tenant = TenantId::try_from(format!("t{tenant}-{number}")).unwrap();
        let info = TenantInfo::active(tenant.clone());
        let placed = ConnectionInfo::shared(&world.database, &tenant);
        world.store.insert(info, placed).unwrap();
        let db = world.tenancy.create_schema(&tenant).await.unwrap();
        let builder = db.get_schema_builder().register(author::Entity);
        builder.apply(&db).await.unwrap();
        let rows = initial_rows(&tenant)
            .into_iter()
            .map(|name| author::ActiveModel {
                name: Set(name),
                ..Default::default()
            });
        author::Entity::insert_many(rows).exec(&db).await.unwrap();
        tenants.push(tenant);
    }
    tenants
}

fn initial_rows(tenant: &TenantId) -> Vec<String> {
    (0..ROWS).map(|row| format!("{tenant} {row}")).collect()
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/list", web::get().to(list))
        .route("/stream", web::get().to(stream))
        .route("/task", web::get().to(task))
        .route("/panic", web::get().to(panicking))
        .route("/add/{name}/{then}", web::post().to(add_in_transaction));
}

fn lines(tenant: &TenantId, names: &[String]) -> String {
    names
        .iter()
        .fold(format!("for {tenant}\n"), |lines, name| lines + name + "\n")
}

async fn list(tenant: CurrentTenant, db: TenantDb) -> Result<String, TenantProblem> {
    Ok(lines(&tenant.id, &names(&db).await?))
}

/// Rows that are read from the database while the body is sent.
async fn stream(tenant: CurrentTenant, db: TenantDb) -> HttpResponse {
    let (rows, read) = tokio::sync::mpsc::channel::<Result<String, TenantProblem>>(1);
    let first = format!("for {}\n", tenant.id);
    TenantContext::spawn_local(async move {
        let _ = rows.send(Ok(first)).await;
        let streamed = async {
            let mut authors = author::Entity::find().stream(&db).await?;
            while let Some(author) = authors.try_next().await? {
                if rows.send(Ok(author.name + "\n")).await.is_err() {
                    break;
                }
            }
            Ok::<_, sea_orm::DbErr>(())
        };
        if let Err(error) = streamed.await {
            let _ = rows.send(Err(error.into())).await;
        }
    });
    let body = futures_util::stream::unfold(read, |mut read| async {
        let row = read.recv().await?.map(web::Bytes::from);
        Some((row, read))
    });
    HttpResponse::Ok().streaming(body)
}

/// Rows that a task of its own reads.
async fn task(
    tenant: CurrentTenant,
    request: actix_web::HttpRequest,
) -> Result<String, TenantProblem> {
    use actix_web::FromRequest as _;
    let read = async move {
        let db = TenantDb::extract(&request).await?;
        Ok::<_, TenantProblem>(names(&db).await?)
    };
    let names = TenantContext::spawn_local(read).await.unwrap()?;
    Ok(lines(&tenant.id, &names))
}

async fn panicking(db: TenantDb) -> HttpResponse {
    let _ = names(&db).await;
    // Without the hook, which would write a backtrace for each.
    std::panic::resume_unwind(Box::new("planned"))
}

async fn add_in_transaction(
    tx: TenantTransaction,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, TenantProblem> {
    let (name, then) = path.into_inner();
    add(&tx, &name).await?;
    match then.as_str() {
        "fail" => Ok(HttpResponse::Conflict().finish()),
        "panic" => std::panic::resume_unwind(Box::new("planned")),
        _ => Ok(HttpResponse::Created().body(lines(tx.tenant(), &names(&tx).await?))),
    }
}

/// What clients know of what they wrote.
#[derive(Default)]
struct Log {
    written: Mutex<HashMap<TenantId, Written>>,
    answered: AtomicUsize,
    cut: AtomicUsize,
    memory: Mutex<Memory>,
}

impl Log {
    fn acknowledged(&self) -> usize {
        let written = self.written.lock().unwrap();
        written
            .values()
            .map(|written| written.acknowledged.len())
            .sum()
    }
}

#[derive(Clone, Default)]
struct Written {
    acknowledged: Vec<String>,
    /// Of clients that went away before the answer: committed or not.
    unanswered: Vec<String>,
}

struct Client {
    server: Arc<Server>,
    tenants: Arc<Vec<TenantId>>,
    log: Arc<Log>,
    random: fastrand::Rng,
}

impl Client {
    /// At least so many requests, and until then.
    async fn run(mut self, requests: usize, until: Instant) {
        let mut done = 0;
        while done < requests || Instant::now() < until {
            done += 1;
            if done % 100 == 0 {
                self.log.memory.lock().unwrap().sample();
            }
            let tenant = self.tenants[self.random.usize(..self.tenants.len())].clone();
            match self.random.u8(..11) {
                10 => self.read_on_one_connection().await,
                0..3 => self.read(&tenant, "/list").await,
                3..5 => self.read(&tenant, "/stream").await,
                5 => self.read(&tenant, "/task").await,
                6 => self.expect_nothing(&tenant, "GET", "/panic").await,
                7 => {
                    let then = ["fail", "panic"][self.random.usize(..2)];
                    let path = format!("/add/{}/{then}", self.name(&tenant));
                    self.expect_nothing(&tenant, "POST", &path).await;
                }
                _ => self.write(&tenant).await,
            }
        }
    }

    fn name(&mut self, tenant: &TenantId) -> String {
        format!("{tenant}+{:x}", self.random.u64(..))
    }

    async fn read(&mut self, tenant: &TenantId, path: &str) {
        let answer = self.exchange("GET", path, tenant).await;
        if let Some(answer) = answer {
            assert_own_rows(&answer, tenant, 200);
        }
    }

    /// Requests of several tenants, one behind the other on one connection: they have the same
    /// pooled request object in turns.
    async fn read_on_one_connection(&mut self) {
        let tenants: Vec<_> = (0..4)
            .map(|_| self.tenants[self.random.usize(..self.tenants.len())].clone())
            .collect();
        let requests: Vec<_> = tenants
            .iter()
            .map(|tenant| ("/list", tenant.as_str()))
            .collect();
        let mut connection = self.server.keep_alive().await;
        for _ in 0..2 {
            let answers = connection.pipeline(&requests).await;
            for (answer, tenant) in answers.iter().zip(&tenants) {
                assert_own_rows(answer, tenant, 200);
            }
        }
        self.log.answered.fetch_add(1, Ordering::Relaxed);
    }

    async fn write(&mut self, tenant: &TenantId) {
        let name = self.name(tenant);
        let answer = self
            .exchange("POST", &format!("/add/{name}/keep"), tenant)
            .await;
        let mut log = self.log.written.lock().unwrap();
        let written = log.entry(tenant.clone()).or_default();
        match answer {
            Some(answer) => {
                assert_own_rows(&answer, tenant, 201);
                written.acknowledged.push(name);
            }
            None => written.unanswered.push(name),
        }
    }

    async fn expect_nothing(&mut self, tenant: &TenantId, method: &str, path: &str) {
        let answer = self.exchange(method, path, tenant).await;
        if let Some(answer) = answer {
            assert!(
                answer.is_empty() || answer.starts_with("HTTP/1.1 409"),
                "{answer}"
            );
        }
    }

    /// The answer, unless the client goes away before its end.
    async fn exchange(&mut self, method: &str, path: &str, tenant: &TenantId) -> Option<String> {
        let mut client = self.server.begin(method, path, tenant.as_str()).await;
        match self.random.u8(..8) {
            0 => vanish(client),
            1 => {
                // In the middle of the answer, or at its end.
                let mut some = vec![0; self.random.usize(1..200)];
                let _ = client.read(&mut some).await;
                vanish(client);
            }
            2 => {
                // Says no more, which is no reason not to answer, and does not listen.
                let _ = client.shutdown().await;
                drop(client);
            }
            _ => {
                let mut answer = String::new();
                client.read_to_string(&mut answer).await.unwrap();
                self.log.answered.fetch_add(1, Ordering::Relaxed);
                return Some(answer);
            }
        }
        self.log.cut.fetch_add(1, Ordering::Relaxed);
        None
    }
}

fn assert_own_rows(answer: &str, tenant: &TenantId, status: u16) {
    let (head, body) = answer.split_once("\r\n\r\n").expect(answer);
    assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    let is_chunked = head.contains("chunked");
    if is_chunked {
        assert!(body.ends_with("0\r\n\r\n"), "cut off: {answer}");
    }
    // The lengths of chunks stand on lines of their own.
    let is_length = |line: &str| is_chunked && line.len() <= 3 && !line.contains(' ');
    let lines = body
        .lines()
        .filter(|line| !line.is_empty() && !is_length(line));
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines[0], format!("for {tenant}"), "{answer}");
    assert!(lines.len() > ROWS, "{answer}");
    for line in &lines[1..] {
        let is_own = line
            .strip_prefix(tenant.as_str())
            .is_some_and(|rest| rest.starts_with([' ', '+']));
        assert!(is_own, "{line} is shown to {tenant}");
    }
}
