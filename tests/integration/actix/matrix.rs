//! What a client is told of each thing that can be wrong: one test a cell.

use std::{net::TcpListener, time::Duration};

use actix_web::{HttpResponse, web};
use sea_orm::{ConnectionTrait as _, EntityTrait as _, TransactionTrait as _};
use sea_orm_tenant::{
    MemoryStore, TenantError, TenantServiceClient,
    actix::{TenantDb, TenantMiddleware, TenantProblem, TenantTransaction, strategy::Custom},
};

use super::{Answer, claims::claim_of_nobody, fail_with, get, of, send, tenancy, tenancy_of, who};
use crate::support::{Server, World, entities::author, on_every_database};

/// With everything as it is by default.
async fn answer_to(request: actix_web::test::TestRequest) -> Answer {
    send(TenantMiddleware::new(tenancy()), who, request).await
}

fn retry_after(answer: &Answer) -> Option<&str> {
    answer.header("retry-after")
}

#[tokio::test]
async fn a_missing_tenant_is_a_bad_request() {
    let answer = answer_to(get("/")).await;
    assert_eq!(answer.problem(), (400, "tenant-missing".into()));
}

#[tokio::test]
async fn an_invalid_id_is_a_bad_request() {
    let answer = answer_to(of("Acme Inc.")).await;
    assert_eq!(answer.problem(), (400, "invalid-tenant-id".into()));
}

#[tokio::test]
async fn an_ambiguous_tenant_is_a_bad_request() {
    let answer = answer_to(of("acme").append_header(("x-tenant-id", "acme"))).await;
    assert_eq!(answer.problem(), (400, "tenant-ambiguous".into()));
}

#[tokio::test]
async fn an_invalid_token_is_unauthorized() {
    let tenants = TenantMiddleware::new(tenancy()).strategy(claim_of_nobody());
    let request = get("/").insert_header(("authorization", "Bearer x"));
    let answer = send(tenants, who, request).await;
    assert_eq!(answer.problem(), (401, "unauthenticated".into()));
}

#[tokio::test]
async fn tenants_that_disagree_are_forbidden() {
    let answer = send(
        disagreeing(),
        who,
        of("acme").insert_header(("b", "globex")),
    )
    .await;
    assert_eq!(answer.problem(), (403, "tenant-disagreement".into()));
}

fn disagreeing() -> TenantMiddleware {
    TenantMiddleware::new(tenancy())
        .header_name("x-tenant-id")
        .header_name("b")
        .require_agreement()
}

#[tokio::test]
async fn an_unknown_tenant_is_not_found() {
    let answer = answer_to(of("umbrella")).await;
    assert_eq!(answer.problem(), (404, "unknown-tenant".into()));
}

#[tokio::test]
async fn a_suspended_tenant_is_forbidden() {
    let answer = answer_to(of("suspended")).await;
    assert_eq!(answer.problem(), (403, "tenant-suspended".into()));
}

#[tokio::test]
async fn a_tenant_in_maintenance_is_unavailable_and_says_for_how_long() {
    let answer = answer_to(of("maintenance")).await;
    assert_eq!(answer.problem(), (503, "tenant-in-maintenance".into()));
    assert_eq!(retry_after(&answer), Some("10"));
    for (delay, told) in [
        (Duration::from_millis(90_001), "91"),
        (Duration::MAX, "18446744073709551615"),
    ] {
        let tenants = TenantMiddleware::new(tenancy()).retry_after(delay);
        let answer = send(tenants, who, of("maintenance")).await;
        assert_eq!(retry_after(&answer), Some(told));
    }
}

#[tokio::test]
async fn a_tenant_that_is_set_up_is_unavailable() {
    for tenant in ["pending", "provisioning"] {
        let answer = answer_to(of(tenant)).await;
        assert_eq!(answer.problem(), (503, "tenant-not-ready".into()));
        assert_eq!(retry_after(&answer), Some("10"));
    }
}

#[tokio::test]
async fn an_archived_tenant_is_gone() {
    let answer = answer_to(of("archived")).await;
    assert_eq!(answer.problem(), (410, "tenant-archived".into()));
}

/// A tenant service that is away.
pub(super) fn without_service() -> TenantMiddleware {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let client = TenantServiceClient::builder(url).max_attempts(1);
    TenantMiddleware::new(tenancy_of(client.build().unwrap()))
}

#[tokio::test]
async fn a_tenant_service_that_is_away_is_unavailable_and_not_an_unknown_tenant() {
    let answer = send(without_service(), who, of("acme")).await;
    assert_eq!(answer.problem(), (503, "store-unavailable".into()));
    assert_eq!(retry_after(&answer), Some("10"));
}

/// Handlers with what needs the database.
fn with_database(config: &mut web::ServiceConfig) {
    async fn names(db: TenantDb) -> Result<HttpResponse, TenantProblem> {
        author::Entity::find().all(&db).await?;
        Ok(HttpResponse::Ok().finish())
    }
    async fn transaction(_: TenantTransaction) -> HttpResponse {
        HttpResponse::Ok().finish()
    }
    config
        .route("/names", web::get().to(names))
        .route("/transaction", web::get().to(transaction));
}

fn named(path: &str, tenant: &str) -> actix_web::test::TestRequest {
    get(path).insert_header(("x-tenant-id", tenant))
}

#[tokio::test]
async fn a_database_that_is_down_is_unavailable() {
    let store = MemoryStore::from_json(
        r#"{
            "database_url": "postgres://nobody@127.0.0.1:1/none",
            "tenants": [{ "id": "acme" }, { "id": "globex", "connection": { "url": "mysql://x@127.0.0.1:1/x" } }]
        }"#,
    );
    let tenancy = sea_orm_tenant::Tenancy::builder()
        .store(store.unwrap())
        .acquire_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    for tenant in ["acme", "globex"] {
        for path in ["/names", "/transaction"] {
            let tenants = TenantMiddleware::new(tenancy.clone());
            let answer = send(tenants, with_database, named(path, tenant)).await;
            assert_eq!(answer.problem(), (503, "database-unavailable".into()));
            assert_eq!(retry_after(&answer), Some("10"));
        }
    }
}

on_every_database!(
    connections_that_are_all_in_use_are_unavailable,
    data_sources_that_are_all_in_use_are_unavailable,
    a_statement_that_fails_is_an_internal_error_without_its_text,
);

async fn connections_that_are_all_in_use_are_unavailable(world: &World) {
    let tenancy = world
        .tenancy()
        .max_connections(1)
        .acquire_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    let db = tenancy.for_tenant(&world.acme).await.unwrap();
    let transaction = db.begin().await.unwrap();
    for path in ["/names", "/transaction"] {
        let tenants = TenantMiddleware::new(tenancy.clone());
        let answer = send(tenants, with_database, named(path, world.acme.as_str())).await;
        assert_eq!(answer.problem(), (503, "busy".into()), "{path}");
        assert_eq!(retry_after(&answer), Some("10"));
    }
    transaction.rollback().await.unwrap();
    let tenants = TenantMiddleware::new(tenancy.clone());
    let answer = send(tenants, with_database, named("/names", world.acme.as_str())).await;
    assert_eq!(answer.status, 200);
    drop(db);
    tenancy.close().await;
}

async fn data_sources_that_are_all_in_use_are_unavailable(world: &World) {
    let tenancy = world
        .tenancy()
        .store(crate::isolation::apart(world))
        .max_data_sources(1)
        .acquire_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    let held = tenancy.for_tenant(&world.acme).await.unwrap();
    for path in ["/names", "/transaction"] {
        let tenants = TenantMiddleware::new(tenancy.clone());
        let answer = send(tenants, with_database, named(path, world.globex.as_str())).await;
        assert_eq!(answer.problem(), (503, "busy".into()), "{path}");
        assert_eq!(retry_after(&answer), Some("10"));
    }
    drop(held);
    tenancy.close().await;
}

async fn a_statement_that_fails_is_an_internal_error_without_its_text(world: &World) {
    async fn broken(db: TenantDb) -> Result<HttpResponse, TenantProblem> {
        db.execute_unprepared("SELECT hunter2 FROM $tenant.author")
            .await?;
        Ok(HttpResponse::Ok().finish())
    }
    let tenants = TenantMiddleware::new(world.tenancy.clone());
    let routes = |config: &mut web::ServiceConfig| {
        config.route("/", web::get().to(broken));
    };
    let answer = send(tenants, routes, of(world.acme.as_str())).await;
    assert_eq!(answer.problem(), (500, "internal".into()));
    assert!(!answer.text().contains("hunter2"));
    assert_eq!(retry_after(&answer), None);
}

#[tokio::test]
async fn a_statement_that_was_given_no_more_time_is_a_timeout() {
    let limit = Duration::from_secs(1);
    let answer = fail_with(TenantError::StatementTimeout { limit }).await;
    assert_eq!(answer.problem(), (504, "statement-timeout".into()));
    assert_eq!(retry_after(&answer), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_the_connection_is_unavailable() {
    async fn cut_off(db: TenantDb) -> Result<HttpResponse, TenantProblem> {
        let sql = "SELECT pg_terminate_backend(pg_backend_pid()), '$tenant'";
        db.execute_unprepared(sql).await?;
        Ok(HttpResponse::Ok().finish())
    }
    World::run(Server::Postgres, async |world| {
        let tenants = TenantMiddleware::new(world.tenancy.clone());
        let routes = |config: &mut web::ServiceConfig| {
            config.route("/", web::get().to(cut_off));
        };
        let answer = send(tenants, routes, of(world.acme.as_str())).await;
        assert_eq!(answer.problem(), (503, "database-unavailable".into()));
    })
    .await;
}

/// Whatever else the core may say is no fault of the client's, and none of its business.
#[tokio::test]
async fn what_is_wrong_inside_is_an_internal_error() {
    for error in [
        TenantError::UnscopedSql,
        TenantError::TransactionLost,
        TenantError::Configuration("hunter2".to_owned()),
        TenantError::InvalidStoreEntry {
            tenant: "acme".parse().unwrap(),
            reason: "hunter2".to_owned(),
        },
        TenantError::EntryRefused {
            tenant: "acme".parse().unwrap(),
            reason: "hunter2".to_owned(),
        },
    ] {
        let answer = fail_with(error).await;
        assert_eq!(answer.problem(), (500, "internal".into()));
        assert!(!answer.text().contains("hunter2"));
    }
}

/// A handler's own errors are answered as the middleware's are, settings and all.
#[tokio::test]
async fn a_handler_that_fails_with_a_tenant_error_has_its_status() {
    let of_acme = |make: fn(sea_orm_tenant::TenantId) -> TenantError| make("acme".parse().unwrap());
    let unknown = of_acme(|tenant| TenantError::UnknownTenant { tenant });
    assert_eq!(
        fail_with(unknown).await.problem(),
        (404, "unknown-tenant".into())
    );
    let invalid = sea_orm_tenant::TenantId::try_from("?").unwrap_err();
    let answer = fail_with(TenantError::from(invalid)).await;
    assert_eq!(answer.problem(), (400, "invalid-tenant-id".into()));
}

/// Bodies say which kind of problem it is, and name nobody and nothing.
#[tokio::test]
async fn error_bodies_are_opaque() {
    for tenant in [
        "umbrella",
        "suspended",
        "maintenance",
        "pending",
        "archived",
    ] {
        let answer = answer_to(of(tenant)).await;
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let members: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["status", "title", "type"]);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        if tenant == "umbrella" {
            assert!(!answer.text().contains(tenant));
        }
    }
}

/// Each cell can be answered otherwise, by the problem and the request.
#[tokio::test]
async fn the_application_may_answer_each_problem_itself() {
    let teapot = |tenants: TenantMiddleware| {
        tenants.on_problem(|problem, request| {
            let accepts_pages = request.headers().get("accept").is_some();
            accepts_pages.then(|| HttpResponse::ImATeapot().body(problem.to_string()))
        })
    };
    let tenants = || TenantMiddleware::new(tenancy());
    for (tenants, request, told) in [
        (tenants(), get("/"), "the request names no tenant"),
        (tenants(), of("!"), "tenant id \"!\" is invalid"),
        (
            disagreeing(),
            of("acme").insert_header(("b", "globex")),
            "different tenants",
        ),
        (
            tenants(),
            of("acme").append_header(("x-tenant-id", "acme")),
            "more than once",
        ),
        (
            tenants().strategy(claim_of_nobody()),
            get("/").insert_header(("authorization", "Bearer x")),
            "token was refused",
        ),
        (tenants(), of("umbrella"), "tenant umbrella is unknown"),
        (tenants(), of("suspended"), "tenant suspended is suspended"),
        (
            tenants(),
            of("maintenance"),
            "tenant maintenance is in maintenance",
        ),
        (tenants(), of("pending"), "it is pending"),
        (tenants(), of("provisioning"), "it is provisioning"),
        (tenants(), of("archived"), "tenant archived is archived"),
        // Also where it is hidden by default.
        (
            tenants().hide_existence(true),
            of("archived"),
            "tenant archived is archived",
        ),
        (
            without_service(),
            of("acme"),
            "the tenant store is unavailable",
        ),
        (
            tenants().strategy(Custom::new("strict", |_| {
                Err(TenantProblem::forbidden("strangers stay outside"))
            })),
            get("/"),
            "strangers stay outside",
        ),
    ] {
        let request = request.insert_header(("accept", "text/html"));
        let answer = send(teapot(tenants), who, request).await;
        assert_eq!(answer.status, 418, "{told}");
        assert!(answer.text().contains(told), "{}", answer.text());
    }
    // Where it has no answer, the usual one.
    let answer = send(teapot(tenants()), who, of("suspended")).await;
    assert_eq!(answer.problem(), (403, "tenant-suspended".into()));
    // What extractors and handlers fail with comes to it, too.
    let tenancy = sea_orm_tenant::Tenancy::builder()
        .store(
            MemoryStore::from_json(
                r#"{"database_url":"postgres://x@127.0.0.1:1/x","tenants":[{"id":"acme"}]}"#,
            )
            .unwrap(),
        )
        .acquire_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    for path in ["/names", "/transaction"] {
        let request = named(path, "acme").insert_header(("accept", "text/html"));
        let tenants = teapot(TenantMiddleware::new(tenancy.clone()));
        let answer = send(tenants, with_database, request).await;
        assert_eq!(answer.status, 418);
        assert!(answer.text().contains("data source is unavailable"));
    }
}

/// Its `Err` has no request that it could be answered for.
#[tokio::test]
async fn a_problem_that_an_inner_middleware_fails_with_is_answered_as_by_default() {
    use actix_web::{
        App,
        dev::ServiceRequest,
        middleware::{Next, from_fn},
        test,
    };
    let tenancy = tenancy_of(
        MemoryStore::from_json(
            r#"{"database_url":"postgres://x@127.0.0.1:1/x","tenants":[{"id":"acme"}]}"#,
        )
        .unwrap(),
    );
    async fn inner(
        request: ServiceRequest,
        next: Next<impl actix_web::body::MessageBody>,
    ) -> Result<actix_web::dev::ServiceResponse<impl actix_web::body::MessageBody>, actix_web::Error>
    {
        if request.path() == "/refused" {
            return Err(TenantProblem::forbidden("by a middleware").into());
        }
        next.call(request).await
    }
    let tenants =
        TenantMiddleware::new(tenancy).on_problem(|_, _| Some(HttpResponse::ImATeapot().finish()));
    let app =
        test::init_service(App::new().wrap(from_fn(inner)).wrap(tenants).configure(who)).await;
    let refused = get("/refused").insert_header(("x-tenant-id", "acme"));
    let error = test::try_call_service(&app, refused.to_request())
        .await
        .unwrap_err();
    assert_eq!(error.as_response_error().status_code(), 403);
    let passed = test::call_and_read_body(&app, of("acme").to_request()).await;
    assert_eq!(passed, "acme");
}
