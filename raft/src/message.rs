//! What members say to each other.
//!
//! Pure values; how they travel is the shell's choice, but it must authenticate `from` and bound a frame's size.
//! There is no heartbeat message: a heartbeat is an append without entries.

use bytes::Bytes;

use crate::entry::{ClusterId, Entry, NodeId};
use crate::snapshot::SnapshotMeta;

/// One message. `term` is always the sender's own current term.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// The cluster of the sender.
    pub cluster: ClusterId,
    /// The sender.
    pub from: NodeId,
    /// The receiver.
    pub to: NodeId,
    /// The sender's term.
    pub term: u64,
    /// What is said.
    pub body: Body,
}

/// What a message says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Body {
    /// "Would you vote" (pre-vote) or "vote" for me.
    VoteRequest(VoteRequest),
    /// The answer to either.
    VoteResponse(VoteResponse),
    /// Entries, or none (a heartbeat).
    Append(Append),
    /// The answer to an append, and to the end of a snapshot.
    AppendResponse(AppendResponse),
    /// A piece of a snapshot; an empty piece at offset 0 asks where to resume.
    SnapshotChunk(SnapshotChunk),
    /// Which piece to send next.
    SnapshotResponse(SnapshotResponse),
    /// The leader hands over: campaign now.
    TimeoutNow,
}

/// A candidate's question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct VoteRequest {
    /// The term the candidate wants: its own, or for a pre-vote the next one.
    pub campaign_term: u64,
    /// Only a question: nothing changes at the voter.
    pub pre_vote: bool,
    /// The old leader asked for this election: no lease stands against it.
    pub transfer: bool,
    /// Index of the candidate's last entry.
    pub last_index: u64,
    /// Term of the candidate's last entry.
    pub last_term: u64,
}

/// A voter's answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct VoteResponse {
    /// The term of the campaign that is answered.
    pub campaign_term: u64,
    /// Whether a pre-vote is answered.
    pub pre_vote: bool,
    /// Yes or no.
    pub granted: bool,
}

/// A leader's entries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Append {
    /// The entry before the first one sent.
    pub prev_index: u64,
    /// Its term.
    pub prev_term: u64,
    /// The leader's commit index.
    pub commit: u64,
    /// Number of the leader's round, given back in the response: it dates the response for lease and reads.
    pub round: u64,
    /// Consecutive entries from `prev_index + 1`.
    pub entries: Vec<Entry>,
}

/// A follower's answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AppendResponse {
    /// The round of the append that is answered.
    pub round: u64,
    /// What became of it.
    pub result: AppendResult,
}

/// What became of an append.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AppendResult {
    /// The follower's log is durable and equal to the leader's up to this index.
    Matched {
        /// The last equal, durable entry.
        index: u64,
    },
    /// The entry before the first one sent is not there.
    Conflict {
        /// `prev_index` of the append.
        prev_index: u64,
        /// The last entry of the follower that may be equal.
        hint_index: u64,
        /// Its term.
        hint_term: u64,
    },
}

/// A piece of a snapshot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SnapshotChunk {
    /// Which snapshot.
    pub meta: SnapshotMeta,
    /// Where the piece belongs.
    pub offset: u64,
    /// The piece.
    pub data: Bytes,
    /// As in [`Append::round`].
    pub round: u64,
}

/// Which piece to send next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SnapshotResponse {
    /// Index of the snapshot.
    pub index: u64,
    /// Its checksum.
    pub checksum: u32,
    /// The first byte that is missing.
    pub next_offset: u64,
    /// As in [`AppendResponse::round`].
    pub round: u64,
}
