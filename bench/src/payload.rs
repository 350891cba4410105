//! The values of the records: bytes that do not compress, cut from one pool at moving places, so
//! that making them costs next to nothing. The same in every run. Pure.

use std::cell::Cell;

const POOL_BYTES: usize = 1 << 20;
/// Odd, so that the places differ for a long time.
const STEP_BYTES: usize = 4099;

#[derive(Debug)]
pub(crate) struct Payload {
    pool: Vec<u8>,
    value_bytes: usize,
    place: Cell<usize>,
}

impl Payload {
    pub(crate) fn new(value_bytes: usize) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let words = (POOL_BYTES + value_bytes).div_ceil(8);
        let mut pool = Vec::with_capacity(words * 8);
        for _ in 0..words {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            pool.extend_from_slice(&state.to_le_bytes());
        }
        Self {
            pool,
            value_bytes,
            place: Cell::new(0),
        }
    }

    /// The next record's value.
    pub(crate) fn value(&self) -> &[u8] {
        let place = self.place.get();
        self.place.set((place + STEP_BYTES) % POOL_BYTES);
        &self.pool[place..place + self.value_bytes]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn values_have_the_size_and_differ() {
        let payload = Payload::new(100);
        let values: HashSet<&[u8]> = (0..10_000).map(|_| payload.value()).collect();
        assert_eq!(values.len(), 10_000);
        assert!(values.iter().all(|value| value.len() == 100));
    }
}
