//! A `begin` that nobody waits for leaves no transaction on the pooled connection.

use sea_orm::TransactionTrait as _;
use sea_orm_tenant::TenantError;

use super::cut;
use crate::{
    isolation::rows::{add, names},
    support::{Server, World, on_every_database},
};

on_every_database!(
    a_begin_that_is_cancelled_anywhere_takes_no_other_work_with_it,
    a_savepoint_that_outlives_its_transaction_commits_nothing,
);

async fn a_begin_that_is_cancelled_anywhere_takes_no_other_work_with_it(world: &World) {
    let tenancy = world.tenancy().max_connections(1).build().unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    acme.ping().await.unwrap();
    // On a server the next borrower of the one connection is another tenant.
    let next = match world.server {
        Server::Sqlite => acme.clone(),
        _ => tenancy.for_tenant(&world.globex).await.unwrap(),
    };
    for round in cut::EVERYWHERE {
        drop(cut::after(round % 4 + 1, acme.begin()).await);
        add(&next, &round.to_string()).await.unwrap();
        let elsewhere = world.tenancy.for_tenant(next.tenant()).await.unwrap();
        assert_eq!(names(&elsewhere).await.unwrap().len(), round);
    }
}

async fn a_savepoint_that_outlives_its_transaction_commits_nothing(world: &World) {
    let acme = world.acme().await;
    let transaction = acme.begin().await.unwrap();
    add(&transaction, "outer").await.unwrap();
    let savepoint = transaction.begin().await.unwrap();
    drop(transaction);
    let lost = TenantError::from(add(&savepoint, "inner").await.unwrap_err());
    assert!(matches!(lost, TenantError::TransactionLost), "{lost}");
    savepoint.commit().await.unwrap_err();
    assert!(names(&acme).await.unwrap().is_empty());
}
