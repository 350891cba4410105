//! The keys of the records. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::units;

const CARDINALITY_MAX: u64 = 1 << 20;

/// A distribution of keys. A key is the text of its number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Keys {
    /// No key: the producer chooses the partitions.
    None,
    /// So many keys in turn.
    RoundRobin(u32),
    /// So many keys, all alike.
    Uniform(u32),
    /// So many keys, the n-th with a share of 1/n^s.
    Zipf(u32, f64),
    /// Every record has a key of its own.
    Sequential,
}

/// Draws keys.
#[derive(Debug)]
pub(crate) struct KeySource {
    keys: Keys,
    next: u64,
    /// The shares of a Zipf distribution, summed up.
    cumulative: Vec<f64>,
}

impl KeySource {
    pub(crate) fn new(keys: Keys) -> Self {
        let mut cumulative = Vec::new();
        if let Keys::Zipf(count, exponent) = keys {
            let mut sum = 0.0;
            for rank in 1..=count {
                sum += f64::from(rank).powf(-exponent);
                cumulative.push(sum);
            }
        }
        Self {
            keys,
            next: 0,
            cumulative,
        }
    }

    /// The next record's key.
    pub(crate) fn next(&mut self, random: &mut fastrand::Rng) -> Option<u64> {
        match self.keys {
            Keys::None => None,
            Keys::RoundRobin(count) => {
                let key = self.next;
                self.next = (key + 1) % u64::from(count);
                Some(key)
            }
            Keys::Uniform(count) => Some(random.u64(0..u64::from(count))),
            Keys::Zipf(..) => {
                let sum = self.cumulative.last().copied().unwrap_or(0.0);
                let place = random.f64() * sum;
                Some(self.cumulative.partition_point(|below| *below < place) as u64)
            }
            Keys::Sequential => {
                self.next += 1;
                Some(self.next - 1)
            }
        }
    }
}

/// Where Kafka's own clients put a key: the murmur2 hash of its bytes.
pub(crate) fn partition_of(key: &[u8], partitions: usize) -> usize {
    let positive = murmur2(key) & 0x7fff_ffff;
    positive as usize % partitions.max(1)
}

fn murmur2(key: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    const SEED: u32 = 0x9747_b28c;
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let mut hash = SEED ^ length;
    let mut words = key.chunks_exact(4);
    for word in words.by_ref() {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(word);
        let mut mixed = u32::from_le_bytes(bytes).wrapping_mul(M);
        mixed ^= mixed >> 24;
        hash = hash.wrapping_mul(M) ^ mixed.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (shift, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * shift);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

impl FromStr for Keys {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["none" | "NO_KEY"] => Ok(Self::None),
            ["round-robin", count] => Ok(Self::RoundRobin(cardinality(count)?)),
            // What the OpenMessaging Benchmark calls them: it has 10,000 keys.
            ["KEY_ROUND_ROBIN"] => Ok(Self::RoundRobin(10_000)),
            ["RANDOM_NANO"] => Ok(Self::Uniform(10_000)),
            ["uniform", count] => Ok(Self::Uniform(cardinality(count)?)),
            ["zipf", exponent, count] => {
                let exponent = units::quantity(exponent)?;
                Ok(Self::Zipf(cardinality(count)?, exponent))
            }
            ["sequential"] => Ok(Self::Sequential),
            _ => Err(format!(
                "'{text}' is no distribution of keys: none, 'round-robin N', 'uniform N', \
                 'zipf S N' or sequential"
            )),
        }
    }
}

fn cardinality(text: &str) -> Result<u32, String> {
    let count = units::whole(text)?;
    if !(1..=CARDINALITY_MAX).contains(&count) {
        return Err(format!("between 1 and {CARDINALITY_MAX} keys"));
    }
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => write!(f, "none"),
            Self::RoundRobin(count) => write!(f, "round-robin {count}"),
            Self::Uniform(count) => write!(f, "uniform {count}"),
            Self::Zipf(count, exponent) => write!(f, "zipf {exponent} {count}"),
            Self::Sequential => write!(f, "sequential"),
        }
    }
}

impl TryFrom<String> for Keys {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Keys> for String {
    fn from(keys: Keys) -> Self {
        keys.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_return_and_nonsense_does_not() {
        for text in [
            "none",
            "round-robin 7",
            "uniform 10",
            "zipf 1.1 1000",
            "sequential",
        ] {
            assert_eq!(text.parse::<Keys>().unwrap().to_string(), text);
        }
        for text in ["", "uniform 0", "zipf 1", "uniform 2M", "hot"] {
            assert!(text.parse::<Keys>().is_err(), "{text}");
        }
    }

    #[test]
    fn keys_go_where_kafkas_clients_put_them() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }

    #[test]
    fn zipf_prefers_the_first_keys() {
        let mut source = KeySource::new(Keys::Zipf(100, 1.0));
        let mut random = fastrand::Rng::with_seed(1);
        let mut counts = [0_u32; 100];
        for _ in 0..100_000 {
            counts[usize::try_from(source.next(&mut random).unwrap()).unwrap()] += 1;
        }
        let ratio = f64::from(counts[0]) / f64::from(counts[9]);
        assert!((9.0..11.0).contains(&ratio), "{ratio}");
    }
}
