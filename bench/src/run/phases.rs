//! Where a run is, and what follows. Pure: messages and times in, decisions out.

use std::collections::BTreeMap;

/// How long groups must not have changed before the run begins.
const SETTLED_NANOS: u64 = 400_000_000;
/// How long after the last record that was expected more are waited for, where more may come.
const QUIET_NANOS: u64 = 1_000_000_000;

/// Who reads what in the consumer groups.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// Group, and how many partitions it is to have.
    wanted: BTreeMap<String, usize>,
    assigned: BTreeMap<(String, usize), usize>,
    changed: u64,
}

impl Groups {
    pub(crate) fn expect(&mut self, group: String, partitions: usize) {
        self.wanted.insert(group, partitions);
    }

    pub(crate) fn assigned(&mut self, group: String, member: usize, partitions: usize, now: u64) {
        self.assigned.insert((group, member), partitions);
        self.changed = now;
    }

    /// Every group has all its partitions, and has had them for a while.
    pub(crate) fn are_settled(&self, members: usize, now: u64) -> bool {
        if self.wanted.is_empty() {
            return true;
        }
        let mut sums: BTreeMap<&str, usize> = BTreeMap::new();
        for ((group, _), partitions) in &self.assigned {
            *sums.entry(group).or_default() += partitions;
        }
        let mut wanted = self.wanted.iter();
        let complete = wanted.all(|(group, count)| sums.get(group.as_str()) == Some(count));
        let all_joined = self.assigned.len() >= members;
        complete && all_joined && now.saturating_sub(self.changed) >= SETTLED_NANOS
    }
}

/// Whether the readers have everything.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    received: u64,
    progressed: u64,
}

/// What draining has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drained {
    NotYet,
    Everything,
    /// Nothing came for too long.
    Stalled,
}

impl Drain {
    pub(crate) fn begin(now: u64) -> Self {
        Self {
            received: 0,
            progressed: now,
        }
    }

    /// `expected` records are to be read in all; `uncertain` when there may be more.
    pub(crate) fn look(
        &mut self,
        received: u64,
        expected: u64,
        uncertain: bool,
        now: u64,
        patience: u64,
    ) -> Drained {
        if received != self.received {
            self.received = received;
            self.progressed = now;
        }
        let quiet = now.saturating_sub(self.progressed);
        if received >= expected && (!uncertain || quiet >= QUIET_NANOS) {
            return Drained::Everything;
        }
        if received < expected && quiet >= patience {
            return Drained::Stalled;
        }
        Drained::NotYet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_group_is_settled_when_all_members_have_all_partitions_for_a_while() {
        let mut groups = Groups::default();
        assert!(groups.are_settled(0, 0));
        groups.expect("g".to_owned(), 10);
        groups.assigned("g".to_owned(), 0, 10, 0);
        assert!(!groups.are_settled(2, SECOND), "a member is missing");
        groups.assigned("g".to_owned(), 1, 5, SECOND);
        assert!(!groups.are_settled(2, 3 * SECOND), "15 of 10 partitions");
        groups.assigned("g".to_owned(), 0, 5, 3 * SECOND);
        assert!(!groups.are_settled(2, 3 * SECOND));
        assert!(groups.are_settled(2, 4 * SECOND));
    }

    #[test]
    fn draining_ends_with_everything_or_without_progress() {
        let mut drain = Drain::begin(0);
        assert_eq!(drain.look(5, 10, false, 1, 10 * SECOND), Drained::NotYet);
        assert_eq!(
            drain.look(10, 10, false, 2, 10 * SECOND),
            Drained::Everything
        );
        assert_eq!(
            drain.look(11, 10, true, SECOND, 10 * SECOND),
            Drained::NotYet
        );
        assert_eq!(
            drain.look(11, 10, true, 3 * SECOND, 10 * SECOND),
            Drained::Everything
        );
        let mut drain = Drain::begin(0);
        assert_eq!(drain.look(5, 10, false, SECOND, SECOND), Drained::NotYet);
        assert_eq!(
            drain.look(5, 10, false, 2 * SECOND, SECOND),
            Drained::Stalled
        );
    }
}
