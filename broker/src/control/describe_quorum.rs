//! The `DescribeQuorum` answer: the metadata quorum as its leader sees it. Pure.

use protocol::error_code::ErrorCode;
use protocol::messages::describe_quorum_request::DescribeQuorumRequest;
use protocol::messages::describe_quorum_response::{
    DescribeQuorumResponse, Listener, Node, PartitionData, ReplicaState, TopicData,
};
use protocol::types::Uuid;

use crate::controller::features::KRAFT;
use crate::metadata::image::{BrokerImage, ClusterImage, METADATA_TOPIC};

/// What is told of the one voter, which leads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leader {
    pub(super) node_id: i32,
    pub(super) epoch: i32,
    /// First offset that is not committed.
    pub(super) high_watermark: i64,
    pub(super) log_end_offset: i64,
    pub(super) now_ms: i64,
}

/// As Kafka's, an answer is for the metadata partition alone, or an error for everything asked.
pub(super) fn describe_quorum(
    image: &ClusterImage,
    request: &DescribeQuorumRequest,
    leader: Leader,
) -> DescribeQuorumResponse {
    let is_valid = match request.topics.as_slice() {
        [topic] if topic.topic_name == METADATA_TOPIC => {
            matches!(topic.partitions.as_slice(), [only] if only.partition_index == 0)
        }
        _ => false,
    };
    let broker = image.brokers.get(&leader.node_id).filter(|_| is_valid);
    let topics = request.topics.iter().map(|topic| TopicData {
        topic_name: topic.topic_name.clone(),
        partitions: (topic.partitions.iter())
            .map(|asked| match broker {
                Some(broker) => described(image, broker, leader),
                None => unknown(asked.partition_index),
            })
            .collect(),
    });
    DescribeQuorumResponse {
        topics: topics.collect(),
        nodes: broker.map(|broker| node(broker)).into_iter().collect(),
        ..Default::default()
    }
}

fn described(image: &ClusterImage, broker: &BrokerImage, leader: Leader) -> PartitionData {
    let directory = broker.log_dirs.first().copied();
    let voter = ReplicaState {
        replica_id: leader.node_id,
        replica_directory_id: directory
            .filter(|_| image.feature(KRAFT) > 0)
            .unwrap_or(Uuid::ZERO),
        log_end_offset: leader.log_end_offset,
        last_fetch_timestamp: leader.now_ms,
        last_caught_up_timestamp: leader.now_ms,
    };
    PartitionData {
        leader_id: leader.node_id,
        leader_epoch: leader.epoch,
        high_watermark: leader.high_watermark,
        current_voters: vec![voter],
        ..Default::default()
    }
}

fn unknown(partition_index: i32) -> PartitionData {
    let code = ErrorCode::UnknownTopicOrPartition;
    PartitionData {
        partition_index,
        error_code: code.code(),
        error_message: Some(code.message().to_owned()),
        ..Default::default()
    }
}

fn node(broker: &BrokerImage) -> Node {
    let listeners = broker.endpoints.iter().map(|endpoint| Listener {
        name: endpoint.listener.clone(),
        host: endpoint.host.clone(),
        port: endpoint.port,
    });
    Node {
        node_id: broker.id,
        listeners: listeners.collect(),
    }
}
