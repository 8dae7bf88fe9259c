//! A cache in front of any store, which survives the store's outages.

mod front;
mod lookup;
mod outage;
mod statistics;

use std::{fmt, future::poll_fn, pin::pin, sync::Arc, time::Duration};

use futures_core::Stream;

use self::lookup::{Lifetime, Lookup};
pub use self::statistics::CacheStatistics;
use super::{
    PlacedPage, PlacedTenant, TenantChange, TenantDirectory, TenantInfo, TenantQuery,
    TenantRegistry, TenantStatus, TenantStore,
};
use crate::{ConnectionInfo, TenantError, TenantId};

/// A store that remembers what the one behind it said.
///
/// - Info and connection info have lifetimes of their own, so that a suspension is noticed soon and
///   a database's address is not asked for all the time.
/// - However many ask for a tenant that is not remembered, the store is asked once. One of them
///   giving up fails none of the others.
/// - When info shows that a tenant was [changed](TenantInfo::updated_at), where its data is is asked for
///   again: a move is noticed within the lifetime of info.
/// - While the store is unavailable, what was remembered serves for longer, up to
///   [`max_stale`](CachedStoreBuilder::max_stale), with a warning. From its first failure to its next
///   answer, the store is tried again once a second in the background, and nobody whose tenant is
///   remembered waits for it. (Who asks when nobody has for a minute does wait, and is told what is
///   true then.)
/// - Shortly before a lifetime ends, what is in use is asked for again in the background.
/// - Ids that the store does not know are remembered for a short time, apart from those that it
///   knows: a flood of made-up ids pushes no real one out.
///
/// Cheap to clone; clones share everything.
///
/// ```
/// # use std::time::Duration;
/// # use tenant_core::{CachedStore, MemoryStore, Tenancy};
/// let store = CachedStore::builder(MemoryStore::new())
///     .info_lifetime(Duration::from_secs(10))
///     .build();
/// let tenancy = Tenancy::builder().store(store.clone()).build()?;
/// # Ok::<(), tenant_core::TenantError>(())
/// ```
pub struct CachedStore<S> {
    inner: Arc<Inner<S>>,
}

struct Inner<S> {
    store: Arc<S>,
    tenants: Lookup<S, TenantInfo>,
    connections: Lookup<S, ConnectionInfo>,
}

impl<S: TenantStore + 'static> CachedStore<S> {
    /// Remembers for `store`, with the default lifetimes.
    pub fn new(store: S) -> Self {
        Self::builder(store).build()
    }

    /// Remembers for `store`, with other lifetimes.
    pub fn builder(store: S) -> CachedStoreBuilder<S> {
        CachedStoreBuilder {
            store,
            info_lifetime: Duration::from_secs(30),
            connection_lifetime: Duration::from_secs(300),
            unknown_lifetime: Duration::from_secs(5),
            max_stale: Duration::from_secs(3600),
            max_tenants: 100_000,
        }
    }

    /// Forgets a tenant, known or unknown: the next one to ask is told by the store. An answer that
    /// is under way already is not remembered.
    pub fn invalidate(&self, id: &TenantId) {
        // In this order: whoever is told the new info is not told the old place any more.
        self.inner.connections.invalidate(id);
        self.inner.tenants.invalidate(id);
    }

    /// Has everybody asked for again, as after changes that were missed. In an outage, what was
    /// remembered still serves.
    pub fn expire_all(&self) {
        // In this order, as above.
        self.inner.connections.expire_all();
        self.inner.tenants.expire_all();
    }

    /// Forgets each tenant that changes, as soon as the news comes, for as long as there is any.
    ///
    /// So a suspension takes effect within a second where the news comes from the tenant service
    /// (`TenantServiceClient::changes`), instead of within the lifetime of info. While the news is
    /// cut off, lifetimes are the bound again, and when it is back, everybody is asked for anew.
    ///
    /// Runs until `changes` ends: spawn it, and abort the task to stop it.
    ///
    /// ```
    /// # use tenant_core::{CachedStore, MemoryStore, TenantChange};
    /// # async fn example(changes: impl futures_core::Stream<Item = TenantChange> + Send + 'static) {
    /// let store = CachedStore::new(MemoryStore::new());
    /// let follower = store.clone();
    /// tokio::spawn(async move { follower.follow(changes).await });
    /// # }
    /// ```
    pub async fn follow(&self, changes: impl Stream<Item = TenantChange>) {
        let mut changes = pin!(changes);
        while let Some(change) = poll_fn(|context| changes.as_mut().poll_next(context)).await {
            match change {
                TenantChange::Changed(id) => self.invalidate(&id),
                TenantChange::Missed => self.expire_all(),
            }
        }
    }

    /// What happened so far, of info and connection info together.
    pub fn statistics(&self) -> CacheStatistics {
        self.inner.tenants.statistics() + self.inner.connections.statistics()
    }
}

impl<S> Clone for CachedStore<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<S> fmt::Debug for CachedStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedStore").finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl<S: TenantStore + 'static> TenantStore for CachedStore<S> {
    fn tenant_at_hand(&self, id: &TenantId) -> Option<Arc<TenantInfo>> {
        self.inner.tenants.at_hand(&self.inner.store, id)
    }

    fn connection_at_hand(&self, id: &TenantId) -> Option<Arc<ConnectionInfo>> {
        self.inner.connections.at_hand(&self.inner.store, id)
    }

    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        self.inner.tenants.get(&self.inner.store, id).await
    }

    async fn connection(&self, id: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        self.inner.connections.get(&self.inner.store, id).await
    }
}

#[async_trait::async_trait]
impl<S: TenantDirectory + 'static> TenantDirectory for CachedStore<S> {
    /// From the store itself.
    async fn list_placed(&self, query: &TenantQuery) -> Result<PlacedPage, TenantError> {
        self.inner.store.list_placed(query).await
    }

    async fn placed(&self, id: &TenantId) -> Result<PlacedTenant, TenantError> {
        self.inner.store.placed(id).await
    }
}

/// Whoever is changed is forgotten, also when the change seems to have failed.
#[async_trait::async_trait]
impl<S: TenantRegistry + 'static> TenantRegistry for CachedStore<S> {
    async fn register(
        &self,
        info: TenantInfo,
        connection: ConnectionInfo,
    ) -> Result<(), TenantError> {
        let id = info.id.clone();
        let _changed = Changing(self, &id);
        self.inner.store.register(info, connection).await
    }

    async fn change_status(&self, id: &TenantId, status: TenantStatus) -> Result<(), TenantError> {
        let _changed = Changing(self, id);
        self.inner.store.change_status(id, status).await
    }

    async fn change_place(
        &self,
        id: &TenantId,
        connection: ConnectionInfo,
    ) -> Result<(), TenantError> {
        let _changed = Changing(self, id);
        self.inner.store.change_place(id, connection).await
    }

    async fn withdraw(&self, id: &TenantId) -> Result<(), TenantError> {
        let _changed = Changing(self, id);
        self.inner.store.withdraw(id).await
    }

    async fn forget(&self, id: &TenantId) -> Result<(), TenantError> {
        let _changed = Changing(self, id);
        self.inner.store.forget(id).await
    }
}

/// Invalidates when it ends, however that is: by cancellation, too.
struct Changing<'a, S: TenantStore + 'static>(&'a CachedStore<S>, &'a TenantId);

impl<S: TenantStore + 'static> Drop for Changing<'_, S> {
    fn drop(&mut self) {
        self.0.invalidate(self.1);
    }
}

/// Settings of a [`CachedStore`].
#[must_use = "a builder does nothing until it is built"]
pub struct CachedStoreBuilder<S> {
    store: S,
    info_lifetime: Duration,
    connection_lifetime: Duration,
    unknown_lifetime: Duration,
    max_stale: Duration,
    max_tenants: u64,
}

impl<S: TenantStore + 'static> CachedStoreBuilder<S> {
    /// How long info is served without asking again: the longest that a suspension or a move can go
    /// unnoticed while the store answers. Default: 30 s.
    ///
    /// So whoever moves a tenant puts it in maintenance for this long before, and leaves its old place
    /// to nobody else for this long after.
    pub fn info_lifetime(mut self, lifetime: Duration) -> Self {
        self.info_lifetime = lifetime;
        self
    }

    /// How long connection info is served without asking again, unless the tenant was changed.
    /// Default: 5 minutes.
    ///
    /// That a tenant was changed shows in its info: in [`updated_at`](TenantInfo::updated_at), above all.
    /// With a store that leaves that out, a move of a tenant whose info stays the same goes unnoticed for
    /// this long, too.
    pub fn connection_lifetime(mut self, lifetime: Duration) -> Self {
        self.connection_lifetime = lifetime;
        self
    }

    /// How long an unknown tenant is unknown without asking again: the longest that a new tenant
    /// whom somebody asked for too early has to wait. Default: 5 s.
    pub fn unknown_lifetime(mut self, lifetime: Duration) -> Self {
        self.unknown_lifetime = lifetime;
        self
    }

    /// How much longer than its lifetime an answer is served while the store is unavailable.
    /// Default: 1 hour.
    pub fn max_stale(mut self, duration: Duration) -> Self {
        self.max_stale = duration;
        self
    }

    /// How many tenants are remembered, and how many unknown ones. Default: 100,000.
    pub fn max_tenants(mut self, tenants: u64) -> Self {
        self.max_tenants = tenants;
        self
    }

    /// The store with its cache.
    pub fn build(self) -> CachedStore<S> {
        let lifetime = |fresh| Lifetime {
            fresh,
            stale: self.max_stale,
            unknown: self.unknown_lifetime,
        };
        let connections = Lookup::new(
            lifetime(self.connection_lifetime),
            self.max_tenants,
            |store: &S, id| store.connection(id),
            Box::new(|_, _, _| {}),
        );
        let places = connections.clone();
        let tenants = Lookup::new(
            lifetime(self.info_lifetime),
            self.max_tenants,
            |store: &S, id| store.tenant(id),
            // A place is that of the info it was asked for after. Another info may be from after a move.
            Box::new(move |id, before: Option<&TenantInfo>, now| {
                if before.is_none() || before != now {
                    places.invalidate(id);
                }
            }),
        );
        CachedStore {
            inner: Arc::new(Inner {
                tenants,
                connections,
                store: Arc::new(self.store),
            }),
        }
    }
}

impl<S> fmt::Debug for CachedStoreBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedStoreBuilder")
            .field("info_lifetime", &self.info_lifetime)
            .field("connection_lifetime", &self.connection_lifetime)
            .field("unknown_lifetime", &self.unknown_lifetime)
            .field("max_stale", &self.max_stale)
            .field("max_tenants", &self.max_tenants)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
