use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    str::FromStr as _,
    time::Duration,
};

use futures_util::future::select_all;
use sea_orm::sqlx::{
    PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tenant_core::TenantId;

use super::To;
use crate::BoxError;

/// Pools of one connection each, and which of them each tenant uses: written by hand, for the sake
/// of comparison, without all that an application would also need.
pub(super) struct Lanes {
    pools: Vec<PgPool>,
    /// By tenant, the one that he prefers first.
    chosen: Vec<Vec<usize>>,
}

impl Lanes {
    pub(super) fn open(to: &To<'_>) -> Result<Self, BoxError> {
        let lanes = to.limits.connections;
        let url = to.tenants.url(to.application);
        let statements = to.limits.statements / lanes as usize;
        let connect =
            PgConnectOptions::from_str(url.as_str())?.statement_cache_capacity(statements);
        let pools = (0..lanes).map(|_| {
            PgPoolOptions::new()
                .max_connections(1)
                .test_before_acquire(false)
                .acquire_timeout(Duration::from_secs(30))
                .connect_lazy_with(connect.clone())
        });
        let chosen = to.tenants.ids().iter().map(|id| {
            let mut all: Vec<usize> = (0..lanes as usize).collect();
            all.sort_by_cached_key(|lane| rendezvous(id, *lane));
            all.truncate(to.limits.connections_per_tenant as usize);
            all
        });
        Ok(Self {
            pools: pools.collect(),
            chosen: chosen.collect(),
        })
    }

    /// The first of the tenant's connections that is free, or whichever becomes so.
    pub(super) async fn acquire(
        &self,
        tenant: usize,
    ) -> Result<PoolConnection<Postgres>, BoxError> {
        let chosen = &self.chosen[tenant];
        let mut pools = chosen.iter().map(|lane| &self.pools[*lane]);
        if let Some(free) = pools.find_map(PgPool::try_acquire) {
            return Ok(free);
        }
        let waiting = chosen
            .iter()
            .map(|lane| Box::pin(self.pools[*lane].acquire()));
        let (first, _, _) = select_all(waiting).await;
        Ok(first?)
    }

    pub(super) async fn close(&self) {
        for pool in &self.pools {
            pool.close().await;
        }
    }
}

fn rendezvous(id: &TenantId, lane: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    (id.as_str(), lane).hash(&mut hasher);
    hasher.finish()
}
