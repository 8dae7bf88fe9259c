//! What is counted, and under which names.

use actix_web::{App, HttpResponse, dev::Service as _, test, web};
use prometheus_client::{encoding::text::encode, registry::Registry};
use sea_orm_tenant::actix::{TenantMetrics, TenantMiddleware};

use super::{get, of, tenancy};
use crate::isolation::capture::Capture;

fn counted(metrics: &TenantMetrics) -> String {
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text
}

#[tokio::test]
async fn requests_are_counted_by_tenant_and_the_number_of_names_has_a_bound() {
    let metrics = TenantMetrics::with_max_tenants(2);
    let app = test::init_service(
        App::new()
            .wrap(
                TenantMiddleware::new(tenancy())
                    .exclude_paths(["/health"])
                    .metrics(metrics.clone()),
            )
            .route(
                "/pending",
                web::get().to(std::future::pending::<HttpResponse>),
            )
            .route("/bad", web::get().to(HttpResponse::BadRequest))
            .default_service(web::to(HttpResponse::Ok)),
    )
    .await;
    let send = async |request: test::TestRequest| {
        test::call_service(&app, request.to_request()).await;
    };
    for tenant in ["acme", "globex", "initech", "acme"] {
        send(of(tenant)).await;
    }
    send(get("/bad").insert_header(("x-tenant-id", "acme"))).await;
    send(get("/health")).await;
    for refused in ["suspended", "made-up", "NO ID"] {
        send(of(refused)).await;
    }
    let pending = get("/pending").insert_header(("x-tenant-id", "globex"));
    let mut pending = Box::pin(app.call(pending.to_request()));
    assert!(futures_util::poll!(pending.as_mut()).is_pending());
    drop(pending);

    let text = counted(&metrics);
    for line in [
        r#"tenant_requests_total{tenant="acme",status="2xx"} 2"#,
        r#"tenant_requests_total{tenant="acme",status="4xx"} 1"#,
        r#"tenant_requests_total{tenant="globex",status="2xx"} 1"#,
        r#"tenant_requests_total{tenant="globex",status="aborted"} 1"#,
        r#"tenant_requests_total{tenant="(other)",status="2xx"} 1"#,
        r#"tenant_requests_total{tenant="(none)",status="2xx"} 1"#,
        r#"tenant_requests_total{tenant="(none)",status="4xx"} 3"#,
        r#"tenant_request_duration_seconds_count{tenant="acme"} 3"#,
        r#"tenant_request_duration_seconds_count{tenant="(none)"} 4"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    for absent in ["initech", "suspended", "made-up"] {
        assert!(!text.contains(absent), "{absent}");
    }
}

#[tokio::test]
async fn spans_name_the_tenant_and_how_it_was_found() {
    let (capture, guard) = Capture::start();
    let outer = tracing::info_span!(
        "request",
        tenant.id = tracing::field::Empty,
        tenant.strategy = tracing::field::Empty
    );
    let app = test::init_service(
        App::new()
            .wrap(TenantMiddleware::new(tenancy()))
            .default_service(web::to(|| async {
                tracing::info!("handled");
                HttpResponse::Ok().finish()
            })),
    )
    .await;
    tracing::Instrument::instrument(test::call_service(&app, of("acme").to_request()), outer).await;
    test::call_service(&app, of("suspended").to_request()).await;
    drop(guard);
    let told = capture.told();
    let is_told = |by, field, value: &str| {
        told.iter()
            .any(|told| told.by == by && told.field == field && told.value == value)
    };
    assert!(is_told("request", "tenant.id", "acme"), "{told:?}");
    assert!(is_told("request", "tenant.strategy", "header"), "{told:?}");
    assert!(is_told("tenant", "tenant.id", "acme"), "{told:?}");
    let refused = told.iter().find(|told| told.field == "problem").unwrap();
    assert_eq!(refused.value, "tenant-suspended");
}
