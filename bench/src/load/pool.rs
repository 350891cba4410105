//! The values of the records: made once, of the sizes and the content that the workload asks for,
//! so that a record costs a stamp and a copy. Shell only for reading a payload file.

use crate::workload::Workload;

use super::stamp::{self, STAMP_BYTES, Stamp};

/// All values together, unless one alone has more.
const POOL_BYTES: usize = 16 << 20;

#[derive(Debug)]
struct Value {
    bytes: Vec<u8>,
    /// Of what follows the stamp.
    rest_crc: u32,
}

#[derive(Debug)]
pub(crate) struct Pool {
    values: Vec<Value>,
    next: usize,
}

impl Pool {
    /// The values of a workload; its seed decides them.
    pub(crate) fn new(workload: &Workload) -> Self {
        let mut random = fastrand::Rng::with_seed(workload.seed);
        let from_file = workload.payload_file.as_ref();
        let from_file = from_file.and_then(|path| std::fs::read(path).ok());
        if let Some(bytes) = from_file {
            return Self::of(vec![Value::new(bytes)]);
        }
        let sizes = workload.sizes();
        let count = workload.randomized_payload_pool_size.max(1) as usize;
        let mut values = Vec::new();
        let mut total = 0;
        while values.len() < count && (values.is_empty() || total < POOL_BYTES) {
            let mut bytes = vec![0; sizes.sample(&mut random)];
            workload.content.fill(&mut bytes, &mut random);
            total += bytes.len();
            values.push(Value::new(bytes));
        }
        Self::of(values)
    }

    fn of(values: Vec<Value>) -> Self {
        Self { values, next: 0 }
    }

    /// The next value with its stamp; `false` where it is too short for one.
    pub(crate) fn stamped(&mut self, stamp: &Stamp) -> (&[u8], bool) {
        let place = self.next;
        self.next = (place + 1) % self.values.len();
        let value = &mut self.values[place];
        let has_room = value.bytes.len() >= STAMP_BYTES;
        if has_room {
            stamp.write(&mut value.bytes, value.rest_crc);
        }
        (&value.bytes, has_room)
    }

    /// The bytes of all values, to see how they compress.
    pub(crate) fn sample(&self) -> Vec<u8> {
        let mut sample = Vec::new();
        for value in &self.values {
            if sample.len() > 1 << 20 {
                break;
            }
            sample.extend_from_slice(&value.bytes);
        }
        sample
    }

    /// The mean size.
    pub(crate) fn mean_bytes(&self) -> f64 {
        let total: usize = self.values.iter().map(|value| value.bytes.len()).sum();
        total as f64 / self.values.len() as f64
    }

    /// All values carry a stamp.
    pub(crate) fn all_stamped(&self) -> bool {
        let mut values = self.values.iter();
        values.all(|value| value.bytes.len() >= STAMP_BYTES)
    }
}

impl Value {
    fn new(bytes: Vec<u8>) -> Self {
        let rest_crc = stamp::rest_crc(bytes.get(STAMP_BYTES..).unwrap_or_default());
        Self { bytes, rest_crc }
    }
}

#[cfg(test)]
mod tests {
    use super::super::stamp::Seen;
    use super::*;

    #[test]
    fn values_carry_their_stamps_and_the_seed_decides_them() {
        let workload = Workload {
            message_sizes: Some("uniform 10..300".parse().unwrap()),
            ..Workload::default()
        };
        let (mut first, mut second) = (Pool::new(&workload), Pool::new(&workload));
        for sequence in 0..3000 {
            let stamp = Stamp {
                run: 1,
                producer: 2,
                sequence,
                intended: 3,
            };
            let (value, stamped) = first.stamped(&stamp);
            assert_eq!(stamped, value.len() >= STAMP_BYTES);
            if stamped {
                assert_eq!(Stamp::read(value, 1), Seen::Whole(stamp));
            }
            assert_eq!(second.stamped(&stamp).0, value);
        }
        assert!(!first.all_stamped());
    }
}
