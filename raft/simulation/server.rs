//! A shell around one node: it keeps the contract of `raft::Output` with a simulated disk and application.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use raft::{Entry, EntryKind, HardState, Membership, Node, Persist, RecoveredState, Snapshot};

use super::clock::Clock;
use super::disk::Disk;
use super::plan::Boundary;
use super::random::Random;
use super::register::Registers;

impl raft::RandomSource for Random {
    fn next_u64(&mut self) -> u64 {
        Self::next_u64(self)
    }
}

/// One part of a write: what a crash keeps or loses.
#[derive(Clone, Debug)]
pub(crate) enum Record {
    HardState(HardState),
    Snapshot(Snapshot),
    Truncate(u64),
    Entry(Entry),
    Compact(u64),
}

pub(crate) fn records(write: &Persist) -> Vec<Record> {
    let mut records = Vec::new();
    records.extend(write.hard_state().map(Record::HardState));
    records.extend(write.snapshot().cloned().map(Record::Snapshot));
    records.extend(write.truncate_from().map(Record::Truncate));
    records.extend(write.entries().iter().cloned().map(Record::Entry));
    records.extend(write.compact_to().map(Record::Compact));
    records
}

/// What a disk holds. Once as it is durable, once as the node believes it to be.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) hard_state: HardState,
    pub(crate) snapshot: Snapshot,
    pub(crate) entries: Vec<Entry>,
}

impl Stored {
    pub(crate) fn new(state: &RecoveredState) -> Self {
        Self {
            hard_state: state.hard_state,
            snapshot: state.snapshot.clone(),
            entries: state.entries.clone(),
        }
    }

    pub(crate) fn recovered(&self) -> RecoveredState {
        RecoveredState {
            hard_state: self.hard_state,
            snapshot: self.snapshot.clone(),
            entries: self.entries.clone(),
        }
    }

    /// Does what a record says; an error is a broken contract.
    pub(crate) fn apply(&mut self, record: Record) -> Result<(), String> {
        match record {
            Record::HardState(hard_state) => {
                if hard_state.term < self.hard_state.term {
                    return Err(format!("term falls to {}", hard_state.term));
                }
                self.hard_state = hard_state;
            }
            Record::Snapshot(snapshot) => {
                if snapshot.meta.index <= self.snapshot.meta.index {
                    return Err(format!("snapshot falls back to {}", snapshot.meta.index));
                }
                self.snapshot = snapshot;
            }
            Record::Truncate(from) => self.entries.retain(|entry| entry.index < from),
            Record::Entry(entry) => {
                let end = self
                    .entries
                    .last()
                    .map_or(self.snapshot.meta.index, |last| last.index);
                if entry.index != end + 1 {
                    return Err(format!("entry {} is written behind {end}", entry.index));
                }
                self.entries.push(entry);
            }
            Record::Compact(to) => {
                if to > self.snapshot.meta.index {
                    return Err(format!("entries to {to} go without a snapshot"));
                }
                self.entries.retain(|entry| entry.index > to);
            }
        }
        Ok(())
    }

    pub(crate) fn last(&self) -> (u64, u64) {
        let meta = &self.snapshot.meta;
        self.entries
            .last()
            .map_or((meta.index, meta.term), |entry| (entry.index, entry.term))
    }

    pub(crate) fn entry(&self, index: u64) -> Option<&Entry> {
        let first = self.entries.first()?.index;
        let at = usize::try_from(index.checked_sub(first)?).ok()?;
        self.entries.get(at)
    }

    /// The membership in force at `index`, and all later ones.
    pub(crate) fn memberships_from(&self, index: u64) -> impl Iterator<Item = Arc<Membership>> {
        let first = (
            self.snapshot.meta.index,
            Arc::clone(&self.snapshot.meta.membership),
        );
        let brought = self
            .entries
            .iter()
            .filter(|entry| entry.kind == EntryKind::Membership);
        let decoded = |entry: &Entry| {
            (
                entry.index,
                Arc::new(Membership::decode(&entry.payload).unwrap()),
            )
        };
        let all: Vec<_> = std::iter::once(first).chain(brought.map(decoded)).collect();
        let in_force = all.iter().rposition(|(at, _)| *at <= index).unwrap_or(0);
        all.into_iter()
            .skip(in_force)
            .map(|(_, membership)| membership)
    }

    /// Whether the entry is there, or covered.
    pub(crate) fn holds(&self, index: u64, term: u64) -> bool {
        index <= self.snapshot.meta.index
            || self.entry(index).is_some_and(|entry| entry.term == term)
    }
}

/// A client's request that this server works on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) term: u64,
    pub(crate) operation: u64,
}

/// One machine.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) id: u64,
    pub(crate) node: Option<Node>,
    /// Counts restarts: what was planned for an earlier life does not happen.
    pub(crate) life: u64,
    pub(crate) clock: Clock,
    pub(crate) disk: Disk<Record>,
    pub(crate) durable: Stored,
    /// The log as the node has it, from its writes alone.
    pub(crate) believed: Stored,
    pub(crate) writes: VecDeque<(u64, Persist)>,
    pub(crate) application: Registers,
    pub(crate) to_apply: VecDeque<Entry>,
    pub(crate) applying: bool,
    pub(crate) waiting: BTreeMap<u64, Waiting>,
    pub(crate) tick_planned: u64,
    pub(crate) crash_at: Option<(u64, Boundary, u64)>,
    pub(crate) commit_seen: u64,
}

impl Server {
    pub(crate) fn new(id: u64, initial: &RecoveredState, clock: Clock, disk: Disk<Record>) -> Self {
        Self {
            id,
            node: None,
            life: 0,
            clock,
            disk,
            durable: Stored::new(initial),
            believed: Stored::new(initial),
            writes: VecDeque::new(),
            application: Registers::default(),
            to_apply: VecDeque::new(),
            applying: false,
            waiting: BTreeMap::new(),
            tick_planned: u64::MAX,
            crash_at: None,
            commit_seen: 0,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.node.is_some()
    }

    /// Power off: memory is gone, of the disk's unsynced records some survive.
    pub(crate) fn crash(&mut self) -> Result<(), String> {
        self.node = None;
        self.life += 1;
        self.writes.clear();
        self.to_apply.clear();
        self.applying = false;
        self.tick_planned = u64::MAX;
        self.crash_at = None;
        for record in self.disk.crash() {
            self.durable.apply(record)?;
        }
        Ok(())
    }
}
