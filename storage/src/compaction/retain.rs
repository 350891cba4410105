//! What compaction leaves of one batch. Pure; Kafka's rules, in Kafka's order.
//!
//! Of each key the record with the highest offset stays; a tombstone (no value) stays until the
//! batch's delete horizon, which is set when a round first keeps it (KIP-534); records without a
//! key and aborted ones go. A batch without records stays, empty, where it says what its producer
//! wrote last, or where the round ended.

use foldhash::HashMap;
use protocol::records::{BatchHeader, Record};

use super::key_map::KeyMap;

/// What a log knows of a producer that is still active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastWritten {
    /// Of its last batch of records in this epoch, if any.
    pub last_data_offset: Option<i64>,
    pub producer_epoch: i16,
}

/// A round's rules.
#[derive(Debug)]
pub struct RetainRules<'a> {
    pub keys: &'a KeyMap,
    pub last_written: &'a HashMap<i64, LastWritten>,
    /// The round ends before this offset.
    pub end_offset: i64,
    pub now_ms: i64,
    pub delete_retention_ms: i64,
}

/// What is left of a batch.
#[derive(Debug, PartialEq, Eq)]
pub enum Left<'a> {
    Nothing,
    /// Only its header.
    Emptied,
    /// The batch as it is.
    All,
    Some {
        records: Vec<Record<'a>>,
        /// To be set.
        delete_horizon: Option<i64>,
    },
}

impl RetainRules<'_> {
    /// Whether the records of a batch need not be looked at: all of them stay. `is_discardable` says
    /// that they were aborted, or that they are a marker nobody needs.
    #[must_use]
    pub fn keeps_all(&self, header: &BatchHeader, is_discardable: bool) -> bool {
        let beyond = header.base_offset > self.keys.latest_offset();
        !is_discardable && (beyond || header.is_control()) && header.records_count > 0
    }

    /// What is left of a batch with these records.
    #[must_use]
    pub fn left<'a>(
        &self,
        header: &BatchHeader,
        is_discardable: bool,
        records: impl Iterator<Item = Record<'a>>,
    ) -> Left<'a> {
        let horizon = header.delete_horizon();
        let horizon_passed = horizon.is_some_and(|horizon| horizon <= self.now_ms);
        let discard = is_discardable && (horizon_passed || !header.is_control());
        let mut all = true;
        let mut has_tombstones = false;
        let mut kept = Vec::new();
        for record in records {
            let stays = !discard && (header.is_control() || self.keeps(header, &record));
            all &= stays;
            if stays {
                has_tombstones |= record.value.is_none() && !header.is_control();
                kept.push(record);
            }
        }
        let wants_horizon = has_tombstones || (is_discardable && header.is_control());
        let delete_horizon = (wants_horizon && horizon.is_none())
            .then(|| self.now_ms.saturating_add(self.delete_retention_ms));
        if kept.is_empty() {
            if self.keeps_emptied(header) {
                Left::Emptied
            } else {
                Left::Nothing
            }
        } else if all && delete_horizon.is_none() {
            Left::All
        } else {
            Left::Some {
                records: kept,
                delete_horizon,
            }
        }
    }

    /// Whether a record of a batch that counts stays.
    fn keeps(&self, header: &BatchHeader, record: &Record<'_>) -> bool {
        let delta = i64::from(record.offset_delta);
        let offset = header.base_offset.saturating_add(delta);
        if offset > self.keys.latest_offset() {
            return true;
        }
        let Some(key) = record.key else {
            return false;
        };
        let is_latest = self.keys.get(key).is_none_or(|latest| offset >= latest);
        let may_be_read = header
            .delete_horizon()
            .is_none_or(|horizon| self.now_ms < horizon);
        is_latest && (record.value.is_some() || may_be_read)
    }

    /// Whether a batch without records has something to say.
    fn keeps_emptied(&self, header: &BatchHeader) -> bool {
        header.next_offset() == self.end_offset || self.is_last_of_producer(header)
    }

    fn is_last_of_producer(&self, header: &BatchHeader) -> bool {
        if !header.has_producer_id() {
            return false;
        }
        let Some(last) = self.last_written.get(&header.producer_id) else {
            return false;
        };
        match last.last_data_offset {
            Some(offset) => header.last_offset() == offset,
            None => header.is_control() && header.producer_epoch == last.producer_epoch,
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::records::{
        BatchBuilder, BatchOptions, ControlRecord, RecordIter, write_compacted,
    };

    use super::*;

    const NOW: i64 = 1_000_000;

    struct Round {
        keys: KeyMap,
        last_written: HashMap<i64, LastWritten>,
        end_offset: i64,
        now_ms: i64,
    }

    impl Round {
        /// Of a log in which these keys were last at these offsets.
        fn new(keys: &[(&str, i64)]) -> Self {
            let mut map = KeyMap::new(10_000, 0.9, 100, [1, 2]);
            for (key, offset) in keys {
                assert!(map.put(key.as_bytes(), *offset));
            }
            Self {
                keys: map,
                last_written: HashMap::default(),
                end_offset: 1_000,
                now_ms: NOW,
            }
        }

        fn left(&self, batch: &[u8], is_discardable: bool) -> (Vec<i32>, Option<i64>, bool) {
            let rules = RetainRules {
                keys: &self.keys,
                last_written: &self.last_written,
                end_offset: self.end_offset,
                now_ms: self.now_ms,
                delete_retention_ms: 500,
            };
            let header = BatchHeader::parse(batch).unwrap();
            let records = RecordIter::new(&batch[61..]).map(Result::unwrap);
            let all: Vec<i32> = records.clone().map(|record| record.offset_delta).collect();
            match rules.left(&header, is_discardable, records) {
                Left::Nothing => (vec![], None, false),
                Left::Emptied => (vec![], None, true),
                Left::All => (all, None, true),
                Left::Some {
                    records,
                    delete_horizon,
                } => {
                    let kept = records.iter().map(|record| record.offset_delta);
                    (kept.collect(), delete_horizon, true)
                }
            }
        }
    }

    type Pair<'a> = (Option<&'a str>, Option<&'a str>);

    fn batch(base_offset: i64, producer_id: i64, records: &[Pair<'_>]) -> Vec<u8> {
        let mut builder = BatchBuilder::new(BatchOptions {
            base_offset,
            producer_id,
            producer_epoch: 3,
            base_sequence: 7,
            is_transactional: producer_id >= 0,
            ..BatchOptions::default()
        });
        for (key, value) in records {
            builder.append(50, key.map(str::as_bytes), value.map(str::as_bytes), &[]);
        }
        builder.build().to_vec()
    }

    #[test]
    fn the_latest_record_of_a_key_stays() {
        let round = Round::new(&[("a", 10), ("b", 11), ("c", 20)]);
        let records = [
            (Some("a"), Some("1")),
            (Some("b"), Some("1")),
            (Some("c"), Some("1")),
        ];
        assert_eq!(
            round.left(&batch(10, -1, &records), false),
            (vec![0, 1], None, true)
        );
        assert_eq!(
            round.left(&batch(5, -1, &records), false),
            (vec![], None, false)
        );
    }

    #[test]
    fn records_without_a_key_go_and_keys_not_seen_stay() {
        let round = Round::new(&[("z", 100)]);
        let records = [(None, Some("1")), (Some("other"), Some("1"))];
        assert_eq!(
            round.left(&batch(0, -1, &records), false),
            (vec![1], None, true)
        );
    }

    #[test]
    fn what_the_round_has_not_looked_at_stays() {
        let round = Round::new(&[("a", 11)]);
        let records = [(Some("a"), Some("1")), (Some("a"), Some("2")), (None, None)];
        let (kept, horizon, _) = round.left(&batch(10, -1, &records), false);
        assert_eq!((kept, horizon), (vec![1, 2], Some(NOW + 500)));
    }

    #[test]
    fn a_tombstone_goes_once_its_horizon_has_passed() {
        let mut round = Round::new(&[("a", 10), ("b", 11)]);
        let records = [(Some("a"), None), (Some("b"), Some("1"))];
        let before = batch(10, -1, &records);
        assert_eq!(
            round.left(&before, false),
            (vec![0, 1], Some(NOW + 500), true)
        );
        let header = BatchHeader::parse(&before).unwrap();
        let all: Vec<Record<'_>> = RecordIter::new(&before[61..]).map(Result::unwrap).collect();
        let mut marked = Vec::new();
        write_compacted(&header, &all, Some(NOW + 500), &mut marked).unwrap();
        round.now_ms = NOW + 499;
        assert_eq!(round.left(&marked, false), (vec![0, 1], None, true));
        round.now_ms = NOW + 500;
        assert_eq!(round.left(&marked, false), (vec![1], None, true));
    }

    #[test]
    fn aborted_records_go() {
        let round = Round::new(&[("a", 5)]);
        assert_eq!(
            round.left(&batch(10, 1, &[(Some("a"), Some("1"))]), true),
            (vec![], None, false)
        );
    }

    #[test]
    fn a_marker_goes_when_nobody_needs_it_and_its_horizon_has_passed() {
        let mut round = Round::new(&[("a", 50)]);
        let options = BatchOptions {
            base_offset: 10,
            producer_id: 1,
            producer_epoch: 3,
            is_transactional: true,
            ..BatchOptions::default()
        };
        let commit = ControlRecord::Commit {
            coordinator_epoch: 0,
        };
        let marker = commit.to_batch(40, options);
        assert_eq!(round.left(&marker, false), (vec![0], None, true));
        assert_eq!(round.left(&marker, true), (vec![0], Some(NOW + 500), true));
        let header = BatchHeader::parse(&marker).unwrap();
        let all: Vec<Record<'_>> = RecordIter::new(&marker[61..]).map(Result::unwrap).collect();
        let mut marked = Vec::new();
        write_compacted(&header, &all, Some(NOW + 500), &mut marked).unwrap();
        assert_eq!(round.left(&marked, true), (vec![0], None, true));
        round.now_ms = NOW + 500;
        assert_eq!(round.left(&marked, true), (vec![], None, false));
        let fenced = LastWritten {
            last_data_offset: None,
            producer_epoch: 3,
        };
        round.last_written.insert(1, fenced);
        assert_eq!(round.left(&marked, true), (vec![], None, true));
    }

    #[test]
    fn the_last_batch_of_a_producer_stays_empty() {
        let mut round = Round::new(&[("a", 50)]);
        let records = [(Some("a"), Some("1")), (Some("a"), Some("2"))];
        let last = LastWritten {
            last_data_offset: Some(11),
            producer_epoch: 3,
        };
        round.last_written.insert(1, last);
        assert_eq!(
            round.left(&batch(10, 1, &records), false),
            (vec![], None, true)
        );
        assert_eq!(
            round.left(&batch(8, 1, &records), false),
            (vec![], None, false)
        );
        assert_eq!(
            round.left(&batch(10, 2, &records), false),
            (vec![], None, false)
        );
    }

    #[test]
    fn the_batch_at_the_end_of_the_round_stays_empty() {
        let mut round = Round::new(&[("a", 50)]);
        round.end_offset = 12;
        let records = [(Some("a"), Some("1")), (Some("a"), Some("2"))];
        assert_eq!(
            round.left(&batch(10, -1, &records), false),
            (vec![], None, true)
        );
    }
}
