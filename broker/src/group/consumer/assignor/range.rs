//! The `range` assignor: each topic is cut into as many ranges as it has subscribers. Pure.
//!
//! Members with an instance id come first, in the order of those ids, so that a restart which
//! changes member ids does not move partitions. Where all members subscribe to the same topics and
//! these have equally many partitions, partitions with the same number end up with the same member.

use std::collections::BTreeMap;

use protocol::types::Uuid;

use super::{Assignment, Group, Subscriber};

/// A topic on the way of being handed out.
struct Cut {
    partitions: i32,
    /// Subscribers that have not got their range yet.
    left: i32,
    /// The first partition not handed out.
    next: i32,
}

impl Cut {
    /// The next range: an equal share, and one more for the first subscribers when the number of
    /// partitions cannot be divided. The shares of those left never differ by more than one.
    fn take(&mut self) -> std::ops::Range<i32> {
        let remaining = self.partitions - self.next;
        let share = remaining / self.left + i32::from(remaining % self.left > 0);
        let start = self.next;
        self.next += share;
        self.left -= 1;
        start..self.next
    }
}

pub(super) fn assign<'a>(group: &Group<'a>) -> BTreeMap<&'a str, Assignment> {
    let mut cuts: BTreeMap<Uuid, Cut> = BTreeMap::new();
    for topic in group.members.values().flat_map(|member| &*member.topics) {
        let cut = cuts.entry(*topic).or_insert_with(|| Cut {
            partitions: group.partition_count(topic),
            left: 0,
            next: 0,
        });
        cut.left += 1;
    }
    let mut assigned = BTreeMap::new();
    for (id, member) in in_order(group) {
        let mut assignment = Assignment::new();
        for topic in &*member.topics {
            let Some(cut) = cuts.get_mut(topic) else {
                continue;
            };
            let range = cut.take();
            if !range.is_empty() {
                assignment.insert(*topic, range.collect());
            }
        }
        assigned.insert(id, assignment);
    }
    assigned
}

/// Static members by instance id, then the others by member id.
fn in_order<'g, 'a>(group: &'g Group<'a>) -> Vec<(&'a str, &'g Subscriber<'a>)> {
    let mut members: Vec<_> = group.members.iter().map(|(id, m)| (*id, m)).collect();
    members.sort_by_key(|(id, member)| (member.instance_id.is_none(), member.instance_id, *id));
    members
}
