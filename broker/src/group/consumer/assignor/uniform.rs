//! The `uniform` assignor for members that all subscribe to the same topics. Pure.
//!
//! With n members every one gets a n-th of the partitions, rounded down, and the partitions left
//! over go to one member each. Those that already have more than the rounded share are the first to
//! get one more, so that no partition moves that need not move.

use std::collections::{BTreeMap, BTreeSet};

use protocol::types::Uuid;

use super::{Assignment, Group};

pub(super) fn assign<'a>(group: &Group<'a>) -> BTreeMap<&'a str, Assignment> {
    let Some(first) = group.members.values().next() else {
        return BTreeMap::new();
    };
    let mut free: BTreeSet<(Uuid, i32)> = BTreeSet::new();
    for topic in &*first.topics {
        let count = group.partition_count(topic);
        free.extend((0..count).map(|partition| (*topic, partition)));
    }
    let shares = Shares::of(free.len(), group);
    let mut assigned = BTreeMap::new();
    for (id, member) in &group.members {
        let mut assignment = Assignment::new();
        for (topic, partition) in group.kept(member).take(shares.quota(id)) {
            if free.remove(&(topic, partition)) {
                assignment.entry(topic).or_default().insert(partition);
            }
        }
        assigned.insert(*id, assignment);
    }
    let mut free = free.into_iter();
    for (id, assignment) in &mut assigned {
        let has: usize = assignment.values().map(BTreeSet::len).sum();
        for (topic, partition) in free.by_ref().take(shares.quota(id).saturating_sub(has)) {
            assignment.entry(topic).or_default().insert(partition);
        }
    }
    debug_assert!(free.next().is_none(), "the quotas add up to all partitions");
    assigned
}

/// How many partitions each member gets.
struct Shares<'a> {
    /// The share of everybody, rounded down.
    floor: usize,
    /// The members that get one more.
    larger: BTreeSet<&'a str>,
}

impl<'a> Shares<'a> {
    fn of(partitions: usize, group: &Group<'a>) -> Self {
        let floor = partitions / group.members.len();
        let extra = partitions % group.members.len();
        let (full, others): (Vec<&'a str>, Vec<&'a str>) = group
            .members
            .iter()
            .map(|(id, member)| (*id, group.kept(member).nth(floor).is_some()))
            .fold(
                (Vec::new(), Vec::new()),
                |(mut full, mut others), (id, more)| {
                    if more { &mut full } else { &mut others }.push(id);
                    (full, others)
                },
            );
        Self {
            floor,
            larger: full.into_iter().chain(others).take(extra).collect(),
        }
    }

    fn quota(&self, member: &str) -> usize {
        self.floor + usize::from(self.larger.contains(member))
    }
}
