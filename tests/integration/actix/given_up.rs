//! A request that ends without an answer leaves no transaction open, whoever keeps the request.

use std::{cell::RefCell, rc::Rc};

use actix_web::{
    App, FromRequest as _, HttpRequest, HttpResponse,
    body::BoxBody,
    dev::ServiceRequest,
    error::ErrorImATeapot,
    middleware::{Next, from_fn},
    test, web,
};
use sea_orm_tenant::{
    Tenancy, TenantContext,
    actix::{TenantMiddleware, TenantProblem, TenantTransaction},
};
use tokio::sync::Notify;

use super::{of, who};
use crate::{
    isolation::rows::{add, names},
    support::{World, on_every_database},
};

on_every_database!(
    an_error_of_inner_middleware_ends_the_transaction,
    a_request_that_is_dropped_ends_the_transaction,
);

/// A request that a local task might keep.
type Kept = Rc<RefCell<Option<HttpRequest>>>;

/// The one connection there is would stay taken.
fn with_one_connection(world: &World) -> Tenancy {
    world.tenancy().max_connections(1).build().unwrap()
}

async fn an_error_of_inner_middleware_ends_the_transaction(world: &World) {
    let tenancy = with_one_connection(world);
    let kept = Kept::default();
    let keeping = Rc::clone(&kept);
    let failing = move |request: ServiceRequest, _: Next<BoxBody>| {
        let keeping = Rc::clone(&keeping);
        async move {
            let request = request.request().clone();
            let tx = TenantTransaction::extract(&request).await?;
            add(&tx, "Verne").await.map_err(TenantProblem::from)?;
            keeping.replace(Some(request));
            Err::<actix_web::dev::ServiceResponse, _>(ErrorImATeapot("planned"))
        }
    };
    let app = test::init_service(
        App::new()
            .wrap(from_fn(failing))
            .wrap(TenantMiddleware::new(tenancy.clone()))
            .configure(who),
    )
    .await;
    let request = of(world.acme.as_str()).to_request();
    let error = test::try_call_service(&app, request).await.unwrap_err();
    assert_eq!(error.as_response_error().status_code(), 418);
    assert_over(world, tenancy, &kept).await;
}

async fn a_request_that_is_dropped_ends_the_transaction(world: &World) {
    let tenancy = with_one_connection(world);
    let kept = Kept::default();
    let added = Rc::new(Notify::new());
    let (keeping, adding) = (Rc::clone(&kept), Rc::clone(&added));
    let handler = move |tx: TenantTransaction, request: HttpRequest| {
        let (keeping, adding) = (Rc::clone(&keeping), Rc::clone(&adding));
        async move {
            add(&tx, "Verne").await.unwrap();
            keeping.replace(Some(request));
            adding.notify_one();
            std::future::pending::<HttpResponse>().await
        }
    };
    let app = test::init_service(
        App::new()
            .wrap(TenantMiddleware::new(tenancy.clone()))
            .default_service(web::to(handler)),
    )
    .await;
    let request = of(world.acme.as_str()).to_request();
    tokio::select! {
        _ = test::call_service(&app, request) => unreachable!("the handler waits for ever"),
        () = added.notified() => {}
    }
    assert_over(world, tenancy, &kept).await;
}

async fn assert_over(world: &World, tenancy: Tenancy, kept: &Kept) {
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    add(&acme, "Wells").await.unwrap();
    assert_eq!(names(&acme).await.unwrap(), ["Wells"]);
    let request = kept.take().expect("a request that was kept");
    let late = TenantTransaction::extract(&request);
    let late = TenantContext::scope(&world.acme, late).await;
    assert!(matches!(late, Err(TenantProblem::NobodyEndsTransaction)));
    drop((acme, request));
    tenancy.close().await;
}
