//! Visits that take turns: which one goes on is chosen by a seed, and some are given up on the way.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use fastrand::Rng;
use futures_util::task::AtomicWaker;

/// What becomes of a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It comes to its end.
    Ends,
    /// It is dropped when it has been polled so often, as at a client's disconnect.
    Cancelled(usize),
    /// It is dropped by a panic when it has been polled so often.
    Panics(usize),
}

/// What became of a visit.
#[derive(Debug)]
pub(super) enum Outcome<T> {
    Ended(T),
    Cancelled,
    Panicked,
}

type Visit<'v, T> = Pin<Box<dyn Future<Output = T> + 'v>>;

struct Turn<'v, T> {
    visit: Option<Visit<'v, T>>,
    fate: Fate,
    polls: usize,
    /// How often it is passed over, though it could go on.
    held: u8,
    flag: Arc<Flag>,
    outcome: Option<Outcome<T>>,
}

/// Whether a visit can go on.
struct Flag {
    is_woken: AtomicBool,
    all: Arc<AtomicWaker>,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.all.wake();
    }
}

/// Runs all of them on this task, until the last has its outcome. A visit that panics by itself ends
/// this with its panic.
pub(super) async fn take<'v, T>(
    visits: Vec<(Visit<'v, T>, Fate)>,
    random: &mut Rng,
) -> Vec<Outcome<T>> {
    let all = Arc::new(AtomicWaker::new());
    let mut turns: Vec<_> = visits
        .into_iter()
        .map(|(visit, fate)| Turn {
            visit: Some(visit),
            fate,
            polls: 0,
            held: random.u8(0..3),
            flag: Arc::new(Flag {
                is_woken: AtomicBool::new(true),
                all: Arc::clone(&all),
            }),
            outcome: None,
        })
        .collect();
    poll_fn(|context| {
        all.register(context.waker());
        one_turn(&mut turns, random, context)
    })
    .await;
    turns.into_iter().filter_map(|turn| turn.outcome).collect()
}

fn one_turn<T>(turns: &mut [Turn<'_, T>], random: &mut Rng, context: &Context<'_>) -> Poll<()> {
    let mut ready = Vec::new();
    let mut is_done = true;
    for (at, turn) in turns.iter_mut().enumerate() {
        if turn.outcome.is_some() {
            continue;
        }
        is_done = false;
        if !turn.flag.is_woken.load(Ordering::Acquire) {
            continue;
        }
        match turn.held.checked_sub(1) {
            Some(less) => turn.held = less,
            None => ready.push(at),
        }
    }
    if is_done {
        return Poll::Ready(());
    }
    if let Some(turn) = random.choice(ready).and_then(|at| turns.get_mut(at)) {
        turn.go_on(random);
    }
    // The runtime looks at its sockets, so that others may become ready, before the next turn.
    if turns.iter().any(Turn::waits_for_its_turn) || turns.iter().all(|turn| turn.outcome.is_some())
    {
        context.waker().wake_by_ref();
    }
    Poll::Pending
}

impl<T> Turn<'_, T> {
    fn waits_for_its_turn(&self) -> bool {
        self.outcome.is_none() && self.flag.is_woken.load(Ordering::Acquire)
    }

    fn go_on(&mut self, random: &mut Rng) {
        self.flag.is_woken.store(false, Ordering::Release);
        self.held = random.u8(0..4);
        let Some(visit) = &mut self.visit else {
            return;
        };
        if random.bool() || self.fate != Fate::Ends {
            end_budget();
        }
        let waker = Waker::from(Arc::clone(&self.flag));
        let polled = visit.as_mut().poll(&mut Context::from_waker(&waker));
        self.polls += 1;
        self.outcome = match (polled, self.fate) {
            (Poll::Ready(output), _) => Some(Outcome::Ended(output)),
            (Poll::Pending, Fate::Cancelled(at)) if at <= self.polls => Some(Outcome::Cancelled),
            (Poll::Pending, Fate::Panics(at)) if at <= self.polls => {
                let visit = self.visit.take();
                // Dropped while a panic unwinds, as what it is in the middle of would be.
                let unwound = catch_unwind(AssertUnwindSafe(|| {
                    let _in_the_middle = visit;
                    resume_unwind(Box::new("a panic of the leak check"));
                }));
                drop(unwound);
                Some(Outcome::Panicked)
            }
            (Poll::Pending, _) => None,
        };
        if self.outcome.is_some() {
            self.visit = None;
        }
    }
}

/// Uses up what Tokio lets a task do before it must wait: the next socket or lock that a visit waits
/// for is not ready then, even when it is. Else a database on the same machine has often answered
/// before anybody looks, and a visit comes to its end in one turn.
fn end_budget() {
    /// It has half as much.
    const ENOUGH: usize = 256;
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..ENOUGH {
        let unit = pin!(tokio::task::consume_budget());
        if unit.poll(&mut context).is_pending() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, thread};

    use super::*;

    /// Yields so often, noting its name each time and how it was dropped in the end.
    async fn step(log: &RefCell<Vec<String>>, name: &str, steps: usize) -> usize {
        struct Dropped<'a>(&'a RefCell<Vec<String>>, &'a str);
        impl Drop for Dropped<'_> {
            fn drop(&mut self) {
                let how = if thread::panicking() {
                    "unwound"
                } else {
                    "dropped"
                };
                self.0.borrow_mut().push(format!("{} {how}", self.1));
            }
        }
        let _dropped = Dropped(log, name);
        for _ in 0..steps {
            log.borrow_mut().push(name.to_owned());
            tokio::task::yield_now().await;
        }
        steps
    }

    async fn order(seed: u64, fates: [Fate; 2]) -> (Vec<String>, Vec<Outcome<usize>>) {
        let log = RefCell::default();
        let visits: Vec<(Visit<'_, usize>, Fate)> = vec![
            (Box::pin(step(&log, "a", 6)), fates[0]),
            (Box::pin(step(&log, "b", 6)), fates[1]),
        ];
        let outcomes = take(visits, &mut Rng::with_seed(seed)).await;
        (log.into_inner(), outcomes)
    }

    #[tokio::test]
    async fn a_seed_is_an_order() {
        let both = [Fate::Ends; 2];
        let mut orders = std::collections::BTreeSet::new();
        for seed in 0..20 {
            let (first, outcomes) = order(seed, both).await;
            assert!(matches!(
                outcomes[..],
                [Outcome::Ended(6), Outcome::Ended(6)]
            ));
            assert_eq!(order(seed, both).await.0, first);
            orders.insert(first);
        }
        assert!(orders.len() > 15, "{} orders", orders.len());
    }

    #[tokio::test]
    async fn what_is_ready_is_waited_for_all_the_same() {
        let polls = RefCell::new(0);
        let lock = tokio::sync::Mutex::new(());
        let seeds = 50;
        for seed in 0..seeds {
            let visit = async {
                let mut locked = pin!(lock.lock());
                poll_fn(|context| {
                    *polls.borrow_mut() += 1;
                    locked.as_mut().poll(context).map(drop)
                })
                .await;
            };
            let visits: Vec<(Visit<'_, ()>, Fate)> = vec![(Box::pin(visit), Fate::Ends)];
            take(visits, &mut Rng::with_seed(seed)).await;
        }
        // One each would do.
        let more = polls.into_inner() - seeds;
        assert!(more > seeds / 10, "{more} polls more");
    }

    #[tokio::test]
    async fn visits_are_given_up_where_it_was_said() {
        let (log, outcomes) = order(1, [Fate::Cancelled(2), Fate::Panics(3)]).await;
        assert!(matches!(
            outcomes[..],
            [Outcome::Cancelled, Outcome::Panicked]
        ));
        let count = |what: &str| log.iter().filter(|line| *line == what).count();
        assert_eq!((count("a"), count("b")), (2, 3), "{log:?}");
        assert_eq!((count("a dropped"), count("b unwound")), (1, 1), "{log:?}");
    }
}
