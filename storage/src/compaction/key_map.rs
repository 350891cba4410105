//! Up to which offset each key has been seen, in a bounded amount of memory: 24 bytes a key,
//! whatever the keys' length. Pure.
//!
//! Keys are told apart by a keyed hash of 128 bits: whoever does not know the seed cannot make
//! two of them collide, and by chance it does not happen.

use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// What one key takes.
pub const ENTRY_BYTES: usize = size_of::<Slot>();

#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: [u64; 2],
    /// Negative where no key is.
    offset: i64,
}

const FREE: Slot = Slot {
    hash: [0; 2],
    offset: -1,
};

/// See the module.
#[derive(Debug)]
pub struct KeyMap {
    slots: Vec<Slot>,
    keys_count: usize,
    keys_max: usize,
    seed: [u64; 2],
    /// Records beyond it have not been looked at.
    latest_offset: i64,
}

impl KeyMap {
    /// A map that takes at most `bytes` and is never fuller than `load_factor`; for `keys_wanted`
    /// keys it takes no more than they need.
    #[must_use]
    pub fn new(bytes: usize, load_factor: f64, keys_wanted: u64, seed: [u64; 2]) -> Self {
        let load_factor = load_factor.clamp(0.1, 0.95);
        let wanted = usize::try_from(keys_wanted).unwrap_or(usize::MAX);
        let slots_wanted = scaled(wanted, 1.0 / load_factor).saturating_add(2);
        let slots_count = (bytes / ENTRY_BYTES).min(slots_wanted).max(2);
        Self {
            slots: vec![FREE; slots_count],
            keys_count: 0,
            keys_max: scaled(slots_count, load_factor).clamp(1, slots_count - 1),
            seed,
            latest_offset: -1,
        }
    }

    /// Notes that a key is at an offset, the highest so far. `false` when there is no room for it.
    pub fn put(&mut self, key: &[u8], offset: i64) -> bool {
        let hash = self.hash(key);
        let at = self.find(hash);
        let slot = &mut self.slots[at];
        if slot.offset < 0 {
            if self.keys_count == self.keys_max {
                return false;
            }
            self.keys_count += 1;
        }
        *slot = Slot { hash, offset };
        self.latest_offset = offset;
        true
    }

    /// The highest offset noted of a key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<i64> {
        let slot = &self.slots[self.find(self.hash(key))];
        (slot.offset >= 0).then_some(slot.offset)
    }

    /// Everything up to an offset has been looked at, whether it has a key or not.
    pub fn note_seen(&mut self, offset: i64) {
        self.latest_offset = self.latest_offset.max(offset);
    }

    /// Up to here everything has been looked at; -1 at the beginning.
    #[must_use]
    pub fn latest_offset(&self) -> i64 {
        self.latest_offset
    }

    #[must_use]
    pub fn keys_count(&self) -> usize {
        self.keys_count
    }

    fn hash(&self, key: &[u8]) -> [u64; 2] {
        let mut hasher = SipHasher13::new_with_keys(self.seed[0], self.seed[1]);
        hasher.write(key);
        let hash = hasher.finish128();
        [hash.h1, hash.h2]
    }

    /// The slot of a key, or the free one where it would go.
    fn find(&self, hash: [u64; 2]) -> usize {
        let slots_count = self.slots.len();
        // The remainder is below the number of slots.
        let mut at = usize::try_from(hash[0] % slots_count as u64).unwrap_or(0);
        loop {
            let slot = &self.slots[at];
            if slot.offset < 0 || slot.hash == hash {
                return at;
            }
            at = if at + 1 == slots_count { 0 } else { at + 1 };
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count of slots, which the caller bounds"
)]
fn scaled(count: usize, factor: f64) -> usize {
    (count as f64 * factor) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map_until_it_is_full(keys in prop::collection::vec(prop::collection::vec(0..4_u8, 0..5), 1..200), slots in 4..100_usize) {
            let mut map = KeyMap::new(slots * ENTRY_BYTES, 0.9, u64::MAX, [3, 4]);
            let mut model: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
            for (offset, key) in (0..).zip(&keys) {
                if map.put(key, offset) {
                    model.insert(key.clone(), offset);
                } else {
                    prop_assert!(!model.contains_key(key));
                    prop_assert_eq!(model.len(), map.keys_max);
                    break;
                }
                prop_assert_eq!(map.latest_offset(), offset);
            }
            prop_assert_eq!(map.keys_count(), model.len());
            for key in &keys {
                prop_assert_eq!(map.get(key), model.get(key).copied());
            }
        }
    }

    #[test]
    fn it_takes_what_is_needed_and_never_more_than_allowed() {
        let small = KeyMap::new(1 << 30, 0.9, 100, [0; 2]);
        assert!(small.slots.len() < 130 && small.keys_max >= 100);
        let bounded = KeyMap::new(24_000, 0.5, u64::MAX, [0; 2]);
        assert_eq!((bounded.slots.len(), bounded.keys_max), (1_000, 500));
        let tiny = KeyMap::new(0, 0.9, u64::MAX, [0; 2]);
        assert_eq!(tiny.keys_max, 1);
    }
}
