//! The log in memory: entries behind a compaction point, and the memberships found in them.
//!
//! Pure. Owns log matching (which entries agree, where they first differ) and nothing about terms of office or commits.
//! `base` is the last compacted entry: its term is known, everything at or below it is gone.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::entry::{Entry, EntryKind};
use crate::membership::Membership;
use crate::snapshot::SnapshotMeta;

#[derive(Debug)]
pub(crate) struct Log {
    base_index: u64,
    base_term: u64,
    entries: VecDeque<Entry>,
    /// Every membership in force from the base on, oldest first, with the index of its entry. Never empty.
    memberships: Vec<(u64, Arc<Membership>)>,
}

impl Log {
    pub(crate) fn new(base: &SnapshotMeta) -> Self {
        Self {
            base_index: base.index,
            base_term: base.term,
            entries: VecDeque::new(),
            memberships: vec![(base.index, Arc::clone(&base.membership))],
        }
    }

    pub(crate) fn base_index(&self) -> u64 {
        self.base_index
    }

    pub(crate) fn last_index(&self) -> u64 {
        self.base_index + self.entries.len() as u64
    }

    pub(crate) fn last_term(&self) -> u64 {
        self.entries
            .back()
            .map_or(self.base_term, |entry| entry.term)
    }

    /// The term of the entry at `index`; `None` when it is compacted or not there.
    pub(crate) fn term(&self, index: u64) -> Option<u64> {
        if index == self.base_index {
            return Some(self.base_term);
        }
        self.position(index)
            .map(|position| self.entries[position].term)
    }

    /// The membership in force: the last one in the log, committed or not.
    pub(crate) fn membership(&self) -> &Arc<Membership> {
        let (_, membership) = &self.memberships[self.memberships.len() - 1];
        membership
    }

    /// The index of the entry that brought the membership in force.
    pub(crate) fn membership_index(&self) -> u64 {
        self.memberships[self.memberships.len() - 1].0
    }

    /// The membership that was in force at `index`.
    pub(crate) fn membership_at(&self, index: u64) -> &Arc<Membership> {
        let later = self.memberships.partition_point(|(at, _)| *at <= index);
        &self.memberships[later.max(1) - 1].1
    }

    /// The membership in force at `index`, and all later ones.
    pub(crate) fn memberships_from(&self, index: u64) -> impl Iterator<Item = &Arc<Membership>> {
        let later = self.memberships.partition_point(|(at, _)| *at <= index);
        self.memberships[later.max(1) - 1..]
            .iter()
            .map(|(_, membership)| membership)
    }

    /// All memberships from the base on.
    pub(crate) fn memberships(&self) -> impl Iterator<Item = &Arc<Membership>> {
        self.memberships.iter().map(|(_, membership)| membership)
    }

    /// Whether a log that ends in (`index`, `term`) holds all that this one may have committed.
    pub(crate) fn is_up_to_date(&self, index: u64, term: u64) -> bool {
        (term, index) >= (self.last_term(), self.last_index())
    }

    /// The last entry at or below `index` whose term is at most `term`: where two logs may still agree.
    pub(crate) fn last_agreeable(&self, index: u64, term: u64) -> (u64, u64) {
        let not_later = self.entries.partition_point(|entry| entry.term <= term) as u64;
        let index = index.min(self.base_index + not_later);
        self.term(index)
            .map_or((self.base_index, self.base_term), |own| (index, own))
    }

    /// Adds an entry at the end. `membership` is given with a membership entry.
    pub(crate) fn push(&mut self, entry: Entry, membership: Option<Arc<Membership>>) {
        assert_eq!(entry.index, self.last_index() + 1, "the log has no gaps");
        assert!(entry.term >= self.last_term(), "terms never fall");
        assert_eq!(entry.kind == EntryKind::Membership, membership.is_some());
        if let Some(membership) = membership {
            self.memberships.push((entry.index, membership));
        }
        self.entries.push_back(entry);
    }

    /// Removes the entry at `from` and all that follow; a membership that goes gives way to the one before.
    pub(crate) fn truncate(&mut self, from: u64) {
        assert!(
            from > self.base_index,
            "compacted entries cannot be truncated"
        );
        let keep = from - self.base_index - 1;
        self.entries
            .truncate(usize::try_from(keep).unwrap_or(usize::MAX));
        self.memberships.retain(|(at, _)| *at < from);
    }

    /// Forgets the entries at and below `index`, which a snapshot covers.
    pub(crate) fn compact(&mut self, index: u64) {
        let Some(term) = self.term(index) else { return };
        while self.base_index < index && self.entries.pop_front().is_some() {
            self.base_index += 1;
        }
        self.base_term = term;
        let in_force = self.memberships.partition_point(|(at, _)| *at <= index);
        self.memberships.drain(..in_force.saturating_sub(1));
    }

    /// Starts anew behind a snapshot; what follows it stays when the log agrees with it.
    pub(crate) fn install(&mut self, meta: &SnapshotMeta) {
        if self.term(meta.index) == Some(meta.term) {
            self.compact(meta.index);
        } else {
            *self = Self::new(meta);
        }
    }

    /// Entries of `from..=to`, as many as fit `weight_max`, at least one if there is one.
    pub(crate) fn slice(&self, from: u64, to: u64, weight_max: u64) -> Vec<Entry> {
        let count = self.fitting(from, to, weight_max);
        let mut out = Vec::with_capacity(count);
        if let Some(start) = self.position(from) {
            out.extend(self.entries.range(start..start + count).cloned());
        }
        out
    }

    /// What the entries of `from..=to` weigh.
    pub(crate) fn weight(&self, from: u64, to: u64) -> u64 {
        match (self.position(from), self.position(to)) {
            (Some(start), Some(end)) => self.entries.range(start..=end).map(Entry::weight).sum(),
            _ => 0,
        }
    }

    /// Appends the entries of `from..=to` to `out`.
    pub(crate) fn copy_into(&self, from: u64, to: u64, out: &mut Vec<Entry>) {
        if let (Some(start), Some(end)) = (self.position(from), self.position(to)) {
            out.extend(self.entries.range(start..=end).cloned());
        }
    }

    fn fitting(&self, from: u64, to: u64, weight_max: u64) -> usize {
        let (Some(start), Some(end)) = (
            self.position(from),
            self.position(to.min(self.last_index())),
        ) else {
            return 0;
        };
        if end < start {
            return 0;
        }
        let mut weight = 0;
        let fits = |entry: &&Entry| {
            weight += entry.weight();
            weight <= weight_max
        };
        self.entries
            .range(start..=end)
            .take_while(fits)
            .count()
            .max(1)
    }

    fn position(&self, index: u64) -> Option<usize> {
        if index <= self.base_index || index > self.last_index() {
            return None;
        }
        usize::try_from(index - self.base_index - 1).ok()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::entry::NodeId;
    use crate::snapshot::Snapshot;

    /// A log behind `base` whose entries have these terms.
    fn log(base: (u64, u64), terms: &[u64]) -> Log {
        let voters = Arc::new(Membership::new([NodeId(1)], []));
        let mut log = Log::new(&Snapshot::new(base.0, base.1, voters, Bytes::new()).meta);
        for term in terms {
            push(&mut log, *term, None);
        }
        log
    }

    fn push(log: &mut Log, term: u64, membership: Option<Membership>) {
        let kind = if membership.is_some() {
            EntryKind::Membership
        } else {
            EntryKind::Data
        };
        let entry = Entry {
            index: log.last_index() + 1,
            term,
            kind,
            payload: Bytes::new(),
        };
        log.push(entry, membership.map(Arc::new));
    }

    #[test]
    fn terms_are_known_down_to_the_base() {
        let log = log((5, 2), &[2, 3, 3]);
        let terms: Vec<_> = (4..=9).map(|index| log.term(index)).collect();
        assert_eq!(terms, [None, Some(2), Some(2), Some(3), Some(3), None]);
    }

    #[test]
    fn agreeable_entry_skips_later_terms() {
        let log = log((0, 0), &[1, 1, 4, 4, 6]);
        assert_eq!(log.last_agreeable(9, 9), (5, 6));
        assert_eq!(log.last_agreeable(5, 5), (4, 4));
        assert_eq!(log.last_agreeable(4, 3), (2, 1));
        assert_eq!(log.last_agreeable(1, 0), (0, 0));
    }

    #[test]
    fn truncation_brings_the_former_membership_back() {
        let mut log = log((0, 0), &[1]);
        push(
            &mut log,
            1,
            Some(Membership::new([NodeId(1), NodeId(2)], [])),
        );
        push(&mut log, 1, None);
        assert_eq!(
            (log.membership_index(), log.membership().voters().len()),
            (2, 2)
        );
        assert_eq!(log.membership_at(1).voters().len(), 1);
        log.truncate(2);
        assert_eq!(
            (log.membership_index(), log.membership().voters().len()),
            (0, 1)
        );
        assert_eq!(log.last_index(), 1);
    }

    #[test]
    fn compaction_keeps_the_membership_in_force() {
        let mut log = log((0, 0), &[1]);
        push(
            &mut log,
            1,
            Some(Membership::new([NodeId(1), NodeId(2)], [])),
        );
        push(&mut log, 2, None);
        log.compact(3);
        assert_eq!((log.base_index(), log.last_term()), (3, 2));
        assert_eq!(log.membership().voters().len(), 2);
    }

    #[test]
    fn install_keeps_what_follows_only_when_it_agrees() {
        let voters = || Arc::new(Membership::new([NodeId(1)], []));
        let mut agrees = log((0, 0), &[1, 1, 2]);
        agrees.install(&Snapshot::new(2, 1, voters(), Bytes::new()).meta);
        assert_eq!((agrees.base_index(), agrees.last_index()), (2, 3));
        let mut differs = log((0, 0), &[1, 1, 2]);
        differs.install(&Snapshot::new(2, 2, voters(), Bytes::new()).meta);
        assert_eq!((differs.base_index(), differs.last_index()), (2, 2));
    }

    #[test]
    fn slices_fit_the_weight_but_hold_one() {
        let log = log((0, 0), &[1, 1, 1]);
        assert_eq!(log.slice(1, 3, 64).len(), 2);
        assert_eq!(log.slice(1, 3, 0).len(), 1);
        assert_eq!(log.slice(2, 9, 1000).len(), 2);
        assert_eq!(log.slice(4, 9, 1000).len(), 0);
    }
}
