//! The roles. Each file holds the rules of one role; what they share is the replica.
//!
//! | from | to | when |
//! |---|---|---|
//! | follower | pre-candidate | election timeout |
//! | follower | candidate | `TimeoutNow` from the leader |
//! | pre-candidate | candidate | a majority would vote |
//! | candidate | leader | a majority voted, the own vote is durable |
//! | candidates | follower | a leader spoke, a later term was seen, or the vote is lost |
//! | leader | follower | a later term was seen, no majority answered for a timeout, or it was removed |

pub(crate) mod candidate;
pub(crate) mod follower;
pub(crate) mod leader;
pub(crate) mod reads;
pub(crate) mod replication;
mod requests;
pub(crate) mod voter;

use crate::output::RoleKind;

#[derive(Debug)]
pub(crate) enum Role {
    Follower,
    Candidate(candidate::Candidate),
    Leader(Box<leader::Leader>),
}

impl Role {
    pub(crate) fn kind(&self) -> RoleKind {
        match self {
            Self::Follower => RoleKind::Follower,
            Self::Candidate(candidate) if candidate.pre_vote => RoleKind::PreCandidate,
            Self::Candidate(_) => RoleKind::Candidate,
            Self::Leader(_) => RoleKind::Leader,
        }
    }
}

/// What a role's rule makes of the node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub(crate) enum Transition {
    Stay,
    Follow,
    Campaign(candidate::Campaign),
    Lead,
}
