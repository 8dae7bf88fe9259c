//! What is served: one file for each kind of thing.

mod documentation;
mod events;
mod health;
mod request;
mod tenants;
mod tokens;

use std::time::Instant;

use actix_web::{
    Error, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header,
    middleware::Next,
    web,
};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    problem::{self, Problem},
    service::State,
};

/// Every route. They are registered here and nowhere else, and so are all in the document.
fn routes(config: &mut ServiceConfig<'_>) {
    // Before `/tenants/{id}`: it is no tenant.
    config
        .service(events::follow)
        .service(tenants::list)
        .service(tenants::create)
        .service(tenants::read)
        .service(tenants::update)
        .service(tenants::delete)
        .service(tenants::read_connection)
        .service(tokens::list)
        .service(tokens::create)
        .service(tokens::delete)
        .service(health::healthz)
        .service(health::readyz)
        .service(health::metrics);
}

/// The routes, their document, and what is said of everything else.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    let document = documentation::document(config, routes);
    request::configure(config);
    let known = request::Known::new(&document);
    config
        .service(documentation::pages(document))
        .default_service(web::to(move |request| {
            let problem = known.problem_of(&request);
            async move { problem.error_response() }
        }));
}

/// Around every request: counts it, and makes a problem of each error that is none yet.
pub(crate) async fn answer(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let method = request.method().clone();
    let state = request.app_data::<web::Data<State>>().cloned();
    request::take_head(&mut request);
    let response = next.call(request).await?.map_into_boxed_body();
    let status = response.status();
    if let Some(state) = state {
        let route = response.request().match_pattern();
        state
            .metrics
            .answered(route, method.as_str(), status.as_u16(), started.elapsed());
    }
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes() == problem::MEDIA_TYPE.as_bytes());
    if (status.is_client_error() || status.is_server_error()) && !is_problem {
        let (request, _) = response.into_parts();
        let response = Problem::of_status(status).error_response();
        return Ok(ServiceResponse::new(request, response));
    }
    Ok(response)
}
