//! What the log remembers of idempotent producers: per producer id the epoch and the last five
//! batches. It finds duplicates, gaps and stale epochs. Pure; time is a parameter.
//!
//! As in Kafka 4.x an unknown producer may begin with any sequence, because its state may have
//! expired, and a duplicate older than five batches is out of order.

use foldhash::HashMap;
use protocol::records::BatchHeader;
use thiserror::Error;

/// Batches remembered per producer: the in-flight maximum of an idempotent Kafka client.
pub const BATCHES_PER_PRODUCER: usize = 5;

/// Why a batch of an idempotent producer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SequenceError {
    #[error("sequence {got} of producer {producer_id} where {expected} was expected")]
    OutOfOrder {
        producer_id: i64,
        expected: i32,
        got: i32,
    },
    #[error("epoch {got} of producer {producer_id} is older than {current}")]
    StaleEpoch {
        producer_id: i64,
        current: i16,
        got: i16,
    },
}

/// What [`Producers::check`] found about an acceptable batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    New,
    /// Already in the log, there.
    Duplicate(BatchMark),
}

/// One remembered batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchMark {
    pub first_sequence: i32,
    pub last_sequence: i32,
    pub base_offset: i64,
    pub last_offset: i64,
    pub timestamp: i64,
}

/// What is remembered of one producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer {
    pub epoch: i16,
    /// When it was heard last, by the clock or by its batches' times, whichever is later; expiry
    /// counts from it.
    pub last_timestamp: i64,
    marks: [BatchMark; BATCHES_PER_PRODUCER],
    marks_count: u8,
}

impl Producer {
    /// A producer of which only the epoch is known.
    #[must_use]
    pub fn new(epoch: i16, last_timestamp: i64) -> Self {
        Self {
            epoch,
            last_timestamp,
            marks: [BatchMark::default(); BATCHES_PER_PRODUCER],
            marks_count: 0,
        }
    }

    /// The remembered batches, oldest first.
    #[must_use]
    pub fn marks(&self) -> &[BatchMark] {
        &self.marks[..usize::from(self.marks_count)]
    }

    /// Adds a batch and forgets the oldest when there are more than five.
    pub fn push(&mut self, mark: BatchMark) {
        let count = usize::from(self.marks_count);
        if count == BATCHES_PER_PRODUCER {
            self.marks.rotate_left(1);
            self.marks[BATCHES_PER_PRODUCER - 1] = mark;
        } else {
            self.marks[count] = mark;
            self.marks_count += 1;
        }
    }
}

/// The producers of one partition.
#[derive(Debug, Clone, Default)]
pub struct Producers {
    by_id: HashMap<i64, Producer>,
}

impl Producers {
    /// Whether a batch of an idempotent producer follows what is known. A batch without producer
    /// id is always new.
    ///
    /// # Errors
    /// The sequence leaves a gap or goes back, or the epoch is stale.
    pub fn check(&self, header: &BatchHeader, expiry: Expiry) -> Result<Sequence, SequenceError> {
        if !header.has_producer_id() {
            return Ok(Sequence::New);
        }
        let producer_id = header.producer_id;
        let Some(producer) = self.by_id.get(&producer_id) else {
            return Ok(Sequence::New);
        };
        if expiry.expired(producer) {
            return Ok(Sequence::New);
        }
        if header.producer_epoch < producer.epoch {
            return Err(SequenceError::StaleEpoch {
                producer_id,
                current: producer.epoch,
                got: header.producer_epoch,
            });
        }
        let got = header.base_sequence;
        let expected = if header.producer_epoch > producer.epoch {
            0
        } else {
            let (first, last) = (got, header.last_sequence());
            let same =
                |mark: &&BatchMark| mark.first_sequence == first && mark.last_sequence == last;
            if let Some(mark) = producer.marks().iter().find(same) {
                return Ok(Sequence::Duplicate(*mark));
            }
            match producer.marks().last() {
                Some(mark) => next_sequence(mark.last_sequence),
                None => got,
            }
        };
        if got == expected {
            Ok(Sequence::New)
        } else {
            Err(SequenceError::OutOfOrder {
                producer_id,
                expected,
                got,
            })
        }
    }

    /// Remembers a batch that is in the log now, with its final offsets. At most
    /// `producers_max` producers are kept; beyond that the longest silent ones are forgotten.
    /// `now_ms` counts for the age, as records may bring times of long ago.
    pub fn record(&mut self, header: &BatchHeader, now_ms: i64, producers_max: usize) {
        if !header.has_producer_id() {
            return;
        }
        if self.by_id.len() >= producers_max && !self.by_id.contains_key(&header.producer_id) {
            self.forget_longest_silent(producers_max);
        }
        let producer = self
            .by_id
            .entry(header.producer_id)
            .or_insert_with(|| Producer::new(header.producer_epoch, header.max_timestamp));
        if producer.epoch != header.producer_epoch {
            *producer = Producer::new(header.producer_epoch, header.max_timestamp);
        }
        producer.last_timestamp = header.max_timestamp.max(now_ms);
        if !header.is_control() {
            producer.push(BatchMark {
                first_sequence: header.base_sequence,
                last_sequence: header.last_sequence(),
                base_offset: header.base_offset,
                last_offset: header.last_offset(),
                timestamp: header.max_timestamp,
            });
        }
    }

    /// Forgets who has been silent for too long.
    pub fn expire(&mut self, expiry: Expiry) {
        self.by_id.retain(|_, producer| !expiry.expired(producer));
    }

    /// Puts back what a snapshot remembered.
    pub fn restore(&mut self, producer_id: i64, producer: Producer) {
        let _previous = self.by_id.insert(producer_id, producer);
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (i64, &Producer)> {
        self.by_id.iter().map(|(id, producer)| (*id, producer))
    }

    /// Forgets a sixteenth at once, so that a flood of ids does not pay a search each time.
    fn forget_longest_silent(&mut self, producers_max: usize) {
        let surplus = (self.by_id.len() + 1).saturating_sub(producers_max);
        let forget = surplus.max(producers_max / 16).min(self.by_id.len());
        let mut ages: Vec<(i64, i64)> = self
            .iter()
            .map(|(id, producer)| (producer.last_timestamp, id))
            .collect();
        ages.sort_unstable();
        for (_, id) in ages.into_iter().take(forget) {
            let _forgotten = self.by_id.remove(&id);
        }
    }
}

/// `producer.id.expiration.ms`, and the time it is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    pub now_ms: i64,
    pub expiration_ms: i64,
}

impl Expiry {
    fn expired(self, producer: &Producer) -> bool {
        self.now_ms.saturating_sub(producer.last_timestamp) >= self.expiration_ms
    }
}

fn next_sequence(last: i32) -> i32 {
    last.wrapping_add(1) & i32::MAX
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXPIRY: Expiry = Expiry {
        now_ms: 1_000,
        expiration_ms: 86_400_000,
    };
    const MANY: usize = 1_000;

    fn batch(producer_epoch: i16, base_sequence: i32, count: i32, base_offset: i64) -> BatchHeader {
        BatchHeader {
            base_offset,
            batch_length: 100,
            partition_leader_epoch: 0,
            magic: 2,
            crc: 0,
            attributes: 0,
            last_offset_delta: count - 1,
            base_timestamp: 900,
            max_timestamp: 900,
            producer_id: 7,
            producer_epoch,
            base_sequence,
            records_count: count,
        }
    }

    fn known(headers: &[BatchHeader]) -> Producers {
        let mut producers = Producers::default();
        for header in headers {
            producers.record(header, 0, MANY);
        }
        producers
    }

    #[test]
    fn unknown_producer_may_begin_anywhere() {
        let producers = Producers::default();
        assert_eq!(
            producers.check(&batch(3, 55, 2, -1), EXPIRY),
            Ok(Sequence::New)
        );
    }

    #[test]
    fn duplicate_returns_the_original_offsets() {
        let producers = known(&[batch(0, 0, 3, 10), batch(0, 3, 2, 13)]);
        let Ok(Sequence::Duplicate(mark)) = producers.check(&batch(0, 0, 3, -1), EXPIRY) else {
            panic!("not a duplicate");
        };
        assert_eq!((mark.base_offset, mark.last_offset), (10, 12));
    }

    #[test]
    fn duplicate_beyond_five_batches_is_out_of_order() {
        let sent: Vec<BatchHeader> = (0..6).map(|n| batch(0, n, 1, i64::from(n))).collect();
        let producers = known(&sent);
        assert!(matches!(
            producers.check(&sent[1], EXPIRY),
            Ok(Sequence::Duplicate(_))
        ));
        assert_eq!(
            producers.check(&sent[0], EXPIRY),
            Err(SequenceError::OutOfOrder {
                producer_id: 7,
                expected: 6,
                got: 0
            })
        );
    }

    #[test]
    fn a_gap_is_out_of_order() {
        let producers = known(&[batch(0, 0, 3, 0)]);
        assert_eq!(
            producers.check(&batch(0, 4, 1, -1), EXPIRY),
            Err(SequenceError::OutOfOrder {
                producer_id: 7,
                expected: 3,
                got: 4
            })
        );
    }

    #[test]
    fn a_stale_epoch_is_refused_and_a_new_one_begins_at_zero() {
        let mut producers = known(&[batch(2, 0, 3, 0)]);
        assert_eq!(
            producers.check(&batch(1, 3, 1, -1), EXPIRY),
            Err(SequenceError::StaleEpoch {
                producer_id: 7,
                current: 2,
                got: 1
            })
        );
        assert!(producers.check(&batch(3, 3, 1, -1), EXPIRY).is_err());
        assert_eq!(
            producers.check(&batch(3, 0, 1, -1), EXPIRY),
            Ok(Sequence::New)
        );
        producers.record(&batch(3, 0, 1, 3), 0, MANY);
        assert!(producers.check(&batch(2, 3, 1, -1), EXPIRY).is_err());
    }

    #[test]
    fn sequences_wrap_to_zero() {
        let producers = known(&[batch(0, i32::MAX - 1, 2, 0)]);
        assert_eq!(
            producers.check(&batch(0, 0, 1, -1), EXPIRY),
            Ok(Sequence::New)
        );
        let producers = known(&[batch(0, i32::MAX, 3, 0)]);
        assert_eq!(
            producers.check(&batch(0, 2, 1, -1), EXPIRY),
            Ok(Sequence::New)
        );
    }

    #[test]
    fn a_silent_producer_expires() {
        let mut producers = known(&[batch(0, 0, 1, 0)]);
        let later = Expiry {
            now_ms: 900 + 60_000,
            expiration_ms: 60_000,
        };
        assert_eq!(
            producers.check(&batch(0, 9, 1, -1), later),
            Ok(Sequence::New)
        );
        producers.expire(later);
        assert!(producers.is_empty());
    }

    #[test]
    fn a_producer_of_old_records_is_as_young_as_its_last_batch() {
        let mut producers = Producers::default();
        let (old, now_ms) = (batch(0, 0, 1, 0), 1_800_000_000_000);
        producers.record(&old, now_ms, MANY);
        let expiry = Expiry {
            now_ms: now_ms + 59_999,
            expiration_ms: 60_000,
        };
        let retried = producers.check(&old, expiry);
        assert!(matches!(retried, Ok(Sequence::Duplicate(_))), "{retried:?}");
    }

    #[test]
    fn the_longest_silent_producers_make_room() {
        let mut producers = Producers::default();
        for id in 0..100 {
            let mut header = batch(0, 0, 1, id);
            header.producer_id = id;
            header.max_timestamp = id;
            producers.record(&header, 0, 32);
        }
        assert!(producers.len() <= 32);
        assert!(producers.iter().all(|(id, _)| id >= 60));
    }

    proptest! {
        /// A producer that resends any of its last five batches at any moment never gets one in
        /// twice, and its own order is always accepted.
        #[test]
        fn retries_never_enter_twice(start in 0..=i32::MAX, sizes in prop::collection::vec(1..20_i32, 1..40), back in 0..5_usize) {
            let mut producers = Producers::default();
            let mut sent: Vec<BatchHeader> = Vec::new();
            let (mut sequence, mut offset) = (start, 0);
            for count in sizes {
                let header = batch(0, sequence, count, offset);
                prop_assert_eq!(producers.check(&header, EXPIRY), Ok(Sequence::New));
                producers.record(&header, 0, MANY);
                sequence = next_sequence(header.last_sequence());
                offset += i64::from(count);
                sent.push(header);
                if let Some(again) = sent.iter().rev().nth(back) {
                    let Ok(Sequence::Duplicate(mark)) = producers.check(again, EXPIRY) else {
                        return Err(TestCaseError::fail("a retry was taken for new"));
                    };
                    prop_assert_eq!(mark.base_offset, again.base_offset);
                }
            }
        }
    }
}
