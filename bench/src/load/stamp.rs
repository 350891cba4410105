//! What stands at the front of a value: who sent it, which one it is, when it was due, and the
//! checksum of the whole value. Pure. Values that are too short for it are sent without.

/// Bytes of a stamp.
pub(crate) const STAMP_BYTES: usize = 28;
/// What the checksum covers of the stamp.
const COVERED_BYTES: usize = 24;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) run: u32,
    pub(crate) producer: u32,
    /// Counted by producer and partition.
    pub(crate) sequence: u64,
    /// Nanoseconds since the epoch.
    pub(crate) intended: u64,
}

/// What a value turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Whole(Stamp),
    /// Bytes of ours, but changed on the way.
    Damaged,
    /// Of another run, or of another program.
    Foreign,
}

impl Stamp {
    /// Writes the stamp to the front of `value`, whose bytes behind the stamp have this checksum.
    pub(crate) fn write(&self, value: &mut [u8], rest_crc: u32) {
        let mut bytes = [0; COVERED_BYTES];
        bytes[..4].copy_from_slice(&self.run.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.producer.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[16..].copy_from_slice(&self.intended.to_be_bytes());
        value[..COVERED_BYTES].copy_from_slice(&bytes);
        let crc = crc32c::crc32c_append(rest_crc, &bytes);
        value[COVERED_BYTES..STAMP_BYTES].copy_from_slice(&crc.to_be_bytes());
    }

    /// Reads and checks the value of a record of a run.
    pub(crate) fn read(value: &[u8], run: u32) -> Seen {
        let Some((front, rest)) = value.split_first_chunk::<STAMP_BYTES>() else {
            return Seen::Foreign;
        };
        let word = |at: usize| u32::from_be_bytes(part(front, at));
        let long = |at: usize| u64::from_be_bytes(part(front, at));
        if word(0) != run {
            return Seen::Foreign;
        }
        let covered = &front[..COVERED_BYTES];
        if crc32c::crc32c_append(rest_crc(rest), covered) != word(COVERED_BYTES) {
            return Seen::Damaged;
        }
        Seen::Whole(Self {
            run,
            producer: word(4),
            sequence: long(8),
            intended: long(16),
        })
    }
}

/// The checksum of what follows a stamp.
pub(crate) fn rest_crc(rest: &[u8]) -> u32 {
    crc32c::crc32c(rest)
}

fn part<const N: usize>(front: &[u8; STAMP_BYTES], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&front[at..at + N]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp {
        run: 7,
        producer: 3,
        sequence: 1 << 40,
        intended: 1_700_000_000_000_000_000,
    };

    #[test]
    fn a_stamp_returns_and_any_changed_byte_is_noticed() {
        let mut value = vec![0x5a; 100];
        STAMP.write(&mut value, rest_crc(&[0x5a; 72]));
        assert_eq!(Stamp::read(&value, 7), Seen::Whole(STAMP));
        assert_eq!(Stamp::read(&value, 8), Seen::Foreign);
        for place in 4..value.len() {
            let mut changed = value.clone();
            changed[place] ^= 1;
            assert_eq!(Stamp::read(&changed, 7), Seen::Damaged, "{place}");
        }
    }

    #[test]
    fn what_is_too_short_is_not_ours() {
        assert_eq!(Stamp::read(&[0; STAMP_BYTES - 1], 0), Seen::Foreign);
        let mut shortest = [0; STAMP_BYTES];
        STAMP.write(&mut shortest, rest_crc(&[]));
        assert_eq!(Stamp::read(&shortest, 7), Seen::Whole(STAMP));
    }
}
