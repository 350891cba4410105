//! The Metadata answer: brokers, topics, leaders, as the clients of one listener see them.
//! Owns the rules of that answer in all its versions. Pure; creating missing topics is the
//! caller's decision, with `missing_topics`.

use std::collections::HashSet;
use std::sync::Arc;

use protocol::error_code::ErrorCode;
use protocol::messages::metadata_request::{MetadataRequest, MetadataRequestTopic};
use protocol::messages::metadata_response::{
    MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};

use crate::controller::topic_names;
use crate::metadata::config_catalog::ConfigCatalog;
use crate::metadata::image::{
    BrokerImage, ClusterImage, METADATA_TOPIC, NO_LEADER, PartitionImage, TopicImage,
    is_internal_topic,
};

/// All operations on a topic, as there is no one to forbid any: Kafka's bits of read, write,
/// create, delete, alter, describe, describe configs, alter configs.
pub(super) const ALL_TOPIC_OPERATIONS: i32 = 0b1101_1111_1000;
/// Likewise on the cluster: create, alter, describe, cluster action, both config operations,
/// idempotent write.
pub(super) const ALL_CLUSTER_OPERATIONS: i32 = 0b1_1111_1010_0000;

/// Who asks where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DescribeContext<'a> {
    /// Name of the listener that the request came in on: its endpoints are the ones to return.
    pub(crate) listener: &'a str,
    pub(crate) node_id: i32,
    pub(crate) catalog: &'a ConfigCatalog,
}

/// The named topics that do not exist, may be created on first use, and have a legal name. Internal
/// ones are for the coordinators to create, with their own number of partitions.
pub(crate) fn missing_topics<'a>(
    image: &ClusterImage,
    request: &'a MetadataRequest,
) -> Vec<&'a str> {
    if !request.allow_auto_topic_creation {
        return Vec::new();
    }
    let mut seen = HashSet::new();
    let named = request
        .topics
        .iter()
        .flatten()
        .filter(|topic| topic.topic_id.is_zero());
    named
        .filter_map(|topic| topic.name.as_deref())
        .filter(|name| image.topic(name).is_none() && topic_names::validate(name).is_ok())
        .filter(|name| !is_internal_topic(name) && *name != METADATA_TOPIC)
        .filter(|name| seen.insert(*name))
        .collect()
}

pub(crate) fn describe_topics(
    image: &ClusterImage,
    request: &MetadataRequest,
    version: i16,
    context: DescribeContext<'_>,
) -> MetadataResponse {
    if let Some(code) = malformed(request, version) {
        return refuse_all(request, code);
    }
    let topics = match &request.topics {
        None => image
            .topics
            .iter()
            .map(|topic| known(image, topic, version, context))
            .collect(),
        // Version 0 has no null: all topics are asked for by naming none.
        Some(topics) if topics.is_empty() && version == 0 => image
            .topics
            .iter()
            .map(|topic| known(image, topic, version, context))
            .collect(),
        Some(topics) => asked_for(image, topics, version, context),
    };
    let mut response = MetadataResponse {
        brokers: brokers(image, context.listener),
        cluster_id: Some(image.cluster_id.to_string()),
        controller_id: controller_id(image, context.node_id),
        topics,
        ..Default::default()
    };
    if request.include_topic_authorized_operations {
        for topic in &mut response.topics {
            if topic.error_code == ErrorCode::None.code() {
                topic.topic_authorized_operations = ALL_TOPIC_OPERATIONS;
            }
        }
    }
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = ALL_CLUSTER_OPERATIONS;
    }
    response
}

/// Ids in a request are for version 12 and later; a topic must be named one way or the other.
fn malformed(request: &MetadataRequest, version: i16) -> Option<ErrorCode> {
    let topics = request.topics.as_deref().unwrap_or_default();
    let by_id = |topic: &MetadataRequestTopic| topic.name.is_none() || !topic.topic_id.is_zero();
    if version < 12 && topics.iter().any(by_id) {
        return Some(ErrorCode::InvalidRequest);
    }
    let nameless = |topic: &MetadataRequestTopic| topic.name.is_none() && topic.topic_id.is_zero();
    topics
        .iter()
        .any(nameless)
        .then_some(ErrorCode::UnknownServerError)
}

fn refuse_all(request: &MetadataRequest, code: ErrorCode) -> MetadataResponse {
    let topic = |topic: &MetadataRequestTopic| MetadataResponseTopic {
        error_code: code.code(),
        name: Some(topic.name.clone().unwrap_or_default()),
        topic_id: topic.topic_id,
        ..Default::default()
    };
    MetadataResponse {
        topics: request.topics.iter().flatten().map(topic).collect(),
        error_code: code.code(),
        ..Default::default()
    }
}

/// Kafka names a random live broker as the controller, so that clients spread their requests.
pub(super) fn controller_id(image: &ClusterImage, node_id: i32) -> i32 {
    let is_usable = image.usable_brokers().any(|broker| broker.id == node_id);
    if is_usable {
        return node_id;
    }
    image
        .usable_brokers()
        .next()
        .map_or(NO_LEADER, |broker| broker.id)
}

fn brokers(image: &ClusterImage, listener: &str) -> Vec<MetadataResponseBroker> {
    let alive = image.brokers.values().filter(|broker| !broker.fenced);
    let broker = |broker: &Arc<BrokerImage>| {
        let endpoint = broker.endpoint(listener)?;
        Some(MetadataResponseBroker {
            node_id: broker.id,
            host: endpoint.host.clone(),
            port: i32::from(endpoint.port),
            rack: broker.rack.clone(),
        })
    };
    alive.filter_map(broker).collect()
}

fn asked_for(
    image: &ClusterImage,
    topics: &[MetadataRequestTopic],
    version: i16,
    context: DescribeContext<'_>,
) -> Vec<MetadataResponseTopic> {
    let mut seen = HashSet::new();
    // one id makes it a request by ids: names beside it do not count
    let by_id = topics.iter().any(|topic| !topic.topic_id.is_zero());
    let once = topics
        .iter()
        .filter(|topic| topic.topic_id.is_zero() != by_id)
        .filter(|topic| seen.insert((topic.topic_id, topic.name.as_deref())));
    once.map(|asked| {
        if asked.topic_id.is_zero() {
            let name = asked.name.as_deref().unwrap_or_default();
            match image.topic(name) {
                Some(topic) => known(image, topic, version, context),
                None => unknown_name(name),
            }
        } else {
            match image.topic_by_id(asked.topic_id) {
                Some(topic) => known(image, topic, version, context),
                None => MetadataResponseTopic {
                    error_code: ErrorCode::UnknownTopicId.code(),
                    name: None,
                    topic_id: asked.topic_id,
                    ..Default::default()
                },
            }
        }
    })
    .collect()
}

fn unknown_name(name: &str) -> MetadataResponseTopic {
    let code = match topic_names::validate(name) {
        Ok(()) => ErrorCode::UnknownTopicOrPartition,
        Err(refusal) => refusal.code,
    };
    MetadataResponseTopic {
        error_code: code.code(),
        name: Some(name.to_owned()),
        is_internal: is_internal_topic(name),
        ..Default::default()
    }
}

fn known(
    image: &ClusterImage,
    topic: &TopicImage,
    version: i16,
    context: DescribeContext<'_>,
) -> MetadataResponseTopic {
    let partitions = (0_i32..).zip(&topic.partitions).map(|(index, partition)| {
        describe_partition(image, index, partition, version, context.listener)
    });
    MetadataResponseTopic {
        name: Some(topic.name.to_string()),
        topic_id: topic.id,
        is_internal: topic.internal,
        partitions: partitions.collect(),
        ..Default::default()
    }
}

fn describe_partition(
    image: &ClusterImage,
    index: i32,
    partition: &PartitionImage,
    version: i16,
    listener: &str,
) -> MetadataResponsePartition {
    let reachable = leader_is_reachable(image, partition, listener);
    let error = match reachable {
        Ok(()) => ErrorCode::None,
        // The more telling error came with version 6.
        Err(ErrorCode::ListenerNotFound) if version < 6 => ErrorCode::LeaderNotAvailable,
        Err(code) => code,
    };
    MetadataResponsePartition {
        error_code: error.code(),
        partition_index: index,
        leader_id: if error.is_none() {
            partition.leader
        } else {
            NO_LEADER
        },
        leader_epoch: partition.leader_epoch,
        replica_nodes: partition.replicas.clone(),
        isr_nodes: partition.isr.clone(),
        offline_replicas: offline_replicas(image, partition, listener),
    }
}

fn leader_is_reachable(
    image: &ClusterImage,
    partition: &PartitionImage,
    listener: &str,
) -> Result<(), ErrorCode> {
    match image.brokers.get(&partition.leader) {
        Some(broker) if broker.fenced => Err(ErrorCode::LeaderNotAvailable),
        Some(broker) if broker.endpoint(listener).is_none() => Err(ErrorCode::ListenerNotFound),
        Some(_) => Ok(()),
        None => Err(ErrorCode::LeaderNotAvailable),
    }
}

/// Replicas on brokers that are gone, fenced, or without this listener.
pub(super) fn offline_replicas(
    image: &ClusterImage,
    partition: &PartitionImage,
    listener: &str,
) -> Vec<i32> {
    let is_online = |id: &i32| {
        let broker = image.brokers.get(id);
        broker.is_some_and(|broker| !broker.fenced && broker.endpoint(listener).is_some())
    };
    partition
        .replicas
        .iter()
        .copied()
        .filter(|id| !is_online(id))
        .collect()
}
