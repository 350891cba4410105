//! How a node answers a candidate, in whatever role it is.
//!
//! Pure. A candidate that is no member here is answered all the same: it may know a later membership.
//! What keeps removed nodes from disturbing is the barrier: no vote while a leader is heard.

use crate::durability::Needs;
use crate::entry::NodeId;
use crate::message::{Body, VoteRequest, VoteResponse};
use crate::replica::Replica;

/// Whether a leader may still hold a lease on this node's vote.
pub(crate) fn is_bound(replica: &Replica) -> bool {
    replica.now < replica.vote_barrier
}

/// A question that changes nothing here: neither term nor vote nor timer.
pub(crate) fn on_pre_vote(replica: &mut Replica, from: NodeId, request: &VoteRequest, bound: bool) {
    let granted = !bound
        && request.campaign_term > replica.term()
        && replica
            .log
            .is_up_to_date(request.last_index, request.last_term);
    answer(replica, from, request, granted, Needs::Nothing);
}

/// A vote for the term that this node is in by now. It goes out only when it is durable.
pub(crate) fn on_vote(replica: &mut Replica, from: NodeId, request: &VoteRequest, bound: bool) {
    let free = replica.vote().is_none_or(|vote| vote == from);
    let granted = free
        && (!bound || request.transfer)
        && replica
            .log
            .is_up_to_date(request.last_index, request.last_term);
    if granted {
        replica.cast_vote(from);
        replica.reset_election_timer();
    }
    answer(replica, from, request, granted, Needs::HardState);
}

/// A candidate of an earlier term: it only learns the later one.
pub(crate) fn refuse(replica: &mut Replica, from: NodeId, request: &VoteRequest) {
    answer(replica, from, request, false, Needs::HardState);
}

fn answer(replica: &mut Replica, to: NodeId, request: &VoteRequest, granted: bool, needs: Needs) {
    let response = VoteResponse {
        campaign_term: request.campaign_term,
        pre_vote: request.pre_vote,
        granted,
    };
    replica.send(to, needs, Body::VoteResponse(response));
}
