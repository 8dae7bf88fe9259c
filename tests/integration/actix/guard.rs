//! Routes that only some tenants have.

use actix_web::{App, HttpResponse, test, web};
use sea_orm_tenant::actix::{TenantGuard, TenantMiddleware};

use super::{get, tenancy};

async fn status(tenant: Option<&str>, path: &str) -> u16 {
    let ok = || async { HttpResponse::Ok().finish() };
    // A guard keeps nothing of the text that it is made of.
    let plan = String::from("pro");
    let guard: TenantGuard = TenantGuard::plan(plan.as_str());
    let app = test::init_service(
        App::new()
            .wrap(TenantMiddleware::new(tenancy()).exclude_paths(["/open"]))
            .route("/pro", web::get().guard(guard).to(ok))
            .route(
                "/named",
                web::get()
                    .guard(TenantGuard::when(|tenant| tenant.name == "Acme Inc."))
                    .to(ok),
            )
            .route(
                "/open",
                web::get().guard(TenantGuard::when(|_| true)).to(ok),
            ),
    )
    .await;
    let mut request = get(path);
    if let Some(tenant) = tenant {
        request = request.insert_header(("x-tenant-id", tenant));
    }
    test::call_service(&app, request.to_request())
        .await
        .status()
        .as_u16()
}

#[tokio::test]
async fn a_route_is_there_for_tenants_of_its_plan_only() {
    assert_eq!(status(Some("acme"), "/pro").await, 200);
    assert_eq!(status(Some("globex"), "/pro").await, 404);
    assert_eq!(status(Some("initech"), "/pro").await, 404);
}

#[tokio::test]
async fn a_closure_says_which_tenants_have_a_route() {
    assert_eq!(status(Some("acme"), "/named").await, 200);
    assert_eq!(status(Some("globex"), "/named").await, 404);
}

#[tokio::test]
async fn without_a_tenant_no_guard_lets_pass() {
    assert_eq!(status(None, "/open").await, 404);
}
