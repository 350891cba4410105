//! The end of a transaction: decided by its producer (`EndTxn`), by fencing, and completed when
//! its markers are written. Pure.
//!
//! With KIP-890 the epoch is bumped by the decision, so a request that is sent again is known by
//! the epoch before; without it, by the state alone.

use protocol::error_code::ErrorCode;

use super::transaction::{
    ProducerIdentity, Topics, TransactionMetadata, TransactionState, TransactionVersion,
};
use super::transactions::{Effect, Prepared, Transactions};
use crate::coordinator::machine::{Decision, Now};

/// How a producer ends its transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndRequest {
    pub(crate) transactional_id: String,
    pub(crate) producer: ProducerIdentity,
    pub(crate) committed: bool,
    pub(crate) version: TransactionVersion,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndOutcome {
    /// Decided now; who the producer is from now on.
    Decided(ProducerIdentity),
    /// The same, decided by an earlier request.
    DecidedBefore(ProducerIdentity),
    /// Ask again with a producer id that nobody has.
    NeedsProducerId,
    Refused(ErrorCode),
}

/// What a state makes of the request.
enum Step {
    Decide,
    /// Nothing was written; with KIP-890 the epoch is bumped all the same.
    DecideEmpty,
    Repeat,
    Refuse(ErrorCode),
}

impl Transactions {
    /// `fresh_id` is a producer id that nobody has, once one was needed.
    pub(crate) fn end(
        &mut self,
        request: &EndRequest,
        fresh_id: Option<i64>,
        now: Now,
    ) -> Decision<Self, EndOutcome> {
        let refuse = |error| Decision::only(EndOutcome::Refused(error));
        let id = &request.transactional_id;
        let Some(metadata) = self.by_id.get(id) else {
            return refuse(ErrorCode::InvalidProducerIdMapping);
        };
        let step = match request.version {
            TransactionVersion::Classic => classic_step(metadata, request),
            TransactionVersion::EpochBump => bumping_step(metadata, request),
        };
        let is_empty = match step {
            Step::Refuse(error) => return refuse(error),
            Step::Repeat => {
                return Decision::only(EndOutcome::DecidedBefore(metadata.producer));
            }
            Step::Decide => false,
            Step::DecideEmpty => true,
        };
        let bumps = request.version == TransactionVersion::EpochBump;
        let mut next = metadata.decided(request.committed, request.version, now.wall_ms);
        if is_empty {
            next.started_ms = Some(now.wall_ms);
        }
        let mut identity = next.producer;
        if bumps && metadata.is_epoch_exhausted() {
            let Some(id) = fresh_id else {
                return Decision::only(EndOutcome::NeedsProducerId);
            };
            next.next_producer_id = Some(id);
            identity = ProducerIdentity { id, epoch: 0 };
        }
        Self::record(id, next, EndOutcome::Decided(identity))
    }

    /// The markers of a decided transaction are written.
    pub(crate) fn complete(&mut self, prepared: &Prepared, now: Now) -> Decision<Self, ()> {
        let id = &prepared.transactional_id;
        let metadata = self.by_id.get(id);
        let decided =
            metadata.filter(|metadata| Prepared::of(id, metadata).as_ref() == Some(prepared));
        let Some(metadata) = decided else {
            return Decision::only(());
        };
        let mut decision =
            Self::record(id, metadata.completed(prepared.committed, now.wall_ms), ());
        decision.effects.push(Effect::Completed {
            transactional_id: id.clone(),
        });
        decision
    }
}

/// Kafka's table for transactions of one epoch.
fn classic_step(metadata: &TransactionMetadata, request: &EndRequest) -> Step {
    if metadata.producer.id != request.producer.id {
        return Step::Refuse(ErrorCode::InvalidProducerIdMapping);
    }
    if metadata.producer.epoch != request.producer.epoch {
        return Step::Refuse(ErrorCode::ProducerFenced);
    }
    match (metadata.state, request.committed) {
        (TransactionState::Ongoing, _) => Step::Decide,
        (TransactionState::CompleteCommit, true) | (TransactionState::CompleteAbort, false) => {
            Step::Repeat
        }
        (TransactionState::PrepareCommit, true) | (TransactionState::PrepareAbort, false) => {
            Step::Refuse(ErrorCode::ConcurrentTransactions)
        }
        (
            TransactionState::Empty
            | TransactionState::CompleteCommit
            | TransactionState::CompleteAbort
            | TransactionState::PrepareCommit
            | TransactionState::PrepareAbort,
            _,
        ) => Step::Refuse(ErrorCode::InvalidTxnState),
    }
}

/// Kafka's table for transactions that bump the epoch.
fn bumping_step(metadata: &TransactionMetadata, request: &EndRequest) -> Step {
    if metadata.state.prepared().is_some() {
        // of this request sent again, or of the next transaction: both come again
        return Step::Refuse(ErrorCode::ConcurrentTransactions);
    }
    let (current, claimed) = (metadata.producer, request.producer);
    let is_current = claimed.epoch == current.epoch;
    let before_bump = claimed.epoch.checked_add(1) == Some(current.epoch);
    let before_rotation = metadata.previous_producer_id == Some(claimed.id)
        && claimed.epoch == i16::MAX - 1
        && current.epoch == 0;
    if current.id != claimed.id && !before_rotation {
        return Step::Refuse(ErrorCode::InvalidProducerIdMapping);
    }
    let is_repeated = match metadata.state {
        TransactionState::CompleteCommit | TransactionState::CompleteAbort => {
            before_bump || before_rotation
        }
        TransactionState::Empty
        | TransactionState::Ongoing
        | TransactionState::PrepareCommit
        | TransactionState::PrepareAbort => false,
    };
    if !is_repeated && !is_current {
        return Step::Refuse(ErrorCode::ProducerFenced);
    }
    match (metadata.state, request.committed) {
        (TransactionState::Ongoing, _) => Step::Decide,
        (TransactionState::CompleteCommit, true) | (TransactionState::CompleteAbort, false)
            if is_repeated =>
        {
            Step::Repeat
        }
        (
            TransactionState::Empty
            | TransactionState::CompleteCommit
            | TransactionState::CompleteAbort,
            false,
        ) if !is_repeated => Step::DecideEmpty,
        (
            TransactionState::Empty
            | TransactionState::CompleteCommit
            | TransactionState::CompleteAbort
            | TransactionState::PrepareCommit
            | TransactionState::PrepareAbort,
            _,
        ) => Step::Refuse(ErrorCode::InvalidTxnState),
    }
}

impl TransactionMetadata {
    fn decided(&self, committed: bool, version: TransactionVersion, now_ms: i64) -> Self {
        let mut next = self.moved_to(TransactionState::prepare(committed), now_ms);
        if version == TransactionVersion::EpochBump {
            // the largest epoch is kept for this
            next.producer.epoch = self.producer.epoch.saturating_add(1);
            next.last_epoch = Some(self.producer.epoch);
        }
        next.version = version;
        next
    }

    /// The abort of an ongoing transaction by its coordinator, after which its producer is fenced.
    pub(super) fn fenced(&self, now_ms: i64) -> Self {
        Self {
            last_epoch: None,
            ..self.decided(false, TransactionVersion::EpochBump, now_ms)
        }
    }

    fn completed(&self, committed: bool, now_ms: i64) -> Self {
        let state = if committed {
            TransactionState::CompleteCommit
        } else {
            TransactionState::CompleteAbort
        };
        let producer = match self.next_producer_id {
            Some(id) => ProducerIdentity { id, epoch: 0 },
            None => self.producer,
        };
        Self {
            producer,
            next_producer_id: None,
            topics: Topics::new(),
            ..self.moved_to(state, now_ms)
        }
    }
}
