//! No cache gives one tenant's answer to another.

use actix_web::{HttpResponse, http::header, test::TestRequest, web};
use sea_orm_tenant::actix::{
    TenantMiddleware, TenantProblem,
    strategy::{Cookie, Custom, PathSegment, QueryParameter, Subdomain},
};

use super::{claims::claim, get, of, send, tenancy, who};

fn tenants() -> TenantMiddleware {
    TenantMiddleware::new(tenancy())
}

/// One URL has an answer for each tenant.
#[tokio::test]
async fn answers_vary_by_the_headers_that_name_the_tenant() {
    let vary = async |tenants: TenantMiddleware, request: TestRequest| {
        let answer = send(tenants, who, request).await;
        answer.header("vary").map(str::to_owned)
    };
    assert_eq!(
        vary(tenants(), of("acme")).await.as_deref(),
        Some("x-tenant-id")
    );
    let many = || {
        tenants()
            .strategy(claim().build().unwrap())
            .strategy(Cookie::new("tenant").unwrap())
            .strategy(Cookie::new("customer").unwrap())
            .strategy(QueryParameter::new("tenant").unwrap())
            .strategy(
                Custom::new("key", |_| Ok(None))
                    .varies_by(header::FROM)
                    .varies_by(header::ACCEPT_LANGUAGE),
            )
            .exclude_paths(["/health"])
    };
    assert_eq!(
        vary(many(), get("/?tenant=acme")).await.as_deref(),
        Some("authorization, cookie, from, accept-language")
    );
    assert_eq!(vary(many(), get("/health")).await, None);
    // The host and the path are in the URL.
    let in_url = tenants()
        .strategy(Subdomain::of("books.example").unwrap())
        .strategy(PathSegment::first());
    assert_eq!(vary(in_url, get("/acme")).await, None);
}

/// Answered as usual, and by the application.
#[tokio::test]
async fn refusals_vary_as_answers_do_and_are_not_stored() {
    let own = || {
        tenants().on_problem(|problem, _| {
            let teapot = HttpResponse::ImATeapot().body(problem.to_string());
            Some(teapot)
        })
    };
    fn refusing(config: &mut web::ServiceConfig) {
        config.default_service(web::to(|| async {
            Err::<HttpResponse, _>(TenantProblem::forbidden("by the handler"))
        }));
    }
    for tenants in [tenants as fn() -> TenantMiddleware, own] {
        for request in [
            get("/"),
            of("!"),
            of("umbrella"),
            of("suspended"),
            of("acme"),
        ] {
            let answer = send(tenants(), refusing, request).await;
            assert!(answer.status.is_client_error());
            assert_eq!(answer.header("vary"), Some("x-tenant-id"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
}

#[tokio::test]
async fn what_the_application_says_of_caching_a_problem_stands() {
    let tenants = tenants().on_problem(|_, _| {
        let answer = HttpResponse::Gone()
            .insert_header((header::CACHE_CONTROL, "max-age=60"))
            .insert_header((header::VARY, "accept"))
            .finish();
        Some(answer)
    });
    let answer = send(tenants, who, of("archived")).await;
    let all = |name: header::HeaderName| {
        let values = answer.headers.get_all(name);
        values
            .map(|value| value.to_str().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(all(header::CACHE_CONTROL), ["max-age=60"]);
    assert_eq!(all(header::VARY), ["accept", "x-tenant-id"]);
}
