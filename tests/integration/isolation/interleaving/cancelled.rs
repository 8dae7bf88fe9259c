//! Work that is dropped at any point of it, on a pool of one connection.

use futures_util::StreamExt as _;
use sea_orm::{
    DatabaseTransaction, DbErr, EntityTrait as _, Statement, StreamTrait as _,
    TransactionTrait as _,
};
use sea_orm_tenant::{Tenancy, TenantConnection, TenantContext, TenantError};

use super::{
    super::rows::{add, count, names},
    cut,
};
use crate::support::{Server, World, entities::author, on_every_database};

on_every_database!(
    a_request_that_is_dropped_anywhere_leaves_nothing_behind,
    a_request_that_panics_anywhere_leaves_nothing_behind,
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
    let transaction = begin(&db).await?;
    add(&transaction, &format!("whole {number} a")).await?;
    let savepoint = transaction.begin().await?;
    add(&savepoint, &format!("whole {number} b")).await?;
    savepoint.commit().await?;
    add(&transaction, &format!("whole {number} c")).await?;
    transaction.commit().await?;
    names(&db).await?;
    Ok(())
}

/// In a task of its own, which is not cut short: sqlx 0.9 forgets a `BEGIN` that it has sent and
/// whose answer nobody waited for.
async fn begin(db: &TenantConnection) -> Result<TenantConnection<DatabaseTransaction>, DbErr> {
    let db = db.clone();
    tokio::spawn(async move { db.begin().await }).await.unwrap()
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
