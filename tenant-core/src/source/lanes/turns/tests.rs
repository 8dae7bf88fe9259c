use proptest::{collection::vec, prelude::*};

use super::*;

const fn affinity(key: u64, lanes: usize) -> Affinity {
    Affinity { key, lanes }
}

fn first<const N: usize, T>(grants: [Option<T>; N]) -> Option<T> {
    grants.into_iter().flatten().next()
}

#[test]
fn a_tenant_prefers_its_lane_and_spills_no_further_than_its_own() {
    let now = Instant::now();
    let mut turns = Turns::<_, ()>::new(0..8);
    let ranking: Vec<_> = Ranking::new(5, 8).take(2).collect();
    for (rank, number) in ranking.into_iter().enumerate() {
        assert_eq!(turns.take(affinity(5, 2), now), Some((number, number)));
        assert_eq!(turns.is_first_choice(5, number), rank == 0);
    }
    assert_eq!(turns.take(affinity(5, 2), now), None);
    assert_eq!(turns.free().count(), 6);
}

#[test]
fn a_lane_that_is_held_for_long_is_passed_over() {
    let then = Instant::now();
    let mut turns = Turns::<_, ()>::new(0..8);
    let ranking: Vec<_> = Ranking::new(5, 8).collect();
    // Others have the first and the third.
    for (key, rank) in [(6, 0), (7, 2)] {
        turns.lanes[ranking[rank]].hand_to(key, then).unwrap();
    }
    let (number, _) = turns.take(affinity(5, 2), then + LONG).unwrap();
    assert_eq!(number, ranking[1]);
    assert_eq!(turns.take(affinity(5, 2), then + LONG), None);
    let later = then + 2 * LONG;
    let (number, _) = turns.take(affinity(5, 2), later).unwrap();
    assert_eq!(number, ranking[3]);
    // Two are what it may have, whoever holds which for how long.
    assert_eq!(turns.take(affinity(5, 2), later + LONG), None);
}

#[test]
fn a_tenant_waits_for_its_lane_before_it_goes_on_to_the_next() {
    let now = Instant::now();
    let mut turns = Turns::new(0..8);
    let ranking: Vec<_> = Ranking::new(5, 8).collect();
    let first = turns.lanes[ranking[0]].hand_to(6, now).unwrap();
    assert_eq!(turns.take(affinity(5, 2), now), None);
    for waiter in ["a", "b", "c"] {
        turns.wait(affinity(5, 2), now, waiter);
    }
    // The next is free, but his turn comes first.
    let [one, none] = turns.give_back(ranking[0], first, now);
    assert_eq!(one.unwrap().waiter, "a");
    assert_eq!(none, None);
    let granted = turns.look_again(5, now);
    assert_eq!(granted.len(), 1);
    assert_eq!((granted[0].waiter, granted[0].number), ("b", ranking[1]));
    // It may have no more than two.
    assert_eq!(turns.waiting(), 1);
}

#[test]
fn nobody_waits_for_a_lane_that_somebody_has_had_for_a_while() {
    let then = Instant::now();
    let mut turns = Turns::<_, ()>::new(0..8);
    let ranking: Vec<_> = Ranking::new(5, 8).collect();
    turns.lanes[ranking[0]].hand_to(6, then).unwrap();
    assert_eq!(turns.take(affinity(5, 2), then + PATIENCE), None);
    let (number, _) = turns.take(affinity(5, 2), then + 2 * PATIENCE).unwrap();
    assert_eq!(number, ranking[1]);
    // It has one, and the other is one of those that it may have.
    assert_eq!(turns.take(affinity(5, 2), then + 2 * PATIENCE), None);
}

#[test]
fn who_waits_for_long_is_given_another_lane() {
    let then = Instant::now();
    let mut turns = Turns::new(0..8);
    let ranking: Vec<_> = Ranking::new(5, 8).collect();
    turns.lanes[ranking[0]].hand_to(6, then).unwrap();
    assert_eq!(turns.take(affinity(5, 1), then), None);
    turns.wait(affinity(5, 1), then, "a");
    assert_eq!(turns.look_again(5, then + PATIENCE), []);
    let granted = turns.look_again(5, then + 2 * LONG);
    assert_eq!(granted.len(), 1);
    assert_eq!((granted[0].waiter, granted[0].number), ("a", ranking[1]));
    assert_eq!(turns.waiting(), 0);
}

#[test]
fn who_has_all_that_it_may_waits_for_one_of_them() {
    let then = Instant::now();
    let mut turns = Turns::new(0..8);
    let (number, lane) = turns.take(affinity(5, 1), then).unwrap();
    let later = then + 2 * LONG;
    turns.wait(affinity(5, 1), later, "a");
    assert_eq!(turns.look_again(5, later), []);
    // Somebody else has a turn there before it.
    turns.lanes[number].turns.push_front(6);
    turns.wait(affinity(6, 8), later, "b");
    let granted = turns.give_back(number, lane, later).map(Option::unwrap);
    assert_eq!(granted.map(|grant| grant.waiter), ["b", "a"]);
}

#[test]
fn tenants_take_turns_whoever_waits_most() {
    let now = Instant::now();
    let mut turns = Turns::new([()]);
    let (number, ()) = turns.take(affinity(0, 1), now).unwrap();
    for waiter in ["a1", "a2", "a3"] {
        turns.wait(affinity(1, 1), now, waiter);
    }
    for (key, waiter) in [(2, "b1"), (3, "c1"), (2, "b2")] {
        turns.wait(affinity(key, 1), now, waiter);
    }
    let mut served = Vec::new();
    while let Some(grant) = first(turns.give_back(number, (), now)) {
        served.push(grant.waiter);
    }
    assert_eq!(served, ["a1", "b1", "c1", "a2", "b2", "a3"]);
    assert_eq!(turns.free().count(), 1);
}

#[test]
fn who_leaves_has_no_turn() {
    let now = Instant::now();
    let mut turns = Turns::new([()]);
    let (number, ()) = turns.take(affinity(0, 1), now).unwrap();
    let one = turns.wait(affinity(1, 1), now, "a1");
    let two = turns.wait(affinity(1, 1), now, "a2");
    turns.wait(affinity(2, 1), now, "b1");
    turns.leave(1, one);
    assert_eq!(turns.waiting(), 2);
    turns.leave(1, two);
    turns.leave(1, two);
    assert_eq!(turns.waiting_for(1), 0);
    assert_eq!(turns.lanes[number].turns, [2]);
    let granted = first(turns.give_back(number, (), now)).unwrap();
    assert_eq!(granted.waiter, "b1");
    assert_eq!(turns.give_back(number, (), now), [None, None]);
    assert_eq!(turns.take(affinity(1, 1), now), Some((0, ())));
}

const LANES: usize = 5;
const OWN: usize = 2;

#[derive(Clone, Debug)]
enum Step {
    Come(u64),
    Return(prop::sample::Index),
    Leave(prop::sample::Index),
    /// Time goes by, and somebody looks again.
    Later(u64, u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..6).prop_map(Step::Come),
        3 => any::<prop::sample::Index>().prop_map(Step::Return),
        1 => any::<prop::sample::Index>().prop_map(Step::Leave),
        2 => (0_u64..6, 0_u64..30).prop_map(|(key, time)| Step::Later(key, time)),
    ]
}

proptest! {
    /// Whoever waits is served in time, those of a tenant in the order in which they came; nobody
    /// has more than he may; and nobody waits beside a lane that is free for him.
    #[test]
    fn nobody_is_forgotten(steps in vec(step(), 0..300)) {
        let mut now = Instant::now();
        let mut turns = Turns::new(0..LANES);
        let mut taken: Vec<(u64, usize)> = Vec::new();
        let mut waiting: Vec<(u64, u64)> = Vec::new();
        for step in steps {
            let mut granted = Vec::new();
            let mut looked = None;
            match step {
                Step::Come(key) => match turns.take(affinity(key, OWN), now) {
                    Some((number, lane)) => {
                        prop_assert_eq!(number, lane);
                        taken.push((key, number));
                    }
                    None => {
                        let ticket = turns.next_ticket;
                        let told = turns.wait(affinity(key, OWN), now, (key, ticket));
                        prop_assert_eq!(told, ticket);
                        waiting.push((key, ticket));
                    }
                },
                Step::Return(which) if !taken.is_empty() => {
                    let (_, number) = taken.swap_remove(which.index(taken.len()));
                    granted.extend(turns.give_back(number, number, now).into_iter().flatten());
                }
                Step::Leave(which) if !waiting.is_empty() => {
                    let (key, ticket) = waiting.remove(which.index(waiting.len()));
                    turns.leave(key, ticket);
                }
                Step::Later(key, time) => {
                    now += Duration::from_millis(time);
                    looked = Some(key);
                    granted.extend(turns.look_again(key, now));
                }
                _ => {}
            }
            for grant in granted {
                prop_assert_eq!(grant.lane, grant.number);
                let first = waiting.iter().position(|(key, _)| *key == grant.waiter.0);
                prop_assert_eq!(waiting.remove(first.unwrap()), grant.waiter);
                taken.push((grant.waiter.0, grant.number));
            }
            prop_assert_eq!(turns.waiting(), waiting.len());
            prop_assert_eq!(turns.free().count() + taken.len(), LANES);
            let has = |key| taken.iter().filter(|(other, _)| *other == key).count();
            let free: Vec<_> = turns.free().map(|(lane, _)| *lane).collect();
            for (key, _) in &taken {
                prop_assert!(has(*key) <= OWN);
            }
            for (key, _) in &waiting {
                let own = turns.waiting[key].lanes.clone();
                let is_beside = own.iter().any(|own| free.contains(own));
                prop_assert!(has(*key) == OWN || !is_beside);
                prop_assert!(!own.is_empty());
                if looked == Some(*key) {
                    prop_assert!(own.len() >= OWN);
                }
            }
        }
        // Everybody gives back, and everybody who waits is served.
        while let Some((_, number)) = taken.pop() {
            for grant in turns.give_back(number, number, now).into_iter().flatten() {
                taken.push((grant.waiter.0, grant.number));
            }
        }
        prop_assert_eq!(turns.waiting(), 0);
    }
}
