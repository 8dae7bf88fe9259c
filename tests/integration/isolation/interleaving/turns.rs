//! Twenty tenants on a pool of one connection, in an order that is forced and the same each time.

use std::{future::poll_fn, sync::Arc, task::Poll};

use futures_util::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, DbErr, EntityTrait as _, QueryFilter as _,
    TransactionTrait as _, sea_query::Expr,
};
use sea_orm_tenant::{Tenancy, TenantContext, TenantError, TenantFutureExt as _, TenantId};

use super::super::rows::{add, names};
use crate::support::{World, entities::author, on_every_database};

on_every_database!(
    interleaved_tenants_on_one_connection_see_their_own_rows,
    spawned_tenants_on_one_connection_see_their_own_rows,
);

const TENANTS: usize = 20;
const OPERATIONS: usize = 50;

async fn interleaved_tenants_on_one_connection_see_their_own_rows(world: &World) {
    let (tenancy, tenants) = many_tenants(world).await;
    // All on one task: each yields between its operations, and waits for the connection in them.
    let mut running: FuturesUnordered<_> = (0_u64..)
        .zip(&tenants)
        .map(|(seed, id)| day(&tenancy, id, seed).in_tenant(id.clone()))
        .collect();
    let mut finished = 0;
    while let Some(outcome) = running.next().await {
        outcome.unwrap();
        assert_eq!(TenantContext::try_current(), None);
        finished += 1;
    }
    assert_eq!(finished, TENANTS);
    tenancy.close().await;
}

async fn spawned_tenants_on_one_connection_see_their_own_rows(world: &World) {
    let (tenancy, tenants) = many_tenants(world).await;
    // They all begin at once.
    let start = Arc::new(tokio::sync::Barrier::new(TENANTS));
    let tasks = (0_u64..).zip(tenants).map(|(seed, id)| {
        let (tenancy, start) = (tenancy.clone(), start.clone());
        TenantContext::sync_scope(id.clone(), || {
            TenantContext::spawn(async move {
                start.wait().await;
                day(&tenancy, &id, seed).await
            })
        })
    });
    for outcome in join_all(tasks).await {
        outcome.unwrap().unwrap();
    }
    tenancy.close().await;
}

/// On SQLite each has a file, and so a pool, of its own.
async fn many_tenants(world: &World) -> (Tenancy, Vec<TenantId>) {
    let tenancy = world.tenancy().max_connections(1).build().unwrap();
    let mut tenants = Vec::new();
    for number in 0..TENANTS {
        let id = TenantId::try_from(format!("t{number}-{}", world.acme)).unwrap();
        world.store.add(id.clone(), &world.database).unwrap();
        let db = tenancy.create_schema(&id).await.unwrap();
        let tables = db.get_schema_builder().register(author::Entity);
        tables.apply(&db).await.unwrap();
        tenants.push(id);
    }
    (tenancy, tenants)
}

/// What one tenant does, with an account of what it must find.
async fn day(tenancy: &Tenancy, id: &TenantId, seed: u64) -> Result<(), TenantError> {
    let mut random = Random::new(seed);
    let mut expected: Vec<String> = Vec::new();
    for number in 0..OPERATIONS {
        let db = tenancy.current().await?;
        assert_eq!(db.tenant(), id);
        let name = format!("{id} {number}");
        match random.below(8) {
            0..=2 => {
                add(&db, &name).await?;
                expected.push(name);
            }
            3 => {
                let transaction = db.begin().await?;
                add(&transaction, &name).await?;
                let savepoint = transaction.begin().await?;
                add(&savepoint, &format!("{name} given up")).await?;
                random.pause().await;
                savepoint.rollback().await?;
                transaction.commit().await?;
                expected.push(name);
            }
            4 => {
                let given_up = db.transaction_async::<_, (), DbErr>(async |transaction| {
                    add(transaction, &name).await?;
                    Err(DbErr::Custom("given up".into()))
                });
                given_up.await.unwrap_err();
            }
            5 => {
                let renamed = author::Entity::update_many()
                    .col_expr(author::Column::Name, Expr::val(format!("{name} renamed")))
                    .filter(author::Column::Name.eq(expected.first().cloned()));
                let changed = renamed.exec(&db).await?.rows_affected;
                if let Some(first) = expected.first_mut() {
                    assert_eq!(changed, 1);
                    *first = format!("{name} renamed");
                }
            }
            6 => {
                let batch = [0, 1].map(|part| author::ActiveModel {
                    name: Set(format!("{name} {part}")),
                    ..Default::default()
                });
                author::Entity::insert_many(batch).exec(&db).await?;
                expected.extend([0, 1].map(|part| format!("{name} {part}")));
            }
            _ => {
                let mut stream = author::Entity::find().stream(&db).await?;
                // Half of it: the rest stays behind on the connection.
                for _ in 0..expected.len().div_ceil(2) {
                    let found = stream.next().await.expect("one more")?.name;
                    assert!(expected.contains(&found), "{id} found {found}");
                }
            }
        }
        random.pause().await;
        assert_eq!(names(&db).await?, expected, "{id}");
        assert_eq!(TenantContext::try_current().as_ref(), Some(id));
    }
    Ok(())
}

/// The same numbers for the same seed (a linear congruential generator, by Knuth).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// Gives the others some turns.
    async fn pause(&mut self) {
        let mut turns = self.below(4);
        poll_fn(|context| {
            if turns == 0 {
                return Poll::Ready(());
            }
            turns -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}
