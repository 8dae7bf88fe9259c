use std::collections::BTreeSet;

use sea_orm::{Database, JsonValue};
use sea_orm_tenant::{
    Changes, ConnectionInfo, DatabaseStore, DatabaseUrl, NewTenant, Revision, TenantError,
    TenantId, TenantInfo, TenantQuery, TenantStatus, TenantStore as _, TenantUpdate, UrlKeys,
};

use crate::{
    isolation::interleaving::cut,
    support::{World, on_every_database, plain},
};

on_every_database!(
    what_is_written_is_read_back,
    pages_neither_skip_nor_repeat,
    readers_of_changes_miss_none_of_twenty_writers,
    of_writers_with_one_revision_one_wins,
    two_processes_make_the_tables_at_once,
    a_write_that_is_cancelled_anywhere_takes_no_other_with_it,
);

async fn unmade(world: &World) -> DatabaseStore {
    let mut options = plain(&world.shared);
    options.max_connections(8);
    let db = Database::connect(options).await.unwrap();
    DatabaseStore::new(db, UrlKeys::generate().unwrap())
}

pub async fn store(world: &World) -> DatabaseStore {
    let store = unmade(world).await;
    store.migrate().await.unwrap();
    store
}

fn new(id: &str) -> NewTenant {
    let id: TenantId = id.parse().unwrap();
    let url = DatabaseUrl::new("postgres://app:hunter2@h/app").unwrap();
    let connection = ConnectionInfo::shared(&url, &id);
    NewTenant::new(TenantInfo::active(id), connection)
}

async fn what_is_written_is_read_back(world: &World) {
    let store = store(world).await;
    let mut tenant = new("acme");
    tenant.info = tenant.info.with_name("Äcme 🦀").with_plan("pro");
    let id = tenant.info.id.clone();
    let created = store.create(tenant.clone()).await.unwrap();
    assert_eq!(store.record(&id).await.unwrap(), created);
    assert_eq!(*store.connection(&id).await.unwrap(), tenant.connection);
    let patch = [("region".to_owned(), JsonValue::from("eu"))];
    let update = TenantUpdate::default()
        .with_plan(None)
        .with_metadata(patch.into_iter().collect())
        .with_status(TenantStatus::Archived);
    let updated = store
        .update(&id, update, Some(created.revision))
        .await
        .unwrap();
    assert_eq!(store.record(&id).await.unwrap(), updated);
    assert_eq!((&updated.info.plan, updated.revision.get()), (&None, 2));
    store.delete(&id, Some(updated.revision)).await.unwrap();
    let gone = store.tenant(&id).await.unwrap_err();
    assert!(matches!(gone, TenantError::UnknownTenant { .. }));
}

async fn pages_neither_skip_nor_repeat(world: &World) {
    let store = store(world).await;
    let ids: BTreeSet<_> = [
        "a-b", "a_b", "ab", "a0", "a", "a-", "a_", "0", "b", "a--b", "a-0",
    ]
    .into_iter()
    .collect();
    for id in &ids {
        store.create(new(id)).await.unwrap();
    }
    for limit in 1..=12 {
        let mut seen = Vec::new();
        let mut query = TenantQuery::default().with_limit(limit);
        loop {
            let page = store.list(&query).await.unwrap();
            seen.extend(page.tenants.into_iter().map(|tenant| tenant.id.to_string()));
            match page.next {
                Some(next) => query = query.with_after(next),
                None => break,
            }
        }
        assert!(seen.iter().eq(ids.iter()), "{seen:?}");
    }
}

async fn readers_of_changes_miss_none_of_twenty_writers(world: &World) {
    let store = store(world).await;
    let writers: Vec<_> = (0..20)
        .map(|at| {
            let store = store.clone();
            tokio::spawn(
                async move { store.create(new(&format!("t{at}"))).await.unwrap().revision },
            )
        })
        .collect();
    let mut seen = Vec::new();
    while seen.len() < 20 {
        let after = Revision::from(seen.len() as i64);
        match store.changes_after(after, 7).await.unwrap() {
            Changes::Since(changes) => seen.extend(changes),
            missed => panic!("after {after}: {missed:?}"),
        }
        tokio::task::yield_now().await;
    }
    let mut written = BTreeSet::new();
    for writer in writers {
        written.insert(writer.await.unwrap().get());
    }
    assert!(written.into_iter().eq(1..=20));
    let read = seen.iter().map(|change| change.revision.get());
    assert!(read.eq(1..=20), "{seen:?}");
}

async fn of_writers_with_one_revision_one_wins(world: &World) {
    let store = store(world).await;
    let created = store.create(new("acme")).await.unwrap();
    let id = created.info.id;
    let writers: Vec<_> = (0..8)
        .map(|at| {
            let (store, id) = (store.clone(), id.clone());
            let update = TenantUpdate::default().with_name(format!("writer {at}"));
            tokio::spawn(async move { store.update(&id, update, Some(created.revision)).await })
        })
        .collect();
    let mut won = Vec::new();
    for writer in writers {
        match writer.await.unwrap() {
            Ok(record) => won.push(record),
            Err(error) => assert!(
                matches!(error, TenantError::TenantChanged { .. }),
                "{error}"
            ),
        }
    }
    assert_eq!(won, [store.record(&id).await.unwrap()]);
}

async fn two_processes_make_the_tables_at_once(world: &World) {
    let (one, two) = (unmade(world).await, unmade(world).await);
    let (first, second) = tokio::join!(one.migrate(), two.migrate());
    first.unwrap();
    second.unwrap();
    one.create(new("acme")).await.unwrap();
    two.ping().await.unwrap();
}

/// A `BEGIN` whose answer nobody read would swallow what the next one writes on that connection.
async fn a_write_that_is_cancelled_anywhere_takes_no_other_with_it(world: &World) {
    let elsewhere = store(world).await;
    let mut options = plain(&world.shared);
    options.max_connections(1);
    let db = Database::connect(options).await.unwrap();
    let store = DatabaseStore::new(db, UrlKeys::generate().unwrap());
    for round in cut::EVERYWHERE {
        let cancelled = store.create(new(&format!("cancelled-{round}")));
        drop(cut::after(round % 12 + 1, cancelled).await);
        let whole = new(&format!("whole-{round}"));
        store.create(whole.clone()).await.unwrap();
        elsewhere.record(&whole.info.id).await.unwrap();
    }
}
