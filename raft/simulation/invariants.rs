//! The invariants, by name, checked after every event.
//!
//! | name | what it says |
//! |---|---|
//! | election-safety | one leader at most in a term |
//! | one-vote | a node votes for one candidate in a term, whatever crashes come |
//! | leader-append-only | a leader never removes or replaces an entry of its own log |
//! | log-matching | entries with one index and term are equal, and so is all before them |
//! | leader-completeness | a new leader holds every committed entry |
//! | state-machine-safety | every node applies the same entry at an index, and a snapshot is the state it says |
//! | committed-durable | a committed entry is durable on a majority when it is first applied |
//! | persist-before-send | what a message promises is durable where it comes from |
//! | contract | writes have no gaps, terms and commits never fall, nothing honest is refused |
//! | linearizable | operations on the registers have an order that respects real time |
//! | progress | once the faults stop: a leader in three election timeouts, and writes, and equal logs |
//! | stability | once the faults stop and a leader is there, it stays |

use std::collections::HashMap;

use raft::{AppendResult, Body, Entry, Message, RoleKind};

use super::register::{Registers, digest};
use super::server::{Server, Stored};

/// A broken invariant.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) name: &'static str,
    pub(crate) detail: String,
}

pub(crate) fn broken(name: &'static str, detail: impl Into<String>) -> Violation {
    Violation {
        name,
        detail: detail.into(),
    }
}

/// What has been seen in the whole world so far.
#[derive(Debug, Default)]
pub(crate) struct Invariants {
    leaders: HashMap<u64, u64>,
    votes: HashMap<(u64, u64), u64>,
    /// (index, term) -> digest of the entry, term of the entry before.
    entries: HashMap<(u64, u64), (u64, u64)>,
    /// Committed entries (term, digest) from index 1 on, and the state after each.
    committed: Vec<(u64, u64)>,
    states: Vec<Registers>,
    pub(crate) membership_changes: u64,
}

impl Invariants {
    pub(crate) fn committed_index(&self) -> u64 {
        self.committed.len() as u64
    }

    pub(crate) fn on_leader(&mut self, server: &Server, term: u64) -> Result<(), Violation> {
        let first = *self.leaders.entry(term).or_insert(server.id);
        if first != server.id {
            let detail = format!("{first} and {} lead term {term}", server.id);
            return Err(broken("election-safety", detail));
        }
        self.complete(server)
    }

    fn complete(&self, server: &Server) -> Result<(), Violation> {
        let Some((term, _)) = self.committed.last() else {
            return Ok(());
        };
        let index = self.committed_index();
        let log = &server.believed;
        if log.holds(index, *term) {
            return Ok(());
        }
        let detail = format!(
            "{} leads without entry {index}; ends at {:?}",
            server.id,
            log.last()
        );
        Err(broken("leader-completeness", detail))
    }

    /// Checks a new entry of a log against every other log that ever was.
    pub(crate) fn on_entry(&mut self, log: &Stored, entry: &Entry) -> Result<(), Violation> {
        let before = log.last().1;
        let seen = (digest(entry), before);
        let first = *self
            .entries
            .entry((entry.index, entry.term))
            .or_insert(seen);
        if first == seen {
            return Ok(());
        }
        let detail = format!("entry {} of term {} differs", entry.index, entry.term);
        Err(broken("log-matching", detail))
    }

    /// Checks what is handed to an application. `durable_on_majority` is asked when the entry is news.
    pub(crate) fn on_apply(
        &mut self,
        server: u64,
        entry: &Entry,
        durable_on_majority: impl FnOnce(&Entry) -> bool,
    ) -> Result<(), Violation> {
        let at = usize::try_from(entry.index - 1).unwrap();
        let found = (entry.term, digest(entry));
        if let Some(known) = self.committed.get(at) {
            if *known == found {
                return Ok(());
            }
            let detail = format!("{server} applies another entry {}", entry.index);
            return Err(broken("state-machine-safety", detail));
        }
        if at != self.committed.len() {
            return Err(broken(
                "state-machine-safety",
                format!("{server} skips to {}", entry.index),
            ));
        }
        if !durable_on_majority(entry) {
            let detail = format!("entry {} of term {}", entry.index, entry.term);
            return Err(broken("committed-durable", detail));
        }
        self.membership_changes += u64::from(entry.kind == raft::EntryKind::Membership);
        self.committed.push(found);
        let mut state = self.states.last().cloned().unwrap_or_default();
        state.apply(entry);
        self.states.push(state);
        Ok(())
    }

    /// Checks the state that a server has now, whichever way it got there.
    pub(crate) fn on_state(&self, server: u64, state: &Registers) -> Result<(), Violation> {
        let expected = match state.applied.checked_sub(1) {
            None => Some(&Registers {
                applied: 0,
                digest: 0,
                values: [0; 3],
            })
            .cloned(),
            Some(at) => self.states.get(usize::try_from(at).unwrap()).cloned(),
        };
        if expected.as_ref() == Some(state) {
            return Ok(());
        }
        Err(broken(
            "state-machine-safety",
            format!("{server} is in another state {state:?}"),
        ))
    }

    /// Checks what a message promises against the disk it comes from.
    pub(crate) fn on_send(&mut self, from: &Server, message: &Message) -> Result<(), Violation> {
        let (id, durable) = (from.id, &from.durable);
        let unsafe_term = message.term > durable.hard_state.term;
        let late = |what: &str| Err(broken("persist-before-send", format!("{id}: {what}")));
        let voted_for = |candidate: u64| {
            let vote = durable.hard_state.vote.map(|vote| vote.0);
            durable.hard_state.term == message.term && vote == Some(candidate)
        };
        match &message.body {
            Body::VoteRequest(request) if request.pre_vote => Ok(()),
            Body::VoteRequest(_) if !voted_for(id) => late("asks before its own vote is durable"),
            Body::VoteRequest(_) => self.on_vote(id, message.term, id),
            Body::VoteResponse(response) if response.pre_vote || !response.granted => Ok(()),
            Body::VoteResponse(_) if !voted_for(message.to.0) => late("a vote"),
            Body::VoteResponse(_) => self.on_vote(id, message.term, message.to.0),
            _other if unsafe_term => late("speaks in a term that is not durable"),
            Body::AppendResponse(response) => match response.result {
                AppendResult::Matched { index }
                    if durable.last().0.max(durable.snapshot.meta.index) < index =>
                {
                    late("an acknowledgement of entries")
                }
                AppendResult::Matched { .. } | AppendResult::Conflict { .. } => Ok(()),
            },
            Body::Append(_)
            | Body::SnapshotChunk(_)
            | Body::SnapshotResponse(_)
            | Body::TimeoutNow => Ok(()),
        }
    }

    fn on_vote(&mut self, voter: u64, term: u64, candidate: u64) -> Result<(), Violation> {
        let first = *self.votes.entry((voter, term)).or_insert(candidate);
        if first == candidate {
            return Ok(());
        }
        let detail = format!("{voter} votes for {first} and {candidate} in term {term}");
        Err(broken("one-vote", detail))
    }
}

/// A leader's write: it may only add.
pub(crate) fn check_leader_write(role: RoleKind, write: &raft::Persist) -> Result<(), Violation> {
    if role == RoleKind::Leader && write.truncate_from().is_some() {
        return Err(broken("leader-append-only", format!("{write:?}")));
    }
    Ok(())
}
