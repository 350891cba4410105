//! Hostile bytes out of valid ones.

use crate::random::Random;

/// Changes the bytes in one to four places.
pub(crate) fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            bytes.push(random.byte());
        }
        let at = random.below(bytes.len());
        match random.below(8) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            2 => bytes[at] = random.byte(),
            3 => bytes.truncate(at),
            4 => bytes.insert(at, random.byte()),
            5 => overwrite(bytes, at, &random_length(random)),
            6 => overwrite(bytes, at, &[0xff; 5][..=random.below(5)]),
            _ => {
                let end = at + random.below(bytes.len() - at).min(64);
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
}

/// A length that invites trouble: the extremes, and small negative ones.
fn random_length(random: &mut Random) -> [u8; 4] {
    [i32::MAX, i32::MIN, -1, -2, 1_000_001, 0x00ff_ffff, 0, 1][random.below(8)].to_be_bytes()
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    for (byte, new) in bytes[at..].iter_mut().zip(with) {
        *byte = *new;
    }
}
