//! Which connection goes to which broker, and for which partitions. Pure.

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A partition and where its leader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Led {
    pub(crate) partition: i32,
    pub(crate) leader: SocketAddr,
}

/// What one connection does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) leader: SocketAddr,
    pub(crate) partitions: Vec<i32>,
}

/// One assignment for each broker: all that it leads.
pub(crate) fn by_leader(partitions: &[Led]) -> Vec<Assignment> {
    let mut leaders: BTreeMap<SocketAddr, Vec<i32>> = BTreeMap::new();
    for led in partitions {
        leaders.entry(led.leader).or_default().push(led.partition);
    }
    let assignments = leaders.into_iter();
    assignments
        .map(|(leader, partitions)| Assignment { leader, partitions })
        .collect()
}

/// Producing connections: each has all partitions of its broker, and each begins at another one.
pub(crate) fn shared(partitions: &[Led], connections: usize) -> Vec<Assignment> {
    let leaders = by_leader(partitions);
    let of_connection = |number: usize| {
        let mut assignment = leaders[number % leaders.len()].clone();
        let first = number / leaders.len() % assignment.partitions.len();
        assignment.partitions.rotate_left(first);
        assignment
    };
    if leaders.is_empty() {
        return Vec::new();
    }
    (0..connections).map(of_connection).collect()
}

/// Consuming connections: each partition belongs to exactly one.
pub(crate) fn divided(partitions: &[Led], connections: usize) -> Vec<Assignment> {
    let leaders = by_leader(partitions);
    let for_each = connections / leaders.len().max(1);
    let mut assignments = Vec::new();
    for Assignment { leader, partitions } in leaders {
        let parts = for_each.clamp(1, partitions.len());
        for part in 0..parts {
            let own = partitions.iter().skip(part).step_by(parts);
            let partitions = own.copied().collect();
            assignments.push(Assignment { leader, partitions });
        }
    }
    assignments
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn topic(partitions: i32, brokers: u16) -> Vec<Led> {
        let led = |partition: i32| Led {
            partition,
            leader: (
                [127, 0, 0, 1],
                9000 + u16::try_from(partition).unwrap() % brokers,
            )
                .into(),
        };
        (0..partitions).map(led).collect()
    }

    #[test]
    fn producing_connections_begin_at_different_partitions() {
        let first: Vec<i32> = shared(&topic(3, 1), 4)
            .iter()
            .map(|assignment| assignment.partitions[0])
            .collect();
        assert_eq!(first, [0, 1, 2, 0]);
    }

    proptest! {
        #[test]
        fn consuming_connections_divide_the_partitions(
            partitions in 1..40_i32, brokers in 1..5_u16, connections in 1..60_usize,
        ) {
            let topic = topic(partitions, brokers);
            let assignments = divided(&topic, connections);
            let leaders = by_leader(&topic).len();
            prop_assert!(assignments.len() <= connections.max(leaders));
            let mut led: Vec<(i32, SocketAddr)> = assignments
                .iter()
                .flat_map(|own| own.partitions.iter().map(|partition| (*partition, own.leader)))
                .collect();
            led.sort_unstable();
            let all: Vec<_> = topic.iter().map(|led| (led.partition, led.leader)).collect();
            prop_assert_eq!(led, all);
        }

        #[test]
        fn producing_connections_only_send_to_leaders(
            partitions in 1..40_i32, brokers in 1..5_u16, connections in 1..60_usize,
        ) {
            let topic = topic(partitions, brokers);
            let assignments = shared(&topic, connections);
            prop_assert_eq!(assignments.len(), connections);
            for own in &assignments {
                prop_assert!(!own.partitions.is_empty());
                for partition in &own.partitions {
                    let led = Led { partition: *partition, leader: own.leader };
                    prop_assert!(topic.contains(&led));
                }
            }
        }
    }
}
