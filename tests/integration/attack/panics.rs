//! Panics in every place where a request runs code of somebody's: they end that request, and nothing
//! else.

use std::{convert::Infallible, sync::Arc};

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, guard, web};
use futures_util::{StreamExt as _, stream};
use sea_orm::{
    ConnectionTrait as _, DbBackend, DbErr, EntityTrait as _, Statement, StatementBuilder,
    TransactionTrait as _,
};
use sea_orm_tenant::{
    CachedStore, ConnectionInfo, MemoryStore, Tenancy, TenantContext, TenantError, TenantId,
    TenantInfo, TenantStore,
    actix::{
        TenantDb, TenantMiddleware, TenantProblem, TenantTransaction,
        strategy::{Custom, Header},
    },
};

use crate::{
    actix::server::Server,
    isolation::rows::{add, count, names},
    support::{self, World, entities::author, on_every_database},
};

on_every_database!(a_panic_anywhere_ends_one_request_and_nothing_else);

const PLACES: [&str; 12] = [
    "/handler",
    "/handler/in-transaction",
    "/extractor",
    "/guard",
    "/statement",
    "/closure-of-a-transaction",
    "/savepoint",
    "/stream-of-rows",
    "/body",
    "/task",
    "/strategy",
    "/store",
];

async fn a_panic_anywhere_ends_one_request_and_nothing_else(world: &World) {
    let store = Panicking(world.store.clone());
    let cached = CachedStore::new(store);
    let tenancy = Tenancy::builder()
        .store(cached)
        .shared_database(world.shared.clone())
        .max_connections(1)
        .build()
        .unwrap();
    for (tenant, name) in [(&world.acme, "Acme's"), (&world.globex, "Globex's")] {
        add(&world.tenancy.for_tenant(tenant).await.unwrap(), name)
            .await
            .unwrap();
    }
    let server = Server::start(tenants(&tenancy), routes);
    let mut survived = 0;
    for _ in 0..figures::sized(2, 50) {
        for place in PLACES {
            let tenant = match place {
                "/store" => "panics",
                _ => world.acme.as_str(),
            };
            let answer = server.answer("GET", place, tenant).await;
            assert!(!is_whole(&answer), "{place}: {answer}");
            // The one connection is free, and as it was; whatever was begun is gone.
            for (tenant, own) in [(&world.globex, "Globex's"), (&world.acme, "Acme's")] {
                let answer = server.answer("GET", "/list", tenant.as_str()).await;
                assert!(is_whole(&answer), "after {place}: {answer}");
                assert!(
                    answer.ends_with(&format!("\r\n\r\n{tenant}: {own}")),
                    "after {place}: {answer}"
                );
            }
            assert_eq!(TenantContext::try_current(), None);
            survived += 1;
        }
    }
    if world.server == support::Server::Postgres {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                   AND state LIKE 'idle in transaction%'";
        let shared = world.tenancy.shared().await.unwrap();
        assert_eq!(count(&shared, sql).await.unwrap(), 0);
    }
    server.stop().await;
    tenancy.close().await;
    assert_eq!(tenancy.open_data_sources(), 0);
    figures::figure("panics-survived", survived);
}

/// Without the hook, which would write a backtrace for each.
fn planned() -> ! {
    std::panic::resume_unwind(Box::new("planned"))
}

/// Whether it is an answer to its end, and a good one.
fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return false;
    };
    let is_complete = !head.contains("chunked") || body.ends_with("0\r\n\r\n");
    head.starts_with("HTTP/1.1 200") && is_complete
}

/// A store that panics when it is asked for one tenant.
struct Panicking(Arc<MemoryStore>);

#[async_trait::async_trait]
impl TenantStore for Panicking {
    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        if id.as_str() == "panics" {
            planned();
        }
        self.0.tenant(id).await
    }

    async fn connection(&self, id: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        self.0.connection(id).await
    }
}

fn tenants(tenancy: &Tenancy) -> TenantMiddleware {
    TenantMiddleware::new(tenancy.clone())
        .strategy(Custom::new("panicking", |request| {
            match request.request().path() {
                "/strategy" => planned(),
                _ => Ok(None),
            }
        }))
        .strategy(Header::default())
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/list", web::get().to(list))
        .route("/handler", web::get().to(handler))
        .route("/handler/in-transaction", web::get().to(in_transaction))
        .route(
            "/extractor",
            web::get().to(async |_: TenantTransaction, _: Panics| "never"),
        )
        .service(
            web::resource("/guard")
                .guard(guard::fn_guard(|context| match context.head().uri.path() {
                    "/guard" => planned(),
                    _ => true,
                }))
                .to(list),
        )
        .route("/statement", web::get().to(statement))
        .route("/closure-of-a-transaction", web::get().to(closure))
        .route("/savepoint", web::get().to(savepoint))
        .route("/stream-of-rows", web::get().to(stream_of_rows))
        .route("/body", web::get().to(body))
        .route("/task", web::get().to(task));
}

async fn list(db: TenantDb) -> Result<String, TenantProblem> {
    Ok(format!("{}: {}", db.tenant(), names(&db).await?.join(", ")))
}

async fn handler(db: TenantDb) -> Result<String, TenantProblem> {
    names(&db).await?;
    planned()
}

async fn in_transaction(tx: TenantTransaction) -> Result<String, TenantProblem> {
    add(&tx, "never committed").await?;
    planned()
}

struct Panics;

impl FromRequest for Panics {
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self, Infallible>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        planned()
    }
}

/// A statement that panics when it is rendered.
struct Unrenderable;

impl StatementBuilder for Unrenderable {
    fn build(&self, _: &DbBackend) -> Statement {
        planned()
    }

    fn audit(&self) -> Result<sea_orm::QueryAccessAudit, sea_orm::AuditError> {
        planned()
    }
}

async fn statement(tx: TenantTransaction) -> Result<String, TenantProblem> {
    add(&tx, "never committed").await?;
    tx.execute(&Unrenderable).await?;
    Ok("never".to_owned())
}

async fn closure(db: TenantDb) -> Result<String, TenantProblem> {
    let outcome = db.transaction_async::<_, (), DbErr>(async |tx| {
        add(tx, "never committed").await?;
        planned()
    });
    outcome
        .await
        .map_err(|error| DbErr::Custom(error.to_string()))?;
    Ok("never".to_owned())
}

async fn savepoint(tx: TenantTransaction) -> Result<String, TenantProblem> {
    add(&tx, "never committed").await?;
    let savepoint = tx.begin().await?;
    add(&savepoint, "nor this").await?;
    planned()
}

async fn stream_of_rows(db: TenantDb) -> Result<String, TenantProblem> {
    let mut authors = author::Entity::find().stream(&db).await?;
    authors.next().await;
    planned()
}

async fn body(db: TenantDb) -> HttpResponse {
    let first = stream::once(async move {
        let names = names(&db).await?;
        Ok::<_, TenantProblem>(web::Bytes::from(names.join(", ")))
    });
    let then = stream::once(async { planned() });
    HttpResponse::Ok().streaming(first.chain(then))
}

/// In a task that the handler waits for.
async fn task(request: HttpRequest) -> Result<String, TenantProblem> {
    let task = TenantContext::spawn_local(async move {
        let db = TenantDb::extract(&request).await?;
        let tx = db.begin().await.map_err(TenantError::from)?;
        add(&tx, "never committed").await?;
        if tx.get_database_backend() != DbBackend::Sqlite || !names(&tx).await?.is_empty() {
            planned()
        }
        Ok::<_, TenantProblem>(())
    });
    match task.await {
        Ok(_) => Ok("never".to_owned()),
        Err(panicked) => Err(DbErr::Custom(panicked.to_string()).into()),
    }
}
