//! One kind of answer, remembered.

use std::{
    collections::{HashMap, hash_map::Entry},
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use moka::sync::Cache;
use tokio::{runtime::Handle, sync::OnceCell, time::Instant};

use super::{
    front::Front,
    outage::{Outage, Outlook},
    statistics::{CacheStatistics, Counters, count},
};
use crate::{TenantError, TenantId};

type Answer<T> = Result<Arc<T>, TenantError>;

/// Asks a store.
type Ask<S, T> =
    for<'a> fn(&'a S, &'a TenantId) -> Pin<Box<dyn Future<Output = Answer<T>> + Send + 'a>>;

/// Is told, before an answer is remembered, what was remembered and what is now: nothing, where the
/// store does not know the tenant.
type Notice<T> = Box<dyn Fn(&TenantId, Option<&T>, Option<&T>) + Send + Sync>;

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
    notice: Notice<T>,
    outage: Outage,
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

impl<S, T> Clone for Lookup<S, T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S, T> Lookup<S, T>
where
    S: Send + Sync + 'static,
    T: Send + Sync + 'static,
{
    pub(super) fn new(
        lifetime: Lifetime,
        capacity: u64,
        ask: Ask<S, T>,
        notice: Notice<T>,
    ) -> Self {
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
                notice,
                outage: Outage::default(),
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
            self.ask_in_the_background(store, id);
        }
        Some(remembered.value)
    }

    pub(super) async fn get(&self, store: &Arc<S>, id: &TenantId) -> Answer<T> {
        if let Some(fresh) = self.at_hand(store, id) {
            return Ok(fresh);
        }
        let shared = &self.shared;
        let now = Instant::now();
        match shared.known.get(id) {
            Some(stale) if shared.serves_in_an_outage(&stale, now) => {
                let is_served = match shared.outage.look(now) {
                    Outlook::Answers => false,
                    Outlook::Away => true,
                    // The store may take its time to fail again: nobody waits for that.
                    Outlook::Due => self.ask_in_the_background(store, id),
                };
                if is_served {
                    count(&shared.counters.stale);
                    return Ok(stale.value);
                }
            }
            None if shared.is_known_to_be_unknown(id, now) => {
                count(&shared.counters.hits);
                return Err(TenantError::unknown(id));
            }
            _ => {}
        }
        let answer = shared.ask_once(store, id).await;
        // The store may have taken its time to fail, and what was remembered may be forgotten by now.
        match (answer, shared.known.get(id)) {
            (Err(TenantError::StoreUnavailable { source }), Some(stale))
                if shared.serves_in_an_outage(&stale, Instant::now()) =>
            {
                count(&shared.counters.stale);
                warn_of_outage(id, &source);
                Ok(stale.value)
            }
            (answer, _) => answer,
        }
    }

    /// Whether somebody asks now, without a wait for the answer: this, or who was first.
    fn ask_in_the_background(&self, store: &Arc<S>, id: &TenantId) -> bool {
        // Without one, the next one who can wait asks.
        let Some(runtime) = self.shared.runtime.get() else {
            return false;
        };
        // On the flight from here on, so that whoever comes before the task runs begins no other one.
        let Some(passenger) = self.shared.board_first(id) else {
            return true;
        };
        let store = Arc::clone(store);
        let task = runtime.spawn(async move {
            match tokio::time::timeout(GIVEN_UP_AFTER, passenger.fly(&store)).await {
                Ok(Err(TenantError::StoreUnavailable { source })) => {
                    warn_of_outage(&passenger.id, &source);
                }
                Ok(_) => {}
                // Whoever waits on it asks next.
                Err(elapsed) => {
                    passenger.shared.outage.note(true);
                    warn_of_outage(&passenger.id, &elapsed);
                }
            }
        });
        // A runtime that has ended drops it here and now: then the caller asks.
        !task.is_finished()
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
        self.shared.counters.read()
    }
}

/// The part of a lifetime after which an answer that is in use is asked for again.
const REFRESH_AHEAD: f64 = 0.8;

/// How long a question in the background may take: it has no caller who could lose patience.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(30);

fn warn_of_outage(id: &TenantId, error: &dyn std::fmt::Display) {
    tracing::warn!(
        tenant.id = id.as_str(),
        %error,
        "the tenant store is unavailable; what it said before is used"
    );
}

impl<S, T: Send + Sync + 'static> Shared<S, T> {
    fn is_known_to_be_unknown(&self, id: &TenantId, now: Instant) -> bool {
        self.unknown
            .get(id)
            .is_some_and(|since| now.saturating_duration_since(since) < self.lifetime.unknown)
    }

    /// Under the lock on flights.
    fn tell(&self, id: &TenantId, answer: &Answer<T>) {
        let now = match answer {
            Ok(value) => Some(&**value),
            Err(TenantError::UnknownTenant { .. }) => None,
            Err(_) => return,
        };
        let before = self.known.get(id);
        let before = before.as_ref().map(|before| &*before.value);
        (self.notice)(id, before, now);
    }

    /// Under the lock on flights.
    fn forget(&self, id: &TenantId) {
        self.front.remove(id);
        self.known.invalidate(id);
    }

    /// One question for all who ask at the same time. When the one who asks gives up, the next of
    /// those who wait asks.
    async fn ask_once(self: &Arc<Self>, store: &Arc<S>, id: &TenantId) -> Answer<T> {
        if self.runtime.get().is_none()
            && let Ok(runtime) = Handle::try_current()
        {
            let _ = self.runtime.set(runtime);
        }
        self.board(id).fly(store).await
    }

    fn board(self: &Arc<Self>, id: &TenantId) -> Passenger<S, T> {
        let flight = Arc::clone(self.flights().entry(id.clone()).or_default());
        Passenger {
            shared: Arc::clone(self),
            id: id.clone(),
            flight,
        }
    }

    /// Only if nobody is on it.
    fn board_first(self: &Arc<Self>, id: &TenantId) -> Option<Passenger<S, T>> {
        let flight = match self.flights().entry(id.clone()) {
            Entry::Occupied(_) => return None,
            Entry::Vacant(place) => Arc::clone(place.insert(Arc::default())),
        };
        Some(Passenger {
            shared: Arc::clone(self),
            id: id.clone(),
            flight,
        })
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

    fn flights(&self) -> MutexGuard<'_, HashMap<TenantId, Arc<Flight<T>>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A passenger of a flight. The first one to land brings the answer in; the last one to give up
/// takes the flight away.
struct Passenger<S, T> {
    shared: Arc<Shared<S, T>>,
    id: TenantId,
    flight: Arc<Flight<T>>,
}

impl<S, T: Send + Sync + 'static> Passenger<S, T> {
    async fn fly(&self, store: &Arc<S>) -> Answer<T> {
        let Self { shared, id, flight } = self;
        let (asked, answer) = flight
            .get_or_init(|| async {
                count(&shared.counters.loads);
                let asked = Instant::now();
                let answer = (shared.ask)(store, id).await;
                let is_away = matches!(answer, Err(TenantError::StoreUnavailable { .. }));
                shared.outage.note(is_away);
                (asked, answer)
            })
            .await;
        self.land(*asked, answer);
        answer.clone()
    }

    /// An answer may be as old as its question.
    fn land(&self, since: Instant, answer: &Answer<T>) {
        // Under the lock, so that it is before or after an invalidation, and not around it.
        let mut flights = self.shared.flights();
        // Of an answer that is not remembered, too: its passengers act on it.
        self.shared.tell(&self.id, answer);
        if !is_current(&flights, &self.id, &self.flight) {
            return;
        }
        flights.remove(&self.id);
        match answer {
            Ok(value) => {
                self.shared.unknown.invalidate(&self.id);
                let value = Arc::clone(value);
                let remembered = Remembered {
                    value,
                    since,
                    // The flight is still there, so it began after everything last expired.
                    generation: self.shared.generation(),
                };
                self.shared.front.put(&self.id, remembered.clone());
                self.shared.known.insert(self.id.clone(), remembered);
            }
            Err(TenantError::UnknownTenant { .. }) => {
                self.shared.forget(&self.id);
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

impl<S, T> Drop for Passenger<S, T> {
    fn drop(&mut self) {
        let mut flights = self.shared.flights();
        // The map's and this one: nobody else is on it.
        if is_current(&flights, &self.id, &self.flight) && Arc::strong_count(&self.flight) == 2 {
            flights.remove(&self.id);
        }
        // Under the lock: of two who leave at once, the second one sees that it is the last.
        drop(std::mem::take(&mut self.flight));
    }
}
