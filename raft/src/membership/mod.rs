//! Who votes, who only learns, and what a majority is.
//!
//! Pure. A membership entry holds the whole membership, not a difference: undoing one is truncating the log.
//! While `outgoing` is not empty the membership is *joint*: every decision needs a majority of both sets.

mod change;
mod codec;

pub use change::{ChangeError, MembershipChange};
pub use codec::MembershipDecodeError;

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::entry::NodeId;

/// Members at most, of all kinds together.
pub const MEMBERS_MAX: usize = 64;

/// Bytes of one member's attributes at most.
pub const ATTRIBUTES_BYTES_MAX: usize = 4096;

/// The members of the cluster. Sets are sorted and disjoint, but for `outgoing`, which may overlap both others.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Membership {
    voters: Vec<NodeId>,
    outgoing: Vec<NodeId>,
    learners: Vec<NodeId>,
    attributes: BTreeMap<NodeId, Bytes>,
}

/// How a count of votes stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum VoteResult {
    Pending,
    Won,
    Lost,
}

impl Membership {
    /// A plain membership. Duplicates are dropped; a node that is in both sets is a voter.
    pub fn new(
        voters: impl IntoIterator<Item = NodeId>,
        learners: impl IntoIterator<Item = NodeId>,
    ) -> Self {
        let voters = sorted(voters);
        let mut learners = sorted(learners);
        learners.retain(|id| !voters.contains(id));
        Self {
            voters,
            learners,
            ..Self::default()
        }
    }

    /// The nodes whose majority decides; while joint, the coming ones.
    #[must_use]
    pub fn voters(&self) -> &[NodeId] {
        &self.voters
    }

    /// While joint: the voters that are being replaced. Else empty.
    #[must_use]
    pub fn outgoing(&self) -> &[NodeId] {
        &self.outgoing
    }

    /// The nodes that receive the log and decide nothing (Kafka's observers).
    #[must_use]
    pub fn learners(&self) -> &[NodeId] {
        &self.learners
    }

    /// The opaque bytes kept for a member (endpoints, supported versions).
    #[must_use]
    pub fn attributes(&self, id: NodeId) -> Option<&Bytes> {
        self.attributes.get(&id)
    }

    /// Whether two majorities are needed.
    #[must_use]
    pub fn is_joint(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Whether the node's vote counts, in either set.
    #[must_use]
    pub fn is_voter(&self, id: NodeId) -> bool {
        self.voters.contains(&id) || self.outgoing.contains(&id)
    }

    /// Whether the node belongs to the cluster at all.
    #[must_use]
    pub fn contains(&self, id: NodeId) -> bool {
        self.is_voter(id) || self.learners.contains(&id)
    }

    /// Whether `id` decides alone.
    #[must_use]
    pub fn is_quorum_of_one(&self, id: NodeId) -> bool {
        self.voters == [id] && self.outgoing.is_empty()
    }

    /// Every member once.
    pub fn members(&self) -> impl Iterator<Item = NodeId> + '_ {
        let outgoing = self.outgoing.iter().filter(|id| !self.voters.contains(id));
        let learners = self.learners.iter().filter(|id| !self.is_voter(**id));
        self.voters.iter().chain(outgoing).chain(learners).copied()
    }

    /// The largest value that a majority (of each set) has reached. Allocates nothing.
    pub(crate) fn quorum_value(&self, value: impl Fn(NodeId) -> u64) -> u64 {
        let incoming = majority_value(&self.voters, &value);
        if self.outgoing.is_empty() {
            incoming
        } else {
            incoming.min(majority_value(&self.outgoing, &value))
        }
    }

    /// How an election stands; `vote` gives a voter's answer, if it came.
    pub(crate) fn vote_result(&self, vote: impl Fn(NodeId) -> Option<bool>) -> VoteResult {
        let incoming = majority_vote(&self.voters, &vote);
        if self.outgoing.is_empty() {
            return incoming;
        }
        match (incoming, majority_vote(&self.outgoing, &vote)) {
            (VoteResult::Lost, _) | (_, VoteResult::Lost) => VoteResult::Lost,
            (VoteResult::Won, VoteResult::Won) => VoteResult::Won,
            (VoteResult::Pending, _) | (_, VoteResult::Pending) => VoteResult::Pending,
        }
    }
}

fn sorted(ids: impl IntoIterator<Item = NodeId>) -> Vec<NodeId> {
    let mut ids: Vec<NodeId> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn majority(count: usize) -> usize {
    count / 2 + 1
}

/// Quadratic on purpose: a handful of voters, and no scratch memory on the commit path.
fn majority_value(voters: &[NodeId], value: &impl Fn(NodeId) -> u64) -> u64 {
    let reached = |least: u64| voters.iter().filter(|id| value(**id) >= least).count();
    let values = voters.iter().map(|id| value(*id));
    values
        .filter(|v| reached(*v) >= majority(voters.len()))
        .max()
        .unwrap_or(0)
}

/// An empty set never wins: a node without a membership is not a cluster.
fn majority_vote(voters: &[NodeId], vote: &impl Fn(NodeId) -> Option<bool>) -> VoteResult {
    let granted = voters.iter().filter(|id| vote(**id) == Some(true)).count();
    let refused = voters.iter().filter(|id| vote(**id) == Some(false)).count();
    if granted >= majority(voters.len()) {
        VoteResult::Won
    } else if voters.len() - refused < majority(voters.len()) {
        VoteResult::Lost
    } else {
        VoteResult::Pending
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(raw: &[u64]) -> Vec<NodeId> {
        raw.iter().copied().map(NodeId).collect()
    }

    #[test]
    fn joint_needs_both_majorities() {
        let joint = Membership {
            voters: ids(&[1, 2, 3]),
            outgoing: ids(&[3, 4, 5]),
            ..Membership::default()
        };
        let votes = |yes: &'static [u64]| move |id: NodeId| yes.contains(&id.0).then_some(true);
        assert_eq!(joint.vote_result(votes(&[1, 2])), VoteResult::Pending);
        assert_eq!(joint.vote_result(votes(&[4, 5])), VoteResult::Pending);
        assert_eq!(joint.vote_result(votes(&[1, 3, 4])), VoteResult::Won);
        assert_eq!(joint.quorum_value(|id| if id.0 <= 3 { 9 } else { 4 }), 4);
    }

    #[test]
    fn nobody_wins_without_voters() {
        let nobody = Membership::default();
        assert_ne!(nobody.vote_result(|_| Some(true)), VoteResult::Won);
        assert_eq!(nobody.quorum_value(|_| 9), 0);
    }

    proptest! {
        #[test]
        fn quorum_value_is_the_median_from_below(values in prop::collection::vec(0_u64..20, 1..10)) {
            let voters = ids(&(0..values.len() as u64).collect::<Vec<_>>());
            let membership = Membership::new(voters, []);
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let expected = sorted[(values.len() - 1) / 2];
            let value = |id: NodeId| values[usize::try_from(id.0).unwrap()];
            prop_assert_eq!(membership.quorum_value(value), expected);
        }
    }
}
