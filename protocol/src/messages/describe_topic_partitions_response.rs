//! Generated from `schemas/75_describe_topic_partitions.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeTopicPartitionsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<DescribeTopicPartitionsResponseTopic>,
    pub next_cursor: Option<Cursor>,
}

impl Message for DescribeTopicPartitionsResponse {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.topics = reader.array(true, 26, |reader| {
            DescribeTopicPartitionsResponseTopic::decode(reader, version)
        })?;
        message.next_cursor = reader.nullable_struct(|reader| Cursor::decode(reader, version))?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.throttle_time_ms);
        writer.array(true, &self.topics, |writer, value| {
            value.encode(writer, version)
        });
        writer.nullable_struct(self.next_cursor.as_ref(), |writer, value| {
            value.encode(writer, version)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeTopicPartitionsResponseTopic {
    pub error_code: i16,
    pub name: Option<String>,
    pub topic_id: Uuid,
    pub is_internal: bool,
    pub partitions: Vec<DescribeTopicPartitionsResponsePartition>,
    pub topic_authorized_operations: i32,
}

impl Default for DescribeTopicPartitionsResponseTopic {
    fn default() -> Self {
        Self {
            error_code: 0,
            name: Some(String::new()),
            topic_id: Uuid::ZERO,
            is_internal: false,
            partitions: Vec::new(),
            topic_authorized_operations: i32::MIN,
        }
    }
}

impl DescribeTopicPartitionsResponseTopic {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.error_code = reader.i16()?;
        message.name = reader.compact_nullable_string()?;
        message.topic_id = reader.uuid()?;
        message.is_internal = reader.bool()?;
        message.partitions = reader.array(true, 20, |reader| {
            DescribeTopicPartitionsResponsePartition::decode(reader, version)
        })?;
        message.topic_authorized_operations = reader.i32()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i16(self.error_code);
        writer.compact_nullable_string(self.name.as_deref());
        writer.uuid(self.topic_id);
        writer.bool(self.is_internal);
        writer.array(true, &self.partitions, |writer, value| {
            value.encode(writer, version)
        });
        writer.i32(self.topic_authorized_operations);
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DescribeTopicPartitionsResponsePartition {
    pub error_code: i16,
    pub partition_index: i32,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub replica_nodes: Vec<i32>,
    pub isr_nodes: Vec<i32>,
    pub eligible_leader_replicas: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
    pub offline_replicas: Vec<i32>,
}

impl Default for DescribeTopicPartitionsResponsePartition {
    fn default() -> Self {
        Self {
            error_code: 0,
            partition_index: 0,
            leader_id: 0,
            leader_epoch: -1,
            replica_nodes: Vec::new(),
            isr_nodes: Vec::new(),
            eligible_leader_replicas: None,
            last_known_elr: None,
            offline_replicas: Vec::new(),
        }
    }
}

impl DescribeTopicPartitionsResponsePartition {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.error_code = reader.i16()?;
        message.partition_index = reader.i32()?;
        message.leader_id = reader.i32()?;
        message.leader_epoch = reader.i32()?;
        message.replica_nodes = reader.array(true, 4, Reader::i32)?;
        message.isr_nodes = reader.array(true, 4, Reader::i32)?;
        message.eligible_leader_replicas = reader.nullable_array(true, 4, Reader::i32)?;
        message.last_known_elr = reader.nullable_array(true, 4, Reader::i32)?;
        message.offline_replicas = reader.array(true, 4, Reader::i32)?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i16(self.error_code);
        writer.i32(self.partition_index);
        writer.i32(self.leader_id);
        writer.i32(self.leader_epoch);
        writer.array(true, &self.replica_nodes, |writer, value| {
            writer.i32(*value)
        });
        writer.array(true, &self.isr_nodes, |writer, value| writer.i32(*value));
        writer.nullable_array(
            true,
            self.eligible_leader_replicas.as_deref(),
            |writer, value| writer.i32(*value),
        );
        writer.nullable_array(true, self.last_known_elr.as_deref(), |writer, value| {
            writer.i32(*value)
        });
        writer.array(true, &self.offline_replicas, |writer, value| {
            writer.i32(*value)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cursor {
    pub topic_name: String,
    pub partition_index: i32,
}

impl Cursor {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.topic_name = reader.compact_string()?;
        message.partition_index = reader.i32()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.compact_string(&self.topic_name);
        writer.i32(self.partition_index);
        writer.empty_tagged_fields();
    }
}
