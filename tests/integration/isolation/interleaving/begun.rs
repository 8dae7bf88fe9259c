//! A `begin` that nobody waits for leaves no transaction on the pooled connection.

use sea_orm::TransactionTrait as _;

use super::cut;
use crate::{
    isolation::rows::{add, names},
    support::{Server, World, on_every_database},
};

on_every_database!(a_begin_that_is_cancelled_anywhere_takes_no_other_work_with_it);

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
