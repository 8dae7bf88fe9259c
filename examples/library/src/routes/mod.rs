//! What is served where.

mod about;
mod authors;
mod books;
mod export;
mod loans;
mod metrics;
mod reports;
mod view;

use actix_web::{HttpResponse, Resource, web};
use sea_orm_tenant::actix::TenantGuard;

use crate::{
    problem::{LibraryError, Refusal},
    request,
};

/// All routes. The middleware is around them.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .app_data(request::json())
        .app_data(request::path())
        .app_data(request::query())
        .service(at("/health").get(about::health))
        .service(at("/metrics").get(metrics::show))
        .service(at("/me").get(about::me))
        .service(at("/books").get(books::list).post(books::add))
        .service(at("/books.csv").get(export::books))
        .service(
            at("/books/{id}")
                .get(books::show)
                .put(books::change)
                .delete(books::remove),
        )
        .service(
            at("/books/{id}/loans")
                .post(loans::lend)
                .delete(loans::give_back),
        )
        .service(at("/authors").post(authors::add))
        .service(at("/authors/{id}").get(authors::show))
        // The guard is the resource's and not the route's: for other tenants there is no such path.
        .service(
            at("/reports/lent")
                .guard(TenantGuard::plan("pro"))
                .get(reports::lent),
        )
        .default_service(web::to(no_such_path));
}

/// A path, whose other methods are refused in the form of all problems.
fn at(path: &str) -> Resource {
    web::resource(path).default_service(web::to(method_not_allowed))
}

async fn no_such_path() -> Result<HttpResponse, LibraryError> {
    Err(Refusal::not_found("nothing is served there").into())
}

async fn method_not_allowed() -> Result<HttpResponse, LibraryError> {
    Err(Refusal::method_not_allowed().into())
}
