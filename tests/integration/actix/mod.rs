//! Requests through actix reach their own tenant's rows, or are told why not.

mod caches;
pub(crate) mod claims;
mod excluded;
mod extractors;
mod given_up;
mod guard;
mod hidden;
mod matrix;
mod metrics;
mod scope;
pub(crate) mod server;
mod settings;
mod strategies;
mod transaction;

use actix_web::{
    App, HttpResponse,
    body::to_bytes,
    dev::Service as _,
    http::{
        StatusCode,
        header::{CONTENT_TYPE, HeaderMap},
    },
    test::{TestRequest, init_service},
    web::{self, ServiceConfig},
};
use sea_orm_tenant::{
    MemoryStore, Tenancy, TenantContext, TenantError, TenantStore,
    actix::{TenantMiddleware, TenantProblem},
};
use serde_json::Value;

/// A tenancy that nobody connects through: tenants in each status, on a server that is not there.
fn tenancy() -> Tenancy {
    tenancy_of(
        MemoryStore::from_json(
            r#"{
                "database_url": "postgres://nobody@127.0.0.1:1/none",
                "tenants": [
                    { "id": "acme", "name": "Acme Inc.", "plan": "pro" },
                    { "id": "globex", "plan": "free" },
                    { "id": "initech" },
                    { "id": "pending", "status": "pending" },
                    { "id": "provisioning", "status": "provisioning" },
                    { "id": "suspended", "status": "suspended" },
                    { "id": "maintenance", "status": "maintenance" },
                    { "id": "archived", "status": "archived" }
                ]
            }"#,
        )
        .unwrap(),
    )
}

fn tenancy_of(store: impl TenantStore + 'static) -> Tenancy {
    Tenancy::builder().store(store).build().unwrap()
}

/// What came back, body and all.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The status, and which kind of problem it is.
    fn problem(&self) -> (u16, String) {
        assert_eq!(
            self.headers.get(CONTENT_TYPE).unwrap(),
            "application/problem+json",
            "{}",
            self.text()
        );
        let problem: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], self.status.as_u16());
        assert!(!problem["title"].as_str().unwrap().is_empty());
        let kind = problem["type"].as_str().unwrap();
        let word = kind.strip_prefix("tag:sea-orm-tenant,2026:").unwrap();
        (self.status.as_u16(), word.to_owned())
    }
}

/// Sends one request through an application with these routes.
async fn send(
    tenants: TenantMiddleware,
    routes: impl FnOnce(&mut ServiceConfig),
    request: TestRequest,
) -> Answer {
    let app = init_service(App::new().wrap(tenants).configure(routes)).await;
    let (status, headers, body) = match app.call(request.to_request()).await {
        Ok(response) => {
            let (_, response) = response.into_parts();
            let (response, body) = response.into_parts();
            let body = to_bytes(body).await.map_err(|_| "the body broke").unwrap();
            (response.status(), response.headers().clone(), body)
        }
        Err(error) => {
            let response = error.error_response();
            let (response, body) = response.into_parts();
            (
                response.status(),
                response.headers().clone(),
                to_bytes(body).await.unwrap(),
            )
        }
    };
    Answer {
        status,
        headers,
        body: body.to_vec(),
    }
}

/// Whatever the path, says for whom it runs.
fn who(config: &mut ServiceConfig) {
    config.default_service(web::to(|| async { HttpResponse::Ok().body(current()) }));
}

fn current() -> String {
    TenantContext::try_current().map_or_else(|| "nobody".to_owned(), |id| id.to_string())
}

/// For whom a request runs, or which problem it has.
async fn named(tenants: TenantMiddleware, request: TestRequest) -> Result<String, (u16, String)> {
    let answer = send(tenants, who, request).await;
    match answer.status {
        StatusCode::OK => Ok(answer.text().to_owned()),
        _ => Err(answer.problem()),
    }
}

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path)
}

fn of(tenant: &str) -> TestRequest {
    get("/").insert_header(("x-tenant-id", tenant))
}

fn ok(tenant: &str) -> Result<String, (u16, String)> {
    Ok(tenant.to_owned())
}

fn refused(status: u16, word: &str) -> Result<String, (u16, String)> {
    Err((status, word.to_owned()))
}

/// A handler that fails with what the core says.
async fn fail_with(error: TenantError) -> Answer {
    let routes = |config: &mut ServiceConfig| {
        config.default_service(web::to(move || {
            let error = error.clone();
            async move { Err::<HttpResponse, _>(TenantProblem::from(error)) }
        }));
    };
    send(TenantMiddleware::new(tenancy()), routes, of("acme")).await
}
