use std::sync::{Mutex, MutexGuard, PoisonError};

use super::lookup::Remembered;
use crate::TenantId;

/// Answers that one look finds: a table in front of the cache, with a place for each answer and no
/// account of who is used and how often.
///
/// What is in it is in the cache, too, or was until the cache was full: whoever changes the one
/// changes the other, under one lock. Of two tenants with the same place, the one that was asked for
/// last has it, and the cache serves the other.
pub(super) struct Front<T> {
    places: Box<[Mutex<Place<T>>]>,
}

type Place<T> = Option<(TenantId, Remembered<T>)>;

/// With a hundred bytes each, a cache has some 400 kB of them for each kind of answer.
const MOST_PLACES: u64 = 4_096;

impl<T> Front<T> {
    pub(super) fn new(capacity: u64) -> Self {
        let places = capacity.clamp(1, MOST_PLACES).next_power_of_two();
        Self {
            places: (0..places).map(|_| Mutex::default()).collect(),
        }
    }

    pub(super) fn get(&self, id: &TenantId) -> Option<Remembered<T>> {
        match &*self.place(id) {
            Some((found, remembered)) if found == id => Some(remembered.clone()),
            _ => None,
        }
    }

    pub(super) fn put(&self, id: &TenantId, remembered: Remembered<T>) {
        *self.place(id) = Some((id.clone(), remembered));
    }

    pub(super) fn remove(&self, id: &TenantId) {
        let mut place = self.place(id);
        if place.as_ref().is_some_and(|(found, _)| found == id) {
            *place = None;
        }
    }

    fn place(&self, id: &TenantId) -> MutexGuard<'_, Place<T>> {
        let place = &self.places[hash(id) & (self.places.len() - 1)];
        place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// FNV-1a, because it is short. Nobody gains by tenants that meet in one place: the cache serves them.
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
