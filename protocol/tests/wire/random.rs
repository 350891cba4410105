//! A small seeded generator (splitmix64), so that every case can be repeated from its seed.

#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed from a name and numbers, to give each case its own.
    pub(crate) fn seed(name: &str, numbers: &[u64]) -> u64 {
        let bytes = name.bytes().map(u64::from);
        bytes
            .chain(numbers.iter().copied())
            .fold(0xcbf2_9ce4_8422_2325, |hash, value| {
                (hash ^ value)
                    .wrapping_mul(0x0100_0000_01b3)
                    .rotate_left(17)
            })
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// Below the limit, which is not zero.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).expect("a limit fits 64 bits");
        usize::try_from(self.next() % limit).expect("below a usize")
    }

    pub(crate) fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.byte()).collect()
    }
}
