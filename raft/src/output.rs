//! What a step asks of the shell, and in which order.
//!
//! Pure values. The one ordering duty is kept by types: what must wait for a write is not in the [`Output`] at all.
//! The node keeps it until it gets the [`Persisted`] receipt, and only a [`Persist`] makes one.

use thiserror::Error;

use crate::entry::{Entry, HardState, NodeId};
use crate::membership::ChangeError;
use crate::message::Message;
use crate::snapshot::Snapshot;

/// What one step asks for. The parts are independent: a shell may do them in any order or at the same time,
/// but `install` comes before `committed`, and a later output's parts after an earlier one's.
#[derive(Debug, Default)]
#[must_use = "a step asks for work"]
pub struct Output {
    /// Make this durable, then step with [`Persist::persisted`]. Writes go in the order they came.
    pub persist: Option<Persist>,
    /// Send these now, in any order. Nothing here depends on a write that is not durable yet.
    pub messages: Vec<Message>,
    /// Replace the application's state by this snapshot, which is durable.
    pub install: Option<Snapshot>,
    /// Apply these: committed, durable here, each exactly once and in order. Report with `Input::Applied`.
    pub committed: Vec<Entry>,
    /// Requests that were taken into the log. They are done when `committed` holds that index *with that term*.
    pub accepted: Vec<Accepted>,
    /// Requests that were refused, or reads that lost their leader.
    pub rejected: Vec<Rejected>,
    /// Reads that may be answered from the applied state now.
    pub reads: Vec<ReadReady>,
    /// The node's role, term or leader changed; this is how it is now.
    pub role: Option<RoleChange>,
    /// The message that was stepped in was refused. For the shell's log; counted by the node.
    pub refused: Option<Refusal>,
}

impl Output {
    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.persist.is_none()
            && self.messages.is_empty()
            && self.install.is_none()
            && self.committed.is_empty()
            && self.accepted.is_empty()
            && self.rejected.is_empty()
            && self.reads.is_empty()
            && self.role.is_none()
            && self.refused.is_none()
    }

    pub(crate) fn clear(&mut self) {
        self.persist = None;
        self.messages.clear();
        self.install = None;
        self.committed.clear();
        self.accepted.clear();
        self.rejected.clear();
        self.reads.clear();
        self.role = None;
        self.refused = None;
    }
}

/// One durable write. After a crash any *prefix* of its parts, in this order, may be found: the hard state,
/// the snapshot, the truncation, the entries (a prefix of them), the compaction. One sequential write gives that.
#[derive(Debug)]
#[must_use = "nothing that waits for this write goes out before its receipt comes back"]
pub struct Persist {
    pub(crate) write: u64,
    pub(crate) hard_state: Option<HardState>,
    pub(crate) snapshot: Option<Snapshot>,
    pub(crate) truncate_from: Option<u64>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) compact_to: Option<u64>,
}

impl Persist {
    /// Term and vote, when they changed.
    #[must_use]
    pub fn hard_state(&self) -> Option<HardState> {
        self.hard_state
    }

    /// A snapshot that takes the place of the durable one.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }

    /// Remove the entry with this index and all that follow; 1 removes whatever there is.
    #[must_use]
    pub fn truncate_from(&self) -> Option<u64> {
        self.truncate_from
    }

    /// Append these, behind what is left.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Entries up to this index may be deleted whenever it suits; a durable snapshot covers them.
    #[must_use]
    pub fn compact_to(&self) -> Option<u64> {
        self.compact_to
    }

    /// The receipt: call this only when the write is durable. A failed write is final: drop the node.
    pub fn persisted(self) -> Persisted {
        Persisted {
            write: self.write,
            entries: self.entries,
        }
    }
}

/// The receipt of a durable write, to be stepped in. It cannot be made, copied or kept apart from its write.
#[derive(Debug)]
#[must_use = "the node waits for it"]
pub struct Persisted {
    pub(crate) write: u64,
    /// The emptied buffer goes back to the node.
    pub(crate) entries: Vec<Entry>,
}

/// A request that was taken into the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Accepted {
    /// The request's context.
    pub context: u64,
    /// Index of its first entry.
    pub first_index: u64,
    /// Index of its last entry.
    pub last_index: u64,
    /// Term of its entries.
    pub term: u64,
}

/// A request that was not carried out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rejected {
    /// The request's context.
    pub context: u64,
    /// Why.
    pub reason: RejectReason,
}

/// Why a request was not carried out. None of them leaves a trace in the log.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum RejectReason {
    /// Ask the leader, if one is known.
    #[error("not the leader")]
    NotLeader {
        /// The leader of this term, if known.
        leader: Option<NodeId>,
    },
    /// Leadership is being handed over.
    #[error("leadership is being transferred")]
    Transferring,
    /// Too much is under way; try again.
    #[error("too much is under way")]
    Busy,
    /// An entry is larger than the limit.
    #[error("entry of {bytes} bytes, {bytes_max} at most")]
    EntryTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// A proposal without entries.
    #[error("no entries")]
    Empty,
    /// The leader has not committed anything in its term yet; try again.
    #[error("leader has not committed an entry of its term yet")]
    NotReady,
    /// The membership cannot change that way now.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The target of a transfer is not another voter.
    #[error("node {} cannot become the leader", .0.0)]
    NotEligible(NodeId),
    /// The target did not take over within an election timeout.
    #[error("the transfer took too long")]
    TransferTimedOut,
    /// A snapshot of entries that are not applied, or older than the one there is.
    #[error("snapshot at {index} is not above {snapshot} and at most {applied}")]
    SnapshotOutOfRange {
        /// Where the snapshot was taken.
        index: u64,
        /// The snapshot there is.
        snapshot: u64,
        /// What is applied.
        applied: u64,
    },
    /// A snapshot that no other member would take.
    #[error("snapshot of {bytes} bytes, {bytes_max} at most")]
    SnapshotTooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
}

/// A read that may be answered: the applied state holds everything that was committed when the read was asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReadReady {
    /// The read's context.
    pub context: u64,
    /// The index that had to be applied.
    pub index: u64,
}

/// What a node is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RoleKind {
    /// Follows a leader, or waits for one.
    Follower,
    /// Asks whether it could win.
    PreCandidate,
    /// Asks for votes.
    Candidate,
    /// Leads.
    Leader,
}

/// How a node stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RoleChange {
    /// Its role.
    pub role: RoleKind,
    /// Its term (Kafka's leader epoch).
    pub term: u64,
    /// The leader of that term, if known.
    pub leader: Option<NodeId>,
}

/// Why a message was refused. Whoever sent it broke the rules, or belongs elsewhere.
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
pub enum Refusal {
    /// Of another cluster.
    #[error("message of another cluster")]
    OtherCluster,
    /// For another node, or said to be from another one than it came from.
    #[error("message with a wrong address")]
    WrongAddress,
    /// An answer from a node that is not a member.
    #[error("answer of an unknown node")]
    UnknownNode,
    /// A term or index beyond what can be, or a term that contradicts another one.
    #[error("impossible term")]
    ImpossibleTerm,
    /// Entries with gaps, answers about entries that were not sent, a change of committed entries.
    #[error("impossible index")]
    ImpossibleIndex,
    /// A membership entry that cannot be read.
    #[error("malformed entry")]
    MalformedEntry,
    /// A snapshot whose bytes do not match its identity, or that is too large.
    #[error("malformed snapshot")]
    MalformedSnapshot,
    /// A second leader in one term.
    #[error("second leader in one term")]
    SecondLeader,
}

impl Refusal {
    /// All of them, in the order of [`Refusals`]' counters.
    pub const ALL: [Self; 8] = [
        Self::OtherCluster,
        Self::WrongAddress,
        Self::UnknownNode,
        Self::ImpossibleTerm,
        Self::ImpossibleIndex,
        Self::MalformedEntry,
        Self::MalformedSnapshot,
        Self::SecondLeader,
    ];
}

/// How many messages were refused since the node was made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Refusals([u64; Refusal::ALL.len()]);

impl Refusals {
    /// How many for this reason.
    #[must_use]
    pub fn count(&self, refusal: Refusal) -> u64 {
        self.0[refusal as usize]
    }

    /// How many in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(crate) fn add(&mut self, refusal: Refusal) {
        self.0[refusal as usize] += 1;
    }
}
