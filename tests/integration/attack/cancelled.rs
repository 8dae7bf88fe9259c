//! A request through the whole application, dropped at each of its waits: polled once, twice, .. until
//! there is no wait left at which it could be.

use std::{rc::Rc, time::Duration};

use actix_web::{
    App, HttpResponse,
    body::to_bytes,
    dev::Service as _,
    http::StatusCode,
    test::{TestRequest, init_service},
    web,
};
use futures_util::{TryStreamExt as _, future::LocalBoxFuture};
use sea_orm::{EntityTrait as _, TransactionTrait as _};
use sea_orm_tenant::{
    DatabaseUrl, MemoryStore, Tenancy, TenantContext, TenantId,
    actix::{TenantDb, TenantMiddleware, TenantProblem, TenantTransaction},
};

use super::network::Network;
use crate::{
    isolation::{
        interleaving::cut,
        rows::{add, count, names},
    },
    support::{Server, World, entities::author, on_every_database},
};

on_every_database!(
    a_request_that_is_dropped_at_any_wait_leaves_nothing_behind,
    a_first_request_that_is_dropped_at_any_wait_leaves_nothing_behind,
);

/// What handlers write is there as a whole or not at all.
const PARTS: usize = 3;

async fn a_request_that_is_dropped_at_any_wait_leaves_nothing_behind(world: &World) {
    let (place, _network) = a_slow_way(world).await;
    let opened = async || {
        let tenancy = tenancy(world, &place);
        let app = application(&tenancy).await;
        app("/list", &world.acme).await.unwrap();
        (tenancy, app)
    };
    let (tenancy, app) = opened().await;
    for path in ["/transaction", "/own", "/stream"] {
        for round in 0..figures::sized(1, 5) {
            let same = async || (tenancy.clone(), app.clone());
            cut_everywhere(world, path, round, same).await;
        }
    }
    tenancy.close().await;
}

/// While the data source itself is being opened.
async fn a_first_request_that_is_dropped_at_any_wait_leaves_nothing_behind(world: &World) {
    let (place, _network) = a_slow_way(world).await;
    for round in 0..figures::sized(1, 5) {
        let fresh = async || {
            let tenancy = tenancy(world, &place);
            let app = application(&tenancy).await;
            (tenancy, app)
        };
        cut_everywhere(world, "/transaction", round, fresh).await;
    }
}

/// The world's database by a network on which each answer is late, so that there is a wait at each
/// await. SQLite's waits are as they come.
async fn a_slow_way(world: &World) -> (DatabaseUrl, Option<Network>) {
    if world.server == Server::Sqlite {
        return (world.database.clone(), None);
    }
    let mut url = url::Url::parse(world.database.expose()).unwrap();
    let default = if world.server == Server::MySql {
        3306
    } else {
        5432
    };
    let port = url.port().unwrap_or(default);
    let network = Network::late(port, Duration::from_millis(1)).await;
    url.set_port(Some(network.port())).unwrap();
    (DatabaseUrl::new(url.to_string()).unwrap(), Some(network))
}

/// On one connection.
fn tenancy(world: &World, place: &DatabaseUrl) -> Tenancy {
    let store = MemoryStore::new();
    for tenant in [&world.acme, &world.globex] {
        store.add(tenant.clone(), place).unwrap();
    }
    let builder = Tenancy::builder().store(store).max_connections(1);
    let builder = builder.shared_database(world.shared.clone());
    builder.build().unwrap()
}

/// For each number of polls, one request that is given so many, until there is no more to be cut.
async fn cut_everywhere(
    world: &World,
    path: &str,
    round: usize,
    application: impl AsyncFn() -> (Tenancy, Application),
) {
    let (mut polls, mut answered_in_a_row, mut cut_off) = (0, 0, 0);
    // How many polls there are to a wait differs from time to time.
    while answered_in_a_row < 3 {
        polls += 1;
        assert!(polls < 2_000, "it never ends");
        let (tenancy, app) = application().await;
        let mark = format!("{}-{round}-{polls}-", &path[1..]);
        let request = app(&format!("{path}/{mark}"), &world.acme);
        let is_answered = match cut::after(polls, request).await {
            Some(answered) => {
                answered.unwrap_or_else(|status| panic!("{mark}: {status}"));
                answered_in_a_row += 1;
                true
            }
            None => {
                answered_in_a_row = 0;
                cut_off += 1;
                false
            }
        };
        assert_nothing_left(world, &app, &mark, is_answered).await;
        assert!(tenancy.open_data_sources() <= 2);
    }
    // Each statement is a wait.
    assert!(
        world.server == Server::Sqlite || cut_off >= 5,
        "{path} was cut at {cut_off} places"
    );
    figures::figure("cancellations-survived", cut_off);
}

/// The one connection serves another tenant at once, others see at once what is there, and nothing is
/// left open on it that a transaction to come would end by chance.
async fn assert_nothing_left(world: &World, app: &Application, mark: &str, is_answered: bool) {
    assert_eq!(TenantContext::try_current(), None);
    let alone = app(&format!("/alone/{mark}"), &world.globex).await;
    if alone.is_ok() {
        let globex = world.globex().await;
        let found = names(&globex).await.unwrap();
        assert!(
            found.contains(&format!("alone-{mark}")),
            "after {mark} a transaction was open"
        );
    }
    let probe = format!("/transaction/probe-{mark}");
    let probed = match app(&probe, &world.globex).await {
        Ok(probed) => {
            assert!(!probed.contains(world.acme.as_str()), "{probed}");
            PARTS
        }
        Err(status) => panic!("after {mark}: {status}"),
    };
    for (tenant, mark, expected) in [
        (&world.globex, format!("probe-{mark}"), &[probed][..]),
        (&world.globex, format!("|{mark}"), &[0]),
        (
            &world.acme,
            format!("|{mark}"),
            if is_answered { &[PARTS] } else { &[0, PARTS] },
        ),
    ] {
        let db = world.tenancy.for_tenant(tenant).await.unwrap();
        let found = names(&db).await.unwrap();
        let found = found
            .iter()
            .filter(|name| format!("|{name}").contains(&mark))
            .count();
        assert!(expected.contains(&found), "{found} of {mark} for {tenant}");
    }
    if world.server == Server::Postgres {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                   AND state LIKE 'idle in transaction%'";
        let shared = world.tenancy.shared().await.unwrap();
        assert_eq!(count(&shared, sql).await.unwrap(), 0, "{mark}");
    }
}

/// An application that serves requests: by a path and a tenant, the answer to its end.
type Application = Rc<dyn Fn(&str, &TenantId) -> Asking>;
type Asking = LocalBoxFuture<'static, Result<String, StatusCode>>;

async fn application(tenancy: &Tenancy) -> Application {
    let app = App::new()
        .wrap(TenantMiddleware::new(tenancy.clone()))
        .route("/list", web::get().to(list))
        .route("/alone/{mark}", web::get().to(alone))
        .route("/transaction/{mark}", web::get().to(transaction))
        .route("/own/{mark}", web::get().to(own))
        .route("/stream/{mark}", web::get().to(stream));
    let app = Rc::new(init_service(app).await);
    Rc::new(move |path, tenant| {
        let request = TestRequest::get()
            .uri(path)
            .insert_header(("x-tenant-id", tenant.as_str()))
            .to_request();
        let app = app.clone();
        Box::pin(async move {
            let response = app.call(request).await.unwrap();
            match response.status() {
                StatusCode::OK => {
                    let body = to_bytes(response.into_body()).await;
                    let body = body.map_err(|_| "the body broke").unwrap();
                    Ok(String::from_utf8(body.to_vec()).unwrap())
                }
                other => Err(other),
            }
        })
    })
}

async fn list(db: TenantDb) -> Result<String, TenantProblem> {
    Ok(names(&db).await?.join("\n"))
}

/// Without a transaction.
async fn alone(db: TenantDb, mark: web::Path<String>) -> Result<String, TenantProblem> {
    Ok(add(&db, &format!("alone-{mark}")).await?.name)
}

/// In the request's transaction, which the middleware commits.
async fn transaction(
    tx: TenantTransaction,
    mark: web::Path<String>,
) -> Result<String, TenantProblem> {
    add(&tx, &format!("{mark}a")).await?;
    let savepoint = tx.begin().await?;
    add(&savepoint, &format!("{mark}b")).await?;
    savepoint.commit().await?;
    add(&tx, &format!("{mark}c")).await?;
    Ok(names(&tx).await?.join("\n"))
}

/// In one of its own.
async fn own(db: TenantDb, mark: web::Path<String>) -> Result<String, TenantProblem> {
    let tx = db.begin().await?;
    for part in ["a", "b", "c"] {
        add(&tx, &format!("{mark}{part}")).await?;
    }
    tx.commit().await?;
    Ok(names(&db).await?.join("\n"))
}

/// In one of its own, and then reads while it answers.
async fn stream(db: TenantDb, mark: web::Path<String>) -> Result<HttpResponse, TenantProblem> {
    let tx = db.begin().await?;
    for part in ["a", "b", "c"] {
        add(&tx, &format!("{mark}{part}")).await?;
    }
    tx.commit().await?;
    Ok(HttpResponse::Ok().streaming(read(db)))
}

/// What is there, from a connection that the body holds.
fn read(db: TenantDb) -> impl futures_util::Stream<Item = Result<web::Bytes, TenantProblem>> {
    futures_util::stream::once(async move {
        let mut read = String::new();
        let mut authors = author::Entity::find().stream(&db).await?;
        while let Some(author) = authors.try_next().await? {
            read.push_str(&author.name);
            read.push('\n');
        }
        Ok(web::Bytes::from(read))
    })
}
