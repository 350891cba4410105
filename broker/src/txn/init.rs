//! `InitProducerId` of a transactional id: gives it a producer id and an epoch that fences
//! whoever used the id before. Pure.

use protocol::error_code::ErrorCode;

use super::transaction::{
    ProducerIdentity, Topics, TransactionMetadata, TransactionState, is_epoch_exhausted,
};
use super::transactions::Transactions;
use crate::coordinator::machine::{Decision, Now};

/// What a producer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InitRequest {
    pub(crate) transactional_id: String,
    pub(crate) timeout_ms: i32,
    /// What the producer believes to be: it goes on after an error, and only if nobody else has
    /// taken its place (KIP-360).
    pub(crate) expected: Option<ProducerIdentity>,
}

/// What it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InitOutcome {
    Ready(ProducerIdentity),
    /// Ask again with a producer id that nobody has.
    NeedsProducerId,
    Refused(ErrorCode),
}

impl Transactions {
    /// `fresh_id` is a producer id that nobody has, once one was needed.
    pub(crate) fn init(
        &mut self,
        request: &InitRequest,
        fresh_id: Option<i64>,
        now: Now,
    ) -> Decision<Self, InitOutcome> {
        let refuse = |error| Decision::only(InitOutcome::Refused(error));
        let id = &request.transactional_id;
        let Some(metadata) = self.by_id.get(id) else {
            let Some(producer_id) = fresh_id else {
                return Decision::only(InitOutcome::NeedsProducerId);
            };
            let metadata = TransactionMetadata::new(producer_id, request.timeout_ms, now.wall_ms);
            return self.ready(id, metadata, now);
        };
        if request
            .expected
            .is_some_and(|expected| !is_known(metadata, expected))
        {
            return refuse(ErrorCode::ProducerFenced);
        }
        match metadata.state {
            TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
                refuse(ErrorCode::ConcurrentTransactions)
            }
            TransactionState::Ongoing => {
                // the new producer comes again when the transaction of the old one is aborted
                let aborted = metadata.fenced(now.wall_ms);
                let again = InitOutcome::Refused(ErrorCode::ConcurrentTransactions);
                Self::record(id, aborted, again)
            }
            TransactionState::Empty
            | TransactionState::CompleteCommit
            | TransactionState::CompleteAbort => {
                match next_identity(metadata, request.expected, fresh_id) {
                    Ok(next) => {
                        let metadata = begun(metadata, next, request.timeout_ms, now.wall_ms);
                        self.ready(id, metadata, now)
                    }
                    Err(outcome) => Decision::only(outcome),
                }
            }
        }
    }

    fn ready(
        &mut self,
        id: &str,
        metadata: TransactionMetadata,
        now: Now,
    ) -> Decision<Self, InitOutcome> {
        self.expire_at
            .get_or_insert(now.monotonic + self.rules.expire_interval);
        let outcome = InitOutcome::Ready(metadata.producer);
        Self::record(id, metadata, outcome)
    }
}

/// Whether the producer has been this id's: it is now, or it was until its epochs were used up.
fn is_known(metadata: &TransactionMetadata, expected: ProducerIdentity) -> bool {
    expected.id == metadata.producer.id
        || (metadata.previous_producer_id == Some(expected.id)
            && is_epoch_exhausted(expected.epoch))
}

/// Who the producer is from now on, and the epoch that it had before.
#[derive(Debug, Clone, Copy)]
struct Next {
    producer: ProducerIdentity,
    last_epoch: Option<i16>,
}

fn next_identity(
    metadata: &TransactionMetadata,
    expected: Option<ProducerIdentity>,
    fresh_id: Option<i64>,
) -> Result<Next, InitOutcome> {
    let current = metadata.producer;
    let is_current = expected.is_none_or(|expected| expected.epoch == current.epoch);
    if metadata.is_epoch_exhausted() && is_current {
        let id = fresh_id.ok_or(InitOutcome::NeedsProducerId)?;
        return Ok(Next {
            producer: ProducerIdentity { id, epoch: 0 },
            last_epoch: expected.map(|_| current.epoch),
        });
    }
    if is_current && let Some(epoch) = current.epoch.checked_add(1) {
        return Ok(Next {
            producer: ProducerIdentity { epoch, ..current },
            last_epoch: expected.map(|_| current.epoch),
        });
    }
    // the answer to an earlier bump was lost, and nobody has come since
    if metadata.last_epoch.is_some()
        && expected.map(|expected| expected.epoch) == metadata.last_epoch
    {
        return Ok(Next {
            producer: current,
            last_epoch: metadata.last_epoch,
        });
    }
    Err(InitOutcome::Refused(ErrorCode::ProducerFenced))
}

fn begun(
    metadata: &TransactionMetadata,
    next: Next,
    timeout_ms: i32,
    now_ms: i64,
) -> TransactionMetadata {
    TransactionMetadata {
        producer: next.producer,
        last_epoch: next.last_epoch,
        timeout_ms,
        topics: Topics::new(),
        started_ms: None,
        ..metadata.moved_to(TransactionState::Empty, now_ms)
    }
}
