//! Paths that are served without a tenant, and nothing else.

use actix_web::{HttpResponse, test::TestRequest, web};
use sea_orm_tenant::actix::{CurrentTenant, TenantDb, TenantMiddleware};

use super::{Answer, current, get, named, ok, refused, send, tenancy};
use crate::isolation::capture::Capture;

fn tenants() -> TenantMiddleware {
    TenantMiddleware::new(tenancy()).exclude_paths(["/health", "/docs/*", "/i/{code}"])
}

#[tokio::test]
async fn an_excluded_path_runs_without_a_tenant() {
    for path in [
        "/health",
        "/docs/",
        "/docs/a/b",
        "/i/x",
        "/health?tenant=acme",
    ] {
        assert_eq!(named(tenants(), get(path)).await, ok("nobody"), "{path}");
        // Whatever the request says.
        let request = get(path).insert_header(("x-tenant-id", "acme"));
        assert_eq!(named(tenants(), request).await, ok("nobody"), "{path}");
    }
}

#[tokio::test]
async fn tricks_with_paths_need_a_tenant_like_any_other() {
    for path in [
        "//health",
        "/health/",
        "/HEALTH",
        "/x/../health",
        "/docs/../books",
        "/docs/%2e%2e/books",
        "/docs/%2E%2E%2Fbooks",
        "/docs/..%5cbooks",
        "/docs/%252e%252e/books",
        "/docs//x",
        "/docs",
        "/i/x/y",
    ] {
        assert_eq!(
            named(tenants(), get(path)).await,
            refused(400, "tenant-missing"),
            "{path}"
        );
    }
}

async fn ask(request: TestRequest) -> Answer {
    let routes = |config: &mut web::ServiceConfig| {
        config
            .route(
                "/health",
                web::get().to(|_: TenantDb| async { HttpResponse::Ok().finish() }),
            )
            .route(
                "/docs/me",
                web::get().to(|_: CurrentTenant| async { HttpResponse::Ok().finish() }),
            )
            .route("/docs/maybe", web::get().to(maybe));
    };
    send(tenants(), routes, request).await
}

async fn maybe(tenant: Option<CurrentTenant>, db: Option<TenantDb>) -> String {
    format!("{} {} {}", current(), tenant.is_some(), db.is_some())
}

/// The client sent nothing wrong; the application asks where there is nobody.
#[tokio::test]
async fn an_extractor_there_is_an_internal_error_that_the_log_explains() {
    for path in ["/health", "/docs/me"] {
        let (capture, guard) = Capture::start();
        let answer = ask(get(path)).await;
        drop(guard);
        assert_eq!(answer.problem(), (500, "internal".to_owned()));
        let told = capture.told();
        let message = told.iter().find(|told| told.field == "message").unwrap();
        let causes = "a path that is served without one, or a task spawned without its scope";
        assert!(message.value.contains(causes), "{message:?}");
    }
}

#[tokio::test]
async fn optional_extractors_are_none_there_and_log_nothing() {
    let (capture, guard) = Capture::start();
    let answer = ask(get("/docs/maybe")).await;
    drop(guard);
    assert_eq!(answer.text(), "nobody false false");
    assert!(!capture.told().iter().any(|told| told.field == "problem"));
}
