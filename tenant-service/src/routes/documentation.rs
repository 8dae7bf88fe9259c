use actix_web::{App, dev::HttpServiceFactory, web};
use utoipa::{
    OpenApi as _,
    openapi::{
        OpenApi,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_actix_web::{AppExt as _, service_config::ServiceConfig};
use utoipa_swagger_ui::SwaggerUi;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Tenant management service",
        description = "Tenants, their status, and where their data is. Errors are `application/problem+json` (RFC 9457). `HEAD` is taken wherever `GET` is, but for events."
    ),
    components(schemas(crate::problem::Problem))
)]
struct Document;

/// Registers the routes, and returns their document.
pub(super) fn document(
    config: &mut web::ServiceConfig,
    routes: fn(&mut ServiceConfig<'_>),
) -> OpenApi {
    routes(&mut ServiceConfig::new(config));
    // The document is made of the same list, once more: the wrapper keeps its own to itself.
    let (_, mut document) = App::new()
        .into_utoipa_app()
        .openapi(Document::openapi())
        .configure(routes)
        .split_for_parts();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("bearer", SecurityScheme::Http(bearer));
    document
}

/// `/openapi.json` and `/docs/`.
pub(super) fn pages(document: OpenApi) -> impl HttpServiceFactory + 'static {
    SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", document)
}
