//! What a handler did is there when its answer says so, and gone otherwise.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use actix_web::{HttpResponse, ResponseError as _, web};
use futures_util::{StreamExt as _, stream};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use sea_orm_tenant::actix::{TenantMiddleware, TenantProblem, TenantTransaction};
use tokio::sync::Notify;

use super::{
    Answer, of, send,
    server::{Server, vanish},
};
use crate::{
    isolation::rows::{add, names},
    support::{self, World, on_every_database},
};

on_every_database!(
    a_good_answer_commits,
    a_bad_answer_rolls_back,
    an_error_rolls_back,
    an_error_that_redirects_rolls_back,
    a_panic_rolls_back,
    a_client_that_goes_away_rolls_back,
    a_handler_that_asks_twice_works_in_one_transaction,
    a_savepoint_is_the_handlers_own,
    one_that_a_task_holds_is_not_committed,
    one_that_the_body_holds_is_not_committed,
    none_begins_when_the_handler_has_answered,
    one_that_nobody_finishes_to_begin_holds_up_nobody,
    middleware_inside_another_ends_its_own,
    the_answer_comes_after_the_commit,
);

fn tenants(world: &World) -> TenantMiddleware {
    TenantMiddleware::new(world.tenancy.clone())
}

async fn acme_names(world: &World) -> Vec<String> {
    names(&world.acme().await).await.unwrap()
}

/// With connections of its own: a transaction that was dropped gives its connection back on the
/// server's worker, which is ending.
fn apart_from_the_server(world: &World) -> sea_orm_tenant::Tenancy {
    world.tenancy().build().unwrap()
}

/// Sends one request to a handler.
async fn to<F, Args>(world: &World, handler: F) -> Answer
where
    F: actix_web::Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: actix_web::Responder + 'static,
{
    let routes = |config: &mut web::ServiceConfig| {
        config.default_service(web::to(handler));
    };
    send(tenants(world), routes, of(world.acme.as_str())).await
}

/// A handler that adds an author and answers with a status.
async fn add_and_answer(world: &World, status: u16) -> Answer {
    let handler = move |tx: TenantTransaction| async move {
        add(&tx, &status.to_string()).await?;
        let status = actix_web::http::StatusCode::from_u16(status).unwrap();
        Ok::<_, TenantProblem>(HttpResponse::build(status).finish())
    };
    to(world, handler).await
}

async fn a_good_answer_commits(world: &World) {
    for status in [200, 201, 204, 302, 304] {
        assert_eq!(add_and_answer(world, status).await.status, status);
    }
    assert_eq!(acme_names(world).await, ["200", "201", "204", "302", "304"]);
    assert!(names(&world.globex().await).await.unwrap().is_empty());
}

async fn a_bad_answer_rolls_back(world: &World) {
    for status in [400, 404, 409, 422, 500, 503] {
        assert_eq!(add_and_answer(world, status).await.status, status);
    }
    assert!(acme_names(world).await.is_empty());
}

async fn an_error_rolls_back(world: &World) {
    let handler = |tx: TenantTransaction| async move {
        add(&tx, "Verne").await?;
        // The second author of that name.
        add(&tx, "Verne").await?;
        Ok::<_, TenantProblem>(HttpResponse::Ok().finish())
    };
    assert_eq!(to(world, handler).await.status, 500);
    assert!(acme_names(world).await.is_empty());
}

async fn an_error_that_redirects_rolls_back(world: &World) {
    let handler = |tx: TenantTransaction| async move {
        add(&tx, "Verne").await.map_err(TenantProblem::from)?;
        let form = HttpResponse::SeeOther()
            .insert_header(("location", "/form"))
            .finish();
        let failed = actix_web::error::InternalError::from_response("not good enough", form);
        Err::<HttpResponse, actix_web::Error>(failed.into())
    };
    assert_eq!(to(world, handler).await.status, 303);
    assert!(acme_names(world).await.is_empty());
}

async fn a_panic_rolls_back(world: &World) {
    let server = Server::start(tenants(world), |config| {
        async fn panicking(tx: TenantTransaction) -> HttpResponse {
            add(&tx, "Verne").await.unwrap();
            panic!("planned");
        }
        config.default_service(web::to(panicking));
    });
    let answer = server.answer("POST", "/", world.acme.as_str()).await;
    assert_eq!(answer, "", "a handler that panics answers nothing");
    server.stop().await;
    let tenancy = apart_from_the_server(world);
    let db = tenancy.for_tenant(&world.acme).await.unwrap();
    assert!(names(&db).await.unwrap().is_empty());
    tenancy.close().await;
}

/// The handler waits for ever: only the client's going ends it.
async fn a_client_that_goes_away_rolls_back(world: &World) {
    /// Told when it is dropped, behind the transaction.
    struct Gone(Arc<Notify>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let added = Arc::new(Notify::new());
    let gone = Arc::new(Notify::new());
    let (in_handler, in_drop) = (added.clone(), gone.clone());
    let server = Server::start(tenants(world), move |config| {
        let (added, gone) = (in_handler.clone(), in_drop.clone());
        config.default_service(web::to(move |tx: TenantTransaction| {
            let (added, gone) = (added.clone(), Gone(gone.clone()));
            async move {
                let _gone = gone;
                add(&tx, "Verne").await.unwrap();
                added.notify_one();
                std::future::pending::<()>().await;
                drop(tx);
                HttpResponse::Ok().finish()
            }
        }));
    });
    let client = server.begin("POST", "/", world.acme.as_str()).await;
    added.notified().await;
    vanish(client);
    gone.notified().await;
    server.stop().await;
    // The rollback may still be under way; a write waits for it.
    let tenancy = apart_from_the_server(world);
    let db = tenancy.for_tenant(&world.acme).await.unwrap();
    add(&db, "Wells").await.unwrap();
    assert_eq!(names(&db).await.unwrap(), ["Wells"]);
    tenancy.close().await;
}

async fn a_handler_that_asks_twice_works_in_one_transaction(world: &World) {
    let handler = |one: TenantTransaction, other: TenantTransaction| async move {
        add(&one, "Verne").await?;
        Ok::<_, TenantProblem>(format!("{:?}", names(&other).await?))
    };
    assert_eq!(to(world, handler).await.text(), "[\"Verne\"]");
    assert_eq!(acme_names(world).await, ["Verne"]);
}

async fn a_savepoint_is_the_handlers_own(world: &World) {
    let handler = |tx: TenantTransaction| async move {
        add(&tx, "Verne").await?;
        let savepoint = tx.begin().await?;
        add(&savepoint, "Wells").await?;
        savepoint.rollback().await?;
        let savepoint = tx.begin().await?;
        add(&savepoint, "Shelley").await?;
        savepoint.commit().await?;
        Ok::<_, TenantProblem>(HttpResponse::Ok().finish())
    };
    assert_eq!(to(world, handler).await.status, 200);
    assert_eq!(acme_names(world).await, ["Verne", "Shelley"]);
}

async fn one_that_a_task_holds_is_not_committed(world: &World) {
    let release = Arc::new(Notify::new());
    let in_handler = release.clone();
    let (ended, end) = tokio::sync::mpsc::channel::<()>(1);
    let handler = move |tx: TenantTransaction| {
        let (release, ended) = (in_handler.clone(), ended.clone());
        async move {
            add(&tx, "Verne").await?;
            tokio::spawn(async move {
                release.notified().await;
                drop(tx);
                drop(ended);
            });
            Ok::<_, TenantProblem>(HttpResponse::Created().finish())
        }
    };
    let answer = to(world, handler).await;
    assert_eq!(answer.problem(), (500, "internal".into()));
    assert!(
        TenantProblem::TransactionHeld
            .to_string()
            .contains("outlived its handler")
    );
    assert_eq!(TenantProblem::TransactionHeld.status_code(), 500);
    release.notify_one();
    let mut end = end;
    assert_eq!(end.recv().await, None);
    add(&world.acme().await, "Wells").await.unwrap();
    assert_eq!(acme_names(world).await, ["Wells"]);
}

async fn one_that_the_body_holds_is_not_committed(world: &World) {
    let handler = |tx: TenantTransaction| async move {
        add(&tx, "Verne").await?;
        let body = stream::once(async move {
            let names = names(&tx).await.map_err(TenantProblem::from)?;
            Ok::<_, TenantProblem>(web::Bytes::from(names.join(" ")))
        });
        Ok::<_, TenantProblem>(HttpResponse::Ok().streaming(body.boxed_local()))
    };
    let answer = to(world, handler).await;
    assert_eq!(answer.problem(), (500, "internal".into()));
    assert_eq!(answer.header("vary"), Some("x-tenant-id"));
    add(&world.acme().await, "Wells").await.unwrap();
    assert_eq!(acme_names(world).await, ["Wells"]);
}

async fn none_begins_when_the_handler_has_answered(world: &World) {
    use actix_web::FromRequest as _;
    let handler = |request: actix_web::HttpRequest| async move {
        let body = stream::once(async move {
            let late = TenantTransaction::extract(&request).await;
            Ok::<_, TenantProblem>(web::Bytes::from(late.unwrap_err().to_string()))
        });
        HttpResponse::Ok().streaming(body.boxed_local())
    };
    let answer = to(world, handler).await;
    assert_eq!(
        answer.text(),
        TenantProblem::NobodyEndsTransaction.to_string()
    );
}

/// An extractor that is kept, half way, by a body that does not poll it: nothing waits for it.
async fn one_that_nobody_finishes_to_begin_holds_up_nobody(world: &World) {
    use actix_web::FromRequest as _;
    // The one connection is taken, so that beginning has to wait.
    let tenancy = world.tenancy().max_connections(1).build().unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let held = acme.begin().await.unwrap();
    let handler = |request: actix_web::HttpRequest| async move {
        let mut begun = Box::pin(TenantTransaction::extract(&request));
        let is_pending = futures_util::poll!(begun.as_mut()).is_pending();
        let body = stream::once(async move {
            let late = begun.await;
            Ok::<_, TenantProblem>(web::Bytes::from(late.is_err().to_string()))
        });
        let body = HttpResponse::Ok().streaming(body.boxed_local());
        assert!(is_pending);
        body
    };
    let routes = |config: &mut web::ServiceConfig| {
        config.default_service(web::to(handler));
    };
    let tenants = TenantMiddleware::new(tenancy);
    let answer = send(tenants, routes, of(world.acme.as_str())).await;
    assert_eq!(answer.problem(), (500, "internal".into()));
    held.rollback().await.unwrap();
    assert!(acme_names(world).await.is_empty());
}

/// The outer one's transaction is of another tenant, and begun by middleware in between.
async fn middleware_inside_another_ends_its_own(world: &World) {
    use actix_web::{App, FromRequest as _, body::MessageBody, dev, middleware, test};
    async fn between(
        tx: TenantTransaction,
        request: dev::ServiceRequest,
        next: middleware::Next<impl MessageBody>,
    ) -> Result<dev::ServiceResponse<impl MessageBody>, actix_web::Error> {
        add(&tx, "outer").await.map_err(TenantProblem::from)?;
        let response = next.call(request).await?;
        // It is still the request's, for those outside of the inner one.
        let again = TenantTransaction::extract(response.request()).await?;
        assert_eq!(again.tenant(), tx.tenant());
        Ok(response)
    }
    async fn innermost(tx: TenantTransaction) -> Result<HttpResponse, TenantProblem> {
        add(&tx, "inner").await?;
        Ok(HttpResponse::Created().finish())
    }
    let app = test::init_service(
        App::new().service(
            web::scope("")
                .wrap(tenants(world).header_name("x-inner"))
                .wrap(middleware::from_fn(between))
                .wrap(tenants(world))
                .default_service(web::to(innermost)),
        ),
    )
    .await;
    let request = of(world.acme.as_str()).insert_header(("x-inner", world.globex.as_str()));
    let response = test::call_service(&app, request.to_request()).await;
    assert_eq!(response.status(), 201);
    assert_eq!(acme_names(world).await, ["outer"]);
    assert_eq!(names(&world.globex().await).await.unwrap(), ["inner"]);
}

/// A deferred constraint fails in the commit and nowhere before: PostgreSQL has those. Elsewhere a
/// transaction that was ended behind the middleware's back serves.
async fn the_answer_comes_after_the_commit(world: &World) {
    let is_postgres = world.server == support::Server::Postgres;
    if is_postgres {
        let sql = "ALTER TABLE $tenant.author ADD CONSTRAINT deferred UNIQUE (name) DEFERRABLE INITIALLY DEFERRED";
        let db = world.acme().await;
        db.execute_unprepared(
            "ALTER TABLE $tenant.author DROP CONSTRAINT IF EXISTS \"author_name_key\"",
        )
        .await
        .unwrap();
        for index in ["idx-author-name", "author_name_key"] {
            let drop = format!("DROP INDEX IF EXISTS $tenant.\"{index}\"");
            db.execute_unprepared(&drop).await.unwrap();
        }
        db.execute_unprepared(sql).await.unwrap();
    }
    let answered = Arc::new(AtomicBool::new(false));
    let in_handler = answered.clone();
    let handler = move |tx: TenantTransaction| {
        let answered = in_handler.clone();
        async move {
            add(&tx, "Verne").await?;
            if is_postgres {
                add(&tx, "Verne").await?;
            } else {
                // A savepoint that is lost takes the transaction with it.
                let savepoint = tx.begin().await?;
                savepoint
                    .unscoped_raw()
                    .execute_unprepared("ROLLBACK")
                    .await?;
                let _ = savepoint.commit().await;
            }
            answered.store(true, Ordering::SeqCst);
            Ok::<_, TenantProblem>(HttpResponse::Created().body("kept"))
        }
    };
    let answer = to(world, handler).await;
    assert!(answered.load(Ordering::SeqCst), "{}", answer.text());
    assert_eq!(answer.problem(), (500, "internal".into()));
    assert!(acme_names(world).await.is_empty());
}
