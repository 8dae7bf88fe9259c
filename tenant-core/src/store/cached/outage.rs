use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How long after a failure the store is left alone, where there is a stale answer to serve.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// For how long after that a failure says something about the store when nobody has tried since. It
/// bounds how old an answer can be to whoever is the first to ask, long after an outage.
const FAILURE_COUNTS_FOR: Duration = Duration::from_secs(60);

/// Whether the store is taken to be away: from a failure to the next answer.
#[derive(Default)]
pub(super) struct Outage {
    next_try: Mutex<Option<Instant>>,
}

/// What is known about the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    /// It answered, or it was not asked for so long that nobody knows.
    Answers,
    /// It failed a moment ago, or somebody is about to see whether it still does.
    Away,
    /// It failed, and whoever is told this is the one to try again.
    Due,
}

impl Outage {
    pub(super) fn note(&self, is_away: bool) {
        *self.next_try() = is_away.then(|| Instant::now() + RETRY_AFTER);
    }

    /// Says [`Outlook::Due`] to one caller, and not again before the next try is due.
    pub(super) fn look(&self, now: Instant) -> Outlook {
        let mut next_try = self.next_try();
        match *next_try {
            Some(due) if now < due => Outlook::Away,
            Some(due) if now < due + FAILURE_COUNTS_FOR => {
                *next_try = Some(now + RETRY_AFTER);
                Outlook::Due
            }
            _ => Outlook::Answers,
        }
    }

    fn next_try(&self) -> MutexGuard<'_, Option<Instant>> {
        self.next_try.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_a_second_tries_again_until_there_is_an_answer() {
        let outage = Outage::default();
        assert_eq!(outage.look(Instant::now()), Outlook::Answers);
        outage.note(true);
        let mut now = Instant::now();
        for _ in 0..3 {
            assert_eq!(outage.look(now), Outlook::Away);
            now += RETRY_AFTER;
            assert_eq!(outage.look(now), Outlook::Due);
        }
        assert_eq!(outage.look(now), Outlook::Away);
        outage.note(false);
        assert_eq!(outage.look(now), Outlook::Answers);
    }

    #[test]
    fn a_failure_of_long_ago_says_nothing() {
        let outage = Outage::default();
        outage.note(true);
        let later = Instant::now() + RETRY_AFTER + FAILURE_COUNTS_FOR;
        assert_eq!(outage.look(later), Outlook::Answers);
    }
}
