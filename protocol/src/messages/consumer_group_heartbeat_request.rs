//! Generated from `schemas/68_consumer_group_heartbeat.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerGroupHeartbeatRequest {
    pub group_id: String,
    pub member_id: String,
    pub member_epoch: i32,
    pub instance_id: Option<String>,
    pub rack_id: Option<String>,
    pub rebalance_timeout_ms: i32,
    pub subscribed_topic_names: Option<Vec<String>>,
    pub subscribed_topic_regex: Option<String>,
    pub server_assignor: Option<String>,
    pub topic_partitions: Option<Vec<TopicPartitions>>,
}

impl Default for ConsumerGroupHeartbeatRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            member_id: String::new(),
            member_epoch: 0,
            instance_id: None,
            rack_id: None,
            rebalance_timeout_ms: -1,
            subscribed_topic_names: None,
            subscribed_topic_regex: None,
            server_assignor: None,
            topic_partitions: None,
        }
    }
}

impl Message for ConsumerGroupHeartbeatRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 1 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.group_id = reader.compact_string()?;
        message.member_id = reader.compact_string()?;
        message.member_epoch = reader.i32()?;
        message.instance_id = reader.compact_nullable_string()?;
        message.rack_id = reader.compact_nullable_string()?;
        message.rebalance_timeout_ms = reader.i32()?;
        message.subscribed_topic_names = reader.nullable_array(true, 1, Reader::compact_string)?;
        if version >= 1 {
            message.subscribed_topic_regex = reader.compact_nullable_string()?;
        }
        message.server_assignor = reader.compact_nullable_string()?;
        message.topic_partitions =
            reader.nullable_array(true, 18, |reader| TopicPartitions::decode(reader, version))?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.compact_string(&self.group_id);
        writer.compact_string(&self.member_id);
        writer.i32(self.member_epoch);
        writer.compact_nullable_string(self.instance_id.as_deref());
        writer.compact_nullable_string(self.rack_id.as_deref());
        writer.i32(self.rebalance_timeout_ms);
        writer.nullable_array(
            true,
            self.subscribed_topic_names.as_deref(),
            |writer, value| writer.compact_string(value),
        );
        if version >= 1 {
            writer.compact_nullable_string(self.subscribed_topic_regex.as_deref());
        }
        writer.compact_nullable_string(self.server_assignor.as_deref());
        writer.nullable_array(true, self.topic_partitions.as_deref(), |writer, value| {
            value.encode(writer, version)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicPartitions {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl TopicPartitions {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.topic_id = reader.uuid()?;
        message.partitions = reader.array(true, 4, Reader::i32)?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.uuid(self.topic_id);
        writer.array(true, &self.partitions, |writer, value| writer.i32(*value));
        writer.empty_tagged_fields();
    }
}

impl Request for ConsumerGroupHeartbeatRequest {
    const KEY: ApiKey = ApiKey::ConsumerGroupHeartbeat;
    type Response = super::consumer_group_heartbeat_response::ConsumerGroupHeartbeatResponse;
}
