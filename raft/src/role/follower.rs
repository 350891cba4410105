//! A node that takes what the leader of its term sends.
//!
//! Pure. An answer that promises entries waits until they are durable; an answer to an empty append (a heartbeat)
//! promises only what is durable already, so that a slow disk does not cost the leader its quorum.

use crate::durability::Needs;
use crate::entry::NodeId;
use crate::message::{Append, AppendResponse, AppendResult, Body, SnapshotChunk, SnapshotResponse};
use crate::output::Refusal;
use crate::recovery::decode_membership;
use crate::replica::Replica;
use crate::snapshot::{ChunkOutcome, PartialSnapshot};

/// The leader of this term spoke: it is followed, and no vote is given to another for a while.
pub(crate) fn hear_leader(replica: &mut Replica, leader: NodeId) {
    replica.leader = Some(leader);
    replica.vote_barrier = replica.now + replica.config.election_timeout_min;
    replica.reset_election_timer();
}

/// Takes the entries that are new, after removing what contradicts them.
pub(crate) fn on_append(
    replica: &mut Replica,
    from: NodeId,
    append: Append,
) -> Result<(), Refusal> {
    let (prev, commit) = (append.prev_index, replica.commit());
    let known = replica.log.term(prev);
    if prev <= commit && known.is_some_and(|term| term != append.prev_term) {
        return Err(Refusal::ImpossibleIndex);
    }
    if prev > commit && known != Some(append.prev_term) {
        let (hint_index, hint_term) = replica.log.last_agreeable(prev, append.prev_term);
        let result = AppendResult::Conflict {
            prev_index: prev,
            hint_index,
            hint_term,
        };
        answer(replica, from, append.round, result, Needs::HardState);
        return Ok(());
    }
    let is_heartbeat = append.entries.is_empty();
    let last = prev + append.entries.len() as u64;
    take_entries(replica, append.entries)?;
    replica.commit_to(append.commit.min(last));
    let agreed = last.max(replica.commit());
    let (index, needs) = if is_heartbeat {
        (
            agreed.min(replica.durability.durable_index()),
            Needs::HardState,
        )
    } else {
        (agreed, Needs::Log)
    };
    answer(
        replica,
        from,
        append.round,
        AppendResult::Matched { index },
        needs,
    );
    Ok(())
}

fn take_entries(replica: &mut Replica, entries: Vec<crate::Entry>) -> Result<(), Refusal> {
    for entry in entries {
        if entry.index <= replica.log.last_index() {
            let known = replica.log.term(entry.index);
            if known.is_none_or(|term| term == entry.term) {
                continue; // there already, or compacted
            }
            if entry.index <= replica.commit() {
                return Err(Refusal::ImpossibleIndex);
            }
            replica.truncate(entry.index);
        }
        let membership = decode_membership(&entry).map_err(|_| Refusal::MalformedEntry)?;
        replica.append(entry, membership);
    }
    Ok(())
}

/// Collects a snapshot; when it is whole, it takes the place of the log.
pub(crate) fn on_snapshot_chunk(
    replica: &mut Replica,
    from: NodeId,
    chunk: SnapshotChunk,
) -> Result<(), Refusal> {
    let SnapshotChunk {
        meta,
        offset,
        data,
        round,
    } = chunk;
    if meta.index <= replica.commit() {
        // Nothing in it is news: the leader may go on with entries.
        let index = replica.commit().min(replica.durability.durable_index());
        answer(
            replica,
            from,
            round,
            AppendResult::Matched { index },
            Needs::HardState,
        );
        return Ok(());
    }
    if meta.bytes > replica.config.snapshot_bytes_max {
        return Err(Refusal::MalformedSnapshot);
    }
    let mut partial = match replica.partial.take() {
        Some(partial) if *partial.meta() == meta => partial,
        Some(_) | None => PartialSnapshot::new(meta.clone()),
    };
    match partial.append(offset, &data) {
        ChunkOutcome::Continue { next_offset } => {
            replica.partial = Some(partial);
            let response = SnapshotResponse {
                index: meta.index,
                checksum: meta.checksum,
                next_offset,
                round,
            };
            replica.send(from, Needs::HardState, Body::SnapshotResponse(response));
        }
        ChunkOutcome::Complete(snapshot) => {
            replica.install_snapshot(snapshot);
            let result = AppendResult::Matched { index: meta.index };
            answer(replica, from, round, result, Needs::Log);
        }
        ChunkOutcome::Malformed => return Err(Refusal::MalformedSnapshot),
    }
    Ok(())
}

pub(crate) fn answer(
    replica: &mut Replica,
    to: NodeId,
    round: u64,
    result: AppendResult,
    needs: Needs,
) {
    let response = AppendResponse { round, result };
    replica.send(to, needs, Body::AppendResponse(response));
}
