//! Consensus for the cluster metadata: Raft as a pure state machine, without clock, I/O, threads or randomness inside.
//!
//! A [`Node`] is one member. Whatever happens to it goes in by [`Node::step`] as an [`Input`], together with the time; what is
//! to be done about it comes out as an [`Output`]. The shell around it owns the clock, the disk and the network.
//!
//! # The one duty
//!
//! What a message promises must be durable before the message goes out. The types see to it: a message that must wait
//! is not in the output. The output holds the write, [`Output::persist`]; when it is durable, the shell turns the
//! [`Persist`] into its receipt with [`Persist::persisted`] and steps the receipt in; only then do the messages come out.
//! A shell cannot send too early, because it does not have what it must not send. What remains its duty:
//!
//! * writes become durable **in order**, and receipts come back in order (several writes may share one sync);
//! * a failed write is final: drop the node, recover, start a new one;
//! * an entry that came out in [`Output::committed`] is applied once, in order, after [`Output::install`];
//! * messages may be lost, repeated, delayed and reordered, but `from` is who the connection was authenticated for.
//!
//! # What must be durable
//!
//! Four things, all in [`Persist`]: the [`HardState`] (term and vote), the [`Snapshot`], truncations and [`Entry`]s. The commit
//! index is *not* among them: one proposal on a quorum of one costs one durable write. What is found after a crash goes
//! into [`RecoveredState`]; a state that contradicts itself is refused with a [`RecoveryError`].
//!
//! The log behind the last snapshot is kept in memory too, so the application should take snapshots
//! ([`Input::SnapshotCreated`]); a snapshot is one [`bytes::Bytes`], shared with the messages that carry it.
//!
//! # Example: a quorum of one
//!
//! ```
//! use std::time::Duration;
//! use bytes::Bytes;
//! use raft::{ClusterId, Config, Input, Membership, Node, NodeId, RandomSource, RecoveredState};
//!
//! #[derive(Debug)]
//! struct Seed(u64);
//! impl RandomSource for Seed {
//!     fn next_u64(&mut self) -> u64 {
//!         self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
//!         self.0 >> 1
//!     }
//! }
//!
//! let id = NodeId(1);
//! let config = Config::new(id, ClusterId(7));
//! let recovered = RecoveredState::initial(Membership::new([id], []));
//! let now = Duration::ZERO;
//! let mut node = Node::new(config, recovered, Box::new(Seed(1)), now)?;
//!
//! let mut inputs = vec![Input::Tick];
//! let mut applied = Vec::new();
//! let mut proposed = false;
//! while let Some(input) = inputs.pop() {
//!     let mut output = node.step(now, input);
//!     // Messages of `output.messages` would be sent here; a quorum of one has none.
//!     for entry in &output.committed {
//!         applied.push(entry.payload.clone());
//!     }
//!     if let Some(write) = output.persist.take() {
//!         // write.hard_state(), write.entries() ... are written and synced here, in one durable write.
//!         inputs.push(Input::Persisted(write.persisted()));
//!     } else if node.status().is_leader() && !proposed {
//!         proposed = true;
//!         inputs.push(Input::Propose { context: 42, payloads: vec![Bytes::from("a topic")] });
//!     }
//!     node.recycle(output);
//! }
//! // The first entry is the leader's own no-op.
//! assert_eq!(applied, [Bytes::new(), Bytes::from("a topic")]);
//! # Ok::<(), raft::RecoveryError>(())
//! ```
//!
//! # What is in it
//!
//! Pre-vote, randomised elections, check-quorum, leader lease ([`Config::lease`]), pipelined and batched replication with
//! a window per member, fast back-off on conflict, read index, leadership transfer, snapshots in resumable chunks,
//! learners, membership changes one by one or joint ([`MembershipChange`]).
//!
//! # Kafka's words
//!
//! | Kafka | here |
//! |---|---|
//! | leader epoch | term |
//! | offset of a record batch in `__cluster_metadata` | entry index |
//! | high watermark | commit index + 1 |
//! | voter, observer | voter, learner |
//! | replica id and directory id | [`NodeId`]: the shell gives every *directory* its own |
//! | `Vote` with pre-vote, `BeginQuorumEpoch`, `Fetch`, `FetchSnapshot`, `EndQuorumEpoch` | [`Body`]: the leader pushes instead of being asked |
//! | `AddRaftVoter` | [`MembershipChange::AddLearner`], then [`MembershipChange::AddVoter`] once it has caught up |
//! | `RemoveRaftVoter` | [`MembershipChange::RemoveVoter`] |
//! | `UpdateRaftVoter` | [`MembershipChange::SetAttributes`] |
//! | `DescribeQuorum` | [`Node::status`] |

#![forbid(unsafe_code)]

mod config;
mod durability;
mod entry;
mod gate;
mod input;
mod log;
mod membership;
mod message;
mod node;
mod output;
mod progress;
mod recovery;
mod replica;
mod role;
mod snapshot;
mod status;

pub use config::{Config, ConfigError, RandomSource};
pub use entry::{ClusterId, Entry, EntryKind, HardState, INDEX_MAX, NodeId, TERM_MAX};
pub use input::Input;
pub use membership::{
    ATTRIBUTES_BYTES_MAX, ChangeError, MEMBERS_MAX, Membership, MembershipChange,
    MembershipDecodeError,
};
pub use message::{
    Append, AppendResponse, AppendResult, Body, Message, SnapshotChunk, SnapshotResponse,
    VoteRequest, VoteResponse,
};
pub use node::Node;
pub use output::{
    Accepted, Output, Persist, Persisted, ReadReady, Refusal, Refusals, RejectReason, Rejected,
    RoleChange, RoleKind,
};
pub use recovery::{RecoveredState, RecoveryError};
pub use snapshot::{Snapshot, SnapshotMeta};
pub use status::{MemberStatus, Status};
