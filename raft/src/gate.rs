//! What a message must fulfil before any rule sees it.
//!
//! Pure. A refused message changes nothing. The checks need no trust in the sender: every number is bounded,
//! entries follow each other, and answers come from members.

use crate::entry::{Entry, INDEX_MAX, NodeId, TERM_MAX};
use crate::message::{Append, Body, Message, SnapshotChunk, VoteRequest};
use crate::output::Refusal;
use crate::recovery::decode_membership;
use crate::replica::Replica;

pub(crate) fn check(replica: &Replica, from: NodeId, message: &Message) -> Result<(), Refusal> {
    if message.cluster != replica.config.cluster {
        return Err(Refusal::OtherCluster);
    }
    let id = replica.id();
    if message.from != from || message.to != id || from == id {
        return Err(Refusal::WrongAddress);
    }
    if message.term > TERM_MAX {
        return Err(Refusal::ImpossibleTerm);
    }
    match &message.body {
        Body::VoteRequest(request) => check_vote_request(message.term, request),
        Body::Append(append) => check_append(message.term, append),
        Body::SnapshotChunk(chunk) => check_chunk(replica, message.term, chunk),
        Body::VoteResponse(_) | Body::AppendResponse(_) | Body::SnapshotResponse(_) => {
            if replica.membership().contains(from) {
                Ok(())
            } else {
                Err(Refusal::UnknownNode)
            }
        }
        Body::TimeoutNow => Ok(()),
    }
}

fn check_vote_request(term: u64, request: &VoteRequest) -> Result<(), Refusal> {
    let campaign_term = if request.pre_vote { term + 1 } else { term };
    if request.campaign_term != campaign_term || request.last_term > term {
        return Err(Refusal::ImpossibleTerm);
    }
    if request.last_index > INDEX_MAX {
        return Err(Refusal::ImpossibleIndex);
    }
    Ok(())
}

fn check_append(term: u64, append: &Append) -> Result<(), Refusal> {
    let bounded = append.prev_index < INDEX_MAX && append.commit <= INDEX_MAX;
    if !bounded || (append.prev_index == 0) != (append.prev_term == 0) {
        return Err(Refusal::ImpossibleIndex);
    }
    let mut before = (append.prev_index, append.prev_term);
    for entry in &append.entries {
        check_entry(before, term, entry)?;
        before = (entry.index, entry.term);
    }
    if term == 0 || before.1 > term {
        Err(Refusal::ImpossibleTerm)
    } else {
        Ok(())
    }
}

fn check_entry(before: (u64, u64), term: u64, entry: &Entry) -> Result<(), Refusal> {
    if entry.index != before.0 + 1 || entry.index > INDEX_MAX {
        return Err(Refusal::ImpossibleIndex);
    }
    if entry.term == 0 || entry.term < before.1 || entry.term > term {
        return Err(Refusal::ImpossibleTerm);
    }
    decode_membership(entry).map_err(|_| Refusal::MalformedEntry)?;
    Ok(())
}

fn check_chunk(replica: &Replica, term: u64, chunk: &SnapshotChunk) -> Result<(), Refusal> {
    let meta = &chunk.meta;
    if meta.term == 0 || meta.term > term {
        return Err(Refusal::ImpossibleTerm);
    }
    if meta.index == 0 || meta.index >= INDEX_MAX {
        return Err(Refusal::ImpossibleIndex);
    }
    let end = chunk.offset.checked_add(chunk.data.len() as u64);
    let fits = end.is_some_and(|end| end <= meta.bytes);
    if !fits
        || meta.bytes > replica.config.snapshot_bytes_max
        || meta.membership.voters().is_empty()
    {
        return Err(Refusal::MalformedSnapshot);
    }
    Ok(())
}
