//! What those who read committed records only need to know: up to where everything is decided,
//! and what was aborted before. Shell; `transactions` and `aborted` hold the rules.

use crate::log::aborted::AbortedTransaction;
use crate::log::producer::Producer;
use crate::log::{Log, ReadError};
use crate::watermark::Watermark;

/// A producer as a log knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerState {
    pub producer_id: i64,
    pub producer_epoch: i16,
    /// -1 when it has written nothing in this epoch.
    pub last_sequence: i32,
    pub last_timestamp: i64,
    /// -1 when no coordinator has ended a transaction of it.
    pub coordinator_epoch: i32,
    /// Where its open transaction begins.
    pub txn_first_offset: Option<i64>,
    /// Where its last transaction ended, as far as that is known since the log was opened.
    pub last_marker_offset: Option<i64>,
}

impl Log {
    /// First offset that those who read committed records only must not see yet.
    pub fn last_stable(&self) -> &Watermark {
        &self.stable
    }

    /// What is known of a producer.
    pub fn producer(&self, producer_id: i64) -> Option<ProducerState> {
        let state = self.state.borrow();
        let producer = state.producers.get(producer_id)?;
        Some(state_of(producer_id, producer))
    }

    /// Every producer that is remembered, in the order of the ids.
    pub fn producers(&self) -> Vec<ProducerState> {
        let state = self.state.borrow();
        let producers = state.producers.iter();
        let mut all: Vec<_> = producers
            .map(|(producer_id, producer)| state_of(producer_id, producer))
            .collect();
        all.sort_unstable_by_key(|producer| producer.producer_id);
        all
    }

    /// The aborted transactions with offsets from `from` to before `upto`, by their first offset.
    ///
    /// # Errors
    /// A file cannot be read.
    pub async fn aborted_transactions(
        &self,
        from: i64,
        upto: i64,
    ) -> Result<Vec<AbortedTransaction>, ReadError> {
        loop {
            let swaps = self.swaps.get();
            let found = self.collect_aborted(from, upto).await;
            // Segments that were replaced meanwhile may have been passed over.
            if self.swaps.get() == swaps {
                return found;
            }
        }
    }

    async fn collect_aborted(
        &self,
        from: i64,
        upto: i64,
    ) -> Result<Vec<AbortedTransaction>, ReadError> {
        let mut found = Vec::new();
        let mut next = self.next_aborted(None, from, upto);
        while let Some(base) = next {
            self.load_index(base).await?;
            let complete = {
                let state = self.state.borrow();
                let segment = state.by_base(base);
                segment.is_some_and(|segment| segment.aborted.collect(from, upto, &mut found))
            };
            if complete {
                break;
            }
            next = self.next_aborted(Some(base), from, upto);
        }
        found.sort_unstable_by_key(|aborted| (aborted.first_offset, aborted.producer_id));
        Ok(found)
    }

    /// The first segment that may list such a transaction, or the next one after another.
    fn next_aborted(&self, after: Option<i64>, from: i64, upto: i64) -> Option<i64> {
        let state = self.state.borrow();
        let first = state.segment_of(from);
        let mut segments = state.segments.range(first..);
        let found = segments.find(|segment| {
            after.is_none_or(|after| segment.base_offset > after)
                && segment.aborted.may_begin_before(upto)
        });
        found.map(|segment| segment.base_offset)
    }

    /// Everything before an offset is durable; more of it may be decided by that.
    pub(super) fn advance_durable(&self, end_offset: i64) {
        self.durable.advance(end_offset);
        let durable_end = self.durable.get();
        let stable = self.state.borrow_mut().last_stable_offset(durable_end);
        self.stable.advance(stable);
    }
}

fn state_of(producer_id: i64, producer: &Producer) -> ProducerState {
    ProducerState {
        producer_id,
        producer_epoch: producer.epoch,
        last_sequence: producer
            .marks()
            .last()
            .map_or(-1, |mark| mark.last_sequence),
        last_timestamp: producer.last_timestamp,
        coordinator_epoch: producer.coordinator_epoch,
        txn_first_offset: producer.txn_first_offset,
        last_marker_offset: producer.last_marker_offset,
    }
}
