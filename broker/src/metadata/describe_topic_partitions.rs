//! The `DescribeTopicPartitions` answer: topics in the order of their names, page by page.
//! Owns the paging. Pure.

use std::collections::BTreeSet;

use protocol::error_code::ErrorCode;
use protocol::messages::describe_topic_partitions_request::DescribeTopicPartitionsRequest;
use protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponse, DescribeTopicPartitionsResponsePartition,
    DescribeTopicPartitionsResponseTopic,
};

use crate::controller::topic_names;
use crate::metadata::describe_topics::{ALL_TOPIC_OPERATIONS, DescribeContext, offline_replicas};
use crate::metadata::image::{ClusterImage, PartitionImage, TopicImage, is_internal_topic};

/// `limit_max` is the broker's own bound of partitions in one answer.
pub(crate) fn describe_topic_partitions(
    image: &ClusterImage,
    request: &DescribeTopicPartitionsRequest,
    limit_max: i32,
    context: DescribeContext<'_>,
) -> DescribeTopicPartitionsResponse {
    let mut response = DescribeTopicPartitionsResponse::default();
    let cursor = request.cursor.as_ref();
    let (from_topic, from_partition) = match cursor {
        None => ("", 0),
        Some(cursor) => match usize::try_from(cursor.partition_index) {
            Ok(partition) if is_among(request, &cursor.topic_name) => {
                (cursor.topic_name.as_str(), partition)
            }
            Ok(_) | Err(_) => return refuse_all(request),
        },
    };
    let limit = request.response_partition_limit.min(limit_max).max(1);
    let mut left = usize::try_from(limit).unwrap_or(1);
    for name in names(image, request).range(from_topic..) {
        if left == 0 {
            response.next_cursor = Some(Cursor {
                topic_name: (*name).to_owned(),
                partition_index: 0,
            });
            break;
        }
        let Some(topic) = image.topic(name) else {
            response.topics.push(unknown(name));
            continue;
        };
        let first = if *name == from_topic {
            from_partition
        } else {
            0
        };
        let page = page(image, topic, first, left, context.listener);
        left -= page.len();
        let next = first + page.len();
        response.topics.push(known(topic, page));
        if next < topic.partitions.len() {
            let partition_index = i32::try_from(next).unwrap_or(i32::MAX);
            response.next_cursor = Some(Cursor {
                topic_name: (*name).to_owned(),
                partition_index,
            });
            break;
        }
    }
    response
}

/// A cursor must name one of the topics asked for.
fn is_among(request: &DescribeTopicPartitionsRequest, name: &str) -> bool {
    request.topics.is_empty() || request.topics.iter().any(|topic| topic.name == name)
}

fn refuse_all(request: &DescribeTopicPartitionsRequest) -> DescribeTopicPartitionsResponse {
    let refused = request
        .topics
        .iter()
        .map(|topic| DescribeTopicPartitionsResponseTopic {
            error_code: ErrorCode::InvalidRequest.code(),
            name: Some(topic.name.clone()),
            is_internal: is_internal_topic(&topic.name),
            ..Default::default()
        });
    DescribeTopicPartitionsResponse {
        topics: refused.collect(),
        ..Default::default()
    }
}

/// The topics asked for, or all of them.
fn names<'a>(
    image: &'a ClusterImage,
    request: &'a DescribeTopicPartitionsRequest,
) -> BTreeSet<&'a str> {
    if request.topics.is_empty() {
        image.topics.iter().map(|topic| &*topic.name).collect()
    } else {
        request
            .topics
            .iter()
            .map(|topic| topic.name.as_str())
            .collect()
    }
}

fn page(
    image: &ClusterImage,
    topic: &TopicImage,
    first: usize,
    count: usize,
    listener: &str,
) -> Vec<DescribeTopicPartitionsResponsePartition> {
    let partitions = (0_i32..).zip(&topic.partitions).skip(first).take(count);
    partitions
        .map(|(index, partition)| describe_partition(image, index, partition, listener))
        .collect()
}

fn describe_partition(
    image: &ClusterImage,
    index: i32,
    partition: &PartitionImage,
    listener: &str,
) -> DescribeTopicPartitionsResponsePartition {
    let leader_known = image.brokers.contains_key(&partition.leader);
    let error = if leader_known {
        ErrorCode::None
    } else {
        ErrorCode::LeaderNotAvailable
    };
    DescribeTopicPartitionsResponsePartition {
        error_code: error.code(),
        partition_index: index,
        leader_id: partition.leader,
        leader_epoch: partition.leader_epoch,
        replica_nodes: partition.replicas.clone(),
        isr_nodes: partition.isr.clone(),
        eligible_leader_replicas: Some(partition.elr.clone()),
        last_known_elr: Some(partition.last_known_elr.clone()),
        offline_replicas: offline_replicas(image, partition, listener),
    }
}

fn known(
    topic: &TopicImage,
    partitions: Vec<DescribeTopicPartitionsResponsePartition>,
) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic {
        name: Some(topic.name.to_string()),
        topic_id: topic.id,
        is_internal: topic.internal,
        partitions,
        topic_authorized_operations: ALL_TOPIC_OPERATIONS,
        ..Default::default()
    }
}

fn unknown(name: &str) -> DescribeTopicPartitionsResponseTopic {
    let code = match topic_names::validate(name) {
        Ok(()) => ErrorCode::UnknownTopicOrPartition,
        Err(refusal) => refusal.code,
    };
    DescribeTopicPartitionsResponseTopic {
        error_code: code.code(),
        name: Some(name.to_owned()),
        is_internal: is_internal_topic(name),
        topic_authorized_operations: ALL_TOPIC_OPERATIONS,
        ..Default::default()
    }
}
