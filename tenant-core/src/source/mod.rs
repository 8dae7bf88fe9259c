//! Data sources: the databases that tenants are placed in, each with one pool.

mod connection;
mod finish;
mod open;
mod transaction;
mod url;

use std::{
    collections::HashMap,
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use sea_orm::DatabaseConnection;
use tokio::{
    runtime::Handle,
    sync::{Notify, OnceCell, OwnedSemaphorePermit, Semaphore},
};

pub(crate) use self::open::{SourceOptions, connect_dedicated, create_file};
pub use self::{connection::SourceConnection, transaction::SourceTransaction, url::DatabaseUrl};
use crate::{TenantError, error::product};

/// The open data sources, one pool for each database URL, no more than a bound at a time.
///
/// A source opens when it is first asked for, once however many ask. When the bound is reached,
/// the one that has been idle for longest is closed. One that is in use is never closed: the
/// newcomer waits for it, for a bounded time.
#[derive(Debug)]
pub(crate) struct DataSources {
    options: SourceOptions,
    /// One for each source that is open, from before it connects until its pool is closed.
    permits: Arc<Semaphore>,
    /// Told whenever somebody gives a share back.
    released: Arc<Notify>,
    known: Mutex<HashMap<DatabaseUrl, Known>>,
    clock: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    source: Arc<OnceCell<Arc<DataSource>>>,
    last_used: u64,
}

/// Somebody waits for a source to open. It is not idle as long as he does.
struct Opening {
    // Dropped in this order: whoever is told finds it gone.
    source: Arc<OnceCell<Arc<DataSource>>>,
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
                .source
                .get()
                .is_some_and(|source| Arc::strong_count(source) == 1)
    }

    /// Not open, and nobody is opening it: the attempt failed or was cancelled.
    fn is_vacant(&self) -> bool {
        Arc::strong_count(&self.source) == 1 && self.source.get().is_none()
    }
}

impl DataSources {
    pub(crate) fn new(options: SourceOptions) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(options.max_data_sources)),
            options,
            released: Arc::default(),
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
            if let Some(open) = entry.source.get() {
                return Ok(self.share(open));
            }
            Opening {
                source: Arc::clone(&entry.source),
                _released: Released(Arc::clone(&self.released)),
            }
        };
        // Boxed: the driver's connect futures are large, and this one is inside every request's.
        let open = opening
            .source
            .get_or_try_init(|| Box::pin(self.open(url)))
            .await?;
        Ok(self.share(open))
    }

    fn share(&self, source: &Arc<DataSource>) -> SourceConnection {
        SourceConnection::new(Arc::clone(source), Arc::clone(&self.released))
    }

    async fn open(&self, url: &DatabaseUrl) -> Result<Arc<DataSource>, TenantError> {
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
            permit: Some(permit),
            opened_by: tokio::runtime::Handle::try_current().ok(),
        }))
    }

    /// A place for one more source. Makes room once, by closing one that is idle, or that becomes
    /// idle in the meantime.
    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(free) = Arc::clone(&self.permits).try_acquire_owned() {
            return Some(free);
        }
        let mut acquired = pin!(Arc::clone(&self.permits).acquire_owned());
        loop {
            // Listen first, look second: a share given back in between is not missed.
            let mut released = pin!(self.released.notified());
            released.as_mut().enable();
            if self.evict_idle() {
                return acquired.await.ok();
            }
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

    /// Closes the source that has been idle for longest, if one is idle.
    fn evict_idle(&self) -> bool {
        let mut known = self.lock();
        let longest = known
            .iter()
            .filter(|(_, entry)| entry.is_idle())
            .min_by_key(|(_, entry)| entry.last_used)
            .map(|(url, _)| url.clone());
        let evicted = longest.and_then(|url| known.remove(&url));
        drop(known);
        evicted.is_some()
    }

    /// Closes every source, waiting for the work on them to end. A connection that is still held
    /// fails from now on.
    pub(crate) async fn close(&self) {
        let known = std::mem::take(&mut *self.lock());
        for (_, entry) in known {
            let Some(source) = entry.source.get() else {
                continue;
            };
            source.close().await;
            // Its place is free here and now, unless somebody holds on to what is closed.
            if let Some(mut source) = Arc::into_inner(entry.source)
                .and_then(OnceCell::into_inner)
                .and_then(Arc::into_inner)
            {
                source.opened_by = None;
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
    permit: Option<OwnedSemaphorePermit>,
    /// Where the closing runs, when the last holder is dropped outside of the runtime.
    opened_by: Option<Handle>,
}

impl DataSource {
    /// Waits for statements and transactions that are under way.
    async fn close(&self) {
        if let Err(error) = self.database.close_by_ref().await {
            tracing::warn!(%error, "a data source did not close cleanly");
        }
    }
}

impl Drop for DataSource {
    fn drop(&mut self) {
        let Some(runtime) = self.opened_by.take() else {
            return;
        };
        let closing = Self {
            database: std::mem::take(&mut self.database),
            permit: self.permit.take(),
            opened_by: None,
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
