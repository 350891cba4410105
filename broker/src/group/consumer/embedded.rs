//! The bytes that classic consumers exchange through the broker: their subscriptions and their
//! assignments. Pure.
//!
//! In a classic group only the members read them. In a consumer group the broker stands in for the
//! leader, so it has to.

use bytes::Bytes;
use protocol::codec::{DecodeError, Message, Reader, Writer};
use protocol::messages::consumer_group_heartbeat_request::TopicPartitions as ReportedPartitions;
use protocol::messages::data::consumer_protocol_assignment::{
    ConsumerProtocolAssignment, TopicPartition,
};
use protocol::messages::data::consumer_protocol_subscription::ConsumerProtocolSubscription;

use super::member::{Member, Owned};
use crate::metadata::image::ClusterImage;

/// The type of protocol that consumers join with.
pub(crate) const PROTOCOL_TYPE: &str = "consumer";

/// Newer versions only add fields behind the known ones.
fn decode<M: Message>(bytes: &Bytes) -> Result<M, DecodeError> {
    let mut reader = Reader::new(bytes.clone());
    let version = reader.i16()?;
    if version < 0 {
        return Err(DecodeError::UnsupportedVersion(version));
    }
    M::decode(&mut reader, version.min(M::VERSIONS.max))
}

/// # Errors
/// The bytes are no subscription.
pub(crate) fn subscription(metadata: &Bytes) -> Result<ConsumerProtocolSubscription, DecodeError> {
    decode(metadata)
}

/// The partitions that the subscription says the member owns, as far as their topics exist.
pub(crate) fn reported(
    subscription: &ConsumerProtocolSubscription,
    image: &ClusterImage,
) -> Vec<ReportedPartitions> {
    let owned = subscription.owned_partitions.iter();
    owned
        .filter_map(|owned| {
            Some(ReportedPartitions {
                topic_id: image.topic(&owned.topic)?.id,
                partitions: owned.partitions.clone(),
            })
        })
        .collect()
}

/// What a classic member was assigned by its leader, each with this epoch.
///
/// # Errors
/// The bytes are no assignment.
pub(crate) fn assigned(
    bytes: &Bytes,
    epoch: i32,
    image: &ClusterImage,
) -> Result<Owned, DecodeError> {
    let mut owned = Owned::new();
    // a member that has not got any yet
    if bytes.is_empty() {
        return Ok(owned);
    }
    let assignment: ConsumerProtocolAssignment = decode(bytes)?;
    for topic in assignment.assigned_partitions {
        if let Some(known) = image.topic(&topic.topic)
            && !topic.partitions.is_empty()
        {
            let partitions = topic
                .partitions
                .into_iter()
                .map(|partition| (partition, epoch));
            owned.entry(known.id).or_default().extend(partitions);
        }
    }
    Ok(owned)
}

/// What a member of the classic protocol is told to own, in the version that it speaks.
pub(crate) fn assignment(member: &Member, image: &ClusterImage) -> Bytes {
    let spoken = member
        .classic
        .as_ref()
        .and_then(|classic| classic.protocols.first())
        .and_then(|(_, metadata)| Reader::new(metadata.clone()).i16().ok())
        .unwrap_or(0);
    let version = spoken.clamp(0, ConsumerProtocolAssignment::VERSIONS.max);
    let topics = member.assigned.iter().filter_map(|(topic, partitions)| {
        Some(TopicPartition {
            topic: image.topic_by_id(*topic)?.name.as_ref().to_owned(),
            partitions: partitions.keys().copied().collect(),
        })
    });
    let assignment = ConsumerProtocolAssignment {
        assigned_partitions: topics.collect(),
        user_data: None,
    };
    let mut writer = Writer::new();
    writer.i16(version);
    assignment.encode(&mut writer, version);
    writer.freeze()
}
