//! The transactional ids of one partition of `__transaction_state`. Pure: records change the
//! state, decisions come from the files beside this one.

use std::time::Duration;

use bytes::Bytes;
use foldhash::HashMap;
use protocol::codec::DecodeError;
use protocol::error_code::ErrorCode;

use super::record::TransactionRecord;
use super::transaction::{
    ProducerIdentity, Topics, TransactionMetadata, TransactionState, TransactionVersion,
};
use crate::config::Settings;
use crate::coordinator::machine::{Decision, EncodedRecord, Machine, Now, Replay, Transaction};
use crate::metadata::image::ClusterImage;

/// What happens outside once records are durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The transaction is decided: its markers are to be written, then it is complete.
    WriteMarkers(Prepared),
    /// A transaction is complete: whoever waits to begin the next one may try again.
    Completed { transactional_id: String },
}

/// A transaction that is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prepared {
    pub(crate) transactional_id: String,
    /// With the epoch that the markers carry.
    pub(crate) producer: ProducerIdentity,
    pub(crate) committed: bool,
    pub(crate) topics: Topics,
    pub(crate) version: TransactionVersion,
}

impl Prepared {
    /// `None` when the transaction is not decided.
    pub(super) fn of(transactional_id: &str, metadata: &TransactionMetadata) -> Option<Self> {
        Some(Self {
            transactional_id: transactional_id.to_owned(),
            producer: metadata.producer,
            committed: metadata.state.prepared()?,
            topics: metadata.topics.clone(),
            version: metadata.version,
        })
    }
}

/// The settings that the rules need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) id_expiration_ms: i64,
    pub(super) abort_interval: Duration,
    pub(super) expire_interval: Duration,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Transactions {
    pub(super) rules: Rules,
    pub(super) by_id: HashMap<String, TransactionMetadata>,
    /// How many are ongoing, so that a partition without any is left in peace.
    ongoing_count: usize,
    /// Decided before the broker started, and nobody writes their markers yet.
    pub(super) to_resume: Vec<String>,
    /// When ongoing ones are looked at next.
    pub(super) abort_at: Option<Duration>,
    /// When unused ids are looked for next.
    pub(super) expire_at: Option<Duration>,
}

impl Transactions {
    pub(super) fn with_rules(rules: Rules) -> Self {
        Self {
            rules,
            by_id: HashMap::default(),
            ongoing_count: 0,
            to_resume: Vec::new(),
            abort_at: None,
            expire_at: None,
        }
    }

    pub(super) fn has_ongoing(&self) -> bool {
        self.ongoing_count > 0
    }

    /// What is known of an id, if it is this producer's.
    ///
    /// # Errors
    /// `INVALID_PRODUCER_ID_MAPPING` or `PRODUCER_FENCED`.
    pub(super) fn of_producer(
        &self,
        transactional_id: &str,
        producer: ProducerIdentity,
    ) -> Result<&TransactionMetadata, ErrorCode> {
        let metadata = self.by_id.get(transactional_id);
        let metadata = metadata.ok_or(ErrorCode::InvalidProducerIdMapping)?;
        if metadata.producer.id != producer.id {
            return Err(ErrorCode::InvalidProducerIdMapping);
        }
        if metadata.producer.epoch != producer.epoch {
            return Err(ErrorCode::ProducerFenced);
        }
        Ok(metadata)
    }

    /// The decision to record what an id has become.
    pub(super) fn record<R>(
        transactional_id: &str,
        metadata: TransactionMetadata,
        response: R,
    ) -> Decision<Self, R> {
        let prepared = Prepared::of(transactional_id, &metadata);
        let record = TransactionRecord {
            transactional_id: transactional_id.to_owned(),
            metadata: Some(metadata),
        };
        let mut decision = Decision::with(vec![record], response);
        decision.effects.extend(prepared.map(Effect::WriteMarkers));
        decision
    }
}

fn is_ongoing(metadata: Option<&TransactionMetadata>) -> bool {
    metadata.is_some_and(|metadata| metadata.state == TransactionState::Ongoing)
}

impl Machine for Transactions {
    type Record = TransactionRecord;
    type Effect = Effect;

    fn new(settings: &Settings) -> Self {
        let transactions = &settings.transactions;
        let millis = transactions.id_expiration.as_millis();
        Self::with_rules(Rules {
            id_expiration_ms: i64::try_from(millis).unwrap_or(i64::MAX),
            abort_interval: transactions.abort_interval,
            expire_interval: transactions.expire_interval,
        })
    }

    fn encode(record: &TransactionRecord) -> EncodedRecord {
        record.encode()
    }

    fn decode(
        key: &Bytes,
        value: Option<&Bytes>,
    ) -> Result<Option<TransactionRecord>, DecodeError> {
        TransactionRecord::decode(key, value)
    }

    fn replay(
        &mut self,
        record: TransactionRecord,
        _transaction: Option<Transaction>,
        _when: Replay,
    ) {
        let begins = is_ongoing(record.metadata.as_ref());
        let before = match record.metadata {
            Some(metadata) => self.by_id.insert(record.transactional_id, metadata),
            None => self.by_id.remove(&record.transactional_id),
        };
        self.ongoing_count += usize::from(begins);
        self.ongoing_count -= usize::from(is_ongoing(before.as_ref()));
    }

    /// No transaction writes to this topic.
    fn end_transaction(&mut self, _transaction: Transaction, _committed: bool) {}

    fn loaded(&mut self, now: Now, _image: &ClusterImage) {
        let prepared = |metadata: &TransactionMetadata| metadata.state.prepared().is_some();
        let ids = self.by_id.iter();
        let decided = ids.filter(|(_, metadata)| prepared(metadata));
        self.to_resume = decided.map(|(id, _)| id.clone()).collect();
        self.plan_sweeps(now.monotonic);
    }

    fn next_deadline(&mut self) -> Option<Duration> {
        if !self.to_resume.is_empty() {
            return Some(Duration::ZERO);
        }
        [self.abort_at, self.expire_at].into_iter().flatten().min()
    }

    fn expire(&mut self, now: Now, _image: &ClusterImage) -> Decision<Self, ()> {
        self.sweep(now)
    }

    fn abandon(&mut self) -> Vec<Effect> {
        Vec::new()
    }

    fn undone(_effect: Effect) -> Option<Effect> {
        None
    }
}
