//! Whoever waits for a place gets the first one that is really free.

use std::time::Duration;

use futures_util::poll;
use sea_orm::TransactionTrait as _;
use sea_orm_tenant::{Tenancy, TenancyBuilder};

use super::apart;
use crate::support::{World, on_every_database};

on_every_database!(
    a_cancelled_waiter_wakes_the_newcomer,
    an_idle_source_makes_room_before_one_with_a_transaction,
    a_source_with_a_transaction_is_still_there_for_its_tenant,
    a_newcomer_whose_room_was_taken_gets_the_next,
    a_closed_tenancy_has_no_source_open,
);

fn tenancy(world: &World, sources: usize) -> TenancyBuilder {
    Tenancy::builder()
        .store(apart(world))
        .max_data_sources(sources)
        .acquire_timeout(Duration::from_secs(5))
}

async fn a_cancelled_waiter_wakes_the_newcomer(world: &World) {
    let tenancy = tenancy(world, 1).build().unwrap();
    let mut first = Box::pin(tenancy.for_tenant(&world.acme));
    assert!(poll!(first.as_mut()).is_pending());
    let mut second = Box::pin(tenancy.for_tenant(&world.acme));
    assert!(poll!(second.as_mut()).is_pending());
    let acme = first.await.unwrap();
    let mut newcomer = Box::pin(tenancy.for_tenant(&world.globex));
    assert!(poll!(newcomer.as_mut()).is_pending());
    drop(acme);
    assert!(poll!(newcomer.as_mut()).is_pending());
    drop(second);
    newcomer.await.unwrap();
}

/// The transaction's handle is gone, so only the transaction itself says that it is there.
async fn an_idle_source_makes_room_before_one_with_a_transaction(world: &World) {
    let tenancy = tenancy(world, 2).build().unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let transaction = acme.begin().await.unwrap();
    drop(acme);
    drop(tenancy.for_tenant(&world.globex).await.unwrap());
    tenancy.for_tenant(&world.planted).await.unwrap();
    transaction.rollback().await.unwrap();
}

async fn a_source_with_a_transaction_is_still_there_for_its_tenant(world: &World) {
    let tenancy = tenancy(world, 1).build().unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let transaction = acme.begin().await.unwrap();
    drop(acme);
    let mut newcomer = Box::pin(tenancy.for_tenant(&world.globex));
    assert!(poll!(newcomer.as_mut()).is_pending());
    drop(tenancy.for_tenant(&world.acme).await.unwrap());
    transaction.rollback().await.unwrap();
    newcomer.await.unwrap();
}

/// The second newcomer makes room, and the first one, who waits for longer, takes it.
async fn a_newcomer_whose_room_was_taken_gets_the_next(world: &World) {
    let tenancy = tenancy(world, 1).build().unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let mut first = Box::pin(tenancy.for_tenant(&world.globex));
    assert!(poll!(first.as_mut()).is_pending());
    drop(acme);
    let mut second = Box::pin(tenancy.for_tenant(&world.planted));
    assert!(poll!(second.as_mut()).is_pending());
    let globex = first.await.unwrap();
    assert!(poll!(second.as_mut()).is_pending());
    drop(globex);
    second.await.unwrap();
}

async fn a_closed_tenancy_has_no_source_open(world: &World) {
    let tenancy = world.tenancy().build().unwrap();
    drop(tenancy.for_tenant(&world.acme).await.unwrap());
    tenancy.close().await;
    assert_eq!(tenancy.open_data_sources(), 0);
}
