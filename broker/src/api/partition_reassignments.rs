//! `AlterPartitionReassignments` (45) and `ListPartitionReassignments` (46): a broker alone can only
//! keep what it has, so that the one assignment accepted is the present one. Pure.

use protocol::error_code::ErrorCode;
use protocol::messages::alter_partition_reassignments_request::{
    AlterPartitionReassignmentsRequest, ReassignablePartition, ReassignableTopic,
};
use protocol::messages::alter_partition_reassignments_response::{
    AlterPartitionReassignmentsResponse, ReassignablePartitionResponse, ReassignableTopicResponse,
};
use protocol::messages::list_partition_reassignments_request::ListPartitionReassignmentsRequest;
use protocol::messages::list_partition_reassignments_response::ListPartitionReassignmentsResponse;

use crate::api::{Call, CloseReason, Outcome};
use crate::controller::Refusal;
use crate::metadata::image::ClusterImage;

pub(crate) fn alter(call: &Call) -> Result<Outcome, CloseReason> {
    let request: AlterPartitionReassignmentsRequest = call.request()?;
    let image = call.connection.shard.image();
    let responses = request.topics.iter().map(|topic| answered(&image, topic));
    Ok(call.respond(&AlterPartitionReassignmentsResponse {
        allow_replication_factor_change: request.allow_replication_factor_change,
        // as Kafka has it: empty when nothing was asked, else null
        error_message: request.topics.is_empty().then(String::new),
        responses: responses.collect(),
        ..Default::default()
    }))
}

pub(crate) fn list(call: &Call) -> Result<Outcome, CloseReason> {
    call.check::<ListPartitionReassignmentsRequest>()?;
    Ok(call.respond(&ListPartitionReassignmentsResponse {
        error_message: None,
        ..Default::default()
    }))
}

fn answered(image: &ClusterImage, topic: &ReassignableTopic) -> ReassignableTopicResponse {
    let response = |partition: &ReassignablePartition| {
        let refusal = check(image, &topic.name, partition).err();
        let refusal = refusal.unwrap_or_else(|| Refusal::silent(ErrorCode::None));
        ReassignablePartitionResponse {
            partition_index: partition.partition_index,
            error_code: refusal.code.code(),
            error_message: refusal.message,
        }
    };
    ReassignableTopicResponse {
        name: topic.name.clone(),
        partitions: topic.partitions.iter().map(response).collect(),
    }
}

fn check(image: &ClusterImage, name: &str, wanted: &ReassignablePartition) -> Result<(), Refusal> {
    let unknown = |text: String| Refusal::new(ErrorCode::UnknownTopicOrPartition, text);
    let index = wanted.partition_index;
    let topic = image
        .topic(name)
        .ok_or_else(|| unknown(format!("Unable to find a topic named {name}.")))?;
    topic
        .partition(index)
        .ok_or_else(|| unknown(format!("Unable to find partition {name}:{index}.")))?;
    match &wanted.replicas {
        Some(replicas) => check_replicas(image, replicas),
        None => Err(Refusal::silent(ErrorCode::NoReassignmentInProgress)),
    }
}

/// With one broker, whatever passes is the present assignment.
fn check_replicas(image: &ClusterImage, replicas: &[i32]) -> Result<(), Refusal> {
    let invalid = |what: String| {
        let text = format!("The manual partition assignment includes {what}.");
        Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, text))
    };
    if replicas.is_empty() {
        return invalid("an empty replica list".to_owned());
    }
    for (place, id) in replicas.iter().enumerate() {
        if !image.brokers.contains_key(id) {
            return invalid(format!("broker {id}, but no such broker is registered"));
        }
        if replicas[..place].contains(id) {
            return invalid(format!("the broker {id} more than once"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::metadata::image::BrokerImage;

    fn image() -> ClusterImage {
        let mut image = ClusterImage::empty("c".into());
        let broker = BrokerImage {
            id: 1,
            epoch: 1,
            incarnation_id: protocol::types::Uuid::ZERO,
            endpoints: Vec::new(),
            features: Vec::new(),
            rack: None,
            fenced: false,
            in_controlled_shutdown: false,
            log_dirs: Vec::new(),
        };
        image.brokers = Arc::new([(1, Arc::new(broker))].into());
        image
    }

    #[test]
    fn only_registered_brokers_once_each_make_an_assignment() {
        let message = |replicas: &[i32]| check_replicas(&image(), replicas).err()?.message;
        assert_eq!(message(&[1]), None);
        let of = |what: &str| Some(format!("The manual partition assignment includes {what}."));
        assert_eq!(message(&[]), of("an empty replica list"));
        assert_eq!(message(&[1, 1]), of("the broker 1 more than once"));
        for id in [-1, 2] {
            let text = format!("broker {id}, but no such broker is registered");
            assert_eq!(message(&[id]), of(&text));
        }
    }
}
