//! What a leader sends to one member: entries within the window, the commit, or a snapshot in chunks.
//!
//! Pure. A leader's messages need no write: its term and vote were durable before it was elected, and its own copy of an
//! entry counts only when it is durable.

use bytes::Bytes;

use crate::durability::Needs;
use crate::entry::NodeId;
use crate::message::{Append, Body, SnapshotChunk};
use crate::progress::{Mode, Progress, Transfer};
use crate::replica::Replica;

/// Sends what the member lacks and its window allows.
pub(crate) fn send_entries(replica: &mut Replica, to: NodeId, progress: &mut Progress, round: u64) {
    loop {
        if progress.next <= replica.log.base_index() {
            begin_snapshot(progress, replica);
        }
        let last = replica.log.last_index();
        match &mut progress.mode {
            Mode::Snapshot(transfer) => return send_chunk(replica, to, transfer, round),
            Mode::Probe { awaiting: true } => return,
            Mode::Probe { awaiting } => {
                *awaiting = true;
                return send_append(replica, to, progress, round);
            }
            Mode::Replicate => {
                let (messages, weight) = (
                    replica.config.inflight_messages_max,
                    replica.config.inflight_bytes_max,
                );
                if progress.next > last || !progress.window.has_room(messages, weight) {
                    return;
                }
                send_append(replica, to, progress, round);
            }
        }
    }
}

/// Tells the member the commit, unless entries just did.
pub(crate) fn send_commit(replica: &mut Replica, to: NodeId, progress: &mut Progress, round: u64) {
    let told = progress.commit_told >= replica.commit().min(progress.next - 1);
    if matches!(progress.mode, Mode::Replicate) && !told {
        send_empty(replica, to, progress, round);
    }
}

/// Speaks to the member whatever its state is, and repeats what may be lost.
pub(crate) fn send_heartbeat(
    replica: &mut Replica,
    to: NodeId,
    progress: &mut Progress,
    round: u64,
) {
    match &mut progress.mode {
        Mode::Probe { awaiting } => *awaiting = false,
        Mode::Snapshot(transfer) => {
            transfer.silent_heartbeats += 1;
            if transfer.silent_heartbeats > 1 {
                transfer.awaiting = false;
                transfer.next_offset = None;
            }
        }
        Mode::Replicate => {}
    }
    if !matches!(progress.mode, Mode::Probe { .. }) {
        send_empty(replica, to, progress, round);
    }
    send_entries(replica, to, progress, round);
}

/// An append without entries. To a member that needs a snapshot it stands on the empty beginning, which agrees with
/// every log.
pub(crate) fn send_empty(replica: &mut Replica, to: NodeId, progress: &mut Progress, round: u64) {
    let compacted = matches!(progress.mode, Mode::Snapshot(_));
    let prev = if compacted { 0 } else { progress.next - 1 };
    let (prev_index, prev_term) = replica.log.term(prev).map_or((0, 0), |term| (prev, term));
    let commit = replica.commit();
    progress.commit_told = commit.min(prev_index);
    let append = Append {
        prev_index,
        prev_term,
        commit,
        round,
        entries: Vec::new(),
    };
    replica.send(to, Needs::Nothing, Body::Append(append));
}

fn send_append(replica: &mut Replica, to: NodeId, progress: &mut Progress, round: u64) {
    let prev_index = progress.next - 1;
    let Some(prev_term) = replica.log.term(prev_index) else {
        return;
    };
    let (last, weight_max) = (replica.log.last_index(), replica.config.append_bytes_max);
    let entries = replica.log.slice(progress.next, last, weight_max);
    let sent_to = prev_index + entries.len() as u64;
    if matches!(progress.mode, Mode::Replicate) {
        let weight = entries.iter().map(crate::Entry::weight).sum();
        progress.window.add(sent_to, weight);
        progress.next = sent_to + 1;
    }
    let commit = replica.commit();
    progress.commit_told = commit.min(sent_to);
    let append = Append {
        prev_index,
        prev_term,
        commit,
        round,
        entries,
    };
    replica.send(to, Needs::Nothing, Body::Append(append));
}

fn begin_snapshot(progress: &mut Progress, replica: &Replica) {
    if !matches!(progress.mode, Mode::Snapshot(_)) {
        progress.window = Default::default();
        progress.mode = Mode::Snapshot(Transfer {
            snapshot: replica.snapshot.clone(),
            next_offset: None,
            awaiting: false,
            silent_heartbeats: 0,
        });
    }
}

/// One chunk at a time; the first one is empty and asks where to begin, so that a transfer resumes.
fn send_chunk(replica: &mut Replica, to: NodeId, transfer: &mut Transfer, round: u64) {
    if transfer.awaiting {
        return;
    }
    transfer.awaiting = true;
    transfer.silent_heartbeats = 0;
    let data = transfer.next_offset.map_or_else(Bytes::new, |offset| {
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(transfer.snapshot.data.len());
        let end = start.saturating_add(replica.config.snapshot_chunk_bytes);
        transfer
            .snapshot
            .data
            .slice(start..end.min(transfer.snapshot.data.len()))
    });
    let offset = transfer.next_offset.unwrap_or(0);
    let chunk = SnapshotChunk {
        meta: transfer.snapshot.meta.clone(),
        offset,
        data,
        round,
    };
    replica.send(to, Needs::Nothing, Body::SnapshotChunk(chunk));
}
