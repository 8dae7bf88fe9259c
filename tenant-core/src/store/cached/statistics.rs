use std::{
    ops::Add,
    sync::atomic::{AtomicU64, Ordering},
};

/// What a [`CachedStore`](super::CachedStore) did since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStatistics {
    /// Answers that were remembered.
    pub hits: u64,
    /// Questions to the store behind.
    pub loads: u64,
    /// Answers that were older than their lifetime, because the store was unavailable.
    pub stale: u64,
}

impl Add for CacheStatistics {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            loads: self.loads + other.loads,
            stale: self.stale + other.stale,
        }
    }
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) hits: AtomicU64,
    pub(super) loads: AtomicU64,
    pub(super) stale: AtomicU64,
}

impl Counters {
    pub(super) fn read(&self) -> CacheStatistics {
        CacheStatistics {
            hits: self.hits.load(Ordering::Relaxed),
            loads: self.loads.load(Ordering::Relaxed),
            stale: self.stale.load(Ordering::Relaxed),
        }
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
