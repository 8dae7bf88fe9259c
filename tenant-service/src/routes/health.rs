use actix_web::{HttpRequest, HttpResponse, get, web};

use crate::{
    auth::{Scope, permit},
    problem::Problem,
    service::State,
};

/// The process lives.
#[utoipa::path(
    tag = "health",
    responses((status = 200, description = "It lives", body = String, content_type = "text/plain"))
)]
#[get("/healthz")]
pub(super) async fn healthz() -> &'static str {
    "ok"
}

/// The service can answer: its database does.
#[utoipa::path(
    tag = "health",
    responses(
        (status = 200, description = "It can", body = String, content_type = "text/plain"),
        (status = 503, description = "It cannot", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/readyz")]
pub(super) async fn readyz(state: web::Data<State>) -> Result<&'static str, Problem> {
    state
        .store
        .ping()
        .await
        .map_err(|error| Problem::store_unavailable(&error))?;
    Ok("ok")
}

/// What the service counted, as Prometheus and OpenMetrics read it.
#[utoipa::path(
    tag = "health",
    responses(
        (status = 200, description = "Every metric", body = String, content_type = "application/openmetrics-text"),
        (status = "4XX", description = "Refused: the metrics take a token here", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The service's database does not answer (503, with `Retry-After`), or the service failed", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/metrics")]
pub(super) async fn metrics(
    request: HttpRequest,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    if !state.open_metrics {
        permit(&request, Scope::ReadTenants).await?;
    }
    let text = state
        .metrics
        .encode()
        .map_err(|error| Problem::internal(&error))?;
    Ok(HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(text))
}
