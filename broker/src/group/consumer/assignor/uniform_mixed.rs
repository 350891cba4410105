//! The `uniform` assignor for members that subscribe to different topics. Pure.
//!
//! Every member keeps what it has and still subscribes to. A partition without an owner goes to the
//! subscriber with the fewest partitions. Then partitions move, topic by topic, from the subscriber
//! with the most partitions to the one with the fewest, for as long as they differ by more than one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use protocol::types::Uuid;

use super::{Assignment, Group};

/// A pass moves partitions of every topic once more; each about halves what is left to even out
/// between overlapping subscriptions, and the last one changes nothing.
const PASSES_MAX: usize = 16;

pub(super) fn assign<'a>(group: &Group<'a>) -> BTreeMap<&'a str, Assignment> {
    let mut spread = Spread::of(group);
    spread.give_away_free(group);
    for _ in 0..PASSES_MAX {
        if !spread.even_out() {
            break;
        }
    }
    let ids = group.members.keys().copied();
    ids.zip(spread.assignments).collect()
}

/// Members by their index in the order of ids.
struct Spread {
    assignments: Vec<Assignment>,
    /// How many partitions each member has.
    loads: Vec<usize>,
    /// The subscribers of each topic. Topics with few subscribers come first: there is the least
    /// choice in who gets their partitions.
    topics: Vec<(Uuid, Vec<usize>)>,
}

impl Spread {
    /// Everybody has what it keeps.
    fn of(group: &Group<'_>) -> Self {
        let mut subscribers: BTreeMap<Uuid, Vec<usize>> = BTreeMap::new();
        let mut taken: BTreeSet<(Uuid, i32)> = BTreeSet::new();
        let mut assignments = Vec::new();
        let mut loads = Vec::new();
        for (index, member) in group.members.values().enumerate() {
            for topic in &*member.topics {
                subscribers.entry(*topic).or_default().push(index);
            }
            let mut assignment = Assignment::new();
            for (topic, partition) in group.kept(member) {
                // what classic members brought along may overlap
                if !taken.insert((topic, partition)) {
                    continue;
                }
                assignment.entry(topic).or_default().insert(partition);
            }
            loads.push(assignment.values().map(BTreeSet::len).sum());
            assignments.push(assignment);
        }
        let mut topics: Vec<_> = subscribers.into_iter().collect();
        topics.sort_by_key(|(topic, subscribers)| (subscribers.len(), *topic));
        Self {
            assignments,
            loads,
            topics,
        }
    }

    fn give_away_free(&mut self, group: &Group<'_>) {
        for (topic, subscribers) in &self.topics {
            let owned: BTreeSet<i32> = subscribers
                .iter()
                .filter_map(|member| self.assignments[*member].get(topic))
                .flatten()
                .copied()
                .collect();
            let mut least: BinaryHeap<_> = subscribers
                .iter()
                .map(|member| Reverse((self.loads[*member], *member)))
                .collect();
            for partition in 0..group.partition_count(topic) {
                if owned.contains(&partition) {
                    continue;
                }
                let Some(Reverse((load, member))) = least.pop() else {
                    break;
                };
                let assignment = &mut self.assignments[member];
                assignment.entry(*topic).or_default().insert(partition);
                self.loads[member] = load + 1;
                least.push(Reverse((load + 1, member)));
            }
        }
    }

    /// One pass over the topics; whether anything moved.
    fn even_out(&mut self) -> bool {
        let topics = std::mem::take(&mut self.topics);
        let mut moved = false;
        for (topic, subscribers) in &topics {
            moved |= self.even_out_topic(*topic, subscribers);
        }
        self.topics = topics;
        moved
    }

    fn even_out_topic(&mut self, topic: Uuid, subscribers: &[usize]) -> bool {
        let mut by_load: BTreeSet<(usize, usize)> = subscribers
            .iter()
            .map(|member| (self.loads[*member], *member))
            .collect();
        let mut owners: BTreeSet<(usize, usize)> = by_load
            .iter()
            .filter(|(_, member)| self.assignments[*member].contains_key(&topic))
            .copied()
            .collect();
        let mut moved = false;
        while let (Some(least), Some(most)) = (by_load.first().copied(), owners.last().copied()) {
            if least.0 + 1 >= most.0 {
                break;
            }
            let (lighter, heavier) = ((least.0 + 1, least.1), (most.0 - 1, most.1));
            by_load.remove(&least);
            by_load.remove(&most);
            by_load.extend([lighter, heavier]);
            owners.remove(&least);
            owners.remove(&most);
            owners.insert(lighter);
            if self.move_one(topic, most.1, least.1) {
                owners.insert(heavier);
            }
            moved = true;
        }
        moved
    }

    /// Moves the last partition of the topic; whether the giver has more of it.
    fn move_one(&mut self, topic: Uuid, from: usize, to: usize) -> bool {
        let Some(partitions) = self.assignments[from].get_mut(&topic) else {
            return false;
        };
        let Some(partition) = partitions.pop_last() else {
            return false;
        };
        let more = !partitions.is_empty();
        if !more {
            self.assignments[from].remove(&topic);
        }
        let receiver = self.assignments[to].entry(topic).or_default();
        receiver.insert(partition);
        self.loads[from] -= 1;
        self.loads[to] += 1;
        more
    }
}
