//! Puts what happens into words, one short line each.

use std::fmt::Write;

use raft::{
    AppendResult, Body, Entry, EntryKind, Membership, Message, NodeId, Output, Persist, RoleKind,
    Status,
};

fn ids(ids: &[NodeId]) -> String {
    ids.iter()
        .map(|id| id.0.to_string())
        .collect::<Vec<_>>()
        .join(",")
}

fn members(membership: &Membership) -> String {
    let mut out = format!("voters {}", ids(membership.voters()));
    if membership.is_joint() {
        write!(out, " outgoing {}", ids(membership.outgoing())).unwrap();
    }
    if !membership.learners().is_empty() {
        write!(out, " learners {}", ids(membership.learners())).unwrap();
    }
    out
}

fn entry(entry: &Entry) -> String {
    let payload = match entry.kind {
        EntryKind::Data => String::from_utf8_lossy(&entry.payload).into_owned(),
        EntryKind::Membership => {
            format!(
                "[{}]",
                members(&Membership::decode(&entry.payload).unwrap())
            )
        }
        EntryKind::NoOp => "no-op".into(),
    };
    format!("{}/{} {payload}", entry.index, entry.term)
}

fn entries(all: &[Entry]) -> String {
    all.iter().map(entry).collect::<Vec<_>>().join(", ")
}

pub(crate) fn message(out: &mut String, message: &Message) {
    let body = match &message.body {
        Body::VoteRequest(request) => format!(
            "{}vote for term {}? log ends at {}/{}{}",
            if request.pre_vote { "pre-" } else { "" },
            request.campaign_term,
            request.last_index,
            request.last_term,
            if request.transfer {
                ", by transfer"
            } else {
                ""
            }
        ),
        Body::VoteResponse(response) => format!(
            "{}vote for term {}: {}",
            if response.pre_vote { "pre-" } else { "" },
            response.campaign_term,
            if response.granted { "yes" } else { "no" }
        ),
        Body::Append(append) => format!(
            "append after {}/{} commit {} round {}: {}",
            append.prev_index,
            append.prev_term,
            append.commit,
            append.round,
            if append.entries.is_empty() {
                "-".into()
            } else {
                entries(&append.entries)
            }
        ),
        Body::AppendResponse(response) => match response.result {
            AppendResult::Matched { index } => format!("matched {index} round {}", response.round),
            AppendResult::Conflict {
                prev_index,
                hint_index,
                hint_term,
            } => {
                format!(
                    "conflict at {prev_index}, try {hint_index}/{hint_term} round {}",
                    response.round
                )
            }
        },
        Body::SnapshotChunk(chunk) => format!(
            "snapshot {}/{} at {} of {}: {}",
            chunk.meta.index,
            chunk.meta.term,
            chunk.offset,
            chunk.meta.bytes,
            if chunk.data.is_empty() {
                "-".into()
            } else {
                String::from_utf8_lossy(&chunk.data)
            }
        ),
        Body::SnapshotResponse(response) => {
            format!("snapshot {} wants {}", response.index, response.next_offset)
        }
        Body::TimeoutNow => "campaign now".into(),
    };
    writeln!(
        out,
        "{} -> {} (term {}) {body}",
        message.from.0, message.to.0, message.term
    )
    .unwrap();
}

pub(crate) fn output(out: &mut String, id: u64, output: &Output) {
    if let Some(refusal) = &output.refused {
        writeln!(out, "  {id} refuses: {refusal}").unwrap();
    }
    if let Some(change) = &output.role {
        let role = match change.role {
            RoleKind::Follower => "follows",
            RoleKind::PreCandidate => "asks around",
            RoleKind::Candidate => "campaigns",
            RoleKind::Leader => "leads",
        };
        let leader = change
            .leader
            .map_or_else(|| "nobody".into(), |leader| leader.0.to_string());
        writeln!(
            out,
            "  {id} {role} in term {} (leader {leader})",
            change.term
        )
        .unwrap();
    }
    if let Some(write) = &output.persist {
        persist(out, id, write);
    }
    if let Some(snapshot) = &output.install {
        let state = String::from_utf8_lossy(&snapshot.data);
        writeln!(out, "  {id} installs {} {state}", snapshot.meta.index).unwrap();
    }
    if !output.committed.is_empty() {
        writeln!(out, "  {id} applies {}", entries(&output.committed)).unwrap();
    }
    for accepted in &output.accepted {
        let (first, last) = (accepted.first_index, accepted.last_index);
        writeln!(out, "  {id} accepts {}: {first}..={last}", accepted.context).unwrap();
    }
    for rejected in &output.rejected {
        writeln!(
            out,
            "  {id} rejects {}: {}",
            rejected.context, rejected.reason
        )
        .unwrap();
    }
    for read in &output.reads {
        writeln!(
            out,
            "  {id} may answer read {} at {}",
            read.context, read.index
        )
        .unwrap();
    }
}

fn persist(out: &mut String, id: u64, write: &Persist) {
    write!(out, "  {id} writes").unwrap();
    if let Some(state) = write.hard_state() {
        let vote = state
            .vote
            .map_or_else(|| "none".into(), |vote| vote.0.to_string());
        write!(out, " term {} vote {vote};", state.term).unwrap();
    }
    if let Some(snapshot) = write.snapshot() {
        let meta = &snapshot.meta;
        write!(
            out,
            " snapshot {}/{} [{}];",
            meta.index,
            meta.term,
            members(&meta.membership)
        )
        .unwrap();
    }
    if let Some(from) = write.truncate_from() {
        write!(out, " truncates from {from};").unwrap();
    }
    if !write.entries().is_empty() {
        write!(out, " {};", entries(write.entries())).unwrap();
    }
    if let Some(to) = write.compact_to() {
        write!(out, " compacts to {to};").unwrap();
    }
    out.pop();
    out.push('\n');
}

pub(crate) fn status(out: &mut String, id: u64, status: &Status) {
    let role = format!("{:?}", status.standing.role).to_lowercase();
    writeln!(
        out,
        "{id} {role} term {} commit {} applied {} log ..{} durable {} snapshot {} {}",
        status.standing.term,
        status.commit,
        status.applied,
        status.last_index,
        status.durable_index,
        status.snapshot_index,
        members(&status.membership)
    )
    .unwrap();
}
