use std::{collections::BTreeSet, fmt, str::FromStr};

use sha2::{Digest as _, Sha256};
use tenant_core::{TenantError, TenantId};

use crate::MigrationError;

/// Whom to begin with, and when to stop.
///
/// First come the canaries, and if one of them fails, nobody else is touched. Then come the waves, in
/// which failures are counted: when there are more than the budget allows, no other tenant is begun.
#[derive(Clone, Debug)]
pub struct Rollout {
    canary: Option<Canary>,
    waves: Vec<Share>,
    max_failures: usize,
}

#[derive(Clone, Debug)]
enum Canary {
    Ids(BTreeSet<TenantId>),
    Share(Share),
}

/// A part of the fleet, in percent: more than 0, at most 100.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Share(f64);

/// All at once, and at most ten failures.
impl Default for Rollout {
    fn default() -> Self {
        Self {
            canary: None,
            waves: Vec::new(),
            max_failures: 10,
        }
    }
}

impl Rollout {
    /// Begins with these tenants.
    #[must_use]
    pub fn with_canaries(mut self, ids: impl IntoIterator<Item = TenantId>) -> Self {
        self.canary = Some(Canary::Ids(ids.into_iter().collect()));
        self
    }

    /// Begins with a share of the tenants, at least one: those that come first by a hash of their
    /// ids, so that they are the same each time, and of all kinds.
    #[must_use]
    pub fn with_canary_share(mut self, share: Share) -> Self {
        self.canary = Some(Canary::Share(share));
        self
    }

    /// Goes on with these shares of all tenants, one after the other, and then with the rest.
    #[must_use]
    pub fn with_waves(mut self, waves: impl IntoIterator<Item = Share>) -> Self {
        self.waves = waves.into_iter().collect();
        self
    }

    /// How many tenants may fail before no other is begun. Default: 10.
    #[must_use]
    pub fn with_max_failures(mut self, failures: usize) -> Self {
        self.max_failures = failures;
        self
    }

    pub(crate) fn max_failures(&self) -> usize {
        self.max_failures
    }

    /// The waves, as places in the list of tenants. The first one is of canaries, if there are any.
    ///
    /// # Errors
    ///
    /// A canary is not among the tenants.
    pub(crate) fn waves(&self, tenants: &[TenantId]) -> Result<Vec<Wave>, MigrationError> {
        let mut rest: Vec<usize> = (0..tenants.len()).collect();
        let mut waves = Vec::new();
        match &self.canary {
            Some(Canary::Ids(ids)) => {
                if let Some(missing) = ids.iter().find(|id| !tenants.contains(id)) {
                    return Err(TenantError::UnknownTenant {
                        tenant: missing.clone(),
                    }
                    .into());
                }
                let (canaries, others) = rest
                    .into_iter()
                    .partition(|place| ids.contains(&tenants[*place]));
                waves.push(Wave::new(canaries, true));
                rest = others;
            }
            Some(Canary::Share(share)) => {
                rest.sort_by_cached_key(|place| Sha256::digest(tenants[*place].as_str()));
                let others = rest.split_off(share.of(tenants.len()));
                waves.push(Wave::new(rest, true));
                rest = others;
                rest.sort_unstable();
            }
            None => {}
        }
        for share in &self.waves {
            let others = rest.split_off(share.of(tenants.len()).min(rest.len()));
            waves.push(Wave::new(rest, false));
            rest = others;
        }
        waves.push(Wave::new(rest, false));
        waves.retain(|wave| !wave.places.is_empty());
        Ok(waves)
    }
}

/// Tenants that are begun together.
#[derive(Debug, PartialEq)]
pub(crate) struct Wave {
    pub(crate) places: Vec<usize>,
    /// One failure is too many.
    pub(crate) is_canary: bool,
}

impl Wave {
    fn new(places: Vec<usize>, is_canary: bool) -> Self {
        Self { places, is_canary }
    }
}

impl Share {
    /// So many percent.
    ///
    /// # Errors
    ///
    /// [`MigrationError::Configuration`] when it is not more than 0 and at most 100.
    pub fn percent(percent: f64) -> Result<Self, MigrationError> {
        if percent > 0.0 && percent <= 100.0 {
            return Ok(Self(percent));
        }
        Err(MigrationError::Configuration(format!(
            "{percent} % is no share of the tenants; it is more than 0 and at most 100"
        )))
    }

    /// At least one, of any.
    fn of(self, tenants: usize) -> usize {
        let share = (tenants as f64 * self.0 / 100.0).ceil() as usize;
        share.clamp(1.min(tenants), tenants)
    }
}

/// `5%`.
impl FromStr for Share {
    type Err = MigrationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let percent = text
            .strip_suffix('%')
            .and_then(|number| number.trim().parse().ok());
        match percent {
            Some(percent) => Self::percent(percent),
            None => Err(MigrationError::Configuration(format!(
                "{text:?} is no share; write it as 5%"
            ))),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(number: usize) -> Vec<TenantId> {
        (0..number)
            .map(|number| format!("t{number:02}").parse().unwrap())
            .collect()
    }

    fn sizes(rollout: &Rollout, tenants: usize) -> Vec<(usize, bool)> {
        let waves = rollout.waves(&ids(tenants)).unwrap();
        let mut all: Vec<usize> = waves.iter().flat_map(|wave| wave.places.clone()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..tenants).collect::<Vec<_>>(), "each once");
        waves
            .iter()
            .map(|wave| (wave.places.len(), wave.is_canary))
            .collect()
    }

    fn share(percent: f64) -> Share {
        Share::percent(percent).unwrap()
    }

    #[test]
    fn canaries_come_first_and_the_rest_last() {
        let rollout = Rollout::default();
        assert_eq!(sizes(&rollout, 40), [(40, false)]);
        assert_eq!(sizes(&rollout, 0), []);
        let rollout = rollout.with_waves([share(10.0), share(50.0)]);
        assert_eq!(sizes(&rollout, 40), [(4, false), (20, false), (16, false)]);
        let rollout = rollout.with_canary_share(share(5.0));
        assert_eq!(
            sizes(&rollout, 40),
            [(2, true), (4, false), (20, false), (14, false)]
        );
        assert_eq!(sizes(&rollout, 1), [(1, true)]);
        let rollout = rollout.with_canaries(ids(3));
        let waves = rollout.waves(&ids(40)).unwrap();
        assert_eq!(waves[0], Wave::new(vec![0, 1, 2], true));
        assert!(rollout.waves(&ids(2)).is_err());
    }

    #[test]
    fn a_share_is_more_than_nothing_and_at_most_all() {
        assert_eq!("5%".parse::<Share>().unwrap(), share(5.0));
        assert_eq!(share(0.5).to_string(), "0.5%");
        for wrong in ["0%", "101%", "5", "x%", "NaN%", "-1%"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }
}
