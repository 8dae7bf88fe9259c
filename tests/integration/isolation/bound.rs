//! A connection belongs to one tenant for its whole life, whatever is current around it.

use std::future::poll_fn;

use futures_util::poll;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, TransactionError, TransactionTrait as _,
};
use sea_orm_tenant::{SchemaName, TenantConnection, TenantContext, TenantError};

use super::rows::{add, names};
use crate::support::{World, entities::author, on_every_database};

on_every_database!(
    a_connection_stays_its_tenants_in_another_scope,
    a_connection_stays_its_tenants_after_its_scope,
    a_connection_stays_its_tenants_in_another_task,
    a_query_belongs_to_the_connection_that_runs_it,
    a_future_belongs_to_the_scope_that_polls_it_first,
    a_future_that_has_its_connection_keeps_it_in_another_scope,
    transactions_and_savepoints_stay_their_tenants,
    a_clone_is_the_same_tenants,
    a_borrowed_connection_is_bound_too,
    a_borrowed_transaction_is_bound_too,
    debug_shows_tenant_and_schema_only,
);

/// One row each, so that every answer says whose it is.
async fn one_row_each(world: &World) -> (TenantConnection, TenantConnection) {
    let (acme, globex) = (world.acme().await, world.globex().await);
    add(&acme, "Acme's").await.unwrap();
    add(&globex, "Globex's").await.unwrap();
    (acme, globex)
}

async fn a_connection_stays_its_tenants_in_another_scope(world: &World) {
    let (acme, _) = one_row_each(world).await;
    TenantContext::scope(world.globex.clone(), async {
        assert_eq!(names(&acme).await.unwrap(), ["Acme's"]);
        add(&acme, "Also Acme's").await.unwrap();
        let globex = world.tenancy.current().await.unwrap();
        assert_eq!(names(&globex).await.unwrap(), ["Globex's"]);
    })
    .await;
    assert_eq!(names(&acme).await.unwrap(), ["Acme's", "Also Acme's"]);
}

async fn a_connection_stays_its_tenants_after_its_scope(world: &World) {
    one_row_each(world).await;
    let scope = TenantContext::scope(world.acme.clone(), world.tenancy.current());
    let acme = scope.await.unwrap();
    assert_eq!(TenantContext::try_current(), None);
    assert_eq!(names(&acme).await.unwrap(), ["Acme's"]);
    let without = TenantContext::without(names(&acme)).await;
    assert_eq!(without.unwrap(), ["Acme's"]);
}

async fn a_connection_stays_its_tenants_in_another_task(world: &World) {
    let (acme, _) = one_row_each(world).await;
    let elsewhere = acme.clone();
    let task = tokio::spawn(async move { names(&elsewhere).await });
    assert_eq!(task.await.unwrap().unwrap(), ["Acme's"]);
    let task = TenantContext::scope(world.globex.clone(), async move {
        TenantContext::spawn(async move { names(&acme).await }).await
    });
    assert_eq!(task.await.unwrap().unwrap(), ["Acme's"]);
}

async fn a_query_belongs_to_the_connection_that_runs_it(world: &World) {
    let (acme, globex) = one_row_each(world).await;
    let query = TenantContext::sync_scope(world.acme.clone(), || {
        author::Entity::find().filter(author::Column::Id.gt(0))
    });
    TenantContext::scope(world.globex.clone(), async {
        let found = query.clone().all(&globex).await.unwrap();
        assert_eq!(found[0].name, "Globex's");
        let found = query.all(&acme).await.unwrap();
        assert_eq!(found[0].name, "Acme's");
    })
    .await;
}

async fn a_future_belongs_to_the_scope_that_polls_it_first(world: &World) {
    one_row_each(world).await;
    let future = TenantContext::sync_scope(world.acme.clone(), || async {
        names(&world.tenancy.current().await?)
            .await
            .map_err(TenantError::from)
    });
    let found = TenantContext::scope(world.globex.clone(), future).await;
    assert_eq!(found.unwrap(), ["Globex's"]);
}

/// Polled for the first time in one scope, and from then on in another.
async fn a_future_that_has_its_connection_keeps_it_in_another_scope(world: &World) {
    one_row_each(world).await;
    let mut future = Box::pin(async {
        let db = world.tenancy.current().await.unwrap();
        yield_once().await;
        let before = names(&db).await.unwrap();
        yield_once().await;
        (before, names(&db).await.unwrap())
    });
    let first = TenantContext::scope(world.acme.clone(), async { poll!(future.as_mut()) });
    assert!(first.await.is_pending());
    let rest = TenantContext::scope(world.globex.clone(), future);
    let theirs = vec!["Acme's".to_owned()];
    assert_eq!(rest.await, (theirs.clone(), theirs));
}

async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

async fn transactions_and_savepoints_stay_their_tenants(world: &World) {
    let (acme, globex) = one_row_each(world).await;
    TenantContext::scope(world.globex.clone(), async {
        let transaction = acme.begin().await.unwrap();
        assert_eq!(transaction.tenant(), &world.acme);
        let savepoint = transaction.begin().await.unwrap();
        assert_eq!(savepoint.tenant(), &world.acme);
        assert_eq!(savepoint.schema(), acme.schema());
        add(&savepoint, "inner").await.unwrap();
        savepoint.commit().await.unwrap();
        add(&transaction, "outer").await.unwrap();
        transaction.commit().await.unwrap();

        let counted = acme.transaction::<_, _, TenantError>(|transaction| {
            Box::pin(async move { Ok(names(transaction).await?.len()) })
        });
        assert_eq!(counted.await.unwrap(), 3);
        let counted = acme.transaction_async(async |transaction| {
            let savepoint = transaction.begin().await?;
            Ok::<_, TenantError>(names(&savepoint).await?.len())
        });
        let counted: Result<_, TransactionError<_>> = counted.await;
        assert_eq!(counted.unwrap(), 3);
    })
    .await;
    assert_eq!(names(&acme).await.unwrap(), ["Acme's", "inner", "outer"]);
    assert_eq!(names(&globex).await.unwrap(), ["Globex's"]);
}

async fn a_clone_is_the_same_tenants(world: &World) {
    let (acme, _) = one_row_each(world).await;
    let clone = TenantContext::sync_scope(world.globex.clone(), || acme.clone());
    assert_eq!(clone.tenant(), &world.acme);
    drop(acme);
    assert_eq!(names(&clone).await.unwrap(), ["Acme's"]);
}

async fn a_borrowed_connection_is_bound_too(world: &World) {
    one_row_each(world).await;
    let (plain, schema, recording) = world.recorded_database(&world.acme, 1).await;
    {
        let acme = TenantConnection::borrow(&plain, world.acme.clone(), schema);
        assert_eq!(names(&acme).await.unwrap(), ["Acme's"]);
        let transaction = acme.begin().await.unwrap();
        let savepoint = transaction.begin().await.unwrap();
        assert_eq!(savepoint.tenant(), &world.acme);
        add(&savepoint, "inner").await.unwrap();
        savepoint.commit().await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(names(&acme).await.unwrap(), ["Acme's", "inner"]);
    }
    let schema = world.quoted_schema(&world.acme);
    for sql in recording.take() {
        assert!(sql.contains(&schema), "{sql}");
    }
    // The owner still has it.
    plain.ping().await.unwrap();
}

async fn a_borrowed_transaction_is_bound_too(world: &World) {
    one_row_each(world).await;
    let (plain, schema, _) = world.recorded_database(&world.acme, 1).await;
    let owned = plain.begin().await.unwrap();
    {
        let acme = TenantConnection::borrow(&owned, world.acme.clone(), schema);
        let savepoint = acme.begin().await.unwrap();
        add(&savepoint, "given up").await.unwrap();
        savepoint.rollback().await.unwrap();
        let savepoint = acme.begin().await.unwrap();
        add(&savepoint, "kept").await.unwrap();
        let innermost = savepoint.begin().await.unwrap();
        assert_eq!(names(&innermost).await.unwrap(), ["Acme's", "kept"]);
        innermost.commit().await.unwrap();
        savepoint.commit().await.unwrap();
    }
    owned.commit().await.unwrap();
    let acme = world.acme().await;
    assert_eq!(names(&acme).await.unwrap(), ["Acme's", "kept"]);
}

async fn debug_shows_tenant_and_schema_only(world: &World) {
    let acme = world.acme().await;
    let schema: &SchemaName = acme.schema();
    let expected = format!(
        "TenantConnection {{ tenant: {:?}, schema: {schema:?}, .. }}",
        world.acme
    );
    assert_eq!(format!("{acme:?}"), expected);
    let transaction = acme.begin().await.unwrap();
    assert_eq!(format!("{transaction:?}"), expected);
}
