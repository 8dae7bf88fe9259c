use std::time::Duration;

/// How long to wait before the next attempt: a random time between nothing and a bound that
/// doubles ("full jitter"; Marc Brooker, *Exponential Backoff And Jitter*, 2015), so that clients
/// that failed together do not come back together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    pub(super) initial: Duration,
    pub(super) max: Duration,
}

impl Backoff {
    /// The wait after so many failures, of which there is at least one.
    pub(super) fn after(self, failures: u32) -> Duration {
        self.bound(failures).mul_f64(fastrand::f64())
    }

    fn bound(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.initial.saturating_mul(1 << doublings).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_the_longest() {
        let backoff = Backoff {
            initial: Duration::from_millis(100),
            max: Duration::from_secs(2),
        };
        let bounds = [1, 2, 3, 5, 6, 40, u32::MAX].map(|failures| backoff.bound(failures));
        let expected = [100, 200, 400, 1600, 2000, 2000, 2000].map(Duration::from_millis);
        assert_eq!(bounds, expected);
        assert!((0..100).all(|_| backoff.after(1) <= backoff.bound(1)));
    }
}
