//! What holds for every store that is listed and written: in memory, in a table, behind a cache.

use std::sync::Arc;

use sea_orm_tenant::{
    CachedStore, ConnectionInfo, DatabaseUrl, MemoryStore, TenantDirectory as _, TenantError,
    TenantId, TenantInfo, TenantQuery, TenantRegistry, TenantStatus, TenantStore as _,
};

use crate::support::{World, on_every_database};

on_every_database!(all_claims_hold_in_a_table);

async fn all_claims_hold_in_a_table(world: &World) {
    claims(&super::database::store(world).await).await;
}

#[tokio::test]
async fn all_claims_hold_in_memory() {
    claims(&MemoryStore::new()).await;
}

#[tokio::test]
async fn all_claims_hold_behind_a_cache() {
    claims(&CachedStore::new(MemoryStore::new())).await;
}

#[tokio::test]
async fn a_cache_tells_who_changes_a_tenant_what_is_true_now() {
    let store = Arc::new(MemoryStore::new());
    let cached = CachedStore::new(store.clone());
    store.register(pending("a"), place("a")).await.unwrap();
    cached.tenant(&id("a")).await.unwrap();
    // By another program.
    store
        .change_status(&id("a"), TenantStatus::Provisioning)
        .await
        .unwrap();
    assert_eq!(
        cached.tenant(&id("a")).await.unwrap().status,
        TenantStatus::Pending
    );
    let placed = cached.placed(&id("a")).await.unwrap();
    assert_eq!(placed.info.unwrap().status, TenantStatus::Provisioning);
    // By this one.
    cached
        .change_status(&id("a"), TenantStatus::Active)
        .await
        .unwrap();
    assert_eq!(
        cached.tenant(&id("a")).await.unwrap().status,
        TenantStatus::Active
    );
}

fn id(id: &str) -> TenantId {
    id.parse().unwrap()
}

fn pending(name: &str) -> TenantInfo {
    TenantInfo::active(id(name)).with_status(TenantStatus::Pending)
}

fn place(name: &str) -> ConnectionInfo {
    let url = DatabaseUrl::new("postgres://app:hunter2@h/app").unwrap();
    ConnectionInfo::shared(&url, &id(name))
}

async fn claims(store: &impl TenantRegistry) {
    use TenantStatus::{Active, Archived, Provisioning};

    // Registered once, and in a place of its own.
    for name in ["b", "a", "c"] {
        store.register(pending(name), place(name)).await.unwrap();
    }
    let error = store.register(pending("a"), place("x")).await.unwrap_err();
    assert!(matches!(error, TenantError::TenantExists { .. }), "{error}");
    let error = store.register(pending("d"), place("a")).await.unwrap_err();
    assert!(matches!(error, TenantError::EntryRefused { .. }), "{error}");
    // A life begins at its beginning, or with what is there already.
    for status in TenantStatus::ALL {
        if !matches!(status, TenantStatus::Pending | Active) {
            let begun = pending("e").with_status(status);
            let error = store.register(begun, place("e")).await.unwrap_err();
            assert!(matches!(error, TenantError::EntryRefused { .. }), "{error}");
        }
    }
    for name in ["d", "e"] {
        assert!(store.tenant(&id(name)).await.is_err());
    }

    // Listed in order, page by page, with their places.
    let first = TenantQuery::default().with_limit(2);
    let page = store.list_placed(&first).await.unwrap();
    let names: Vec<_> = page
        .tenants
        .iter()
        .map(|tenant| tenant.id.as_str())
        .collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(
        *page.tenants[0].connection.as_ref().unwrap().clone(),
        place("a")
    );
    let second = first.with_after(page.next.unwrap());
    let page = store.list_placed(&second).await.unwrap();
    assert_eq!((page.tenants.len(), page.next), (1, None));

    // Taken from step to step, and no other way.
    store.change_status(&id("a"), Provisioning).await.unwrap();
    store.change_status(&id("a"), Active).await.unwrap();
    let error = store
        .change_status(&id("a"), Provisioning)
        .await
        .unwrap_err();
    assert!(
        matches!(error, TenantError::IllegalStatusChange { .. }),
        "{error}"
    );
    let active = TenantQuery::default().with_status(Active);
    assert_eq!(store.list_placed(&active).await.unwrap().tenants.len(), 1);

    // Moved to where nobody is.
    let error = store.change_place(&id("a"), place("b")).await.unwrap_err();
    assert!(matches!(error, TenantError::EntryRefused { .. }), "{error}");
    store
        .change_place(&id("a"), place("elsewhere"))
        .await
        .unwrap();
    assert_eq!(
        *store.connection(&id("a")).await.unwrap(),
        place("elsewhere")
    );
    store.register(pending("d"), place("a")).await.unwrap();

    // Withdrawn only before it was served, forgotten only afterwards.
    let error = store.withdraw(&id("a")).await.unwrap_err();
    assert!(
        matches!(error, TenantError::IllegalStatusChange { .. }),
        "{error}"
    );
    let error = store.forget(&id("a")).await.unwrap_err();
    assert!(
        matches!(error, TenantError::IllegalStatusChange { .. }),
        "{error}"
    );
    store.withdraw(&id("b")).await.unwrap();
    store.change_status(&id("a"), Archived).await.unwrap();
    store.forget(&id("a")).await.unwrap();
    for name in ["a", "b"] {
        let error = store.placed(&id(name)).await.unwrap_err();
        assert!(
            matches!(error, TenantError::UnknownTenant { .. }),
            "{error}"
        );
        assert!(store.withdraw(&id(name)).await.is_err());
    }
}
