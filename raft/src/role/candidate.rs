//! A node that wants to lead: first it asks whether it could win, then it asks for votes.
//!
//! Pure. The pre-vote changes nothing anywhere, so a node that cannot win never raises a term.
//! The own vote counts when it is durable, as everybody else's.

use std::collections::BTreeMap;

use crate::durability::Needs;
use crate::entry::{NodeId, TERM_MAX};
use crate::membership::VoteResult;
use crate::message::{Body, VoteRequest, VoteResponse};
use crate::replica::Replica;
use crate::role::Transition;

/// How an election begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Campaign {
    /// The timer ran out: ask first.
    PreVote,
    /// The pre-vote is won.
    Vote,
    /// The leader asked for it: nobody's lease stands against it.
    Transfer,
}

#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) pre_vote: bool,
    campaign_term: u64,
    votes: BTreeMap<NodeId, bool>,
    /// The write that makes the own vote durable; `None` when it counts already.
    own_vote: Option<u64>,
}

impl Candidate {
    /// Starts an election, or does nothing when this node cannot be elected.
    pub(crate) fn start(replica: &mut Replica, campaign: Campaign) -> Option<Self> {
        let id = replica.id();
        if !replica.is_electable() || replica.term() >= TERM_MAX {
            replica.reset_election_timer();
            return None;
        }
        let pre_vote = campaign == Campaign::PreVote;
        let mut candidate = Self {
            pre_vote,
            campaign_term: replica.term() + 1,
            votes: BTreeMap::new(),
            own_vote: None,
        };
        if pre_vote {
            candidate.votes.insert(id, true);
        } else {
            replica.enter_term(candidate.campaign_term);
            replica.cast_vote(id);
            candidate.own_vote = Some(replica.durability.issued() + 1);
        }
        replica.reset_election_timer();
        candidate.ask(replica, campaign == Campaign::Transfer);
        Some(candidate)
    }

    fn ask(&self, replica: &mut Replica, transfer: bool) {
        let request = VoteRequest {
            campaign_term: self.campaign_term,
            pre_vote: self.pre_vote,
            transfer,
            last_index: replica.log.last_index(),
            last_term: replica.log.last_term(),
        };
        let needs = if self.pre_vote {
            Needs::Nothing
        } else {
            Needs::HardState
        };
        let membership = replica.membership().clone();
        for voter in membership.members().filter(|id| membership.is_voter(*id)) {
            if voter != replica.id() {
                replica.send(voter, needs, Body::VoteRequest(request));
            }
        }
    }

    /// Counts an answer of this election; answers of earlier ones change nothing.
    pub(crate) fn on_vote_response(
        &mut self,
        replica: &mut Replica,
        from: NodeId,
        response: &VoteResponse,
    ) -> Transition {
        let of_this_election =
            response.pre_vote == self.pre_vote && response.campaign_term == self.campaign_term;
        if of_this_election {
            self.votes.entry(from).or_insert(response.granted);
        }
        self.outcome(replica)
    }

    /// A write is durable: perhaps the own vote.
    pub(crate) fn on_persisted(&mut self, replica: &mut Replica) -> Transition {
        if self
            .own_vote
            .is_some_and(|write| replica.durability.is_done(write))
        {
            self.own_vote = None;
            self.votes.insert(replica.id(), true);
        }
        self.outcome(replica)
    }

    /// Where the election stands. A candidate that cannot win any more waits a short time and tries again.
    pub(crate) fn outcome(&self, replica: &mut Replica) -> Transition {
        match replica
            .membership()
            .vote_result(|id| self.votes.get(&id).copied())
        {
            VoteResult::Pending => Transition::Stay,
            VoteResult::Won if self.pre_vote => Transition::Campaign(Campaign::Vote),
            VoteResult::Won => Transition::Lead,
            VoteResult::Lost => {
                replica.retry_election_soon();
                Transition::Follow
            }
        }
    }
}
