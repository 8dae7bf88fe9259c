use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use super::ranking::Ranking;

/// Who may use which lanes.
#[derive(Clone, Copy, Debug)]
pub(in crate::source) struct Affinity {
    /// A hash of the tenant, or the same for all that is no tenant's.
    pub(in crate::source) key: u64,
    /// How many lanes at a time.
    pub(in crate::source) lanes: usize,
}

/// A lane that somebody has had for longer is passed over. Its tenants use others in the meantime:
/// short requests do not queue behind a long transaction. Long enough for what is short on a machine
/// that is busy: a tenant that goes elsewhere meets a connection that has not prepared its statements.
pub(super) const LONG: Duration = Duration::from_millis(50);

/// A tenant waits so long for a lane that another tenant has before it goes on to its next choice, and
/// does not wait for one that somebody has had for as long: that is longer than most statements take,
/// and worth it, because where a tenant has been before, its statements are prepared, and the server
/// process knows its tables. Who has a lane for longer is likely to need it for much longer.
pub(super) const PATIENCE: Duration = Duration::from_millis(3);

/// Which lanes are free, who has the others, and who waits for which.
///
/// A tenant has no more than its number of lanes at a time, and takes them from as many at the front
/// of its ranking, not counting those that somebody has had for [`LONG`]. It goes on to the next one
/// when it has the one before itself, when somebody has had that for [`PATIENCE`], or after it has
/// waited for as long.
///
/// A lane that becomes free goes to the tenants that wait for it in turns, and within a tenant to
/// who has waited longest: however many requests of one tenant wait, another tenant's request waits
/// for one of them at each lane, and not for all.
pub(super) struct Turns<L, W> {
    lanes: Vec<Place<L>>,
    waiting: HashMap<u64, Tenant<W>>,
    next_ticket: u64,
}

struct Place<L> {
    /// The lane, unless somebody has it.
    lane: Option<L>,
    /// Whose it is, or was.
    holder: u64,
    since: Instant,
    /// The tenants that wait for it, each once, the next one in front.
    turns: VecDeque<u64>,
}

struct Tenant<W> {
    affinity: Affinity,
    /// Where it has a turn.
    lanes: Vec<usize>,
    queue: VecDeque<(u64, W)>,
}

/// A lane for somebody who waited.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Grant<L, W> {
    pub(super) waiter: W,
    pub(super) number: usize,
    pub(super) lane: L,
}

impl<L> Place<L> {
    fn is_free(&self) -> bool {
        self.lane.is_some()
    }

    fn is_held_by(&self, key: u64) -> bool {
        self.lane.is_none() && self.holder == key
    }

    fn is_held_longer_than(&self, time: Duration, now: Instant) -> bool {
        self.lane.is_none() && now.saturating_duration_since(self.since) > time
    }

    fn hand_to(&mut self, key: u64, now: Instant) -> Option<L> {
        let lane = self.lane.take()?;
        self.holder = key;
        self.since = now;
        Some(lane)
    }
}

impl<L, W> Turns<L, W> {
    pub(super) fn new(lanes: impl IntoIterator<Item = L>) -> Self {
        let now = Instant::now();
        let lanes = lanes.into_iter().map(|lane| Place {
            lane: Some(lane),
            holder: 0,
            since: now,
            turns: VecDeque::new(),
        });
        Self {
            lanes: lanes.collect(),
            waiting: HashMap::new(),
            next_ticket: 0,
        }
    }

    /// The next of the tenant's lanes, if it is free, with its number.
    pub(super) fn take(&mut self, affinity: Affinity, now: Instant) -> Option<(usize, L)> {
        if self.held_by(affinity.key) >= affinity.lanes {
            return None;
        }
        let mut next = self.next(affinity, now);
        let (_, number) = next.find(|(_, number)| self.lanes[*number].is_free())?;
        drop(next);
        let lane = self.lanes[number].hand_to(affinity.key, now)?;
        Some((number, lane))
    }

    /// Whether it is the lane that the tenant prefers to all others.
    pub(super) fn is_first_choice(&self, key: u64, number: usize) -> bool {
        Ranking::new(key, self.lanes.len()).next() == Some(number)
    }

    /// Waits for the next of the tenant's lanes. Returns a ticket to [`leave`](Self::leave) with.
    pub(super) fn wait(&mut self, affinity: Affinity, now: Instant, waiter: W) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let tenant = self.waiting.entry(affinity.key).or_insert_with(|| Tenant {
            affinity,
            lanes: Vec::new(),
            queue: VecDeque::new(),
        });
        tenant.queue.push_back((ticket, waiter));
        let last = self.next(affinity, now).last();
        self.line_up(affinity.key, last);
        ticket
    }

    /// For when somebody has waited for a while: there are other lanes for the tenant by now.
    pub(super) fn look_again(&mut self, key: u64, now: Instant) -> Vec<Grant<L, W>> {
        if let Some(affinity) = self.waiting.get(&key).map(|tenant| tenant.affinity) {
            let last = affinity.lanes.saturating_sub(1);
            let last = self.own(affinity, now).nth(last);
            self.line_up(key, last);
        }
        std::iter::from_fn(|| self.serve_tenant(key, now)).collect()
    }

    /// Gives a lane back. Those to whom it, or another, goes now: the caller passes them on.
    pub(super) fn give_back(
        &mut self,
        number: usize,
        lane: L,
        now: Instant,
    ) -> [Option<Grant<L, W>>; 2] {
        let place = &mut self.lanes[number];
        place.lane = Some(lane);
        if self.waiting.is_empty() {
            return [None, None];
        }
        let key = place.holder;
        // Its tenant has one less than before, and so may wait for others that are free.
        [self.serve_lane(number, now), self.serve_tenant(key, now)]
    }

    /// Waits no longer. Of no effect on who got a lane.
    pub(super) fn leave(&mut self, key: u64, ticket: u64) {
        if let Some(tenant) = self.waiting.get_mut(&key) {
            tenant.queue.retain(|(other, _)| *other != ticket);
            if tenant.queue.is_empty() {
                self.forget(key);
            }
        }
    }

    /// How many wait for the tenant.
    pub(super) fn waiting_for(&self, key: u64) -> usize {
        self.waiting
            .get(&key)
            .map_or(0, |tenant| tenant.queue.len())
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.values().map(|tenant| tenant.queue.len()).sum()
    }

    /// Those that are free, with when they were taken last.
    pub(super) fn free(&mut self) -> impl Iterator<Item = (&mut L, Instant)> {
        self.lanes.iter_mut().filter_map(|place| {
            let since = place.since;
            place.lane.as_mut().map(|lane| (lane, since))
        })
    }

    /// Takes every lane that is free, for good.
    pub(super) fn take_free(&mut self) -> Vec<L> {
        let free = |place: &mut Place<L>| place.lane.take();
        self.lanes.iter_mut().filter_map(free).collect()
    }

    /// Nobody waits any longer. Returns those who did.
    pub(super) fn send_away(&mut self) -> impl Iterator<Item = W> + use<L, W> {
        for place in &mut self.lanes {
            place.turns.clear();
        }
        let waiting = std::mem::take(&mut self.waiting);
        let queues = waiting.into_values().flat_map(|tenant| tenant.queue);
        queues.map(|(_, waiter)| waiter)
    }

    /// The lanes that a tenant may use now, free or not, each with its rank.
    fn own(&self, affinity: Affinity, now: Instant) -> impl Iterator<Item = (usize, usize)> {
        let ranking = Ranking::new(affinity.key, self.lanes.len()).enumerate();
        ranking
            .filter(move |(_, number)| !self.lanes[*number].is_held_longer_than(LONG, now))
            .take(affinity.lanes)
    }

    /// Those of them that are for a tenant that has not waited yet: up to the first that is worth
    /// waiting for.
    fn next(&self, affinity: Affinity, now: Instant) -> impl Iterator<Item = (usize, usize)> {
        let mut goes_on = true;
        self.own(affinity, now).take_while(move |(_, number)| {
            let is_next = goes_on;
            let place = &self.lanes[*number];
            goes_on = place.is_held_by(affinity.key) || place.is_held_longer_than(PATIENCE, now);
            is_next
        })
    }

    fn held_by(&self, key: u64) -> usize {
        let held = self.lanes.iter().filter(|place| place.is_held_by(key));
        held.count()
    }

    /// Gives a tenant that waits its turn at each lane up to `last`, also at those that it passes over
    /// and would rather have: at all, where there are too few others.
    fn line_up(&mut self, key: u64, last: Option<(usize, usize)>) {
        let own = Ranking::new(key, self.lanes.len());
        let own = own.take(last.map_or(usize::MAX, |(rank, _)| rank + 1));
        let Some(tenant) = self.waiting.get_mut(&key) else {
            return;
        };
        for number in own {
            if !tenant.lanes.contains(&number) {
                tenant.lanes.push(number);
                self.lanes[number].turns.push_back(key);
            }
        }
    }

    /// The next tenant's, at a lane that is free.
    fn serve_lane(&mut self, number: usize, now: Instant) -> Option<Grant<L, W>> {
        for _ in 0..self.lanes[number].turns.len() {
            let key = self.lanes[number].turns.pop_front()?;
            self.lanes[number].turns.push_back(key);
            if self.may_have_more(key) {
                return self.grant(key, number, now);
            }
        }
        None
    }

    /// A lane that is free, for a tenant that waits.
    fn serve_tenant(&mut self, key: u64, now: Instant) -> Option<Grant<L, W>> {
        if !self.may_have_more(key) {
            return None;
        }
        let lanes = &self.waiting.get(&key)?.lanes;
        let number = *lanes.iter().find(|number| self.lanes[**number].is_free())?;
        self.grant(key, number, now)
    }

    fn may_have_more(&self, key: u64) -> bool {
        let tenant = self.waiting.get(&key);
        tenant.is_some_and(|tenant| self.held_by(key) < tenant.affinity.lanes)
    }

    fn grant(&mut self, key: u64, number: usize, now: Instant) -> Option<Grant<L, W>> {
        let tenant = self.waiting.get_mut(&key)?;
        let (_, waiter) = tenant.queue.pop_front()?;
        if tenant.queue.is_empty() {
            self.forget(key);
        }
        let lane = self.lanes[number].hand_to(key, now)?;
        Some(Grant {
            waiter,
            number,
            lane,
        })
    }

    /// A tenant for whom nobody waits any longer has no turn.
    fn forget(&mut self, key: u64) {
        let forgotten = self.waiting.remove(&key);
        for number in forgotten.map_or(Vec::new(), |tenant| tenant.lanes) {
            self.lanes[number].turns.retain(|other| *other != key);
        }
    }
}

#[cfg(test)]
mod tests;
