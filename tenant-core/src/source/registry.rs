use std::{
    collections::{HashMap, hash_map::RandomState},
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::Poll,
};

use futures_util::future::join_all;
use tokio::sync::{Notify, OnceCell, OwnedSemaphorePermit, Semaphore};

use super::{
    Address, DataSourceStatistics, DatabaseUrl, Names, SourceConnection, SourceOptions,
    data_source::{Counted, DataSource},
    lanes::{Affinity, Lanes},
    session::Session,
};
use crate::{TenantError, error::product};

/// The open data sources, one for each database URL, no more than a bound at a time. In a strict
/// tenancy tenants have one, and what they share another.
///
/// A source opens when it is first asked for, once however many ask. When the bound is reached,
/// the one that was asked for longest ago, of those that are idle, is closed. One that is in use is
/// never closed: the newcomer waits for it, for a bounded time.
#[derive(Debug)]
pub(crate) struct DataSources {
    pub(super) options: Arc<SourceOptions>,
    /// One for each source that is open, from before it connects until its connections are closed.
    permits: Arc<Semaphore>,
    /// Told whenever somebody gives a share back.
    released: Arc<Notify>,
    /// How many wait for a place, and how many places are on their way to them.
    waiting: AtomicUsize,
    closing: Arc<AtomicUsize>,
    known: Mutex<HashMap<Address, Known>>,
    clock: AtomicU64,
    /// Not the same in any two processes: nobody can choose ids that meet on a lane.
    pub(super) hasher: RandomState,
}

impl DataSources {
    pub(crate) fn new(options: SourceOptions) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(options.max_data_sources)),
            options: Arc::new(options),
            released: Arc::default(),
            waiting: AtomicUsize::new(0),
            closing: Arc::default(),
            known: Mutex::default(),
            clock: AtomicU64::new(0),
            hasher: RandomState::new(),
        }
    }

    pub(crate) fn options(&self) -> &SourceOptions {
        &self.options
    }

    /// A connection to the database, which is opened when it is not yet.
    pub(super) async fn connect(
        &self,
        url: &DatabaseUrl,
        names: Names,
        affinity: Affinity,
        session: Session,
    ) -> Result<SourceConnection, TenantError> {
        let address = Address {
            url: url.clone(),
            names,
        };
        let opening = {
            let mut known = self.lock();
            let entry = match known.get_mut(&address) {
                Some(entry) => entry,
                None => {
                    known.retain(|_, entry| !entry.is_vacant());
                    known.entry(address.clone()).or_default()
                }
            };
            entry.last_used = self.clock.fetch_add(1, Ordering::Relaxed);
            if let Some(open) = entry.open() {
                return Ok(self.share(open, affinity, session));
            }
            Opening {
                source: Arc::clone(&entry.source),
                _released: Released(Arc::clone(&self.released)),
            }
        };
        // Boxed: the driver's connect futures are large, and this one is inside every request's.
        let opened = opening
            .source
            .get_or_init(|| Box::pin(self.open(&address, affinity)))
            .await;
        match opened {
            Ok(open) => Ok(self.share(open, affinity, session)),
            Err(failed) => {
                // The next one to ask tries again.
                let mut known = self.lock();
                if known
                    .get(&address)
                    .is_some_and(|entry| Arc::ptr_eq(&entry.source, &opening.source))
                {
                    known.remove(&address);
                }
                Err(failed.clone())
            }
        }
    }

    fn share(
        &self,
        source: &Arc<DataSource>,
        affinity: Affinity,
        session: Session,
    ) -> SourceConnection {
        let released = Arc::clone(&self.released);
        SourceConnection::new(Arc::clone(source), affinity, session, released)
    }

    async fn open(&self, address: &Address, affinity: Affinity) -> Opened {
        let permit = tokio::time::timeout(self.options.acquire_timeout, self.permit())
            .await
            .ok()
            .flatten()
            .ok_or(TenantError::DataSourcesExhausted {
                max: self.options.max_data_sources,
            })?;
        let lanes = Lanes::open(address, &self.options, affinity).await?;
        let backend = address.url.backend();
        tracing::debug!(backend = product(backend), "data source opened");
        let home = &self.options.home;
        Ok(Arc::new(DataSource::new(backend, lanes, permit, home)))
    }

    /// A place for one more source. Makes room by closing sources that are idle, or that become
    /// idle in the meantime.
    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(free) = Arc::clone(&self.permits).try_acquire_owned() {
            return Some(free);
        }
        let _waiting = Counted::new(&self.waiting);
        let mut acquired = pin!(Arc::clone(&self.permits).acquire_owned());
        loop {
            // Listen first, look second: a share given back in between is not missed.
            let mut released = pin!(self.released.notified());
            released.as_mut().enable();
            self.make_room();
            let permit = poll_fn(|context| match acquired.as_mut().poll(context) {
                Poll::Ready(permit) => Poll::Ready(Some(permit)),
                Poll::Pending => released.as_mut().poll(context).map(|()| None),
            })
            .await;
            if let Some(permit) = permit {
                return permit.ok();
            }
        }
    }

    /// Closes the source that was asked for longest ago, of those that are idle, unless as many
    /// are closing as there are waiting.
    fn make_room(&self) {
        let evicted = {
            let mut known = self.lock();
            if self.closing.load(Ordering::Relaxed) >= self.waiting.load(Ordering::Relaxed) {
                return;
            }
            let oldest = known
                .iter()
                .filter(|(_, entry)| entry.is_idle())
                .min_by_key(|(_, entry)| entry.last_used)
                .map(|(address, _)| address.clone());
            let evicted = oldest.and_then(|address| known.remove(&address)?.into_idle());
            evicted.map(|mut source| {
                source.gives_way(&self.closing);
                source
            })
        };
        drop(evicted);
    }

    /// Closes every source, waiting for the work on them to end. A connection that is still held
    /// fails from now on.
    pub(crate) async fn close(&self) {
        let known = std::mem::take(&mut *self.lock());
        join_all(known.into_values().map(|entry| async {
            let Some(source) = entry.open() else {
                return;
            };
            source.close().await;
            // Unless somebody holds on to what is closed.
            if let Some(closed) = entry.into_idle() {
                closed.forget();
            }
        }))
        .await;
    }

    /// How those that are open are used.
    pub(crate) fn statistics(&self) -> Vec<DataSourceStatistics> {
        let known = self.lock();
        let open = known.values().filter_map(Known::open);
        open.map(|source| source.lanes.statistics()).collect()
    }

    /// How many are open, being opened or being closed.
    pub(crate) fn open_count(&self) -> usize {
        self.options.max_data_sources - self.permits.available_permits()
    }

    /// Nothing is left half done under this lock, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, HashMap<Address, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Known {
    source: Arc<OnceCell<Opened>>,
    last_used: u64,
}

/// What became of opening a source. A failure is everybody's who waited for it: they do not try
/// one behind the other, each for the length of a timeout.
type Opened = Result<Arc<DataSource>, TenantError>;

/// Somebody waits for a source to open. It is not idle as long as he does.
struct Opening {
    // Dropped in this order: whoever is told finds it gone.
    source: Arc<OnceCell<Opened>>,
    _released: Released,
}

/// Tells those who wait for a place, when it is dropped.
#[derive(Clone)]
pub(super) struct Released(pub(super) Arc<Notify>);

impl Drop for Released {
    fn drop(&mut self) {
        self.0.notify_waiters();
    }
}

impl Known {
    /// Open, and held by nobody but the registry.
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.source) == 1
            && self
                .open()
                .is_some_and(|source| Arc::strong_count(source) == 1)
    }

    /// Not open, and nobody is opening it: the attempt was cancelled.
    fn is_vacant(&self) -> bool {
        Arc::strong_count(&self.source) == 1 && self.open().is_none()
    }

    fn open(&self) -> Option<&Arc<DataSource>> {
        self.source.get()?.as_ref().ok()
    }

    /// The source itself, when nobody else holds it.
    fn into_idle(self) -> Option<DataSource> {
        let opened = Arc::into_inner(self.source)?.into_inner()?;
        Arc::into_inner(opened.ok()?)
    }
}
