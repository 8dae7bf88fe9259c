use std::time::SystemTime;

use super::*;
use crate::SchemaName;

/// A store of one tenant that is moved, and that answers about its place when it is let.
#[derive(Clone)]
struct Moving {
    told: Arc<Mutex<Told>>,
    gate: Arc<Semaphore>,
}

#[derive(Clone)]
struct Told {
    /// Nothing, for an unknown tenant.
    info: Option<TenantInfo>,
    schema: &'static str,
}

impl Moving {
    fn new() -> Self {
        let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let info = Some(TenantInfo::active(ACME.clone()));
        let told = Told {
            info,
            schema: "before",
        };
        let store = Self {
            told: Arc::new(Mutex::new(told)),
            gate,
        };
        store.moves_to("before", 1);
        store
    }

    fn moves_to(&self, schema: &'static str, second: u64) {
        let mut info = TenantInfo::active(ACME.clone());
        info.updated_at = Some(SystemTime::UNIX_EPOCH + SECOND * u32::try_from(second).unwrap());
        let info = Some(info);
        *self.told.lock().unwrap() = Told { info, schema };
    }

    fn told(&self) -> Told {
        self.told.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl TenantStore for Moving {
    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        let info = self.told().info.ok_or_else(|| TenantError::unknown(id))?;
        Ok(Arc::new(info))
    }

    async fn connection(&self, _: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        let schema: SchemaName = self.told().schema.parse()?;
        self.gate.acquire().await.unwrap().forget();
        let url = DatabaseUrl::new("postgres://h/d")?;
        Ok(Arc::new(ConnectionInfo::shared_in(&url, schema)))
    }
}

fn cached(store: &Moving) -> CachedStore<Moving> {
    CachedStore::builder(store.clone())
        .info_lifetime(SECOND * 10)
        .connection_lifetime(SECOND * 100)
        .unknown_lifetime(SECOND * 5)
        .build()
}

/// As a request does: info first, and then the place.
async fn schema(cache: &CachedStore<Moving>) -> String {
    cache.tenant(&ACME).await.unwrap();
    place(cache).await
}

async fn place(cache: &CachedStore<Moving>) -> String {
    let place = cache.connection(&ACME).await.unwrap();
    place.schema().to_string()
}

/// Though every request before and after the move finds the tenant active.
#[tokio::test(start_paused = true)]
async fn a_move_is_noticed_within_the_lifetime_of_info() {
    let store = Moving::new();
    let cache = cached(&store);
    assert_eq!(schema(&cache).await, "before");
    store.moves_to("after", 2);
    assert_eq!(schema(&cache).await, "before");
    advance(SECOND * 10).await;
    assert_eq!(schema(&cache).await, "after");
    // With the refresh in the background, too.
    store.moves_to("again", 3);
    advance(SECOND * 8).await;
    assert_eq!(schema(&cache).await, "after");
    settle().await;
    assert!(cache.tenant_at_hand(&ACME).is_some());
    assert!(cache.connection_at_hand(&ACME).is_none());
    assert_eq!(schema(&cache).await, "again");
}

#[tokio::test(start_paused = true)]
async fn an_answer_about_the_place_from_before_a_move_is_not_remembered() {
    let store = Moving::new();
    let cache = cached(&store);
    cache.tenant(&ACME).await.unwrap();
    store.gate.forget_permits(Semaphore::MAX_PERMITS);
    let mut early = Box::pin(cache.connection(&ACME));
    assert!(poll!(early.as_mut()).is_pending());
    store.moves_to("after", 2);
    advance(SECOND * 10).await;
    cache.tenant(&ACME).await.unwrap();
    store.gate.add_permits(2);
    assert_eq!(place(&cache).await, "after");
    assert_eq!(early.await.unwrap().schema().as_str(), "before");
    assert_eq!(place(&cache).await, "after");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_was_gone_is_looked_for_anew() {
    let store = Moving::new();
    let cache = cached(&store);
    assert_eq!(schema(&cache).await, "before");
    store.told.lock().unwrap().info = None;
    advance(SECOND * 10).await;
    cache.tenant(&ACME).await.unwrap_err();
    assert!(cache.connection_at_hand(&ACME).is_none());
}

/// A place that was asked for without info may be from before any change.
#[tokio::test(start_paused = true)]
async fn a_place_without_info_is_asked_for_again() {
    let store = Moving::new();
    let cache = cached(&store);
    assert_eq!(place(&cache).await, "before");
    store.moves_to("after", 2);
    assert_eq!(schema(&cache).await, "after");
}

#[tokio::test(start_paused = true)]
async fn what_did_not_change_keeps_its_place() {
    let store = Moving::new();
    let cache = cached(&store);
    schema(&cache).await;
    for _ in 0..5 {
        advance(SECOND * 10).await;
        schema(&cache).await;
    }
    // One about the place.
    assert_eq!(cache.statistics().loads, 6 + 1);
}
