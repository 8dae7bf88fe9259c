//! When a data source is opened, and how often.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::{StreamExt as _, future::join_all, poll};
use sea_orm::{EntityTrait as _, TransactionTrait as _};
use sea_orm_tenant::{DatabaseUrl, MemoryStore, Tenancy, TenantConnection, TenantError, TenantId};
use tokio::sync::Barrier;

use super::{
    super::rows::{add, count, names},
    counted, place,
    proxy::{Closed, Mute},
};

use crate::support::{Server, World, entities::author, on_every_database};

on_every_database!(
    building_a_tenancy_opens_nothing,
    a_server_that_comes_up_later_is_used_then,
    a_hundred_first_calls_open_one_data_source,
    an_opener_that_is_cancelled_leaves_it_to_those_who_wait,
    failed_openings_take_no_place,
    tenants_of_one_database_share_its_data_source,
    a_connection_outlives_the_runtime_of_whoever_opened_it,
    what_is_dropped_on_an_ending_worker_gives_its_connection_back,
);

async fn building_a_tenancy_opens_nothing(world: &World) {
    let (builder, opened) = counted(world.tenancy());
    let tenancy = builder.build().unwrap();
    assert_eq!(tenancy.open_data_sources(), 0);
    tenancy.tenant(&world.acme).await.unwrap();
    assert_eq!(opened.load(Ordering::Relaxed), 0);
    assert_eq!(tenancy.open_data_sources(), 0);
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    acme.ping().await.unwrap();
    assert_eq!(opened.load(Ordering::Relaxed), 1);
    assert_eq!(tenancy.open_data_sources(), 1);
    tenancy.close().await;
}

async fn a_server_that_comes_up_later_is_used_then(world: &World) {
    if world.server == Server::Sqlite {
        return a_file_that_is_made_later_is_used_then(world).await;
    }
    add(&world.acme().await, "Verne").await.unwrap();
    let closed = Closed::in_front_of(world);
    let store = MemoryStore::new();
    place(&store, &world.acme, &closed.url(world));
    let tenancy = Tenancy::builder()
        .store(store)
        .acquire_timeout(Duration::from_secs(1))
        .build()
        .unwrap();
    let error = tenancy.for_tenant(&world.acme).await.unwrap_err();
    assert!(matches!(error, TenantError::DataSourceUnavailable { .. }));
    assert_eq!(tenancy.open_data_sources(), 0);
    closed.open();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    assert_eq!(names(&acme).await.unwrap(), ["Verne"]);
    drop(acme);
    tenancy.close().await;
}

async fn a_file_that_is_made_later_is_used_then(world: &World) {
    let file = world
        .path()
        .join("tenants")
        .join(format!("tenant_{}.sqlite", world.acme));
    let moved = world.path().join("moved.sqlite");
    add(&world.acme().await, "Verne").await.unwrap();
    world.tenancy.close().await;
    std::fs::rename(&file, &moved).unwrap();
    let error = world.tenancy.for_tenant(&world.acme).await.unwrap_err();
    assert!(matches!(error, TenantError::DataSourceUnavailable { .. }));
    std::fs::rename(&moved, &file).unwrap();
    assert_eq!(names(&world.acme().await).await.unwrap(), ["Verne"]);
}

async fn a_hundred_first_calls_open_one_data_source(world: &World) {
    let (builder, opened) = counted(world.tenancy().max_connections(1));
    let tenancy = builder.build().unwrap();
    let start = Arc::new(Barrier::new(100));
    let calls = (0..100).map(|_| {
        let (tenancy, start, acme) = (tenancy.clone(), start.clone(), world.acme.clone());
        tokio::spawn(async move {
            start.wait().await;
            let acme = tenancy.for_tenant(&acme).await?;
            Ok::<_, TenantError>(names(&acme).await?)
        })
    });
    for call in join_all(calls).await {
        assert!(call.unwrap().unwrap().is_empty());
    }
    assert_eq!(opened.load(Ordering::Relaxed), 1);
    assert_eq!(tenancy.open_data_sources(), 1);
    tenancy.close().await;
}

async fn an_opener_that_is_cancelled_leaves_it_to_those_who_wait(world: &World) {
    if world.server == Server::Sqlite {
        return who_waits_takes_the_place_of_an_opener_that_is_cancelled(world).await;
    }
    let mute = Mute::in_front_of(world);
    let store = MemoryStore::new();
    place(&store, &world.acme, &mute.url(world));
    let (builder, opened) = counted(Tenancy::builder().store(store));
    let tenancy = builder.build().unwrap();
    let mut opener = Box::pin(tenancy.for_tenant(&world.acme));
    assert!(poll!(opener.as_mut()).is_pending());
    assert_eq!(opened.load(Ordering::Relaxed), 1);
    let mut waiting = [0; 3].map(|_| Box::pin(tenancy.for_tenant(&world.acme)));
    for waiting in &mut waiting {
        assert!(poll!(waiting.as_mut()).is_pending());
    }
    assert_eq!(opened.load(Ordering::Relaxed), 1);
    drop(opener);
    mute.open();
    for outcome in join_all(waiting).await {
        outcome.unwrap().ping().await.unwrap();
    }
    assert_eq!(opened.load(Ordering::Relaxed), 2);
    assert_eq!(tenancy.open_data_sources(), 1);
    tenancy.close().await;
}

/// A file opens too fast to be caught at it: the opener waits for a place.
async fn who_waits_takes_the_place_of_an_opener_that_is_cancelled(world: &World) {
    let (builder, opened) = counted(world.tenancy().max_data_sources(1));
    let tenancy = builder.build().unwrap();
    let held = tenancy.for_tenant(&world.globex).await.unwrap();
    let mut opener = Box::pin(tenancy.for_tenant(&world.acme));
    assert!(poll!(opener.as_mut()).is_pending());
    let mut waiting = [0; 3].map(|_| Box::pin(tenancy.for_tenant(&world.acme)));
    for waiting in &mut waiting {
        assert!(poll!(waiting.as_mut()).is_pending());
    }
    drop(opener);
    drop(held);
    for outcome in join_all(waiting).await {
        outcome.unwrap().ping().await.unwrap();
    }
    assert_eq!(opened.load(Ordering::Relaxed), 2);
    tenancy.close().await;
}

async fn failed_openings_take_no_place(world: &World) {
    let store = MemoryStore::new();
    place(&store, &world.acme, &world.database);
    let nowhere = |number: u16| match world.server {
        Server::Sqlite => {
            DatabaseUrl::sqlite(world.path().join(format!("nowhere{number}"))).unwrap()
        }
        Server::Postgres => DatabaseUrl::new(format!("postgres://a@127.0.0.1:{number}/a")).unwrap(),
        Server::MySql => DatabaseUrl::new(format!("mysql://a@127.0.0.1:{number}/a")).unwrap(),
    };
    let lost = |number: u16| TenantId::try_from(format!("lost{number}")).unwrap();
    for number in 1..=5 {
        place(&store, &lost(number), &nowhere(number));
    }
    let tenancy = Tenancy::builder()
        .store(store)
        .max_data_sources(1)
        .acquire_timeout(Duration::from_millis(500))
        .build()
        .unwrap();
    for number in 1..=5 {
        let error = tenancy.for_tenant(&lost(number)).await.unwrap_err();
        assert!(matches!(error, TenantError::DataSourceUnavailable { .. }));
        assert_eq!(tenancy.open_data_sources(), 0);
    }
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    assert!(names(&acme).await.unwrap().is_empty());
    drop(acme);
    tenancy.close().await;
}

async fn tenants_of_one_database_share_its_data_source(world: &World) {
    let tenancy = world.tenancy().build().unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let globex = tenancy.for_tenant(&world.globex).await.unwrap();
    let shared = tenancy.shared().await.unwrap();
    let expected = if world.server == Server::Sqlite { 3 } else { 1 };
    assert_eq!(tenancy.open_data_sources(), expected);
    drop((acme, globex, shared));
    tenancy.close().await;
}

/// They do not try one behind the other, each for the length of a timeout.
#[tokio::test]
async fn all_who_waited_for_a_source_that_fails_are_told_at_once() {
    let url = DatabaseUrl::new("postgres://app@127.0.0.1:1/app").unwrap();
    let acme = TenantId::from_static("acme");
    let store = MemoryStore::new();
    store.add(acme.clone(), &url).unwrap();
    let builder = Tenancy::builder()
        .store(store)
        .acquire_timeout(Duration::from_millis(50));
    let (builder, opened) = counted(builder);
    let tenancy = builder.build().unwrap();
    let refused = join_all((0..20).map(|_| tenancy.for_tenant(&acme))).await;
    for outcome in refused {
        let error = outcome.unwrap_err();
        assert!(
            matches!(error, TenantError::DataSourceUnavailable { .. }),
            "{error}"
        );
    }
    assert_eq!(opened.load(Ordering::Relaxed), 1);
    // The next one tries again.
    tenancy.for_tenant(&acme).await.unwrap_err();
    assert_eq!(opened.load(Ordering::Relaxed), 2);
    assert_eq!(tenancy.open_data_sources(), 0);
}

/// A worker of a server has a runtime of its own, and may end before the others.
async fn a_connection_outlives_the_runtime_of_whoever_opened_it(world: &World) {
    let tenancy = world.tenancy().max_connections(1).build().unwrap();
    let session = session_of(world);
    let opened = on_a_worker(&tenancy, world, async move |db| {
        add(&db, "Verne").await.unwrap();
        count(&db, session).await.unwrap()
    });
    let db = tenancy.for_tenant(&world.acme).await.unwrap();
    assert_eq!(
        count(&db, session).await.unwrap(),
        opened,
        "another connection"
    );
    assert_eq!(names(&db).await.unwrap(), ["Verne"]);
    let transaction = db.begin().await.unwrap();
    add(&transaction, "Wells").await.unwrap();
    transaction.commit().await.unwrap();
    tenancy.close().await;
}

/// A worker that is ending has no time left to give anything back.
async fn what_is_dropped_on_an_ending_worker_gives_its_connection_back(world: &World) {
    let tenancy = world.tenancy().max_connections(1).build().unwrap();
    let session = session_of(world);
    let opened = on_a_worker(&tenancy, world, async move |db| {
        let opened = count(&db, session).await.unwrap();
        let transaction = db.begin().await.unwrap();
        add(&transaction, "Verne").await.unwrap();
        drop(transaction);
        opened
    });
    on_a_worker(&tenancy, world, async move |db| {
        add(&db, "Wells").await.unwrap();
        add(&db, "Shelley").await.unwrap();
        let mut rows = Box::pin(author::Entity::find().stream(&db).await.unwrap());
        rows.next().await.unwrap().unwrap();
    });
    let db = tenancy.for_tenant(&world.acme).await.unwrap();
    assert_eq!(
        count(&db, session).await.unwrap(),
        opened,
        "another connection"
    );
    assert_eq!(names(&db).await.unwrap(), ["Wells", "Shelley"]);
    tenancy.close().await;
}

/// What `work` returns, in a runtime of its own that ends with it.
fn on_a_worker<R: Send + 'static>(
    tenancy: &Tenancy,
    world: &World,
    work: impl AsyncFnOnce(TenantConnection) -> R + Send + 'static,
) -> R {
    let (tenancy, acme) = (tenancy.clone(), world.acme.clone());
    let worker = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async { work(tenancy.for_tenant(&acme).await.unwrap()).await })
    });
    worker.join().unwrap()
}

/// Which of the server's sessions a connection is. SQLite has none.
fn session_of(world: &World) -> &'static str {
    match world.server {
        Server::Postgres => "SELECT pg_backend_pid()::bigint, '$tenant'",
        Server::MySql => "SELECT CAST(CONNECTION_ID() AS SIGNED), '$tenant'",
        Server::Sqlite => "SELECT 1, '$tenant'",
    }
}
