//! What a lookup costs when the cache has the answer.

use std::{hint::black_box, time::Instant};

use tenant_core::{CachedStore, DatabaseUrl, MemoryStore, TenantId, TenantStore as _};
use tokio::runtime;

use crate::{BoxError, report::Target};

const HITS: u32 = 1_000;
const BATCHES: usize = 1_000;

/// Measures in a runtime of its own: not to be called in one.
///
/// # Errors
///
/// The store's.
pub fn measure() -> Result<Vec<Target>, BoxError> {
    let few = Warm::of(10)?;
    let many = Warm::of(10_000)?;
    let hit = few.nanoseconds()?.min(many.nanoseconds()?);
    let (of_few, of_many) = (few.allocated()?, many.allocated()?);
    Ok(vec![
        Target::at_most("cache_hit_ns", hit, 300.0),
        // Bytes, in a thousand hits. Its housekeeping comes at its own times.
        Target::at_most(
            "cache_hit_bytes_of_10_000_tenants",
            of_many as f64,
            (of_few + of_few / 10) as f64,
        ),
    ])
}

/// A cache that remembers everybody.
struct Warm {
    runtime: runtime::Runtime,
    cache: CachedStore<MemoryStore>,
    ids: Vec<TenantId>,
}

impl Warm {
    fn of(tenants: usize) -> Result<Self, BoxError> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let database = DatabaseUrl::new("postgres://app@localhost/app")?;
        let store = MemoryStore::new();
        let mut ids = Vec::with_capacity(tenants);
        for number in 0..tenants {
            let id = TenantId::try_from(format!("tenant-{number}"))?;
            store.add(id.clone(), &database)?;
            ids.push(id);
        }
        let cache = CachedStore::new(store);
        runtime.block_on(async {
            for id in &ids {
                cache.tenant(id).await?;
            }
            Ok::<_, BoxError>(())
        })?;
        Ok(Self {
            runtime,
            cache,
            ids,
        })
    }

    /// Of one hit: the least of many batches, because a machine only ever adds to it.
    fn nanoseconds(&self) -> Result<f64, BoxError> {
        let mut least = f64::INFINITY;
        for batch in 0..BATCHES {
            let id = &self.ids[batch % self.ids.len()];
            let begun = Instant::now();
            self.hit(id)?;
            least = least.min(begun.elapsed().as_secs_f64() * 1e9 / f64::from(HITS));
        }
        Ok(least)
    }

    fn allocated(&self) -> Result<u64, BoxError> {
        let mut outcome = Ok(());
        let info = allocation_counter::measure(|| outcome = self.hit(&self.ids[0]));
        outcome?;
        Ok(info.bytes_total)
    }

    fn hit(&self, id: &TenantId) -> Result<(), BoxError> {
        self.runtime.block_on(async {
            for _ in 0..HITS {
                black_box(self.cache.tenant(black_box(id)).await?);
            }
            Ok(())
        })
    }
}
