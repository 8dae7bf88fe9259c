/// How many tenants a connection has served, about: hashes are counted in a bitmap, so some count
/// as one, no more than 6 of 100 at the bound.
#[derive(Debug)]
pub(super) struct Tenants {
    seen: Box<[u64]>,
    count: usize,
    bound: usize,
}

/// Bits for each tenant that may be counted.
const SPARSENESS: usize = 8;

/// As many as are told apart, in a megabyte.
const MOST: usize = 1 << 20;

impl Tenants {
    /// None yet, of at most `bound`.
    pub(super) fn up_to(bound: usize) -> Self {
        let bound = bound.min(MOST);
        let words = (bound * SPARSENESS).div_ceil(64).max(1);
        Self {
            seen: vec![0; words].into(),
            count: 0,
            bound,
        }
    }

    /// Counts the tenant. `false` when that is one too many.
    pub(super) fn admit(&mut self, key: u64) -> bool {
        let place = (key % (self.seen.len() as u64 * 64)) as usize;
        let (word, bit) = (place / 64, 1_u64 << (place % 64));
        if self.seen[word] & bit != 0 {
            return true;
        }
        if self.count == self.bound {
            return false;
        }
        self.seen[word] |= bit;
        self.count += 1;
        true
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn clear(&mut self) {
        self.seen.fill(0);
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn a_tenant_counts_once_and_one_too_many_is_told() {
        let mut tenants = Tenants::up_to(2);
        for key in [1, 1, 2, 1, 2] {
            assert!(tenants.admit(key));
        }
        assert_eq!(tenants.count(), 2);
        assert!(!tenants.admit(3));
        assert!(tenants.admit(2));
        tenants.clear();
        assert!(tenants.admit(3));
        assert_eq!(tenants.count(), 1);
    }

    #[test]
    fn the_count_is_nearly_right() {
        let hasher = std::hash::RandomState::new();
        let mut tenants = Tenants::up_to(1000);
        let admitted = (0..).take_while(|tenant: &u64| tenants.admit(hasher.hash_one(tenant)));
        let admitted = admitted.count();
        assert!((1000..1120).contains(&admitted), "{admitted}");
    }
}
