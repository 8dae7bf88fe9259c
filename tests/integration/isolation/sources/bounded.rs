//! No more data sources than allowed, and none of them taken from somebody who uses it.

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::{TryStreamExt as _, future::join_all, poll};
use sea_orm::{EntityTrait as _, Statement, StreamTrait as _, TransactionTrait as _};
use sea_orm_tenant::{Tenancy, TenancyBuilder, TenantConnection, TenantError, TenantId};

use super::{
    super::rows::{add, names},
    apart, counted,
};
use crate::support::{World, entities::author, on_every_database};

on_every_database!(
    no_more_than_the_bound_are_open,
    the_one_that_is_idle_for_longest_makes_room,
    a_held_connection_keeps_its_data_source,
    a_transaction_keeps_its_data_source,
    a_stream_keeps_its_data_source,
    whoever_waits_for_too_long_is_told_that_all_are_in_use,
    all_who_wait_get_their_turn,
    a_waiting_newcomer_that_is_cancelled_takes_no_place,
    closing_waits_for_transactions_and_ends_held_connections,
);

fn tenancy(world: &World, max: usize) -> TenancyBuilder {
    Tenancy::builder().store(apart(world)).max_data_sources(max)
}

async fn no_more_than_the_bound_are_open(world: &World) {
    let tenancy = tenancy(world, 2).build().unwrap();
    for round in 0..5 {
        for tenant in [&world.acme, &world.globex, &world.planted] {
            let db = tenancy.for_tenant(tenant).await.unwrap();
            assert_eq!(db.tenant(), tenant);
            // The third one's table is full of planted rows.
            if tenant != &world.planted {
                add(&db, &format!("{tenant} {round}")).await.unwrap();
            }
            names(&db).await.unwrap();
            assert!(tenancy.open_data_sources() <= 2);
        }
    }
    for tenant in [&world.acme, &world.globex] {
        let db = tenancy.for_tenant(tenant).await.unwrap();
        let expected: Vec<_> = (0..5).map(|round| format!("{tenant} {round}")).collect();
        assert_eq!(names(&db).await.unwrap(), expected);
    }
    tenancy.close().await;
}

async fn the_one_that_is_idle_for_longest_makes_room(world: &World) {
    let (builder, opened) = counted(tenancy(world, 2));
    let tenancy = builder.build().unwrap();
    let touch = async |tenant: &TenantId| {
        let db = tenancy.for_tenant(tenant).await.unwrap();
        db.ping().await.unwrap();
        drop(db);
        opened.load(Ordering::Relaxed)
    };
    assert_eq!(touch(&world.acme).await, 1);
    assert_eq!(touch(&world.globex).await, 2);
    assert_eq!(touch(&world.acme).await, 2);
    assert_eq!(touch(&world.planted).await, 3, "in the place of globex");
    assert_eq!(touch(&world.acme).await, 3);
    assert_eq!(touch(&world.globex).await, 4, "in the place of planted");
    assert_eq!(touch(&world.acme).await, 4);
    tenancy.close().await;
}

async fn a_held_connection_keeps_its_data_source(world: &World) {
    let tenancy = tenancy(world, 1).build().unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let clone = acme.clone();
    let mut newcomer = Box::pin(tenancy.for_tenant(&world.globex));
    assert!(poll!(newcomer.as_mut()).is_pending());
    add(&acme, "Verne").await.unwrap();
    drop(acme);
    assert!(poll!(newcomer.as_mut()).is_pending());
    assert_eq!(names(&clone).await.unwrap(), ["Verne"]);
    assert_eq!(tenancy.open_data_sources(), 1);
    drop(clone);
    let globex = newcomer.await.unwrap();
    assert!(names(&globex).await.unwrap().is_empty());
    assert_eq!(tenancy.open_data_sources(), 1);
    drop(globex);
    tenancy.close().await;
}

/// Also when the connection that began it is gone.
async fn a_transaction_keeps_its_data_source(world: &World) {
    let (builder, opened) = counted(tenancy(world, 1));
    let tenancy = builder.build().unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let transaction = acme.begin().await.unwrap();
    drop(acme);
    let mut newcomer = Box::pin(tenancy.for_tenant(&world.globex));
    assert!(poll!(newcomer.as_mut()).is_pending());
    add(&transaction, "Verne").await.unwrap();
    let savepoint = transaction.begin().await.unwrap();
    add(&savepoint, "Wells").await.unwrap();
    assert!(poll!(newcomer.as_mut()).is_pending());
    savepoint.commit().await.unwrap();
    // It has not even begun to open its own.
    assert_eq!(opened.load(Ordering::Relaxed), 1);
    assert_eq!(tenancy.open_data_sources(), 1);
    transaction.commit().await.unwrap();
    newcomer.await.unwrap().ping().await.unwrap();
    assert_eq!(opened.load(Ordering::Relaxed), 2);
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    assert_eq!(names(&acme).await.unwrap(), ["Verne", "Wells"]);
    drop(acme);
    tenancy.close().await;
}

async fn a_stream_keeps_its_data_source(world: &World) {
    let tenancy = tenancy(world, 1).build().unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    for number in 0..10 {
        add(&acme, &format!("{number}")).await.unwrap();
    }
    let mut stream = author::Entity::find().stream(&acme).await.unwrap();
    stream.try_next().await.unwrap().expect("the first");
    let mut newcomer = Box::pin(tenancy.for_tenant(&world.globex));
    assert!(poll!(newcomer.as_mut()).is_pending());
    for _ in 1..10 {
        stream.try_next().await.unwrap().expect("the others");
    }
    assert!(stream.try_next().await.unwrap().is_none());
    drop(stream);
    drop(acme);
    newcomer.await.unwrap().ping().await.unwrap();
    tenancy.close().await;
}

async fn whoever_waits_for_too_long_is_told_that_all_are_in_use(world: &World) {
    let timeout = Duration::from_millis(300);
    let tenancy = tenancy(world, 2).acquire_timeout(timeout).build().unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let globex = tenancy.for_tenant(&world.globex).await.unwrap();
    let error = tenancy.for_tenant(&world.planted).await.unwrap_err();
    assert!(matches!(
        error,
        TenantError::DataSourcesExhausted { max: 2 }
    ));
    assert!(error.is_connection_failure());
    assert_eq!(
        error.to_string(),
        "all 2 data sources are in use; raise `max_data_sources`, or hold tenant connections for \
         shorter"
    );
    assert!(names(&acme).await.unwrap().is_empty());
    drop(acme);
    let planted = tenancy.for_tenant(&world.planted).await.unwrap();
    planted.ping().await.unwrap();
    assert!(names(&globex).await.unwrap().is_empty());
    drop((globex, planted));
    tenancy.close().await;
}

async fn all_who_wait_get_their_turn(world: &World) {
    let tenancy = tenancy(world, 1).build().unwrap();
    let held = tenancy.for_tenant(&world.acme).await.unwrap();
    let tenants = [&world.globex, &world.planted, &world.acme];
    let mut waiting: Vec<_> = (0..12)
        .map(|number| {
            let (tenancy, tenant) = (&tenancy, tenants[number % 3]);
            Box::pin(async move {
                let db: TenantConnection = tenancy.for_tenant(tenant).await?;
                Ok::<_, TenantError>(names(&db).await?)
            })
        })
        .collect();
    for (number, waiting) in waiting.iter_mut().enumerate() {
        // Acme's own is open.
        if number % 3 != 2 {
            assert!(poll!(waiting.as_mut()).is_pending());
        }
    }
    drop(held);
    for (number, outcome) in join_all(waiting).await.into_iter().enumerate() {
        assert_eq!(outcome.unwrap().is_empty(), number % 3 != 1, "{number}");
    }
    tenancy.close().await;
}

async fn a_waiting_newcomer_that_is_cancelled_takes_no_place(world: &World) {
    let tenancy = tenancy(world, 1).build().unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let mut given_up = Box::pin(tenancy.for_tenant(&world.globex));
    assert!(poll!(given_up.as_mut()).is_pending());
    let mut newcomer = Box::pin(tenancy.for_tenant(&world.planted));
    assert!(poll!(newcomer.as_mut()).is_pending());
    // Without a share, so that the source is idle and cannot close yet.
    let select = Statement::from_string(
        acme.get_database_backend(),
        "SELECT count(*) FROM $tenant.author",
    );
    let rows = acme.stream_raw(select).await.unwrap();
    drop(acme);
    // It makes room, and goes before it is there.
    assert!(poll!(given_up.as_mut()).is_pending());
    drop(given_up);
    drop(rows);
    newcomer.await.unwrap().ping().await.unwrap();
    tenancy.close().await;
}

async fn closing_waits_for_transactions_and_ends_held_connections(world: &World) {
    let tenancy = tenancy(world, 2).build().unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let transaction = acme.begin().await.unwrap();
    let mut closing = Box::pin(tenancy.close());
    assert!(poll!(closing.as_mut()).is_pending());
    add(&transaction, "Verne").await.unwrap();
    assert!(poll!(closing.as_mut()).is_pending());
    transaction.commit().await.unwrap();
    closing.await;
    names(&acme).await.unwrap_err();
    assert_eq!(names(&world.acme().await).await.unwrap(), ["Verne"]);
}
