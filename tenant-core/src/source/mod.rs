//! Data sources: the databases that tenants are placed in, each with its connections.

mod begins;
mod connection;
mod finish;
mod home;
mod lanes;
mod open;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-mysql"))]
mod said;
mod session;
mod stream;
mod transaction;
mod url;

use std::{
    collections::{HashMap, hash_map::RandomState},
    fmt,
    future::{Future, poll_fn},
    hash::BuildHasher,
    ops::Deref,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::Poll,
};

use futures_util::future::join_all;
use sea_orm::DbBackend;
use smol_str::SmolStr;
use tokio::{
    runtime::Handle,
    sync::{Notify, OnceCell, OwnedSemaphorePermit, Semaphore},
};

#[cfg(feature = "database-store")]
pub(crate) use self::finish::Finish;
pub(crate) use self::home::Home;
pub(crate) use self::open::{
    SourceOptions, connect_alone, connect_dedicated, create_database, create_file,
};
pub use self::{
    connection::SourceConnection,
    lanes::DataSourceStatistics,
    stream::SourceStream,
    transaction::{SourceTransaction, SourceTransactionStream},
    url::DatabaseUrl,
};
use self::{
    lanes::{Affinity, Lanes},
    session::{Session, Setting},
};
use crate::{ConnectionInfo, Placement, TenantError, TenantId, TenantLimits, error::product};

/// The open data sources, one for each database URL, no more than a bound at a time. In a strict
/// tenancy tenants have one, and what they share another.
///
/// A source opens when it is first asked for, once however many ask. When the bound is reached,
/// the one that was asked for longest ago, of those that are idle, is closed. One that is in use is
/// never closed: the newcomer waits for it, for a bounded time.
#[derive(Debug)]
pub(crate) struct DataSources {
    options: Arc<SourceOptions>,
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
    hasher: RandomState,
}

/// What tells data sources apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Address {
    url: DatabaseUrl,
    names: Names,
}

/// What a tenant's connection may do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rights {
    pub(crate) limits: TenantLimits,
    /// Whether it changes the schema itself, and not as the tenant's role.
    pub(crate) is_owner: bool,
}

/// What a name without a schema means on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Names {
    /// What it means to the database: the shared tables.
    Shared,
    /// Nothing.
    Nothing,
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

    /// A tenant's connection to where it is placed.
    pub(crate) async fn connect_tenant(
        &self,
        id: &TenantId,
        placed: &ConnectionInfo,
        rights: Rights,
    ) -> Result<SourceConnection, TenantError> {
        let limits = rights.limits;

        let is_alone = placed.placement() == Placement::Dedicated
            || placed.url().backend() == DbBackend::Sqlite;
        let lanes = match (limits.connections, is_alone) {
            (Some(connections), _) => connections,
            (None, true) => usize::MAX,
            (None, false) => self.options.connections_of_one(),
        };
        let affinity = Affinity {
            key: self.hasher.hash_one(id),
            lanes,
        };
        let names = match self.options.is_strict {
            true => Names::Nothing,
            false => Names::Shared,
        };
        let role = match (&self.options.roles, rights.is_owner) {
            (Some(roles), false) => roles.role_at(placed)?,
            _ => None,
        };
        if role.is_some() && placed.url().is_pooled_by_transaction() {
            return Err(TenantError::Configuration(
                "`database_roles` needs server connections that stay one's own between transactions, and `statement-cache-capacity=0` says that they do not: connect past the pooler, or have it pool sessions"
                    .to_owned(),
            ));
        }
        let session = self.session(limits, role);
        self.connect(placed.url(), names, affinity, session).await
    }

    /// A connection to the database for what is no tenant's.
    pub(crate) async fn connect_shared(
        &self,
        url: &DatabaseUrl,
    ) -> Result<SourceConnection, TenantError> {
        let affinity = Affinity {
            key: 0,
            lanes: usize::MAX,
        };
        let session = self.session(TenantLimits::default(), None);
        self.connect(url, Names::Shared, affinity, session).await
    }

    /// What is set on a connection for somebody, of what is set for anybody.
    fn session(&self, limits: TenantLimits, role: Option<SmolStr>) -> Session {
        Session {
            statement_timeout: Setting::of(self.options.has_limits, limits.statement_timeout),
            role: Setting::of(self.options.roles.is_some(), role),
        }
    }

    /// A connection to the database, which is opened when it is not yet.
    async fn connect(
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
        Ok(Arc::new(DataSource {
            backend,
            lanes,
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
                .map(|(address, _)| address.clone());
            let evicted = oldest.and_then(|address| known.remove(&address)?.into_idle());
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
        join_all(known.into_values().map(|entry| async {
            let Some(source) = entry.open() else {
                return;
            };
            source.close().await;
            // Its place is free here and now, unless somebody holds on to what is closed.
            if let Some(mut closed) = entry.into_idle() {
                closed.runtime = None;
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

/// One open database. Closes when nobody holds it any more.
struct DataSource {
    backend: DbBackend,
    lanes: Arc<Lanes>,
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
        self.home.run(self.lanes.close()).await;
    }
}

impl Drop for DataSource {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        let closing = Self {
            backend: self.backend,
            lanes: Arc::clone(&self.lanes),
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
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}
