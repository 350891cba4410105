//! How a membership becomes another one: the rules that need nothing but the membership itself.
//!
//! Pure. When a change may start (one at a time, after a commit of the leader's own term) is the leader's rule.
//! Kafka's requests: `AddRaftVoter` = `AddLearner`, wait, `AddVoter`; `RemoveRaftVoter` = `RemoveVoter`;
//! `UpdateRaftVoter` = `SetAttributes`. Observers of Kafka that only fetch are learners here.

use bytes::Bytes;
use thiserror::Error;

use super::{ATTRIBUTES_BYTES_MAX, MEMBERS_MAX, Membership, sorted};
use crate::entry::NodeId;

/// What an operator may ask for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MembershipChange {
    /// A new node starts to receive the log.
    AddLearner {
        /// The new node.
        id: NodeId,
        /// Opaque bytes kept for it.
        attributes: Bytes,
    },
    /// A learner that has caught up gets a vote.
    AddVoter {
        /// The learner.
        id: NodeId,
    },
    /// A voter leaves; it may be the leader itself.
    RemoveVoter {
        /// The voter.
        id: NodeId,
    },
    /// A learner leaves.
    RemoveLearner {
        /// The learner.
        id: NodeId,
    },
    /// A member's opaque bytes change.
    SetAttributes {
        /// The member.
        id: NodeId,
        /// Its new bytes.
        attributes: Bytes,
    },
    /// Any number of voters at once, through a joint membership that is left by itself. New voters must be learners.
    ReplaceVoters {
        /// All voters after the change.
        voters: Vec<NodeId>,
    },
}

/// Why a membership cannot change that way.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ChangeError {
    /// The node is a member already.
    #[error("node {} is a member already", .0.0)]
    AlreadyMember(NodeId),
    /// The node has no such place.
    #[error("node {} is not a member of that kind", .0.0)]
    NotMember(NodeId),
    /// Nobody would be left to vote.
    #[error("no voter would be left")]
    NoVoterLeft,
    /// A limit is reached.
    #[error("more than {MEMBERS_MAX} members")]
    TooManyMembers,
    /// A limit is reached.
    #[error("{0} bytes of attributes, {ATTRIBUTES_BYTES_MAX} at most")]
    AttributesTooLong(usize),
    /// A change is still under way.
    #[error("another change is under way")]
    InProgress,
    /// The learner lacks too many entries.
    #[error("learner {} lacks {lag} entries", id.0)]
    LearnerBehind {
        /// The learner.
        id: NodeId,
        /// Entries it lacks.
        lag: u64,
    },
}

impl Membership {
    /// The membership after the change; joint when more than one voter changes.
    ///
    /// # Errors
    /// When the change makes no sense for this membership.
    pub fn changed(&self, change: &MembershipChange) -> Result<Self, ChangeError> {
        if self.is_joint() {
            return Err(ChangeError::InProgress);
        }
        let mut next = self.clone();
        match change {
            MembershipChange::AddLearner { id, attributes } => {
                next.add_learner(*id)?;
                next.set_attributes(*id, attributes)?;
            }
            MembershipChange::AddVoter { id } => {
                remove(&mut next.learners, *id)?;
                insert(&mut next.voters, *id);
            }
            MembershipChange::RemoveVoter { id } => {
                remove(&mut next.voters, *id)?;
                next.attributes.remove(id);
            }
            MembershipChange::RemoveLearner { id } => {
                remove(&mut next.learners, *id)?;
                next.attributes.remove(id);
            }
            MembershipChange::SetAttributes { id, attributes } => {
                if !self.contains(*id) {
                    return Err(ChangeError::NotMember(*id));
                }
                next.set_attributes(*id, attributes)?;
            }
            MembershipChange::ReplaceVoters { voters } => next.replace_voters(voters)?,
        }
        if next.voters.is_empty() {
            return Err(ChangeError::NoVoterLeft);
        }
        Ok(next)
    }

    /// The membership after the joint one: the outgoing voters are gone.
    pub(crate) fn left_joint(&self) -> Self {
        let mut next = self.clone();
        next.outgoing.clear();
        let gone: Vec<NodeId> = next
            .attributes
            .keys()
            .copied()
            .filter(|id| !next.contains(*id))
            .collect();
        for id in gone {
            next.attributes.remove(&id);
        }
        next
    }

    /// The voters that `change` would add.
    pub(crate) fn new_voters<'a>(&'a self, after: &'a Self) -> impl Iterator<Item = NodeId> + 'a {
        after
            .voters
            .iter()
            .copied()
            .filter(|id| !self.voters.contains(id))
    }

    fn add_learner(&mut self, id: NodeId) -> Result<(), ChangeError> {
        if self.contains(id) {
            return Err(ChangeError::AlreadyMember(id));
        }
        if self.members().count() >= MEMBERS_MAX {
            return Err(ChangeError::TooManyMembers);
        }
        insert(&mut self.learners, id);
        Ok(())
    }

    fn set_attributes(&mut self, id: NodeId, attributes: &Bytes) -> Result<(), ChangeError> {
        if attributes.len() > ATTRIBUTES_BYTES_MAX {
            return Err(ChangeError::AttributesTooLong(attributes.len()));
        }
        if attributes.is_empty() {
            self.attributes.remove(&id);
        } else {
            self.attributes.insert(id, attributes.clone());
        }
        Ok(())
    }

    fn replace_voters(&mut self, voters: &[NodeId]) -> Result<(), ChangeError> {
        let voters = sorted(voters.iter().copied());
        if let Some(stranger) = voters.iter().find(|id| !self.contains(**id)) {
            return Err(ChangeError::NotMember(*stranger));
        }
        self.learners.retain(|id| !voters.contains(id));
        self.outgoing = std::mem::replace(&mut self.voters, voters);
        Ok(())
    }
}

fn insert(set: &mut Vec<NodeId>, id: NodeId) {
    if let Err(position) = set.binary_search(&id) {
        set.insert(position, id);
    }
}

fn remove(set: &mut Vec<NodeId>, id: NodeId) -> Result<(), ChangeError> {
    let position = set
        .binary_search(&id)
        .map_err(|_| ChangeError::NotMember(id))?;
    set.remove(position);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Membership {
        Membership::new([NodeId(1), NodeId(2), NodeId(3)], [NodeId(4)])
    }

    #[test]
    fn learner_becomes_voter() {
        let after = start()
            .changed(&MembershipChange::AddVoter { id: NodeId(4) })
            .unwrap();
        assert_eq!(after, Membership::new((1..=4).map(NodeId), []));
    }

    #[test]
    fn stranger_never_becomes_voter() {
        let change = MembershipChange::AddVoter { id: NodeId(9) };
        assert_eq!(
            start().changed(&change),
            Err(ChangeError::NotMember(NodeId(9)))
        );
        let change = MembershipChange::ReplaceVoters {
            voters: vec![NodeId(1), NodeId(9)],
        };
        assert_eq!(
            start().changed(&change),
            Err(ChangeError::NotMember(NodeId(9)))
        );
    }

    #[test]
    fn last_voter_stays() {
        let alone = Membership::new([NodeId(1)], [NodeId(2)]);
        let change = MembershipChange::RemoveVoter { id: NodeId(1) };
        assert_eq!(alone.changed(&change), Err(ChangeError::NoVoterLeft));
        let change = MembershipChange::ReplaceVoters { voters: vec![] };
        assert_eq!(alone.changed(&change), Err(ChangeError::NoVoterLeft));
    }

    #[test]
    fn joint_is_left_without_the_outgoing() {
        let change = MembershipChange::ReplaceVoters {
            voters: vec![NodeId(1), NodeId(4)],
        };
        let joint = start().changed(&change).unwrap();
        assert!(joint.is_joint() && joint.is_voter(NodeId(2)) && joint.is_voter(NodeId(4)));
        assert_eq!(joint.changed(&change), Err(ChangeError::InProgress));
        assert_eq!(
            joint.left_joint(),
            Membership::new([NodeId(1), NodeId(4)], [])
        );
    }
}
