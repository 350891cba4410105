//! Generated from `schemas/03_metadata.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub struct MetadataResponse {
    pub throttle_time_ms: i32,
    pub brokers: Vec<MetadataResponseBroker>,
    pub cluster_id: Option<String>,
    pub controller_id: i32,
    pub topics: Vec<MetadataResponseTopic>,
    pub cluster_authorized_operations: i32,
    pub error_code: i16,
}

impl Default for MetadataResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            brokers: Vec::new(),
            cluster_id: None,
            controller_id: -1,
            topics: Vec::new(),
            cluster_authorized_operations: i32::MIN,
            error_code: 0,
        }
    }
}

impl Message for MetadataResponse {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 13 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 9;
        let mut message = Self::default();
        if version >= 3 {
            message.throttle_time_ms = reader.i32()?;
        }
        message.brokers = reader.array(flexible, 10, |reader| {
            MetadataResponseBroker::decode(reader, version)
        })?;
        if version >= 2 {
            message.cluster_id = reader.flex_nullable_string(flexible)?;
        }
        if version >= 1 {
            message.controller_id = reader.i32()?;
        }
        message.topics = reader.array(flexible, 8, |reader| {
            MetadataResponseTopic::decode(reader, version)
        })?;
        if (8..=10).contains(&version) {
            message.cluster_authorized_operations = reader.i32()?;
        }
        if version >= 13 {
            message.error_code = reader.i16()?;
        }
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 9;
        if version >= 3 {
            writer.i32(self.throttle_time_ms);
        }
        writer.array(flexible, &self.brokers, |writer, value| {
            value.encode(writer, version)
        });
        if version >= 2 {
            writer.flex_nullable_string(flexible, self.cluster_id.as_deref());
        }
        if version >= 1 {
            writer.i32(self.controller_id);
        }
        writer.array(flexible, &self.topics, |writer, value| {
            value.encode(writer, version)
        });
        if (8..=10).contains(&version) {
            writer.i32(self.cluster_authorized_operations);
        }
        if version >= 13 {
            writer.i16(self.error_code);
        }
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetadataResponseBroker {
    pub node_id: i32,
    pub host: String,
    pub port: i32,
    pub rack: Option<String>,
}

impl MetadataResponseBroker {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut message = Self::default();
        message.node_id = reader.i32()?;
        message.host = reader.flex_string(flexible)?;
        message.port = reader.i32()?;
        if version >= 1 {
            message.rack = reader.flex_nullable_string(flexible)?;
        }
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        writer.i32(self.node_id);
        writer.flex_string(flexible, &self.host);
        writer.i32(self.port);
        if version >= 1 {
            writer.flex_nullable_string(flexible, self.rack.as_deref());
        }
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct MetadataResponseTopic {
    pub error_code: i16,
    pub name: Option<String>,
    pub topic_id: Uuid,
    pub is_internal: bool,
    pub partitions: Vec<MetadataResponsePartition>,
    pub topic_authorized_operations: i32,
}

impl Default for MetadataResponseTopic {
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

impl MetadataResponseTopic {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut message = Self::default();
        message.error_code = reader.i16()?;
        message.name = if version >= 12 {
            reader.flex_nullable_string(flexible)?
        } else {
            Some(reader.flex_string(flexible)?)
        };
        if version >= 10 {
            message.topic_id = reader.uuid()?;
        }
        if version >= 1 {
            message.is_internal = reader.bool()?;
        }
        message.partitions = reader.array(flexible, 18, |reader| {
            MetadataResponsePartition::decode(reader, version)
        })?;
        if version >= 8 {
            message.topic_authorized_operations = reader.i32()?;
        }
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        writer.i16(self.error_code);
        if version >= 12 {
            writer.flex_nullable_string(flexible, self.name.as_deref());
        } else {
            writer.flex_string(flexible, self.name.as_deref().unwrap_or_default());
        }
        if version >= 10 {
            writer.uuid(self.topic_id);
        }
        if version >= 1 {
            writer.bool(self.is_internal);
        }
        writer.array(flexible, &self.partitions, |writer, value| {
            value.encode(writer, version)
        });
        if version >= 8 {
            writer.i32(self.topic_authorized_operations);
        }
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct MetadataResponsePartition {
    pub error_code: i16,
    pub partition_index: i32,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub replica_nodes: Vec<i32>,
    pub isr_nodes: Vec<i32>,
    pub offline_replicas: Vec<i32>,
}

impl Default for MetadataResponsePartition {
    fn default() -> Self {
        Self {
            error_code: 0,
            partition_index: 0,
            leader_id: 0,
            leader_epoch: -1,
            replica_nodes: Vec::new(),
            isr_nodes: Vec::new(),
            offline_replicas: Vec::new(),
        }
    }
}

impl MetadataResponsePartition {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut message = Self::default();
        message.error_code = reader.i16()?;
        message.partition_index = reader.i32()?;
        message.leader_id = reader.i32()?;
        if version >= 7 {
            message.leader_epoch = reader.i32()?;
        }
        message.replica_nodes = reader.array(flexible, 4, Reader::i32)?;
        message.isr_nodes = reader.array(flexible, 4, Reader::i32)?;
        if version >= 5 {
            message.offline_replicas = reader.array(flexible, 4, Reader::i32)?;
        }
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        writer.i16(self.error_code);
        writer.i32(self.partition_index);
        writer.i32(self.leader_id);
        if version >= 7 {
            writer.i32(self.leader_epoch);
        }
        writer.array(flexible, &self.replica_nodes, |writer, value| {
            writer.i32(*value)
        });
        writer.array(flexible, &self.isr_nodes, |writer, value| {
            writer.i32(*value)
        });
        if version >= 5 {
            writer.array(flexible, &self.offline_replicas, |writer, value| {
                writer.i32(*value)
            });
        }
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}
