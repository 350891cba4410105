//! What the log is made of: identities, entries and the durable hard state.
//!
//! Pure. Terms are bounded by Kafka's leader epoch (an `i32` on the wire), indexes by its offsets (an `i64`).

use bytes::Bytes;

/// The largest term: Kafka shows it to clients as a leader epoch, which is an `i32`.
pub const TERM_MAX: u64 = i32::MAX as u64;

/// The largest index: Kafka shows it to tools as an offset, which is an `i64`.
pub const INDEX_MAX: u64 = i64::MAX as u64;

/// One member. The shell gives one id per *durable state* (Kafka's replica id and directory id):
/// a node that lost its disk must come back under another id, or a vote would be forgotten.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeId(pub u64);

/// The cluster that a message belongs to. Messages of another cluster are refused.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct ClusterId(pub u128);

/// What an entry's payload means.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum EntryKind {
    /// The application's bytes.
    Data,
    /// A whole [`Membership`](crate::Membership), encoded; in force from the moment it is in the log.
    Membership,
    /// What a new leader appends, so that it can commit what it found.
    NoOp,
}

/// One entry of the log. The first one has index 1.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Position, counted from 1 without gaps.
    pub index: u64,
    /// Term of the leader that created it.
    pub term: u64,
    /// What the payload means.
    pub kind: EntryKind,
    /// The bytes; empty for a no-op.
    pub payload: Bytes,
}

impl Entry {
    /// What this entry weighs against the byte limits: its payload and a fixed share for the rest.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.payload.len() as u64 + 32
    }
}

/// What a node must never forget: forgetting either lets it vote twice in one term.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct HardState {
    /// The latest term seen.
    pub term: u64,
    /// Who got this node's vote in that term.
    pub vote: Option<NodeId>,
}
