//! What assignors guarantee, checked on random groups.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use proptest::prelude::*;
use protocol::types::Uuid;

use super::{Assignment, Assignor, Group, Subscriber};

/// A group that owns what an assignor only borrows.
#[derive(Clone, Debug, Default)]
struct Owned {
    partition_counts: BTreeMap<Uuid, i32>,
    /// Subscribed topics and present assignment of each member.
    members: BTreeMap<String, (BTreeSet<Uuid>, Assignment)>,
}

impl Owned {
    fn assign(&self, assignor: Assignor) -> BTreeMap<String, Assignment> {
        let members = self.members.iter().map(|(id, (topics, current))| {
            let subscriber = Subscriber {
                instance_id: None,
                topics: Rc::new(topics.clone()),
                current,
            };
            (id.as_str(), subscriber)
        });
        let group = Group {
            members: members.collect(),
            partition_counts: self.partition_counts.clone(),
        };
        let assigned = assignor.assign(&group).into_iter();
        assigned
            .map(|(id, assignment)| (id.to_owned(), assignment))
            .collect()
    }

    fn take_over(&mut self, assigned: BTreeMap<String, Assignment>) {
        for (id, assignment) in assigned {
            self.members.get_mut(&id).unwrap().1 = assignment;
        }
    }

    /// Every partition has exactly one owner, and that one subscribes to it; if nobody does, none.
    fn check_complete(&self, assigned: &BTreeMap<String, Assignment>) {
        let mut owners: BTreeMap<(Uuid, i32), &str> = BTreeMap::new();
        for (id, assignment) in assigned {
            for (topic, partitions) in assignment {
                assert!(
                    self.members[id].0.contains(topic),
                    "{id} does not subscribe"
                );
                assert!(!partitions.is_empty());
                for partition in partitions {
                    assert!((0..self.partition_counts[topic]).contains(partition));
                    assert_eq!(owners.insert((*topic, *partition), id), None, "two owners");
                }
            }
        }
        let topics: BTreeSet<Uuid> = self.members.values().flat_map(|m| m.0.clone()).collect();
        let all: i32 = topics
            .iter()
            .map(|topic| self.partition_counts[topic])
            .sum();
        assert_eq!(
            owners.len(),
            usize::try_from(all).unwrap(),
            "some have no owner"
        );
    }

    /// How many partitions that a member has and may keep are taken from it.
    fn moves(&self, assigned: &BTreeMap<String, Assignment>) -> usize {
        let pairs = |assignment: &Assignment| -> BTreeSet<(Uuid, i32)> {
            let topics = assignment.iter();
            topics
                .flat_map(|(t, ps)| ps.iter().map(|p| (*t, *p)))
                .collect()
        };
        self.members
            .iter()
            .map(|(id, (_, current))| pairs(current).difference(&pairs(&assigned[id])).count())
            .sum()
    }
}

fn size(assignment: &Assignment) -> usize {
    assignment.values().map(BTreeSet::len).sum()
}

fn topic(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// Up to 12 members and 6 topics; with `alike` all members subscribe to all topics.
fn groups(alike: bool) -> impl Strategy<Value = Owned> {
    let counts = prop::collection::vec(1..12_i32, 1..6);
    let choices = prop::collection::vec(prop::collection::vec(any::<bool>(), 6), 1..12);
    (counts, choices).prop_map(move |(counts, choices)| {
        let partition_counts: BTreeMap<Uuid, i32> = (1..).map(topic).zip(counts).collect();
        let subscribed = |chosen: Vec<bool>| -> BTreeSet<Uuid> {
            let topics = partition_counts.keys().zip(chosen);
            topics
                .filter(|(_, chosen)| alike || *chosen)
                .map(|(topic, _)| *topic)
                .collect()
        };
        let members = choices.into_iter().enumerate();
        let members = members
            .map(|(index, chosen)| {
                (
                    format!("m{index:02}"),
                    (subscribed(chosen), Assignment::new()),
                )
            })
            .collect();
        Owned {
            partition_counts,
            members,
        }
    })
}

proptest! {
    #[test]
    fn uniform_is_complete_balanced_and_moves_as_little_as_it_can(
        mut group in groups(true),
        leaving in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        joining in 0..4_usize,
    ) {
        let first = group.assign(Assignor::Uniform);
        group.check_complete(&first);
        group.take_over(first);
        for index in leaving {
            if group.members.len() > 1 {
                let id = index.get(&group.members.keys().cloned().collect::<Vec<_>>()).clone();
                group.members.remove(&id);
            }
        }
        let topics = group.members.values().next().unwrap().0.clone();
        for index in 0..joining {
            // ids before, between and behind the old ones
            let id = format!("{}new", ["a", "m03", "z", "m07"][index]);
            group.members.insert(id, (topics.clone(), Assignment::new()));
        }
        let next = group.assign(Assignor::Uniform);
        group.check_complete(&next);
        let sizes: Vec<usize> = next.values().map(size).collect();
        let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
        prop_assert!(most - least <= 1, "{sizes:?}");

        // the least that must move: what members have beyond the shares of a balanced group
        let total: usize = sizes.iter().sum();
        let (floor, mut extra) = (total / sizes.len(), total % sizes.len());
        let mut least_moves = 0;
        for (_, current) in group.members.values() {
            let over = size(current).saturating_sub(floor);
            let keeps_one_more = over > 0 && extra > 0;
            extra -= usize::from(keeps_one_more);
            least_moves += over - usize::from(keeps_one_more);
        }
        prop_assert_eq!(group.moves(&next), least_moves);
        group.take_over(next.clone());
        prop_assert_eq!(group.assign(Assignor::Uniform), next, "and then it stays");
    }

    #[test]
    fn uniform_is_complete_and_stays_put_for_mixed_subscriptions(mut group in groups(false)) {
        let first = group.assign(Assignor::Uniform);
        group.check_complete(&first);
        group.take_over(first.clone());
        prop_assert_eq!(group.moves(&group.assign(Assignor::Uniform)), 0);
        // no partition could go to a subscriber that has two fewer than its owner
        for (id, assignment) in &first {
            for topic in assignment.keys() {
                let lightest = group
                    .members
                    .iter()
                    .filter(|(_, (topics, _))| topics.contains(topic))
                    .map(|(other, _)| size(&first[other]))
                    .min()
                    .unwrap();
                prop_assert!(size(assignment) <= lightest + 1, "{id} has too many");
            }
        }
    }

    #[test]
    fn range_is_complete_and_cuts_every_topic_evenly(group in groups(false)) {
        let assigned = group.assign(Assignor::Range);
        group.check_complete(&assigned);
        for topic in group.partition_counts.keys() {
            let subscribers = group.members.iter().filter(|(_, m)| m.0.contains(topic));
            let shares: Vec<usize> = subscribers
                .map(|(id, _)| assigned[id].get(topic).map_or(0, BTreeSet::len))
                .collect();
            if let (Some(least), Some(most)) = (shares.iter().min(), shares.iter().max()) {
                prop_assert!(most - least <= 1);
                prop_assert!(shares.is_sorted_by(|a, b| a >= b), "the first get one more");
            }
        }
    }
}

#[test]
fn range_keeps_equal_numbers_together() {
    let topics = BTreeSet::from([topic(1), topic(2)]);
    let member = || (topics.clone(), Assignment::new());
    let group = Owned {
        partition_counts: BTreeMap::from([(topic(1), 3), (topic(2), 3)]),
        members: BTreeMap::from([("a".to_owned(), member()), ("b".to_owned(), member())]),
    };
    let assigned = group.assign(Assignor::Range);
    let both = |partitions: &[i32]| -> Assignment {
        let partitions: BTreeSet<i32> = partitions.iter().copied().collect();
        topics
            .iter()
            .map(|topic| (*topic, partitions.clone()))
            .collect()
    };
    assert_eq!(assigned["a"], both(&[0, 1]));
    assert_eq!(assigned["b"], both(&[2]));
}

#[test]
fn range_orders_members_by_instance_id_before_member_id() {
    let nothing = Assignment::new();
    let topics = Rc::new(BTreeSet::from([topic(1)]));
    let subscriber = |instance_id| Subscriber {
        instance_id,
        topics: Rc::clone(&topics),
        current: &nothing,
    };
    let group = Group {
        members: BTreeMap::from([
            ("a", subscriber(None)),
            ("b", subscriber(Some("i2"))),
            ("c", subscriber(Some("i1"))),
        ]),
        partition_counts: BTreeMap::from([(topic(1), 3)]),
    };
    let assigned = Assignor::Range.assign(&group);
    let first = |id: &str| assigned[id][&topic(1)].first().copied();
    assert_eq!(
        (first("c"), first("b"), first("a")),
        (Some(0), Some(1), Some(2))
    );
}
