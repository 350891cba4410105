//! What the cleaner knows of transactions while it walks over a log: whose batches were aborted,
//! and which markers nobody needs any more. Pure.
//!
//! A marker stays as long as a batch of its transaction is there, because a reader tells by it how
//! the transaction ended; then for `delete.retention.ms`, so that a reader that is under way
//! sees it.

use foldhash::{HashMap, HashSet};
use protocol::records::BatchHeader;

use crate::log::aborted::AbortedTransaction;
use crate::log::transactions::TransactionEnd;

/// See the module.
#[derive(Debug, Default)]
pub struct CleanedTransactions {
    /// Not begun yet, the last one first.
    to_come: Vec<AbortedTransaction>,
    aborted: HashMap<i64, Aborted>,
    /// Producers of which a batch was seen whose transaction is not known as aborted.
    committed: HashSet<i64>,
    /// Aborted transactions that still have batches.
    kept: Vec<AbortedTransaction>,
}

#[derive(Debug)]
struct Aborted {
    transaction: AbortedTransaction,
    has_batches: bool,
}

impl CleanedTransactions {
    #[must_use]
    pub fn new(mut aborted: Vec<AbortedTransaction>) -> Self {
        aborted.sort_unstable_by_key(|transaction| std::cmp::Reverse(transaction.first_offset));
        Self {
            to_come: aborted,
            ..Self::default()
        }
    }

    /// Notes a batch of records; says whether they were aborted.
    pub fn see_batch(&mut self, header: &BatchHeader) -> bool {
        self.begin_up_to(header.last_offset());
        if !header.is_transactional() {
            return false;
        }
        if let Some(aborted) = self.aborted.get_mut(&header.producer_id) {
            aborted.has_batches = true;
            return true;
        }
        self.committed.insert(header.producer_id);
        false
    }

    /// Notes a control batch and what it ends, if anything; says whether nothing of its
    /// transaction is there.
    pub fn see_marker(&mut self, header: &BatchHeader, end: Option<TransactionEnd>) -> bool {
        self.begin_up_to(header.last_offset());
        match end {
            // emptied before, or not about transactions
            None => header.records_count == 0,
            Some(end) if end.committed => !self.committed.remove(&header.producer_id),
            Some(_) => match self.aborted.remove(&header.producer_id) {
                Some(aborted) if aborted.has_batches => {
                    self.kept.push(aborted.transaction);
                    false
                }
                Some(_) | None => true,
            },
        }
    }

    /// The aborted transactions whose markers were passed since the last call and that are still
    /// to be listed.
    pub fn take_kept(&mut self) -> Vec<AbortedTransaction> {
        std::mem::take(&mut self.kept)
    }

    fn begin_up_to(&mut self, offset: i64) {
        while let Some(transaction) = self.to_come.pop_if(|next| next.first_offset <= offset) {
            let aborted = Aborted {
                transaction,
                has_batches: false,
            };
            self.aborted.insert(transaction.producer_id, aborted);
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::records::{BatchBuilder, BatchOptions};

    use super::*;

    fn header(producer_id: i64, base_offset: i64, is_transactional: bool) -> BatchHeader {
        let mut builder = BatchBuilder::new(BatchOptions {
            base_offset,
            producer_id,
            is_transactional,
            ..BatchOptions::default()
        });
        builder.append(0, Some(b"k"), Some(b"v"), &[]);
        BatchHeader::parse(&builder.build()).unwrap()
    }

    fn aborted(producer_id: i64, first_offset: i64, last_offset: i64) -> AbortedTransaction {
        AbortedTransaction {
            producer_id,
            first_offset,
            last_offset,
            last_stable_offset: last_offset + 1,
        }
    }

    fn end(committed: bool) -> Option<TransactionEnd> {
        Some(TransactionEnd {
            committed,
            coordinator_epoch: 0,
        })
    }

    #[test]
    fn records_are_aborted_from_the_first_offset_to_the_marker() {
        let mut seen = CleanedTransactions::new(vec![aborted(1, 10, 12)]);
        assert!(!seen.see_batch(&header(1, 9, true)));
        assert!(!seen.see_marker(&header(1, 9, true), end(true)));
        assert!(seen.see_batch(&header(1, 10, true)));
        assert!(!seen.see_batch(&header(2, 11, true)));
        assert!(!seen.see_batch(&header(1, 11, false)));
        assert!(!seen.see_marker(&header(1, 12, true), end(false)));
        assert_eq!(seen.take_kept(), [aborted(1, 10, 12)]);
        assert!(!seen.see_batch(&header(1, 13, true)));
    }

    #[test]
    fn a_marker_without_batches_is_not_needed() {
        let mut seen = CleanedTransactions::new(vec![aborted(1, 10, 12)]);
        assert!(seen.see_marker(&header(1, 12, true), end(false)));
        assert!(seen.see_marker(&header(2, 13, true), end(true)));
        assert!(seen.take_kept().is_empty());
    }

    #[test]
    fn an_emptied_marker_is_not_needed() {
        let mut seen = CleanedTransactions::default();
        let mut marker = header(1, 5, true);
        assert!(!seen.see_marker(&marker, None));
        marker.records_count = 0;
        assert!(seen.see_marker(&marker, None));
    }
}
