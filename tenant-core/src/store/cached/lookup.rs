//! One kind of answer, remembered.

use std::{
    collections::HashMap,
    future::Future,
    ops::Add,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use moka::sync::Cache;
use tokio::{runtime::Handle, sync::OnceCell, time::Instant};

use super::front::Front;
use crate::{TenantError, TenantId};

type Answer<T> = Result<Arc<T>, TenantError>;

/// Asks a store.
type Ask<S, T> =
    for<'a> fn(&'a S, &'a TenantId) -> Pin<Box<dyn Future<Output = Answer<T>> + Send + 'a>>;

/// How long answers are good for.
#[derive(Clone, Copy)]
pub(super) struct Lifetime {
    pub(super) fresh: Duration,
    /// Beyond `fresh`, while the store is unavailable.
    pub(super) stale: Duration,
    pub(super) unknown: Duration,
}

/// A cache of what `ask` answers.
pub(super) struct Lookup<S, T> {
    shared: Arc<Shared<S, T>>,
}

struct Shared<S, T> {
    ask: Ask<S, T>,
    lifetime: Lifetime,
    /// The age from which on an answer that is in use is asked for again.
    refresh_from: Duration,
    front: Front<T>,
    known: Cache<TenantId, Remembered<T>>,
    unknown: Cache<TenantId, Instant>,
    /// Counts the times that everything expired at once.
    generation: AtomicU64,
    /// One flight a tenant. An answer is remembered only by the flight that is here: invalidating
    /// and expiring remove it, and what it brings is its passengers' alone.
    flights: Mutex<HashMap<TenantId, Arc<Flight<T>>>>,
    /// Until when the store is taken to be unavailable, where there is a stale answer to serve.
    failing_until: Mutex<Option<Instant>>,
    counters: Counters,
    /// Where the first question was asked, and what is asked in the background is. Whoever finds an
    /// answer at hand may be elsewhere, in a runtime that ends sooner, or in none.
    runtime: OnceLock<Handle>,
}

/// When the question was asked, and what came of it.
type Flight<T> = OnceCell<(Instant, Answer<T>)>;

pub(super) struct Remembered<T> {
    pub(super) value: Arc<T>,
    pub(super) since: Instant,
    pub(super) generation: u64,
}

impl<T> Clone for Remembered<T> {
    fn clone(&self) -> Self {
        Self {
            value: Arc::clone(&self.value),
            since: self.since,
            generation: self.generation,
        }
    }
}

impl<S, T> Lookup<S, T>
where
    S: Send + Sync + 'static,
    T: Send + Sync + 'static,
{
    pub(super) fn new(lifetime: Lifetime, capacity: u64, ask: Ask<S, T>) -> Self {
        Self {
            shared: Arc::new(Shared {
                ask,
                lifetime,
                refresh_from: lifetime.fresh.mul_f64(REFRESH_AHEAD),
                front: Front::new(capacity),
                known: Cache::new(capacity),
                unknown: Cache::new(capacity),
                generation: AtomicU64::new(0),
                flights: Mutex::default(),
                failing_until: Mutex::default(),
                counters: Counters::default(),
                runtime: OnceLock::new(),
            }),
        }
    }

    /// What is remembered, if it is fresh.
    pub(super) fn at_hand(&self, store: &Arc<S>, id: &TenantId) -> Option<Arc<T>> {
        let shared = &self.shared;
        let remembered = shared.front.get(id).or_else(|| shared.known.get(id))?;
        let age = remembered.since.elapsed();
        if age >= shared.lifetime.fresh || remembered.generation != shared.generation() {
            return None;
        }
        count(&shared.counters.hits);
        if age >= shared.refresh_from {
            self.refresh(store, id);
        }
        Some(remembered.value)
    }

    pub(super) async fn get(&self, store: &Arc<S>, id: &TenantId) -> Answer<T> {
        if let Some(fresh) = self.at_hand(store, id) {
            return Ok(fresh);
        }
        let shared = &self.shared;
        let now = Instant::now();
        let remembered = shared.known.get(id);
        if remembered.is_none() && shared.is_known_to_be_unknown(id, now) {
            count(&shared.counters.hits);
            return Err(TenantError::UnknownTenant { tenant: id.clone() });
        }
        if let Some(stale) = &remembered
            && shared.is_failing(now)
            && shared.serves_in_an_outage(stale, now)
        {
            count(&shared.counters.stale);
            return Ok(Arc::clone(&stale.value));
        }
        let answer = Arc::clone(shared).ask_once(store, id).await;
        match (answer, remembered) {
            // The store may have taken its time to fail.
            (Err(TenantError::StoreUnavailable { source }), Some(stale))
                if shared.serves_in_an_outage(&stale, Instant::now()) =>
            {
                count(&shared.counters.stale);
                tracing::warn!(
                    tenant.id = id.as_str(),
                    error = %source,
                    "the tenant store is unavailable; what it said before is used"
                );
                Ok(stale.value)
            }
            (answer, _) => answer,
        }
    }

    /// In the background, unless somebody does so already.
    fn refresh(&self, store: &Arc<S>, id: &TenantId) {
        // Without one, the next one who can wait asks.
        let Some(runtime) = self.shared.runtime.get() else {
            return;
        };
        if self.shared.flights().contains_key(id) {
            return;
        }
        let (shared, store, id) = (Arc::clone(&self.shared), Arc::clone(store), id.clone());
        runtime.spawn(async move {
            // Whoever asks when the lifetime is over deals with a failure.
            let _ = shared.ask_once(&store, &id).await;
        });
    }

    pub(super) fn invalidate(&self, id: &TenantId) {
        let mut flights = self.shared.flights();
        flights.remove(id);
        self.shared.forget(id);
        self.shared.unknown.invalidate(id);
    }

    /// What is remembered serves in an outage only, until it was asked for again.
    pub(super) fn expire_all(&self) {
        let mut flights = self.shared.flights();
        flights.clear();
        self.shared.generation.fetch_add(1, Ordering::Relaxed);
        self.shared.unknown.invalidate_all();
    }

    #[cfg(test)]
    pub(super) fn flights(&self) -> usize {
        self.shared.flights().len()
    }

    pub(super) fn statistics(&self) -> CacheStatistics {
        let counters = &self.shared.counters;
        CacheStatistics {
            hits: counters.hits.load(Ordering::Relaxed),
            loads: counters.loads.load(Ordering::Relaxed),
            stale: counters.stale.load(Ordering::Relaxed),
        }
    }
}

/// The part of a lifetime after which an answer that is in use is asked for again.
const REFRESH_AHEAD: f64 = 0.8;

/// How long after a failure stale answers are served without asking.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl<S, T: Send + Sync + 'static> Shared<S, T> {
    fn is_known_to_be_unknown(&self, id: &TenantId, now: Instant) -> bool {
        self.unknown
            .get(id)
            .is_some_and(|since| now.saturating_duration_since(since) < self.lifetime.unknown)
    }

    /// Under the lock on flights.
    fn forget(&self, id: &TenantId) {
        self.front.remove(id);
        self.known.invalidate(id);
    }

    /// One question for all who ask at the same time. When the one who asks gives up, the next of
    /// those who wait asks.
    async fn ask_once(self: Arc<Self>, store: &Arc<S>, id: &TenantId) -> Answer<T> {
        if self.runtime.get().is_none()
            && let Ok(runtime) = Handle::try_current()
        {
            let _ = self.runtime.set(runtime);
        }
        let flight = Arc::clone(self.flights().entry(id.clone()).or_default());
        let landing = Landing {
            shared: &self,
            id,
            flight: &flight,
        };
        let (asked, answer) = flight
            .get_or_init(|| async {
                count(&self.counters.loads);
                (Instant::now(), (self.ask)(store, id).await)
            })
            .await;
        self.note(answer);
        landing.remember(*asked, answer);
        answer.clone()
    }
}

impl<S, T> Shared<S, T> {
    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    fn serves_in_an_outage(&self, remembered: &Remembered<T>, now: Instant) -> bool {
        now.saturating_duration_since(remembered.since)
            < self.lifetime.fresh.saturating_add(self.lifetime.stale)
    }

    /// Callers do not wait, one after the other, for a store that has just failed.
    fn is_failing(&self, now: Instant) -> bool {
        self.failing().is_some_and(|until| now < until)
    }

    fn note(&self, answer: &Answer<T>) {
        let unavailable = matches!(answer, Err(TenantError::StoreUnavailable { .. }));
        *self.failing() = unavailable.then(|| Instant::now() + RETRY_AFTER);
    }

    fn failing(&self) -> MutexGuard<'_, Option<Instant>> {
        self.failing_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<TenantId, Arc<Flight<T>>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A passenger of a flight. The first one to land brings the answer in; the last one to give up
/// takes the flight away.
struct Landing<'a, S, T> {
    shared: &'a Shared<S, T>,
    id: &'a TenantId,
    flight: &'a Arc<Flight<T>>,
}

impl<S, T: Send + Sync + 'static> Landing<'_, S, T> {
    /// An answer may be as old as its question.
    fn remember(&self, since: Instant, answer: &Answer<T>) {
        // Under the lock, so that it is before or after an invalidation, and not around it.
        let mut flights = self.shared.flights();
        if !is_current(&flights, self.id, self.flight) {
            return;
        }
        flights.remove(self.id);
        match answer {
            Ok(value) => {
                self.shared.unknown.invalidate(self.id);
                let value = Arc::clone(value);
                let remembered = Remembered {
                    value,
                    since,
                    // The flight is still there, so it began after everything last expired.
                    generation: self.shared.generation(),
                };
                self.shared.front.put(self.id, remembered.clone());
                self.shared.known.insert(self.id.clone(), remembered);
            }
            Err(TenantError::UnknownTenant { .. }) => {
                self.shared.forget(self.id);
                self.shared.unknown.insert(self.id.clone(), since);
            }
            Err(_) => {}
        }
    }
}

fn is_current<T>(
    flights: &HashMap<TenantId, Arc<Flight<T>>>,
    id: &TenantId,
    flight: &Arc<Flight<T>>,
) -> bool {
    flights
        .get(id)
        .is_some_and(|current| Arc::ptr_eq(current, flight))
}

impl<S, T> Drop for Landing<'_, S, T> {
    fn drop(&mut self) {
        let mut flights = self.shared.flights();
        // The map's and this one: nobody else is on it.
        if is_current(&flights, self.id, self.flight) && Arc::strong_count(self.flight) == 2 {
            flights.remove(self.id);
        }
    }
}

#[derive(Default)]
struct Counters {
    hits: AtomicU64,
    loads: AtomicU64,
    stale: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What a [`CachedStore`](super::CachedStore) did since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStatistics {
    /// Answers that were remembered.
    pub hits: u64,
    /// Questions to the store behind.
    pub loads: u64,
    /// Answers that were older than their lifetime, because the store was unavailable.
    pub stale: u64,
}

impl Add for CacheStatistics {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            loads: self.loads + other.loads,
            stale: self.stale + other.stale,
        }
    }
}
