use crate::TenantId;

/// News from a store, for those who remember what it said: see
/// [`CachedStore::follow`](crate::CachedStore::follow).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TenantChange {
    /// A tenant was made, changed or removed.
    Changed(TenantId),
    /// Changes may have been missed: anything that was said before may be out of date.
    Missed,
}
