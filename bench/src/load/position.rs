//! Where a reader is in a partition, and what it finds there: every batch's CRC is checked, that
//! offsets rise, and every record of the run is noted in the account. Pure.

use foldhash::HashMap;
use protocol::messages::fetch_response::PartitionData;
use protocol::records::{
    BatchError, BatchHeader, BatchIter, ControlRecord, ControlType, RecordError, RecordIter,
    check_crc, records_of,
};

use super::ledger::Got;
use super::stamp::{Seen, Stamp};

const BATCH_BYTES_MAX: usize = 256 << 20;

/// What cannot be right.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("partition {partition}, batch at offset {offset}: {source}")]
    Damaged {
        partition: i32,
        offset: i64,
        source: BatchError,
    },
    #[error("partition {partition}, batch at offset {offset}: {source}")]
    Record {
        partition: i32,
        offset: i64,
        source: RecordError,
    },
    #[error("partition {partition}: offset {offset} came where {expected} was due")]
    Backwards {
        partition: i32,
        offset: i64,
        expected: i64,
    },
    #[error("partition {partition}: no whole batch at offset {offset}")]
    NoBatch { partition: i32, offset: i64 },
}

/// What one answer brought of one partition.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) records: u64,
    /// Of the values.
    pub(crate) bytes: u64,
    pub(crate) damaged: u64,
    /// When the records of this run were due, on the wall clock.
    pub(crate) intended: Vec<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Position {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Where the log ended when the run began.
    pub(crate) end: i64,
    /// What came of each producer.
    pub(crate) got: HashMap<u32, Got>,
    /// Producers whose transaction at this offset was aborted.
    aborting: Vec<i64>,
}

impl Position {
    pub(crate) fn new(partition: i32, offset: i64, end: i64) -> Self {
        Self {
            partition,
            offset,
            end,
            ..Self::default()
        }
    }

    /// Goes behind the batches that came. The first may begin before the offset asked for, where
    /// that lies inside it.
    pub(crate) fn advance(&mut self, data: &PartitionData, run: u32) -> Result<Arrived, ReadError> {
        let partition = self.partition;
        let log = data.records.as_deref().unwrap_or_default();
        let mut arrived = Arrived::default();
        let mut aborted: Vec<(i64, i64)> = data
            .aborted_transactions
            .iter()
            .flatten()
            .map(|aborted| (aborted.first_offset, aborted.producer_id))
            .collect();
        aborted.sort_unstable();
        let mut aborted = aborted.into_iter().peekable();
        let first_offset = self.offset;
        for (place, header, batch) in BatchIter::new(log) {
            let (offset, expected) = (header.base_offset, self.offset);
            let damaged = |source| ReadError::Damaged {
                partition,
                offset,
                source,
            };
            check_crc(batch, &header).map_err(damaged)?;
            if header.next_offset() <= expected || (place > 0 && offset < expected) {
                return Err(ReadError::Backwards {
                    partition,
                    offset,
                    expected,
                });
            }
            while let Some((_, producer)) = aborted.next_if(|(first, _)| *first <= offset) {
                self.aborting.push(producer);
            }
            if header.is_control() {
                self.end_of_transaction(&header, batch).map_err(damaged)?;
            } else if !(header.is_transactional() && self.aborting.contains(&header.producer_id)) {
                self.read(&header, batch, run, &mut arrived)?;
            }
            self.offset = header.next_offset();
        }
        if !log.is_empty() && self.offset == first_offset {
            let offset = first_offset;
            return Err(ReadError::NoBatch { partition, offset });
        }
        Ok(arrived)
    }

    fn end_of_transaction(&mut self, header: &BatchHeader, batch: &[u8]) -> Result<(), BatchError> {
        let kind = ControlRecord::type_of_batch(batch, header, BATCH_BYTES_MAX)?;
        if kind == Some(ControlType::Abort) {
            self.aborting
                .retain(|producer| *producer != header.producer_id);
        }
        Ok(())
    }

    fn read(
        &mut self,
        header: &BatchHeader,
        batch: &[u8],
        run: u32,
        arrived: &mut Arrived,
    ) -> Result<(), ReadError> {
        let (partition, offset) = (self.partition, header.base_offset);
        let payload = records_of(batch, header, BATCH_BYTES_MAX);
        let payload = payload.map_err(|source| ReadError::Damaged {
            partition,
            offset,
            source,
        })?;
        // A batch is one producer's.
        let mut producer: Option<(u32, &mut Got)> = None;
        for record in RecordIter::new(&payload) {
            let record = record.map_err(|source| ReadError::Record {
                partition,
                offset,
                source,
            })?;
            if offset + i64::from(record.offset_delta) < self.offset {
                continue;
            }
            let value = record.value.unwrap_or_default();
            arrived.records += 1;
            arrived.bytes += value.len() as u64;
            let stamp = match Stamp::read(value, run) {
                Seen::Whole(stamp) => stamp,
                Seen::Damaged => {
                    arrived.damaged += 1;
                    continue;
                }
                Seen::Foreign => continue,
            };
            if producer
                .as_ref()
                .is_none_or(|(number, _)| *number != stamp.producer)
            {
                let got = self.got.entry(stamp.producer).or_default();
                producer = Some((stamp.producer, got));
            }
            if let Some((_, got)) = &mut producer
                && got.take(stamp.sequence)
            {
                arrived.intended.push(stamp.intended);
            }
        }
        Ok(())
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.offset >= self.end
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use protocol::messages::fetch_response::AbortedTransaction;
    use protocol::records::{BatchBuilder, BatchOptions};

    use super::super::stamp::{STAMP_BYTES, rest_crc};
    use super::*;

    const RUN: u32 = 5;

    fn value(sequence: u64) -> Vec<u8> {
        let mut value = vec![0; STAMP_BYTES + 5];
        let stamp = Stamp {
            run: RUN,
            producer: 1,
            sequence,
            intended: 77,
        };
        stamp.write(&mut value, rest_crc(&[0; 5]));
        value
    }

    fn batch(base_offset: i64, values: &[Vec<u8>], producer_id: i64) -> Vec<u8> {
        let mut batch = BatchBuilder::new(BatchOptions {
            base_offset,
            producer_id,
            is_transactional: producer_id >= 0,
            ..BatchOptions::default()
        });
        for value in values {
            batch.append(0, None, Some(value), &[]);
        }
        batch.build().to_vec()
    }

    fn plain(base_offset: i64, count: u64) -> Vec<u8> {
        let values: Vec<_> = (0..count).map(|_| b"other".to_vec()).collect();
        batch(base_offset, &values, -1)
    }

    fn advance(position: &mut Position, log: Vec<u8>) -> Result<Arrived, ReadError> {
        let data = PartitionData {
            records: Some(Bytes::from(log)),
            ..PartitionData::default()
        };
        position.advance(&data, RUN)
    }

    fn start() -> Position {
        Position::new(3, 10, 100)
    }

    #[test]
    fn records_are_counted_and_a_cut_batch_is_left_for_later() {
        let mut position = start();
        let mut log = [plain(8, 4), plain(12, 3)].concat();
        log.extend_from_slice(&plain(15, 9)[..70]);
        let arrived = advance(&mut position, log).unwrap();
        // Of the first batch two records lie before the position.
        assert_eq!((arrived.records, arrived.bytes), (5, 25));
        assert_eq!(position.offset, 15);
    }

    #[test]
    fn the_runs_own_records_are_accounted_for() {
        let mut position = start();
        let mut damaged = value(2);
        damaged[STAMP_BYTES] ^= 1;
        let log = batch(
            10,
            &[value(0), value(1), damaged, b"x".to_vec(), value(1)],
            -1,
        );
        let arrived = advance(&mut position, log).unwrap();
        assert_eq!((arrived.records, arrived.damaged), (5, 1));
        assert_eq!(arrived.intended, [77, 77]);
        assert_eq!(position.got[&1].duplicates, 1);
    }

    #[test]
    fn aborted_records_are_passed_over_until_their_marker() {
        let mut position = start();
        let marker = ControlRecord::Abort {
            coordinator_epoch: 0,
        };
        let marker = marker.to_batch(
            0,
            BatchOptions {
                base_offset: 12,
                producer_id: 9,
                is_transactional: true,
                ..BatchOptions::default()
            },
        );
        let log = [
            batch(10, &[value(0)], 9),
            batch(11, &[value(1)], 8),
            marker.to_vec(),
            batch(13, &[value(2)], 9),
        ];
        let data = PartitionData {
            records: Some(log.concat().into()),
            aborted_transactions: Some(vec![AbortedTransaction {
                producer_id: 9,
                first_offset: 10,
            }]),
            ..PartitionData::default()
        };
        let arrived = position.advance(&data, RUN).unwrap();
        assert_eq!((arrived.records, position.offset), (2, 14));
    }

    #[test]
    fn what_cannot_be_right_is_an_error() {
        let mut log = plain(10, 2);
        if let Some(last) = log.last_mut() {
            *last ^= 1;
        }
        let error = advance(&mut start(), log).unwrap_err();
        assert!(matches!(error, ReadError::Damaged { offset: 10, .. }));
        for log in [plain(5, 5), [plain(10, 5), plain(12, 5)].concat()] {
            let error = advance(&mut start(), log).unwrap_err();
            assert!(matches!(error, ReadError::Backwards { .. }), "{error}");
        }
        assert_eq!(
            advance(&mut start(), Vec::new()).unwrap(),
            Arrived::default()
        );
        let error = advance(&mut start(), plain(10, 2)[..65].to_vec()).unwrap_err();
        assert!(matches!(error, ReadError::NoBatch { offset: 10, .. }));
    }
}
