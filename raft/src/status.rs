//! How the quorum looks from one node: what Kafka's `DescribeQuorum` shows.
//!
//! Pure values.

use std::sync::Arc;
use std::time::Duration;

use crate::entry::NodeId;
use crate::membership::Membership;
use crate::output::{RoleChange, RoleKind};
use crate::replica::Replica;
use crate::role::Role;

/// A node and what it knows.
#[derive(Clone, Debug)]
pub struct Status {
    /// Role, term and leader (Kafka: leader id and leader epoch).
    pub standing: RoleChange,
    /// The last committed entry (Kafka: the high watermark is one above).
    pub commit: u64,
    /// The last entry that the application reported.
    pub applied: u64,
    /// The last entry of the log.
    pub last_index: u64,
    /// The last entry that is durable here.
    pub durable_index: u64,
    /// The last entry that the snapshot covers.
    pub snapshot_index: u64,
    /// The membership in force.
    pub membership: Arc<Membership>,
    /// On a leader: every other member.
    pub members: Vec<MemberStatus>,
}

/// A member as its leader sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MemberStatus {
    /// The member.
    pub id: NodeId,
    /// The last entry known to be durable there (Kafka: log end offset).
    pub matched: u64,
    /// When it last answered in this term.
    pub last_contact: Option<Duration>,
}

impl Status {
    pub(crate) fn of(replica: &Replica, role: &Role) -> Self {
        let members = match role {
            Role::Leader(leader) => {
                let status = |(id, progress): (&NodeId, &crate::progress::Progress)| MemberStatus {
                    id: *id,
                    matched: progress.matched,
                    last_contact: progress.last_contact,
                };
                leader.members.iter().map(status).collect()
            }
            Role::Follower | Role::Candidate(_) => Vec::new(),
        };
        Self {
            standing: RoleChange {
                role: role.kind(),
                term: replica.term(),
                leader: replica.leader,
            },
            commit: replica.commit(),
            applied: replica.applied,
            last_index: replica.log.last_index(),
            durable_index: replica.durability.durable_index(),
            snapshot_index: replica.snapshot.meta.index,
            membership: Arc::clone(replica.membership()),
            members,
        }
    }

    /// Whether this node leads.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.standing.role == RoleKind::Leader
    }
}
