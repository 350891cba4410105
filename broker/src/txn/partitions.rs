//! Which partitions a transaction has: added by the producer (`AddPartitionsToTxn`), by its first
//! write (KIP-890), or only looked up before a write. Pure.

use protocol::error_code::ErrorCode;

use super::transaction::{
    ProducerIdentity, Topics, TransactionMetadata, TransactionState, TransactionVersion,
};
use super::transactions::Transactions;
use crate::coordinator::machine::{Decision, Now};

/// Partitions to add to a transaction, or to find in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartitionsRequest {
    pub(crate) transactional_id: String,
    pub(crate) producer: ProducerIdentity,
    pub(crate) topics: Topics,
    pub(crate) version: TransactionVersion,
}

/// The partitions are in the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    Now,
    /// They were before; who needs to know that it is durable must ask.
    Before,
}

impl Transactions {
    /// Adds partitions, and begins the transaction if none is ongoing.
    pub(crate) fn add_partitions(
        &mut self,
        request: &PartitionsRequest,
        now: Now,
    ) -> Decision<Self, Result<Added, ErrorCode>> {
        let id = &request.transactional_id;
        let metadata = match self.undecided(request) {
            Ok(metadata) => metadata,
            Err(error) => return Decision::only(Err(error)),
        };
        let is_ongoing = metadata.state == TransactionState::Ongoing;
        if is_ongoing && metadata.contains_all(&request.topics) {
            return Decision::only(Ok(Added::Before));
        }
        let mut next = metadata.moved_to(TransactionState::Ongoing, now.wall_ms);
        if !is_ongoing {
            next.started_ms = Some(now.wall_ms);
        }
        for (topic, partitions) in &request.topics {
            let known = next.topics.entry(topic.clone()).or_default();
            known.extend(partitions);
        }
        next.version = request.version;
        self.abort_at
            .get_or_insert(now.monotonic + self.rules.abort_interval);
        Self::record(id, next, Ok(Added::Now))
    }

    /// The partitions that the transaction does not have, so that records may not enter them.
    ///
    /// # Errors
    /// The producer may not write at all.
    pub(crate) fn missing_partitions(
        &self,
        request: &PartitionsRequest,
    ) -> Result<Topics, ErrorCode> {
        let known = &self.undecided(request)?.topics;
        let mut missing = request.topics.clone();
        missing.retain(|topic, partitions| {
            let known = known.get(topic);
            partitions.retain(|index| known.is_none_or(|known| !known.contains(index)));
            !partitions.is_empty()
        });
        Ok(missing)
    }

    /// The transaction of a producer, unless it is decided and its markers are under way.
    fn undecided(&self, request: &PartitionsRequest) -> Result<&TransactionMetadata, ErrorCode> {
        let metadata = self.of_producer(&request.transactional_id, request.producer)?;
        if metadata.state.prepared().is_some() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        Ok(metadata)
    }
}
