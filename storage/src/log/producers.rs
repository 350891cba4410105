//! What the log remembers of idempotent producers: per producer id the epoch, the last five
//! batches and the open transaction. It finds duplicates, gaps, stale epochs and what does not
//! belong into a transaction. Pure; time is a parameter.
//!
//! As in Kafka 4.x an unknown producer may begin with any sequence, because its state may have
//! expired, and a duplicate older than five batches is out of order. Nobody expires while its
//! transaction is open.

use std::collections::BTreeMap;

use foldhash::HashMap;
use protocol::records::{BatchHeader, NO_SEQUENCE};
use thiserror::Error;

use super::producer::{BatchMark, Producer};
use super::transactions::{Marker, TransactionEnd};

/// Why a batch of an idempotent producer, or a marker, is refused.
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
    #[error("records outside of the transaction that producer {producer_id} has open")]
    OutsideTransaction { producer_id: i64 },
    #[error("epoch {got} of the coordinator of producer {producer_id} is older than {current}")]
    StaleCoordinator {
        producer_id: i64,
        current: i32,
        got: i32,
    },
}

/// What [`Producers::check`] found about an acceptable batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    New,
    /// Already in the log, there.
    Duplicate(BatchMark),
}

/// A transaction of which the log has the marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    pub producer_id: i64,
    pub first_offset: i64,
    pub marker_offset: i64,
    pub committed: bool,
}

/// The producers of one partition.
#[derive(Debug, Clone, Default)]
pub struct Producers {
    by_id: HashMap<i64, Producer>,
    /// The producers with an open transaction, by its first offset.
    open: BTreeMap<i64, i64>,
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
        let outside = producer.txn_first_offset.is_some() && !header.is_transactional();
        if header.base_sequence == NO_SEQUENCE {
            // what a coordinator writes for a producer has no sequences
            return if outside {
                Err(SequenceError::OutsideTransaction { producer_id })
            } else {
                Ok(Sequence::New)
            };
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
                // a marker brought the epoch
                None => 0,
            }
        };
        if got != expected {
            return Err(SequenceError::OutOfOrder {
                producer_id,
                expected,
                got,
            });
        }
        if outside {
            return Err(SequenceError::OutsideTransaction { producer_id });
        }
        Ok(Sequence::New)
    }

    /// Whether a marker may end what its producer has open, or follow what is known of it.
    ///
    /// # Errors
    /// The epoch of the producer or of the coordinator is stale.
    pub fn check_marker(&self, marker: &Marker) -> Result<(), SequenceError> {
        let producer_id = marker.producer_id;
        let Some(producer) = self.by_id.get(&producer_id) else {
            return Ok(());
        };
        let (current, got) = (producer.epoch, marker.producer_epoch);
        // the same epoch is a marker sent again, when nothing is open
        let same_is_stale = marker.bumps_epoch && producer.txn_first_offset.is_some();
        if got < current || (got == current && same_is_stale) {
            return Err(SequenceError::StaleEpoch {
                producer_id,
                current,
                got,
            });
        }
        let (current, got) = (producer.coordinator_epoch, marker.end.coordinator_epoch);
        if got < current {
            return Err(SequenceError::StaleCoordinator {
                producer_id,
                current,
                got,
            });
        }
        Ok(())
    }

    /// Remembers a batch that is in the log now, with its final offsets. At most
    /// `producers_max` producers are kept; beyond that the longest silent ones are forgotten.
    /// `now_ms` counts for the age, as records may bring times of long ago.
    pub fn record(&mut self, header: &BatchHeader, now_ms: i64, producers_max: usize) {
        if !header.has_producer_id() {
            return;
        }
        let producer = self.heard_of(header, now_ms, producers_max);
        if header.base_sequence != NO_SEQUENCE {
            producer.push(BatchMark {
                first_sequence: header.base_sequence,
                last_sequence: header.last_sequence(),
                base_offset: header.base_offset,
                last_offset: header.last_offset(),
                timestamp: header.max_timestamp,
            });
        }
        if header.is_transactional() && producer.txn_first_offset.is_none() {
            producer.txn_first_offset = Some(header.base_offset);
            self.open.insert(header.base_offset, header.producer_id);
        }
    }

    /// Remembers a marker that is in the log now. Returns the transaction that it ended, if its
    /// producer had one open.
    pub fn record_marker(
        &mut self,
        header: &BatchHeader,
        end: TransactionEnd,
        now_ms: i64,
        producers_max: usize,
    ) -> Option<Ended> {
        let marker_offset = header.last_offset();
        let producer = self.heard_of(header, now_ms, producers_max);
        producer.coordinator_epoch = end.coordinator_epoch;
        producer.last_marker_offset = Some(marker_offset);
        let first_offset = producer.txn_first_offset.take()?;
        self.open.remove(&first_offset);
        Some(Ended {
            producer_id: header.producer_id,
            first_offset,
            marker_offset,
            committed: end.committed,
        })
    }

    /// The producer of a batch, with its epoch and its time.
    fn heard_of(
        &mut self,
        header: &BatchHeader,
        now_ms: i64,
        producers_max: usize,
    ) -> &mut Producer {
        if self.by_id.len() >= producers_max && !self.by_id.contains_key(&header.producer_id) {
            self.forget_longest_silent(producers_max);
        }
        let producer = self
            .by_id
            .entry(header.producer_id)
            .or_insert_with(|| Producer::new(header.producer_epoch, header.max_timestamp));
        producer.set_epoch(header.producer_epoch);
        producer.last_timestamp = header.max_timestamp.max(now_ms);
        producer
    }

    /// Forgets who has been silent for too long.
    pub fn expire(&mut self, expiry: Expiry) {
        self.by_id.retain(|_, producer| !expiry.expired(producer));
    }

    /// Puts back what a snapshot remembered.
    pub fn restore(&mut self, producer_id: i64, producer: Producer) {
        if let Some(first_offset) = producer.txn_first_offset {
            self.open.insert(first_offset, producer_id);
        }
        let _previous = self.by_id.insert(producer_id, producer);
    }

    #[must_use]
    pub fn get(&self, producer_id: i64) -> Option<&Producer> {
        self.by_id.get(&producer_id)
    }

    /// Where the oldest open transaction begins.
    #[must_use]
    pub fn first_open_offset(&self) -> Option<i64> {
        self.open.first_key_value().map(|(offset, _)| *offset)
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

    /// Forgets a sixteenth at once, so that a flood of ids does not pay a search each time. Open
    /// transactions are not forgotten: their coordinators bound how many there are.
    fn forget_longest_silent(&mut self, producers_max: usize) {
        let surplus = (self.by_id.len() + 1).saturating_sub(producers_max);
        let forget = surplus.max(producers_max / 16).min(self.by_id.len());
        let mut ages: Vec<(i64, i64)> = self
            .iter()
            .filter(|(_, producer)| producer.txn_first_offset.is_none())
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
        let silent_ms = self.now_ms.saturating_sub(producer.last_timestamp);
        producer.txn_first_offset.is_none() && silent_ms >= self.expiration_ms
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

    fn transactional(producer_epoch: i16, base_sequence: i32, base_offset: i64) -> BatchHeader {
        BatchHeader {
            attributes: 1 << 4,
            ..batch(producer_epoch, base_sequence, 1, base_offset)
        }
    }

    fn marker(producer_epoch: i16, coordinator_epoch: i32, bumps_epoch: bool) -> Marker {
        Marker {
            producer_id: 7,
            producer_epoch,
            end: TransactionEnd {
                committed: false,
                coordinator_epoch,
            },
            bumps_epoch,
        }
    }

    /// Records a marker as it stands in the log.
    fn end(producers: &mut Producers, marker: &Marker, offset: i64) -> Option<Ended> {
        let mut header = batch(marker.producer_epoch, NO_SEQUENCE, 1, offset);
        header.attributes = 0b11 << 4;
        producers.record_marker(&header, marker.end, 0, MANY)
    }

    #[test]
    fn a_transaction_is_open_from_its_first_batch_to_its_marker() {
        let mut producers = known(&[transactional(0, 0, 10), transactional(0, 1, 11)]);
        assert_eq!(producers.first_open_offset(), Some(10));
        assert_eq!(
            producers.check(&batch(0, 2, 1, -1), EXPIRY),
            Err(SequenceError::OutsideTransaction { producer_id: 7 })
        );
        let ended = end(&mut producers, &marker(0, 3, false), 12).unwrap();
        assert_eq!((ended.first_offset, ended.marker_offset), (10, 12));
        assert_eq!(producers.first_open_offset(), None);
        assert_eq!(end(&mut producers, &marker(0, 3, false), 13), None);
        // the same epoch goes on with its sequences
        assert_eq!(
            producers.check(&transactional(0, 2, -1), EXPIRY),
            Ok(Sequence::New)
        );
    }

    #[test]
    fn a_marker_that_bumps_the_epoch_begins_sequences_anew() {
        let mut producers = known(&[transactional(0, 0, 10)]);
        let bumped = marker(1, 3, true);
        assert_eq!(producers.check_marker(&bumped), Ok(()));
        assert!(producers.check_marker(&marker(0, 3, true)).is_err());
        end(&mut producers, &bumped, 11);
        assert!(producers.check(&transactional(0, 1, -1), EXPIRY).is_err());
        assert!(producers.check(&transactional(1, 1, -1), EXPIRY).is_err());
        assert_eq!(
            producers.check(&transactional(1, 0, -1), EXPIRY),
            Ok(Sequence::New)
        );
        // sent again, while nothing is open
        assert_eq!(producers.check_marker(&bumped), Ok(()));
        producers.record(&transactional(1, 0, 12), 0, MANY);
        assert!(producers.check_marker(&bumped).is_err());
    }

    #[test]
    fn markers_of_stale_coordinators_and_producers_are_refused() {
        let mut producers = known(&[transactional(4, 0, 10)]);
        end(&mut producers, &marker(4, 3, false), 11);
        assert_eq!(
            producers.check_marker(&marker(4, 2, false)),
            Err(SequenceError::StaleCoordinator {
                producer_id: 7,
                current: 3,
                got: 2
            })
        );
        assert!(producers.check_marker(&marker(3, 9, false)).is_err());
        assert_eq!(producers.check_marker(&marker(4, 3, false)), Ok(()));
    }

    #[test]
    fn an_open_transaction_neither_expires_nor_makes_room() {
        let mut producers = known(&[transactional(0, 0, 0)]);
        let later = Expiry {
            now_ms: i64::MAX,
            expiration_ms: 1,
        };
        producers.expire(later);
        for id in 100..200 {
            let mut header = batch(0, 0, 1, id);
            (header.producer_id, header.max_timestamp) = (id, 1_000 + id);
            producers.record(&header, 0, 8);
        }
        assert!(producers.get(7).is_some());
        assert!(producers.len() <= 8);
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
