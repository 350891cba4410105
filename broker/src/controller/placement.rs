//! Which brokers hold a new partition: chosen by us, or named by the request and checked.
//! Owns the assignment rules. Pure.
//! Leaders go round the usable brokers from a random start; followers are the leader's successors,
//! shifted by one more each time around, so that no broker follows the same leader everywhere.

use protocol::error_code::ErrorCode;
use protocol::messages::metadata::partition_record::PartitionRecord;
use protocol::types::Uuid;

use crate::controller::{Random, Refusal};
use crate::metadata::image::{BrokerImage, ClusterImage};

/// Chooses the replicas of `count` partitions, the first of which has the number `first`.
///
/// # Errors
/// `InvalidReplicationFactor` when there are not enough brokers.
pub(crate) fn place(
    image: &ClusterImage,
    first: usize,
    count: usize,
    replication_factor: i16,
    random: Random<'_>,
) -> Result<Vec<Vec<i32>>, Refusal> {
    let usable: Vec<i32> = image.usable_brokers().map(|broker| broker.id).collect();
    let registered = image.brokers.len();
    let replicas = usize::try_from(replication_factor).unwrap_or(0);
    let cause = if usable.is_empty() {
        String::from(
            "All brokers are currently fenced, or have all their log directories cordoned.",
        )
    } else if replicas > registered || replicas == 0 {
        format!(
            "The target replication factor of {replication_factor} cannot be reached because \
             only {registered} broker(s) are registered or some brokers have all their log \
             directories cordoned."
        )
    } else {
        let ring = Ring {
            usable,
            fenced: fenced_brokers(image),
            start: random(),
        };
        return Ok((first..first + count)
            .map(|number| ring.replicas(number, replicas))
            .collect());
    };
    Err(Refusal::new(
        ErrorCode::InvalidReplicationFactor,
        format!("Unable to replicate the partition {replication_factor} time(s): {cause}"),
    ))
}

fn fenced_brokers(image: &ClusterImage) -> Vec<i32> {
    let usable = |broker: &BrokerImage| !broker.fenced && !broker.in_controlled_shutdown;
    image
        .brokers
        .values()
        .filter(|broker| !usable(broker))
        .map(|broker| broker.id)
        .collect()
}

struct Ring {
    usable: Vec<i32>,
    /// Takes part only when the usable brokers are too few; never as the leader.
    fenced: Vec<i32>,
    start: u64,
}

impl Ring {
    fn replicas(&self, partition: usize, count: usize) -> Vec<i32> {
        let brokers = self.usable.len();
        // The remainder is below `brokers`, which is a usize.
        let start = usize::try_from(self.start % brokers as u64).unwrap_or(0);
        let leader = (start + partition) % brokers;
        let mut replicas = vec![self.usable[leader]];
        let others = brokers - 1;
        for follower in 0..others.min(count - 1) {
            let shift = (partition / brokers + follower) % others;
            replicas.push(self.usable[(leader + 1 + shift) % brokers]);
        }
        replicas.extend(self.fenced.iter().take(count - replicas.len()));
        replicas
    }
}

/// Checks the replicas that a request names for one partition; `replication_factor` is that of the
/// partitions before it.
///
/// # Errors
/// `InvalidReplicaAssignment` with Kafka's text.
pub(crate) fn validate_manual(
    image: &ClusterImage,
    brokers: &[i32],
    replication_factor: Option<usize>,
) -> Result<(), Refusal> {
    let refuse = |message: String| Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, message));
    if brokers.is_empty() {
        return refuse(String::from(
            "The manual partition assignment includes an empty replica list.",
        ));
    }
    let mut sorted = brokers.to_vec();
    sorted.sort_unstable();
    for (index, broker) in sorted.iter().enumerate() {
        if !image.brokers.contains_key(broker) {
            return refuse(format!(
                "The manual partition assignment includes broker {broker}, but no such broker is \
                 registered."
            ));
        }
        if index > 0 && sorted[index - 1] == *broker {
            return refuse(format!(
                "The manual partition assignment includes the broker {broker} more than once."
            ));
        }
    }
    match replication_factor {
        Some(expected) if expected != brokers.len() => refuse(format!(
            "The manual partition assignment includes a partition with {} replica(s), but this \
             is not consistent with previous partitions, which have {expected} replica(s).",
            brokers.len()
        )),
        _ => Ok(()),
    }
}

/// The record of a new partition: in sync are the replicas that are up, the first of them leads.
///
/// # Errors
/// `InvalidReplicaAssignment` when none of them is up.
pub(crate) fn new_partition(
    image: &ClusterImage,
    topic_id: Uuid,
    partition_id: i32,
    replicas: &[i32],
) -> Result<PartitionRecord, Refusal> {
    let broker_of = |id: &i32| image.brokers.get(id);
    let is_up = |broker: &BrokerImage| !broker.fenced && !broker.in_controlled_shutdown;
    let isr: Vec<i32> = replicas
        .iter()
        .copied()
        .filter(|id| broker_of(id).is_some_and(|b| is_up(b)))
        .collect();
    let Some(leader) = isr.first().copied() else {
        return Err(Refusal::new(
            ErrorCode::InvalidReplicaAssignment,
            format!(
                "All brokers specified in the manual partition assignment for partition \
                 {partition_id} are fenced or in controlled shutdown."
            ),
        ));
    };
    let directory = |id: &i32| match broker_of(id).map(|broker| broker.log_dirs.as_slice()) {
        Some([only]) => *only,
        _ => Uuid::ZERO,
    };
    Ok(PartitionRecord {
        partition_id,
        topic_id,
        replicas: replicas.to_vec(),
        isr,
        leader,
        leader_epoch: 0,
        partition_epoch: 0,
        directories: replicas.iter().map(directory).collect(),
        ..PartitionRecord::default()
    })
}
