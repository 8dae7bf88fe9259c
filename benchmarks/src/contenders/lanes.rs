use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    ops::{Deref, DerefMut},
    str::FromStr as _,
    sync::Arc,
    time::Duration,
};

use futures_util::future::select_all;
use sea_orm::sqlx::{
    ConnectOptions as _, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tenant_core::TenantId;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::To;
use crate::BoxError;

/// Connections, and which of them each tenant uses: written by hand, for the sake of comparison,
/// without all that an application would also need.
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    /// By tenant, the one that he prefers first.
    chosen: Vec<Vec<usize>>,
}

/// One connection.
enum Lane {
    /// In a pool, as SeaORM wants it. Each time that it comes back, the pool asks it whether it is
    /// still there.
    Pool(PgPool),
    /// By itself.
    Held(Arc<Mutex<PgConnection>>),
}

impl Lanes {
    pub(super) fn of_pools(to: &To<'_>) -> Result<Self, BoxError> {
        let connect = connect(to)?;
        let pools = (0..to.limits.connections).map(|_| {
            let pool = PgPoolOptions::new()
                .max_connections(1)
                .test_before_acquire(false)
                .acquire_timeout(Duration::from_secs(30))
                .connect_lazy_with(connect.clone());
            Lane::Pool(pool)
        });
        Ok(Self::of(to, pools.collect()))
    }

    pub(super) async fn of_connections(to: &To<'_>) -> Result<Self, BoxError> {
        let connect = connect(to)?;
        let mut lanes = Vec::new();
        for _ in 0..to.limits.connections {
            let held = Mutex::new(connect.connect().await?);
            lanes.push(Lane::Held(Arc::new(held)));
        }
        Ok(Self::of(to, lanes))
    }

    fn of(to: &To<'_>, lanes: Vec<Lane>) -> Self {
        let chosen = to.tenants.ids().iter().map(|id| {
            let mut all: Vec<usize> = (0..lanes.len()).collect();
            all.sort_by_cached_key(|lane| rendezvous(id, *lane));
            all.truncate(to.limits.connections_per_tenant as usize);
            all
        });
        let chosen = chosen.collect();
        Self { lanes, chosen }
    }

    /// The first of the tenant's connections that is free, or whichever becomes so.
    pub(super) async fn acquire(&self, tenant: usize) -> Result<Seat, BoxError> {
        let chosen = &self.chosen[tenant];
        let mut lanes = chosen.iter().map(|lane| &self.lanes[*lane]);
        if let Some(free) = lanes.find_map(Lane::try_acquire) {
            return Ok(free);
        }
        let waiting = chosen
            .iter()
            .map(|lane| Box::pin(self.lanes[*lane].acquire()));
        let (first, _, _) = select_all(waiting).await;
        first
    }

    pub(super) async fn close(&self) {
        for lane in &self.lanes {
            if let Lane::Pool(pool) = lane {
                pool.close().await;
            }
        }
    }
}

impl Lane {
    fn try_acquire(&self) -> Option<Seat> {
        match self {
            Self::Pool(pool) => pool.try_acquire().map(Seat::Pool),
            Self::Held(held) => Arc::clone(held).try_lock_owned().ok().map(Seat::Held),
        }
    }

    async fn acquire(&self) -> Result<Seat, BoxError> {
        match self {
            Self::Pool(pool) => Ok(Seat::Pool(pool.acquire().await?)),
            Self::Held(held) => Ok(Seat::Held(Arc::clone(held).lock_owned().await)),
        }
    }
}

/// A connection that nobody else uses.
pub(super) enum Seat {
    Pool(PoolConnection<Postgres>),
    Held(OwnedMutexGuard<PgConnection>),
}

impl Deref for Seat {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match self {
            Self::Pool(connection) => connection,
            Self::Held(connection) => connection,
        }
    }
}

impl DerefMut for Seat {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match self {
            Self::Pool(connection) => connection,
            Self::Held(connection) => connection,
        }
    }
}

fn connect(to: &To<'_>) -> Result<PgConnectOptions, BoxError> {
    let url = to.tenants.url(to.application);
    let statements = to.limits.statements / to.limits.connections as usize;
    Ok(PgConnectOptions::from_str(url.as_str())?.statement_cache_capacity(statements))
}

fn rendezvous(id: &TenantId, lane: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    (id.as_str(), lane).hash(&mut hasher);
    hasher.finish()
}
