//! One transactional id as its coordinator knows it, and the states of its transactions. Pure.
//!
//! ```text
//! Empty, CompleteCommit, CompleteAbort -> Ongoing -> PrepareCommit -> CompleteCommit
//!                                                 -> PrepareAbort  -> CompleteAbort
//! ```
//! What is prepared is decided: only its markers are missing.

use std::collections::{BTreeMap, BTreeSet};

/// Kafka keeps the largest epoch for fencing: no producer is ever given it.
const LAST_EPOCH_FOR_PRODUCERS: i16 = i16::MAX - 1;

/// Kafka's names and numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransactionState {
    Empty,
    Ongoing,
    PrepareCommit,
    PrepareAbort,
    CompleteCommit,
    CompleteAbort,
}

/// States that Kafka has beside ours and never records; filters may name them.
const TRANSIENT_NAMES: [&str; 2] = ["Dead", "PrepareEpochFence"];

impl TransactionState {
    const ALL: [Self; 6] = [
        Self::Empty,
        Self::Ongoing,
        Self::PrepareCommit,
        Self::PrepareAbort,
        Self::CompleteCommit,
        Self::CompleteAbort,
    ];

    pub(crate) fn id(self) -> i8 {
        match self {
            Self::Empty => 0,
            Self::Ongoing => 1,
            Self::PrepareCommit => 2,
            Self::PrepareAbort => 3,
            Self::CompleteCommit => 4,
            Self::CompleteAbort => 5,
        }
    }

    pub(crate) fn from_id(id: i8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.id() == id)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
        }
    }

    /// Whether Kafka knows a state of this name.
    pub(crate) fn is_name(name: &str) -> bool {
        let names = Self::ALL.into_iter().map(Self::name);
        names.chain(TRANSIENT_NAMES).any(|known| known == name)
    }

    pub(crate) fn prepare(committed: bool) -> Self {
        if committed {
            Self::PrepareCommit
        } else {
            Self::PrepareAbort
        }
    }

    /// For a prepared state: whether it is a commit.
    pub(crate) fn prepared(self) -> Option<bool> {
        match self {
            Self::PrepareCommit => Some(true),
            Self::PrepareAbort => Some(false),
            Self::Empty | Self::Ongoing | Self::CompleteCommit | Self::CompleteAbort => None,
        }
    }
}

/// How a client ends its transactions: by which version of the protocol it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TransactionVersion {
    /// Kafka's versions 0 and 1: one epoch for all transactions of a producer's life.
    Classic,
    /// KIP-890: each transaction ends with a new epoch.
    EpochBump,
}

impl TransactionVersion {
    pub(crate) fn level(self) -> i16 {
        match self {
            Self::Classic => 0,
            Self::EpochBump => 2,
        }
    }

    pub(crate) fn from_level(level: i16) -> Self {
        if level >= 2 {
            Self::EpochBump
        } else {
            Self::Classic
        }
    }
}

/// Partitions, by topic.
pub(crate) type Topics = BTreeMap<String, BTreeSet<i32>>;

/// A producer as it names itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProducerIdentity {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

/// What is recorded of a transactional id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TransactionMetadata {
    pub(crate) producer: ProducerIdentity,
    /// The producer id before the last change of state.
    pub(crate) previous_producer_id: Option<i64>,
    /// The producer id after this transaction, because the epochs of this one are used up.
    pub(crate) next_producer_id: Option<i64>,
    /// The epoch from which the producer itself bumped, so that its retry is known. Not recorded.
    pub(crate) last_epoch: Option<i16>,
    pub(crate) timeout_ms: i32,
    pub(crate) state: TransactionState,
    pub(crate) topics: Topics,
    pub(crate) started_ms: Option<i64>,
    pub(crate) updated_ms: i64,
    pub(crate) version: TransactionVersion,
}

impl TransactionMetadata {
    pub(crate) fn new(producer_id: i64, timeout_ms: i32, now_ms: i64) -> Self {
        Self {
            producer: ProducerIdentity {
                id: producer_id,
                epoch: 0,
            },
            previous_producer_id: None,
            next_producer_id: None,
            last_epoch: None,
            timeout_ms,
            state: TransactionState::Empty,
            topics: Topics::new(),
            started_ms: None,
            updated_ms: now_ms,
            version: TransactionVersion::Classic,
        }
    }

    /// A copy in another state.
    pub(crate) fn moved_to(&self, state: TransactionState, now_ms: i64) -> Self {
        Self {
            previous_producer_id: Some(self.producer.id),
            state,
            updated_ms: now_ms,
            ..self.clone()
        }
    }

    /// No producer may get a higher epoch of this producer id.
    pub(crate) fn is_epoch_exhausted(&self) -> bool {
        is_epoch_exhausted(self.producer.epoch)
    }

    pub(crate) fn contains_all(&self, topics: &Topics) -> bool {
        topics.iter().all(|(topic, partitions)| {
            let known = self.topics.get(topic);
            known.is_some_and(|known| partitions.is_subset(known))
        })
    }
}

pub(crate) fn is_epoch_exhausted(epoch: i16) -> bool {
    epoch >= LAST_EPOCH_FOR_PRODUCERS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_kafkas_numbers_and_names() {
        for state in TransactionState::ALL {
            assert_eq!(TransactionState::from_id(state.id()), Some(state));
            assert!(TransactionState::is_name(state.name()));
        }
        assert!(TransactionState::is_name("Dead"));
        assert!(!TransactionState::is_name("ongoing"));
        assert_eq!(TransactionState::from_id(6), None);
    }
}
