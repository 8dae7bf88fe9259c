use moka::{policy::EvictionPolicy, sync::Cache};
use sea_orm::{ConnectOptions, Database, DatabaseConnection};

use super::{Contender, To};
use crate::{BoxError, library::plain, load::Request};

/// A pool of one connection for each tenant, as long as there is room; then the one that was used
/// longest ago makes room.
pub(super) struct PoolEach {
    pools: Cache<usize, DatabaseConnection>,
    options: Vec<ConnectOptions>,
}

impl PoolEach {
    pub(super) fn open(to: &To<'_>) -> Self {
        let options = to.tenants.schemas().map(|schema| {
            let mut options = to.tenants.options(to.application, 1);
            options
                .set_schema_search_path(schema.as_str())
                .test_before_acquire(false)
                .connect_lazy(true);
            options
        });
        Self {
            pools: Cache::builder()
                .max_capacity(u64::from(to.limits.pools))
                .eviction_policy(EvictionPolicy::lru())
                .build(),
            options: options.collect(),
        }
    }
}

#[async_trait::async_trait]
impl Contender for PoolEach {
    async fn answer(&self, request: Request) -> Result<(), BoxError> {
        let db = match self.pools.get(&request.tenant) {
            Some(db) => db,
            None => {
                let opened = Database::connect(self.options[request.tenant].clone()).await?;
                // Somebody else may have been faster.
                let db = self.pools.get_with(request.tenant, || opened);
                // Who has to make room does so now, and not some time: the server counts.
                self.pools.run_pending_tasks();
                db
            }
        };
        Ok(plain::answer(&db, request.what, request.key).await?)
    }

    async fn close(&self) {
        for (_, db) in &self.pools {
            let _ = db.close_by_ref().await;
        }
    }
}
