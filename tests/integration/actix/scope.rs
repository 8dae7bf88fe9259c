//! The tenant is current in all that belongs to its request, and in nothing else.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use actix_web::{
    App, Error, HttpResponse,
    body::{self, BodySize, MessageBody},
    dev::{Service as _, ServiceRequest, ServiceResponse},
    guard,
    middleware::{Next, from_fn},
    test, web,
    web::Bytes,
};
use futures_util::{StreamExt as _, stream};
use sea_orm_tenant::{
    TenantContext, TenantScope,
    actix::{TenantMiddleware, TenantProblem},
};
use tokio::task::LocalSet;

use super::{current, get, of, send, tenancy, who};

fn tenants() -> TenantMiddleware {
    TenantMiddleware::new(tenancy()).exclude_paths(["/health"])
}

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn note(&self, by: &str) {
        self.0.lock().unwrap().push(format!("{by}: {}", current()));
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A body that notes who is current when it is polled, and when it is dropped.
struct Watched(Seen, u8);

impl MessageBody for Watched {
    type Error = Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Error>>> {
        self.0.note("body");
        self.1 += 1;
        match self.1 {
            1 => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            2 => Poll::Ready(Some(Ok(Bytes::from_static(b"chunk")))),
            _ => Poll::Ready(None),
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.note("dropped");
    }
}

/// A body that is all there, and notes who is current when it is taken.
struct Whole(Seen);

impl MessageBody for Whole {
    type Error = Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(5)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        Poll::Ready(None)
    }

    fn try_into_bytes(self) -> Result<Bytes, Self> {
        self.0.note("taken");
        Ok(Bytes::from_static(b"whole"))
    }
}

#[tokio::test]
async fn a_body_that_is_taken_and_a_problem_that_is_answered_have_the_tenant() {
    let (in_body, in_answer) = (Seen::default(), Seen::default());
    let (of_body, of_answer) = (in_body.clone(), in_answer.clone());
    let tenants = tenants().on_problem(move |_, _| {
        of_answer.note("answered");
        None
    });
    let app = test::init_service(
        App::new()
            .wrap(from_fn(
                move |request: ServiceRequest, next: Next<body::BoxBody>| {
                    let seen = of_body.clone();
                    async move {
                        let response = next.call(request).await?;
                        Ok::<_, Error>(response.map_body(|_, _| Whole(seen)))
                    }
                },
            ))
            .wrap(tenants)
            .route("/", web::get().to(HttpResponse::Ok))
            .route(
                "/problem",
                web::get().to(async || {
                    Err::<HttpResponse, _>(TenantProblem::Forbidden {
                        reason: "it is a test".into(),
                    })
                }),
            ),
    )
    .await;
    let answer = test::call_service(&app, of("acme").to_request()).await;
    assert_eq!(test::read_body(answer).await, "whole");
    assert_eq!(in_body.take(), ["taken: acme"]);
    let request = of("acme").uri("/problem").to_request();
    let answer = test::call_service(&app, request).await;
    assert_eq!(answer.status(), 403);
    assert_eq!(in_answer.take(), ["answered: acme"]);
}

async fn inner(
    seen: web::Data<Seen>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    noting("inner", &seen, request, next).await
}

async fn outer(
    seen: web::Data<Seen>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    noting("outer", &seen, request, next).await
}

async fn noting<B: MessageBody>(
    by: &str,
    seen: &Seen,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    seen.note(&format!("{by} before"));
    let response = next.call(request).await;
    seen.note(&format!("{by} after"));
    response
}

#[tokio::test]
async fn handler_inner_middleware_guards_and_body_run_for_the_tenant_and_the_outer_for_nobody() {
    let seen = Seen::default();
    let (in_guard, in_handler) = (seen.clone(), seen.clone());
    let app = test::init_service(
        App::new()
            .app_data(web::Data::new(seen.clone()))
            .wrap(from_fn(inner))
            .wrap(tenants())
            .wrap(from_fn(outer))
            .route(
                "/{path:.*}",
                web::route()
                    .guard(guard::fn_guard(move |_| {
                        in_guard.note("guard");
                        true
                    }))
                    .to(move || {
                        in_handler.note("handler");
                        let body = Watched(in_handler.clone(), 0);
                        async { HttpResponse::Ok().message_body(body).unwrap() }
                    }),
            ),
    )
    .await;
    for (request, inside) in [(of("acme"), "acme"), (get("/health"), "nobody")] {
        let response = app.call(request.to_request()).await.unwrap();
        assert_eq!(test::read_body(response).await, "chunk");
        let expected = |by: &str| format!("{by}: {inside}");
        assert_eq!(
            seen.take(),
            [
                "outer before: nobody".to_owned(),
                expected("inner before"),
                expected("guard"),
                expected("handler"),
                expected("inner after"),
                "outer after: nobody".to_owned(),
                expected("body"),
                expected("body"),
                expected("body"),
                expected("dropped"),
            ]
        );
        assert_eq!(current(), "nobody");
    }
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_dropped_for_the_tenant() {
    let seen = Seen::default();
    let in_handler = seen.clone();
    let app = test::init_service(App::new().wrap(tenants()).default_service(web::to(move || {
        let body = Watched(in_handler.clone(), 0);
        async { HttpResponse::Ok().message_body(body).unwrap() }
    })))
    .await;
    drop(app.call(of("acme").to_request()).await.unwrap());
    assert_eq!(seen.take(), ["dropped: acme"]);
}

/// Bodies that need not be produced stay whole, for middleware outside that asks.
#[tokio::test]
async fn a_body_of_bytes_is_still_one() {
    let app = test::init_service(App::new().wrap(tenants()).configure(who)).await;
    let response = app.call(of("acme").to_request()).await.unwrap();
    let body = response.into_body();
    assert_eq!(body.size(), BodySize::Sized(4));
    assert_eq!(body.try_into_bytes().ok().unwrap(), "acme");
}

#[tokio::test]
async fn no_body_stays_none() {
    let none = web::to(|| async { HttpResponse::Ok().message_body(body::None::new()).unwrap() });
    let app = test::init_service(App::new().wrap(tenants()).default_service(none)).await;
    let response = app.call(of("acme").to_request()).await.unwrap();
    assert_eq!(response.into_body().size(), BodySize::None);
}

#[tokio::test]
async fn a_stream_of_a_handler_runs_for_the_tenant() {
    let routes = |config: &mut web::ServiceConfig| {
        config.default_service(web::to(|| async {
            let chunks = stream::iter(0..3).then(|_| async {
                tokio::task::yield_now().await;
                Ok::<_, Error>(Bytes::from(format!("{} ", current())))
            });
            HttpResponse::Ok().streaming(chunks)
        }));
    };
    let answer = send(tenants(), routes, of("globex")).await;
    assert_eq!(answer.text(), "globex globex globex ");
}

/// A new task or thread begins without a tenant, and the core's helpers carry it over.
#[tokio::test]
async fn tasks_and_threads_have_the_tenant_through_the_helpers() {
    async fn spawned() -> String {
        let bare = actix_web::rt::spawn(async { current() }).await.unwrap();
        let blocked = web::block(current).await.unwrap();
        let local = TenantContext::spawn_local(async { current() });
        let local = local.await.unwrap();
        let wrapped = actix_web::rt::spawn(TenantContext::propagate(async { current() }));
        let wrapped = wrapped.await.unwrap();
        let blocking = TenantContext::spawn_blocking(current).await.unwrap();
        let scope = TenantScope::current();
        let in_block = web::block(move || scope.enter(current)).await.unwrap();
        [bare, blocked, local, wrapped, blocking, in_block].join(" ")
    }
    let routes = |config: &mut web::ServiceConfig| {
        config.default_service(web::to(spawned));
    };
    let answer = LocalSet::new()
        .run_until(send(tenants(), routes, of("acme")))
        .await;
    assert_eq!(answer.text(), "nobody nobody acme acme acme acme");
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_no_tenant_behind() {
    let routes = web::to(|| async {
        std::future::pending::<()>().await;
        HttpResponse::Ok().finish()
    });
    let app = test::init_service(App::new().wrap(tenants()).default_service(routes)).await;
    let mut request = Box::pin(app.call(of("acme").to_request()));
    assert!(futures_util::poll!(request.as_mut()).is_pending());
    assert_eq!(current(), "nobody");
    drop(request);
    assert_eq!(current(), "nobody");
}

#[tokio::test]
async fn requests_in_turns_keep_their_tenants() {
    let routes = web::to(|| async {
        let mut seen = Vec::new();
        for _ in 0..10 {
            seen.push(current());
            tokio::task::yield_now().await;
        }
        HttpResponse::Ok().body(seen.join(" "))
    });
    let app = test::init_service(App::new().wrap(tenants()).default_service(routes)).await;
    let names = ["acme", "globex", "initech"];
    let answers = names.map(|tenant| test::call_and_read_body(&app, of(tenant).to_request()));
    for (answer, tenant) in futures_util::future::join_all(answers)
        .await
        .iter()
        .zip(names)
    {
        assert_eq!(answer, [tenant; 10].join(" ").as_bytes());
    }
}

/// A scope that a middleware inside opens is the handler's, and only there.
#[tokio::test]
async fn middleware_inside_another_has_the_last_word() {
    let app = test::init_service(
        App::new().wrap(tenants()).service(
            web::scope("/other")
                .wrap(TenantMiddleware::new(tenancy()).header_name("x-other"))
                .default_service(web::to(|| async { current() })),
        ),
    )
    .await;
    let request = get("/other/x")
        .insert_header(("x-tenant-id", "acme"))
        .insert_header(("x-other", "globex"));
    let body = test::call_and_read_body(&app, request.to_request()).await;
    assert_eq!(body, "globex");
}
