use std::sync::{Mutex, MutexGuard, PoisonError};

use super::lookup::Remembered;
use crate::TenantId;

/// Answers that one look finds: a table in front of the cache, with shelves for a few answers each
/// and no account of who is used and how often.
///
/// What is in it is in the cache, too, or was until the cache was full: whoever changes the one
/// changes the other, under one lock. Of more tenants than a shelf has places for, those that were
/// asked for last have them, and the cache serves the others.
pub(super) struct Front<T> {
    shelves: Box<[Mutex<Shelf<T>>]>,
}

/// The last one to come is in front.
type Shelf<T> = [Place<T>; PLACES];

type Place<T> = Option<(TenantId, Remembered<T>)>;

/// All but one of two hundred tenants have a place when there are four times as many places as tenants,
/// and all but one of thirty when there are twice as many.
const PLACES: usize = 4;

/// With some 60 bytes a place, a cache has 480 kB of them for each kind of answer.
const MOST_SHELVES: u64 = 2_048;

impl<T> Front<T> {
    pub(super) fn new(capacity: u64) -> Self {
        let shelves = capacity.clamp(1, MOST_SHELVES).next_power_of_two();
        Self {
            shelves: (0..shelves).map(|_| Mutex::default()).collect(),
        }
    }

    pub(super) fn get(&self, id: &TenantId) -> Option<Remembered<T>> {
        let shelf = self.shelf(id);
        let mut there = shelf.iter().flatten();
        let (_, remembered) = there.find(|(found, _)| found == id)?;
        Some(remembered.clone())
    }

    pub(super) fn put(&self, id: &TenantId, remembered: Remembered<T>) {
        let mut shelf = self.shelf(id);
        // In its own place, in one that nobody has, or in that of who came first.
        let own = shelf.iter().position(|place| is_of(place, id));
        let own_or_free = own.or_else(|| shelf.iter().position(Option::is_none));
        let place = own_or_free.unwrap_or(PLACES - 1);
        shelf[place] = Some((id.clone(), remembered));
        shelf[..=place].rotate_right(1);
    }

    pub(super) fn remove(&self, id: &TenantId) {
        for place in &mut *self.shelf(id) {
            if is_of(place, id) {
                *place = None;
            }
        }
    }

    fn shelf(&self, id: &TenantId) -> MutexGuard<'_, Shelf<T>> {
        let shelf = &self.shelves[hash(id) & (self.shelves.len() - 1)];
        shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_of<T>(place: &Place<T>, id: &TenantId) -> bool {
    place.as_ref().is_some_and(|(of, _)| of == id)
}

/// FNV-1a, because it is short. Nobody gains by tenants that meet on one shelf: the cache serves them.
fn hash(id: &TenantId) -> usize {
    let hash = id
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    // The upper bits are mixed best.
    (hash >> 32) as usize
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::Instant;

    use super::*;

    /// With one shelf.
    fn front() -> Front<u8> {
        Front::new(1)
    }

    fn id(number: u8) -> TenantId {
        format!("t{number}").parse().unwrap()
    }

    fn remembered(value: u8) -> Remembered<u8> {
        Remembered {
            value: Arc::new(value),
            since: Instant::now(),
            generation: 0,
        }
    }

    fn found(front: &Front<u8>, number: u8) -> Option<u8> {
        front.get(&id(number)).map(|remembered| *remembered.value)
    }

    #[test]
    fn of_too_many_on_a_shelf_the_last_stay() {
        let front = front();
        for number in 0..6 {
            front.put(&id(number), remembered(number));
        }
        let found: Vec<_> = (0..6).map(|number| found(&front, number)).collect();
        assert_eq!(found, [None, None, Some(2), Some(3), Some(4), Some(5)]);
    }

    #[test]
    fn an_answer_has_one_place() {
        let front = front();
        for number in 0..4 {
            front.put(&id(number), remembered(number));
        }
        // A place becomes free in front of the others.
        front.remove(&id(3));
        front.put(&id(0), remembered(10));
        assert_eq!(found(&front, 0), Some(10));
        front.remove(&id(0));
        assert_eq!(found(&front, 0), None);
        assert_eq!(found(&front, 1), Some(1));
    }
}
