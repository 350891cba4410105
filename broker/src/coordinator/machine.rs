//! What the coordinator of one partition of an internal topic is to the runtime. Pure values.
//!
//! A request becomes a [`Decision`]: records and a response. The runtime replays the records, which
//! alone changes durable state, appends them to the partition, and lets response and effects out
//! when they are durable. At load the same records are replayed from the log.

use std::time::Duration;

use bytes::Bytes;
use protocol::codec::DecodeError;

use crate::config::Settings;
use crate::metadata::image::ClusterImage;

/// The time as rules need it: what is recorded is wall clock, what is awaited is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    pub(crate) wall_ms: i64,
    /// Since some point in the past; never goes back.
    pub(crate) monotonic: Duration,
}

/// The transaction that records belong to: they count only once its marker says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transaction {
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
}

/// When a record is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replay {
    /// Read from the log, before anything is served.
    Load,
    /// Just decided on by this machine.
    Live,
}

/// What a request comes to.
#[derive(Debug)]
pub(crate) struct Decision<M: Machine, R> {
    pub(crate) records: Vec<M::Record>,
    pub(crate) transaction: Option<Transaction>,
    /// Each record is right without the others, so they may be written in several batches.
    pub(crate) is_divisible: bool,
    /// Carried out in order once the records are durable.
    pub(crate) effects: Vec<M::Effect>,
    pub(crate) response: R,
}

impl<M: Machine, R> Decision<M, R> {
    /// Nothing changes.
    pub(crate) fn only(response: R) -> Self {
        Self {
            records: Vec::new(),
            transaction: None,
            is_divisible: false,
            effects: Vec::new(),
            response,
        }
    }

    /// Records that are written together or not at all.
    pub(crate) fn with(records: Vec<M::Record>, response: R) -> Self {
        Self {
            records,
            ..Self::only(response)
        }
    }
}

/// A record as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EncodedRecord {
    pub(crate) key: Bytes,
    /// A tombstone has none.
    pub(crate) value: Option<Bytes>,
}

/// The state of one coordinator partition under its rules.
pub(crate) trait Machine: Sized + 'static {
    type Record: 'static;
    /// Something to do outside, such as an answer that was parked.
    type Effect: 'static;

    /// The state before any record.
    fn new(settings: &Settings) -> Self;

    fn encode(record: &Self::Record) -> EncodedRecord;

    /// `None` for a kind of record that means nothing here.
    ///
    /// # Errors
    /// The bytes are no record of the kind that the key names.
    fn decode(key: &Bytes, value: Option<&Bytes>) -> Result<Option<Self::Record>, DecodeError>;

    fn replay(&mut self, record: Self::Record, transaction: Option<Transaction>, when: Replay);

    /// A transaction with records here has ended: its marker is in the partition.
    fn end_transaction(&mut self, transaction: Transaction, committed: bool);

    /// Everything in the log has been replayed; requests come from now on.
    fn loaded(&mut self, now: Now, image: &ClusterImage);

    /// When [`Machine::expire`] has something to do next, by the monotonic clock.
    fn next_deadline(&mut self) -> Option<Duration>;

    fn expire(&mut self, now: Now, image: &ClusterImage) -> Decision<Self, ()>;

    /// This partition is coordinated here no more: what those who wait are told.
    fn abandon(&mut self) -> Vec<Self::Effect>;

    /// What to do instead of an effect whose records could not be written.
    fn undone(effect: Self::Effect) -> Option<Self::Effect>;
}
