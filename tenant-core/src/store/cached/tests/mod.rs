//! One file a theme; what holds in general is here.

mod moved;
mod outages;
mod refreshed;

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::{future::join_all, poll, stream};
use tokio::{sync::Semaphore, time::advance};

use super::*;
use crate::{DatabaseUrl, TenantStatus};

static ACME: TenantId = TenantId::from_static("acme");

const SECOND: Duration = Duration::from_secs(1);

/// A store that answers when it is let, and what it is told to.
#[derive(Clone)]
struct Scripted {
    questions: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
    answer: Arc<Mutex<Answer>>,
}

#[derive(Clone, Copy)]
enum Answer {
    Is(TenantStatus),
    Unknown,
    Unavailable,
}

impl Scripted {
    /// Lets everybody through.
    fn open(answer: Answer) -> Self {
        let store = Self::closed(answer);
        store.gate.add_permits(Semaphore::MAX_PERMITS);
        store
    }

    fn closed(answer: Answer) -> Self {
        Self {
            questions: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
            answer: Arc::new(Mutex::new(answer)),
        }
    }

    fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    fn questions(&self) -> usize {
        self.questions.load(Ordering::Relaxed)
    }

    /// What it says was so when it was asked.
    async fn ask(&self, id: &TenantId) -> Result<TenantStatus, TenantError> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        let answer = *self.answer.lock().unwrap();
        self.gate.acquire().await.unwrap().forget();
        match answer {
            Answer::Is(status) => Ok(status),
            Answer::Unknown => Err(TenantError::UnknownTenant { tenant: id.clone() }),
            Answer::Unavailable => Err(TenantError::store_unavailable("connection refused")),
        }
    }
}

#[async_trait::async_trait]
impl TenantStore for Scripted {
    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        let status = self.ask(id).await?;
        Ok(Arc::new(TenantInfo::active(id.clone()).with_status(status)))
    }

    async fn connection(&self, id: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        self.ask(id).await?;
        let url = DatabaseUrl::new("postgres://h/d")?;
        Ok(Arc::new(ConnectionInfo::shared(&url, id)))
    }
}

fn cached(store: &Scripted) -> CachedStore<Scripted> {
    CachedStore::builder(store.clone())
        .info_lifetime(SECOND * 10)
        .connection_lifetime(SECOND * 100)
        .unknown_lifetime(SECOND * 5)
        .max_stale(SECOND * 60)
        .build()
}

async fn status(cache: &CachedStore<Scripted>) -> TenantStatus {
    cache.tenant(&ACME).await.unwrap().status
}

/// Lets tasks in the background run until they wait.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

const ACTIVE: Answer = Answer::Is(TenantStatus::Active);
const SUSPENDED: Answer = Answer::Is(TenantStatus::Suspended);

#[tokio::test(start_paused = true)]
async fn info_and_connection_info_have_lifetimes_of_their_own() {
    let store = Scripted::open(ACTIVE);
    let cache = cached(&store);
    for _ in 0..3 {
        cache.tenant(&ACME).await.unwrap();
        cache.connection(&ACME).await.unwrap();
    }
    assert_eq!(store.questions(), 2);
    advance(SECOND * 10).await;
    cache.tenant(&ACME).await.unwrap();
    cache.connection(&ACME).await.unwrap();
    assert_eq!(store.questions(), 3);
    assert_eq!(cache.statistics().hits, 5);
    assert_eq!(cache.statistics().loads, 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_fresh_is_at_hand() {
    let store = Scripted::open(ACTIVE);
    let cache = cached(&store);
    let at_hand = || {
        (
            cache.tenant_at_hand(&ACME).is_some(),
            cache.connection_at_hand(&ACME).is_some(),
        )
    };
    assert_eq!(at_hand(), (false, false));
    cache.tenant(&ACME).await.unwrap();
    assert_eq!(at_hand(), (true, false));
    cache.connection(&ACME).await.unwrap();
    assert_eq!(at_hand(), (true, true));
    // Through an `Arc` and a box as well.
    let shared: Arc<dyn TenantStore> = Arc::new(cache.clone());
    assert!(Box::new(shared).connection_at_hand(&ACME).is_some());
    advance(SECOND * 10).await;
    assert_eq!(at_hand(), (false, true));
    cache.invalidate(&ACME);
    assert_eq!(at_hand(), (false, false));
    assert_eq!(store.questions(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_suspension_is_noticed_within_the_lifetime() {
    let store = Scripted::open(ACTIVE);
    let cache = cached(&store);
    assert_eq!(status(&cache).await, TenantStatus::Active);
    store.answers(SUSPENDED);
    advance(SECOND * 10).await;
    assert_eq!(status(&cache).await, TenantStatus::Suspended);
}

#[tokio::test]
async fn a_thousand_callers_ask_once() {
    let store = Scripted::closed(ACTIVE);
    let cache = cached(&store);
    let callers = join_all((0..1000).map(|_| cache.tenant(&ACME)));
    let mut callers = std::pin::pin!(callers);
    assert!(poll!(callers.as_mut()).is_pending());
    store.gate.add_permits(1);
    for answer in callers.await {
        assert_eq!(answer.unwrap().id, ACME);
    }
    assert_eq!(store.questions(), 1);
}

#[tokio::test]
async fn a_cancelled_caller_fails_nobody_else() {
    let store = Scripted::closed(ACTIVE);
    let cache = cached(&store);
    let mut first = Box::pin(cache.tenant(&ACME));
    assert!(poll!(first.as_mut()).is_pending());
    let mut second = Box::pin(cache.tenant(&ACME));
    assert!(poll!(second.as_mut()).is_pending());
    drop(first);
    store.gate.add_permits(1);
    assert_eq!(second.await.unwrap().id, ACME);
}

#[tokio::test]
async fn all_who_wait_share_a_failure_and_the_next_asks_again() {
    let store = Scripted::closed(Answer::Unavailable);
    let cache = cached(&store);
    let mut callers = std::pin::pin!(join_all((0..10).map(|_| cache.tenant(&ACME))));
    assert!(poll!(callers.as_mut()).is_pending());
    store.gate.add_permits(1);
    for answer in callers.await {
        let error = answer.unwrap_err();
        assert!(matches!(error, TenantError::StoreUnavailable { .. }));
    }
    assert_eq!(store.questions(), 1);
    store.answers(ACTIVE);
    store.gate.add_permits(1);
    assert_eq!(status(&cache).await, TenantStatus::Active);
}

#[tokio::test(start_paused = true)]
async fn the_unknown_are_remembered_briefly() {
    let store = Scripted::open(Answer::Unknown);
    let cache = cached(&store);
    for _ in 0..3 {
        let error = cache.tenant(&ACME).await.unwrap_err();
        assert!(matches!(error, TenantError::UnknownTenant { .. }));
    }
    assert_eq!(store.questions(), 1);
    store.answers(ACTIVE);
    advance(SECOND * 5).await;
    assert_eq!(status(&cache).await, TenantStatus::Active);
}

#[tokio::test]
async fn made_up_ids_push_no_real_one_out() {
    let store = Scripted::open(ACTIVE);
    let cache = CachedStore::builder(store.clone()).max_tenants(10).build();
    cache.tenant(&ACME).await.unwrap();
    store.answers(Answer::Unknown);
    for made_up in 0..1000 {
        let id = TenantId::try_from(format!("t{made_up}")).unwrap();
        cache.tenant(&id).await.unwrap_err();
    }
    let before = store.questions();
    assert_eq!(cache.tenant(&ACME).await.unwrap().id, ACME);
    assert_eq!(store.questions(), before);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_use_is_asked_for_again_before_it_ends() {
    let store = Scripted::open(ACTIVE);
    let cache = cached(&store);
    assert_eq!(status(&cache).await, TenantStatus::Active);
    store.answers(SUSPENDED);
    advance(SECOND * 8).await;
    // Nobody waits for it.
    assert_eq!(status(&cache).await, TenantStatus::Active);
    settle().await;
    assert_eq!(store.questions(), 2);
    assert_eq!(status(&cache).await, TenantStatus::Suspended);
    assert_eq!(store.questions(), 2);
}

#[tokio::test]
async fn an_invalidation_is_asked_about_at_once() {
    let store = Scripted::open(ACTIVE);
    let cache = cached(&store);
    assert_eq!(status(&cache).await, TenantStatus::Active);
    store.answers(SUSPENDED);
    cache.invalidate(&ACME);
    assert_eq!(status(&cache).await, TenantStatus::Suspended);
}

#[tokio::test]
async fn an_answer_from_before_an_invalidation_is_not_remembered() {
    let store = Scripted::closed(ACTIVE);
    let cache = cached(&store);
    let mut late = Box::pin(cache.tenant(&ACME));
    assert!(poll!(late.as_mut()).is_pending());
    store.answers(SUSPENDED);
    cache.invalidate(&ACME);
    store.gate.add_permits(2);
    assert_eq!(status(&cache).await, TenantStatus::Suspended);
    assert_eq!(late.await.unwrap().status, TenantStatus::Active);
    assert_eq!(status(&cache).await, TenantStatus::Suspended);
    assert_eq!(store.questions(), 2);
}

#[tokio::test]
async fn flights_that_were_given_up_leave_nothing() {
    let store = Scripted::closed(ACTIVE);
    let cache = cached(&store);
    for caller in 0..100 {
        let id = TenantId::try_from(format!("t{caller}")).unwrap();
        let mut asking = Box::pin(cache.tenant(&id));
        assert!(poll!(asking.as_mut()).is_pending());
    }
    assert_eq!(cache.inner.tenants.flights(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_followed_is_seen_at_once() {
    let store = Scripted::open(ACTIVE);
    let cache = cached(&store);
    assert_eq!(status(&cache).await, TenantStatus::Active);
    store.answers(SUSPENDED);
    assert_eq!(status(&cache).await, TenantStatus::Active);
    cache
        .follow(stream::iter([TenantChange::Changed(ACME.clone())]))
        .await;
    assert_eq!(status(&cache).await, TenantStatus::Suspended);
}

#[tokio::test(start_paused = true)]
async fn after_missed_changes_everybody_is_asked_for_again() {
    let store = Scripted::open(ACTIVE);
    let cache = cached(&store);
    assert_eq!(status(&cache).await, TenantStatus::Active);
    store.answers(Answer::Unknown);
    let globex = TenantId::from_static("globex");
    cache.tenant(&globex).await.unwrap_err();
    store.answers(SUSPENDED);
    cache.follow(stream::iter([TenantChange::Missed])).await;
    assert_eq!(status(&cache).await, TenantStatus::Suspended);
    cache.tenant(&globex).await.unwrap();
    assert_eq!(store.questions(), 4);
    // Once.
    assert_eq!(status(&cache).await, TenantStatus::Suspended);
    assert_eq!(store.questions(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_answer_on_its_way_when_changes_were_missed_is_not_remembered() {
    let store = Scripted::closed(ACTIVE);
    let cache = cached(&store);
    let mut early = Box::pin(cache.tenant(&ACME));
    assert!(poll!(&mut early).is_pending());
    cache.expire_all();
    store.answers(SUSPENDED);
    store.gate.add_permits(2);
    assert_eq!(early.await.unwrap().status, TenantStatus::Active);
    assert_eq!(status(&cache).await, TenantStatus::Suspended);
}
