//! What a log knows of transactions: markers, and up to where everything is decided. Pure.
//!
//! The last stable offset is the first offset of the oldest transaction that is open, or whose
//! marker is not durable yet; without any it is the durable end. It never goes back.

use std::collections::VecDeque;

use protocol::records::{BatchHeader, BatchOptions, ControlRecord, RecordIter, records_of};

use super::producers::Ended;

/// A marker batch is a few bytes and never compressed.
const MARKER_BYTES_MAX: usize = 4096;

/// How a transaction ended, as its marker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionEnd {
    pub committed: bool,
    pub coordinator_epoch: i32,
}

impl TransactionEnd {
    /// What a control batch says of a transaction; `None` when it is about something else.
    #[must_use]
    pub fn of_batch(batch: &[u8], header: &BatchHeader) -> Option<Self> {
        let payload = records_of(batch, header, MARKER_BYTES_MAX).ok()?;
        let record = RecordIter::new(&payload).next()?.ok()?;
        match ControlRecord::from_record(&record).ok()?? {
            ControlRecord::Abort { coordinator_epoch } => Some(Self {
                committed: false,
                coordinator_epoch,
            }),
            ControlRecord::Commit { coordinator_epoch } => Some(Self {
                committed: true,
                coordinator_epoch,
            }),
            ControlRecord::LeaderChange { .. }
            | ControlRecord::SnapshotHeader { .. }
            | ControlRecord::SnapshotFooter
            | ControlRecord::KraftVersion { .. }
            | ControlRecord::KraftVoters { .. } => None,
        }
    }
}

/// A marker to append: it ends the transaction that a producer has open here, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub end: TransactionEnd,
    /// Transactions of version 2 bump the epoch with each marker (KIP-890), so one with the epoch
    /// of the records would end a transaction that it does not belong to.
    pub bumps_epoch: bool,
}

impl Marker {
    /// The control batch that says so.
    #[must_use]
    pub fn to_batch(&self, timestamp: i64) -> bytes::Bytes {
        let coordinator_epoch = self.end.coordinator_epoch;
        let record = if self.end.committed {
            ControlRecord::Commit { coordinator_epoch }
        } else {
            ControlRecord::Abort { coordinator_epoch }
        };
        let options = BatchOptions {
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            is_transactional: true,
            ..BatchOptions::default()
        };
        record.to_batch(timestamp, options)
    }
}

/// Transactions that have ended, while their marker may still be lost.
#[derive(Debug, Default)]
pub struct Unsettled {
    /// In the order of their markers.
    ended: VecDeque<Ended>,
}

impl Unsettled {
    pub fn note(&mut self, ended: Ended) {
        self.ended.push_back(ended);
    }

    /// The last stable offset, with what is durable and the first offset of the oldest transaction
    /// that is open.
    pub fn last_stable_offset(&mut self, first_open: Option<i64>, durable_end: i64) -> i64 {
        while let Some(first) = self.ended.front()
            && first.marker_offset < durable_end
        {
            self.ended.pop_front();
        }
        let unsettled = self.ended.iter().map(|ended| ended.first_offset).min();
        let undecided = [first_open, unsettled].into_iter().flatten().min();
        undecided.map_or(durable_end, |first| first.min(durable_end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(first_offset: i64, marker_offset: i64) -> Ended {
        Ended {
            producer_id: 1,
            first_offset,
            marker_offset,
            committed: true,
        }
    }

    #[test]
    fn everything_durable_is_stable_without_transactions() {
        assert_eq!(Unsettled::default().last_stable_offset(None, 7), 7);
    }

    #[test]
    fn an_open_transaction_holds_the_stable_offset() {
        let mut unsettled = Unsettled::default();
        assert_eq!(unsettled.last_stable_offset(Some(3), 7), 3);
        assert_eq!(unsettled.last_stable_offset(Some(9), 7), 7);
    }

    #[test]
    fn a_transaction_is_stable_when_its_marker_is_durable() {
        let mut unsettled = Unsettled::default();
        unsettled.note(ended(3, 8));
        assert_eq!(unsettled.last_stable_offset(None, 8), 3);
        assert_eq!(unsettled.last_stable_offset(Some(5), 8), 3);
        assert_eq!(unsettled.last_stable_offset(Some(5), 9), 5);
        assert_eq!(unsettled.last_stable_offset(None, 9), 9);
    }

    #[test]
    fn a_marker_returns_from_its_batch() {
        for committed in [true, false] {
            let end = TransactionEnd {
                committed,
                coordinator_epoch: 4,
            };
            let marker = Marker {
                producer_id: 9,
                producer_epoch: 3,
                end,
                bumps_epoch: false,
            };
            let batch = marker.to_batch(77);
            let header = BatchHeader::parse(&batch).unwrap();
            assert!(header.is_control() && header.is_transactional());
            assert_eq!((header.producer_id, header.producer_epoch), (9, 3));
            assert_eq!(TransactionEnd::of_batch(&batch, &header), Some(end));
        }
    }
}
