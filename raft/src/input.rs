//! What may happen to a node.
//!
//! Pure values. `context` is opaque: it comes back with the answer.

use bytes::Bytes;

use crate::entry::NodeId;
use crate::membership::MembershipChange;
use crate::message::Message;
use crate::output::Persisted;

/// One thing that happened.
#[derive(Debug)]
pub enum Input {
    /// Time went on. Needed at least at [`Node::next_tick`](crate::Node::next_tick); more often does no harm.
    Tick,
    /// A message came from the node that the connection was authenticated for.
    Message {
        /// Whose connection it came by.
        from: NodeId,
        /// What it says.
        message: Message,
    },
    /// Append these entries, all or none. Answered by `accepted` or `rejected`.
    Propose {
        /// Comes back with the answer.
        context: u64,
        /// One entry each.
        payloads: Vec<Bytes>,
    },
    /// A write is durable.
    Persisted(Persisted),
    /// The application has applied everything up to this entry.
    Applied {
        /// That entry.
        index: u64,
    },
    /// Answer when it is safe to read from the applied state. Answered by `reads` or `rejected`.
    ReadIndex {
        /// Comes back with the answer.
        context: u64,
    },
    /// Hand leadership to another voter. Answered by the role change, or by `rejected`.
    TransferLeadership {
        /// Comes back with a rejection.
        context: u64,
        /// The coming leader.
        to: NodeId,
    },
    /// Change the membership. Answered by `accepted` or `rejected`.
    ChangeMembership {
        /// Comes back with the answer.
        context: u64,
        /// How.
        change: MembershipChange,
    },
    /// The application has made a snapshot of its state after this entry.
    SnapshotCreated {
        /// Comes back with a rejection.
        context: u64,
        /// The last entry it covers; it must have been applied.
        index: u64,
        /// The application's bytes.
        data: Bytes,
    },
}
