//! What a lookup costs when the cache has the answer, against its targets.
//!
//!     cargo bench -p tenant-core --bench cache
//!
//! One line a target: `target <name> <value> <bound> ok|short`.

#![allow(clippy::print_stdout, reason = "it reports")]

use std::{error::Error, fmt::Display, hint::black_box, process::ExitCode, time::Instant};

use tenant_core::{CachedStore, DatabaseUrl, MemoryStore, TenantId, TenantStore as _};
use tokio::runtime;

const HITS: u32 = 1_000;
const BATCHES: usize = 1_000;

fn main() -> ExitCode {
    // `cargo test --benches` runs it, too, and measures nothing.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Box<dyn Error>> {
    let few = cache_of(10)?;
    let many = cache_of(10_000)?;
    let hit = nanoseconds(&few)?.min(nanoseconds(&many)?);
    let (of_few, of_many) = (allocated(&few)?, allocated(&many)?);
    // Bytes, in a thousand hits.
    Ok(target("cache_hit_ns", hit, 300.0)
        & target(
            "cache_hit_bytes_of_10_000_tenants",
            of_many,
            of_few + of_few / 10, // its housekeeping comes at its own times
        ))
}

fn target<T: Display + PartialOrd>(name: &str, value: T, bound: T) -> bool {
    let met = value <= bound;
    let verdict = if met { "ok" } else { "short" };
    println!("target {name} {value:.0} {bound:.0} {verdict}");
    met
}

struct Warm {
    runtime: runtime::Runtime,
    cache: CachedStore<MemoryStore>,
    ids: Vec<TenantId>,
}

/// A cache that remembers so many tenants.
fn cache_of(tenants: usize) -> Result<Warm, Box<dyn Error>> {
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
        Ok::<_, tenant_core::TenantError>(())
    })?;
    Ok(Warm {
        runtime,
        cache,
        ids,
    })
}

/// Of one hit: the least of many batches, because a machine only ever adds to it.
fn nanoseconds(warm: &Warm) -> Result<f64, Box<dyn Error>> {
    let mut least = f64::INFINITY;
    for batch in 0..BATCHES {
        let id = &warm.ids[batch % warm.ids.len()];
        let begun = Instant::now();
        hit(warm, id)?;
        least = least.min(begun.elapsed().as_secs_f64() * 1e9 / f64::from(HITS));
    }
    Ok(least)
}

fn allocated(warm: &Warm) -> Result<u64, Box<dyn Error>> {
    let mut outcome = Ok(());
    let info = allocation_counter::measure(|| outcome = hit(warm, &warm.ids[0]));
    outcome?;
    Ok(info.bytes_total)
}

fn hit(warm: &Warm, id: &TenantId) -> Result<(), Box<dyn Error>> {
    warm.runtime.block_on(async {
        for _ in 0..HITS {
            black_box(warm.cache.tenant(black_box(id)).await?);
        }
        Ok(())
    })
}
