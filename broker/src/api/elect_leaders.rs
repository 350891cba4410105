//! `ElectLeaders` (43), versions 0-2: every partition of a broker alone is led by its only replica,
//! so there is never a leader to elect. Pure.

use protocol::error_code::ErrorCode;
use protocol::messages::elect_leaders_request::ElectLeadersRequest;
use protocol::messages::elect_leaders_response::{
    ElectLeadersResponse, PartitionResult, ReplicaElectionResult,
};

use crate::api::{Call, CloseReason, Outcome};
use crate::controller::Refusal;
use crate::metadata::image::ClusterImage;

const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

pub(crate) fn answer(call: &Call) -> Result<Outcome, CloseReason> {
    let request: ElectLeadersRequest = call.request()?;
    Ok(call.respond(&elect(&call.connection.shard.image(), &request)))
}

fn elect(image: &ClusterImage, request: &ElectLeadersRequest) -> ElectLeadersResponse {
    let kind_is_known = matches!(request.election_type, PREFERRED | UNCLEAN);
    let error = if kind_is_known {
        ErrorCode::None
    } else {
        ErrorCode::InvalidRequest
    };
    let replica_election_results = match &request.topic_partitions {
        // of all partitions only those that were elected are told
        None => (image.topics.sorted().into_iter())
            .filter(|_| kind_is_known)
            .map(|topic| ReplicaElectionResult {
                topic: topic.name.to_string(),
                partition_result: Vec::new(),
            })
            .collect(),
        Some(topics) => topics
            .iter()
            .map(|asked| ReplicaElectionResult {
                topic: asked.topic.clone(),
                partition_result: (asked.partitions.iter())
                    .map(|index| result(image, request.election_type, &asked.topic, *index))
                    .collect(),
            })
            .collect(),
    };
    ElectLeadersResponse {
        error_code: error.code(),
        replica_election_results,
        ..Default::default()
    }
}

fn result(image: &ClusterImage, kind: i8, topic: &str, partition: i32) -> PartitionResult {
    let refusal = refuse(image, kind, topic, partition);
    PartitionResult {
        partition_id: partition,
        error_code: refusal.code.code(),
        error_message: refusal.message,
    }
}

fn refuse(image: &ClusterImage, kind: i8, name: &str, index: i32) -> Refusal {
    let unknown = |text: String| Refusal::new(ErrorCode::UnknownTopicOrPartition, text);
    if !matches!(kind, PREFERRED | UNCLEAN) {
        let text = format!("Unknown election type {kind}");
        return Refusal::new(ErrorCode::InvalidRequest, text);
    }
    let Some(topic) = image.topic(name) else {
        return unknown(format!("No such topic as {name}"));
    };
    if topic.partition(index).is_none() {
        return unknown(format!("No such partition as {name}-{index}"));
    }
    Refusal::new(
        ErrorCode::ElectionNotNeeded,
        "Leader election not needed for topic partition.",
    )
}
