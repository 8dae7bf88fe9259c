//! Data sources: the databases that tenants are placed in, each with one pool.

mod connection;
mod finish;
mod home;
mod open;
mod stream;
mod transaction;
mod url;

use std::{
    collections::HashMap,
    fmt,
    future::{Future, poll_fn},
    ops::Deref,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::Poll,
};

use sea_orm::DatabaseConnection;
use tokio::{
    runtime::Handle,
    sync::{Notify, OnceCell, OwnedSemaphorePermit, Semaphore},
};

pub(crate) use self::home::Home;
pub(crate) use self::open::{
    SourceOptions, connect_alone, connect_dedicated, create_database, create_file,
};
pub use self::{
    connection::SourceConnection, stream::SourceStream, transaction::SourceTransaction,
    url::DatabaseUrl,
};
use crate::{TenantError, error::product};

/// The open data sources, one pool for each database URL, no more than a bound at a time.
///
/// A source opens when it is first asked for, once however many ask. When the bound is reached,
/// the one that was asked for longest ago, of those that are idle, is closed. One that is in use is
/// never closed: the newcomer waits for it, for a bounded time.
#[derive(Debug)]
pub(crate) struct DataSources {
    options: SourceOptions,
    /// One for each source that is open, from before it connects until its pool is closed.
    permits: Arc<Semaphore>,
    /// Told whenever somebody gives a share back.
    released: Arc<Notify>,
    /// How many wait for a place, and how many places are on their way to them.
    waiting: AtomicUsize,
    closing: Arc<AtomicUsize>,
    known: Mutex<HashMap<DatabaseUrl, Known>>,
    clock: AtomicU64,
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
struct Released(Arc<Notify>);

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

impl DataSources {
    pub(crate) fn new(options: SourceOptions) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(options.max_data_sources)),
            options,
            released: Arc::default(),
            waiting: AtomicUsize::new(0),
            closing: Arc::default(),
            known: Mutex::default(),
            clock: AtomicU64::new(0),
        }
    }

    pub(crate) fn options(&self) -> &SourceOptions {
        &self.options
    }

    /// A connection to the database, which is opened when it is not yet.
    pub(crate) async fn connect(&self, url: &DatabaseUrl) -> Result<SourceConnection, TenantError> {
        let opening = {
            let mut known = self.lock();
            let entry = match known.get_mut(url) {
                Some(entry) => entry,
                None => {
                    known.retain(|_, entry| !entry.is_vacant());
                    known.entry(url.clone()).or_default()
                }
            };
            entry.last_used = self.clock.fetch_add(1, Ordering::Relaxed);
            if let Some(open) = entry.open() {
                return Ok(self.share(open));
            }
            Opening {
                source: Arc::clone(&entry.source),
                _released: Released(Arc::clone(&self.released)),
            }
        };
        // Boxed: the driver's connect futures are large, and this one is inside every request's.
        let opened = opening
            .source
            .get_or_init(|| Box::pin(self.open(url)))
            .await;
        match opened {
            Ok(open) => Ok(self.share(open)),
            Err(failed) => {
                // The next one to ask tries again.
                let mut known = self.lock();
                if known
                    .get(url)
                    .is_some_and(|entry| Arc::ptr_eq(&entry.source, &opening.source))
                {
                    known.remove(url);
                }
                Err(failed.clone())
            }
        }
    }

    fn share(&self, source: &Arc<DataSource>) -> SourceConnection {
        SourceConnection::new(Arc::clone(source), Arc::clone(&self.released))
    }

    async fn open(&self, url: &DatabaseUrl) -> Opened {
        let permit = tokio::time::timeout(self.options.acquire_timeout, self.permit())
            .await
            .ok()
            .flatten()
            .ok_or(TenantError::DataSourcesExhausted {
                max: self.options.max_data_sources,
            })?;
        let database = open::connect(url, &self.options).await?;
        tracing::debug!(backend = product(url.backend()), "data source opened");
        Ok(Arc::new(DataSource {
            database,
            place: Some(Place {
                _permit: permit,
                _closing: None,
            }),
            runtime: self.options.home.runtime(),
            home: self.options.home.clone(),
        }))
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
                .map(|(url, _)| url.clone());
            let evicted = oldest.and_then(|url| known.remove(&url)?.into_idle());
            evicted.map(|mut source| {
                if let Some(place) = &mut source.place {
                    place._closing = Some(Counted::new(Arc::clone(&self.closing)));
                }
                source
            })
        };
        drop(evicted);
    }

    /// Closes every source, waiting for the work on them to end. A connection that is still held
    /// fails from now on.
    pub(crate) async fn close(&self) {
        let known = std::mem::take(&mut *self.lock());
        for (_, entry) in known {
            let Some(source) = entry.open() else {
                continue;
            };
            source.close().await;
            // Its place is free here and now, unless somebody holds on to what is closed.
            if let Some(mut closed) = entry.into_idle() {
                closed.runtime = None;
            }
        }
    }

    /// How many are open, being opened or being closed.
    pub(crate) fn open_count(&self) -> usize {
        self.options.max_data_sources - self.permits.available_permits()
    }

    /// Nothing is left half done under this lock, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, HashMap<DatabaseUrl, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open database. Closes when nobody holds it any more.
struct DataSource {
    database: DatabaseConnection,
    place: Option<Place>,
    home: Home,
    /// Where the closing runs, whoever drops the last share.
    runtime: Option<Handle>,
}

/// A source's place among those that may be open.
struct Place {
    // Dropped in this order: who waits for a place is not told that one is coming when it is there.
    _closing: Option<Counted<Arc<AtomicUsize>>>,
    _permit: OwnedSemaphorePermit,
}

/// One more, as long as it lives.
#[derive(Debug)]
struct Counted<C: Deref<Target = AtomicUsize>>(C);

impl<C: Deref<Target = AtomicUsize>> Counted<C> {
    fn new(count: C) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl<C: Deref<Target = AtomicUsize>> Drop for Counted<C> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl DataSource {
    /// Waits for statements and transactions that are under way.
    async fn close(&self) {
        if let Err(error) = self.home.run(self.database.close_by_ref()).await {
            tracing::warn!(%error, "a data source did not close cleanly");
        }
    }
}

impl Drop for DataSource {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        let closing = Self {
            database: std::mem::take(&mut self.database),
            place: self.place.take(),
            home: self.home.clone(),
            runtime: None,
        };
        // A transaction may outlive the connection that began it: this waits for it, and only then
        // gives the place to the next source.
        runtime.spawn(async move { closing.close().await });
    }
}

impl fmt::Debug for DataSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataSource")
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}
