/// The lanes in a tenant's order of preference.
///
/// Rendezvous hashing (Thaler and Ravishankar, 1998): each pair of tenant and lane has a weight, and
/// the heaviest comes first. Another lane more or less changes nothing between those that stay, so
/// few tenants move.
pub(super) struct Ranking {
    key: u64,
    lanes: usize,
    last: Option<(u64, usize)>,
}

impl Ranking {
    pub(super) fn new(key: u64, lanes: usize) -> Self {
        Self {
            key,
            lanes,
            last: None,
        }
    }
}

/// Looks at all lanes for each next one: mostly nobody asks for more than the first.
impl Iterator for Ranking {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let weighed = (0..self.lanes).map(|lane| (weight(self.key, lane), lane));
        self.last = match self.last {
            None => weighed.max(),
            Some(last) => weighed.filter(|weighed| *weighed < last).max(),
        };
        self.last.map(|(_, lane)| lane)
    }
}

/// Of a key that is a hash already: the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
fn weight(key: u64, lane: usize) -> u64 {
    const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut mixed = key ^ (lane as u64 + 1).wrapping_mul(GOLDEN_GAMMA);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_lane_comes_once(key: u64, lanes in 0_usize..40) {
            let ranked: Vec<_> = Ranking::new(key, lanes).collect();
            prop_assert_eq!(ranked.len(), lanes);
            prop_assert_eq!(ranked.iter().collect::<HashSet<_>>().len(), lanes);
        }

        #[test]
        fn a_new_lane_changes_nothing_between_the_others(key: u64, lanes in 1_usize..40) {
            let before: Vec<_> = Ranking::new(key, lanes).collect();
            let mut after: Vec<_> = Ranking::new(key, lanes + 1).collect();
            after.retain(|lane| *lane != lanes);
            prop_assert_eq!(before, after);
        }
    }

    #[test]
    fn tenants_spread_evenly() {
        let (tenants, lanes) = (20_000, 8);
        let mut firsts = vec![0; lanes];
        for tenant in 0..tenants {
            // Keys that differ little are spread, too.
            firsts[Ranking::new(tenant, lanes).next().unwrap()] += 1;
        }
        let even = tenants / lanes as u64;
        for first in firsts {
            // Ten standard deviations.
            assert!(even.abs_diff(first) < 500, "{first} of {even}");
        }
    }
}
