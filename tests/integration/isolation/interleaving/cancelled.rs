//! Work that is dropped at any point of it, on a pool of one connection.

use futures_util::StreamExt as _;
use sea_orm::{
    AccessMode, EntityTrait as _, IsolationLevel, Statement, StreamTrait as _,
    TransactionTrait as _,
};
use sea_orm_tenant::{Tenancy, TenantContext, TenantError};

use super::{
    super::rows::{add, count, names},
    cut,
};
use crate::support::{Server, World, entities::author, on_every_database};

on_every_database!(
    a_request_that_is_dropped_anywhere_leaves_nothing_behind,
    a_request_that_panics_anywhere_leaves_nothing_behind,
    transaction_settings_that_are_cancelled_do_not_stay,
    a_cancelled_savepoint_does_not_commit_its_transaction,
    a_stream_that_is_dropped_half_way_gives_its_connection_back,
);

async fn a_request_that_is_dropped_anywhere_leaves_nothing_behind(world: &World) {
    let tenancy = world.tenancy().max_connections(1).build().unwrap();
    for polls in cut::EVERYWHERE {
        let request = TenantContext::scope(world.acme.clone(), request(&tenancy, polls));
        if let Some(completed) = cut::after(polls, request).await {
            completed.unwrap();
        }
        assert_nothing_left(world, &tenancy, polls).await;
    }
    tenancy.close().await;
}

async fn a_request_that_panics_anywhere_leaves_nothing_behind(world: &World) {
    let tenancy = world.tenancy().max_connections(1).build().unwrap();
    for polls in cut::EVERYWHERE {
        let request = TenantContext::scope(world.acme.clone(), request(&tenancy, polls));
        if let Some(completed) = cut::by_panic_after(polls, request).await {
            completed.unwrap();
        }
        assert_nothing_left(world, &tenancy, polls).await;
    }
    tenancy.close().await;
}

/// Everything that a request does with its connection. What it writes in its transaction is there
/// as a whole or not at all.
async fn request(tenancy: &Tenancy, number: usize) -> Result<(), TenantError> {
    let db = tenancy.current().await?;
    add(&db, &format!("alone {number}")).await?;
    let transaction = db.begin().await?;
    add(&transaction, &format!("whole {number} a")).await?;
    let savepoint = transaction.begin().await?;
    add(&savepoint, &format!("whole {number} b")).await?;
    savepoint.commit().await?;
    add(&transaction, &format!("whole {number} c")).await?;
    transaction.commit().await?;
    names(&db).await?;
    Ok(())
}

/// The one connection does the next tenant's work at once, and others see it at once.
async fn assert_nothing_left(world: &World, tenancy: &Tenancy, number: usize) {
    assert_eq!(TenantContext::try_current(), None);
    let probe = format!("probe {number}");
    for (id, other) in [
        (&world.globex, world.globex().await),
        (&world.acme, world.acme().await),
    ] {
        let db = tenancy.for_tenant(id).await.unwrap();
        add(&db, &probe).await.unwrap();
        let seen = names(&other).await.unwrap();
        assert!(
            seen.contains(&probe),
            "after {number} polls a transaction was left open"
        );
        let theirs = |name: &String| name.starts_with("alone") || name.starts_with("whole");
        assert!(id == &world.acme || !seen.iter().any(theirs), "{seen:?}");
        let whole = format!("whole {number} ");
        let whole = seen.iter().filter(|name| name.starts_with(&whole)).count();
        assert!([0, 3].contains(&whole), "after {number} polls: {seen:?}");
    }
    if world.server == Server::Postgres {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                   AND state LIKE 'idle in transaction%'";
        let shared = world.tenancy.shared().await.unwrap();
        assert_eq!(count(&shared, sql).await.unwrap(), 0);
    }
}

async fn transaction_settings_that_are_cancelled_do_not_stay(world: &World) {
    let tenancy = world.tenancy().max_connections(1).build().unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let level = Some(IsolationLevel::Serializable);
    for polls in cut::EVERYWHERE {
        let begun = acme.begin_with_config(level, Some(AccessMode::ReadOnly));
        drop(cut::after(polls % 5 + 1, begun).await);
        let transaction = acme.begin().await.unwrap();
        let written = add(&transaction, &format!("after {polls} polls")).await;
        written.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(names(&world.acme().await).await.unwrap().len(), polls);
    }
    tenancy.close().await;
}

async fn a_cancelled_savepoint_does_not_commit_its_transaction(world: &World) {
    let tenancy = world.tenancy().max_connections(1).build().unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    for polls in cut::EVERYWHERE {
        let transaction = acme.begin().await.unwrap();
        add(&transaction, "before").await.unwrap();
        drop(cut::after(polls % 5 + 1, transaction.begin()).await);
        // It may fail from here on. What it may not do is write outside of the transaction.
        let _ = add(&transaction, "after").await;
        let _ = transaction.rollback().await;
        let seen = names(&world.acme().await).await.unwrap();
        assert!(seen.is_empty(), "after {polls} polls: {seen:?}");
    }
    tenancy.close().await;
}

async fn a_stream_that_is_dropped_half_way_gives_its_connection_back(world: &World) {
    let tenancy = world.tenancy().max_connections(1).build().unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let globex = tenancy.for_tenant(&world.globex).await.unwrap();
    for number in 0..200 {
        add(&acme, &format!("{number}")).await.unwrap();
    }
    for read in [0, 1, 100] {
        let mut stream = author::Entity::find().stream(&acme).await.unwrap();
        for _ in 0..read {
            stream.next().await.unwrap().unwrap();
        }
        drop(stream);
        assert!(names(&globex).await.unwrap().is_empty());

        let sql = "SELECT * FROM $tenant.author";
        let backend = sea_orm::ConnectionTrait::get_database_backend(&acme);
        let transaction = acme.begin().await.unwrap();
        let raw = Statement::from_string(backend, sql);
        let mut stream = transaction.stream_raw(raw).await.unwrap();
        for _ in 0..read {
            stream.next().await.unwrap().unwrap();
        }
        drop(stream);
        assert_eq!(names(&transaction).await.unwrap().len(), 200);
        drop(transaction);
        assert!(names(&globex).await.unwrap().is_empty());
    }
    tenancy.close().await;
}
