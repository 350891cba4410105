//! Generated from `schemas/00_produce.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProduceResponse {
    pub responses: Vec<TopicProduceResponse>,
    pub throttle_time_ms: i32,
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Message for ProduceResponse {
    const VERSIONS: VersionRange = VersionRange { min: 3, max: 13 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 9;
        let mut message = Self::default();
        message.responses = reader.array(flexible, 3, |reader| {
            TopicProduceResponse::decode(reader, version)
        })?;
        message.throttle_time_ms = reader.i32()?;
        if flexible {
            reader.tagged_fields(|reader, tag| {
                match tag {
                    0 if version >= 10 => {
                        message.node_endpoints = reader
                            .array(true, 11, |reader| NodeEndpoint::decode(reader, version))?
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 9;
        writer.array(flexible, &self.responses, |writer, value| {
            value.encode(writer, version)
        });
        writer.i32(self.throttle_time_ms);
        if flexible {
            let mut tags = writer.tagged_fields();
            if version >= 10 && !self.node_endpoints.is_empty() {
                tags.field(0, |writer| {
                    writer.array(true, &self.node_endpoints, |writer, value| {
                        value.encode(writer, version)
                    })
                });
            }
            tags.finish();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicProduceResponse {
    pub name: String,
    pub topic_id: Uuid,
    pub partition_responses: Vec<PartitionProduceResponse>,
}

impl TopicProduceResponse {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut message = Self::default();
        if version <= 12 {
            message.name = reader.flex_string(flexible)?;
        }
        if version >= 13 {
            message.topic_id = reader.uuid()?;
        }
        message.partition_responses = reader.array(flexible, 22, |reader| {
            PartitionProduceResponse::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        if version <= 12 {
            writer.flex_string(flexible, &self.name);
        }
        if version >= 13 {
            writer.uuid(self.topic_id);
        }
        writer.array(flexible, &self.partition_responses, |writer, value| {
            value.encode(writer, version)
        });
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct PartitionProduceResponse {
    pub index: i32,
    pub error_code: i16,
    pub base_offset: i64,
    pub log_append_time_ms: i64,
    pub log_start_offset: i64,
    pub record_errors: Vec<BatchIndexAndErrorMessage>,
    pub error_message: Option<String>,
    pub current_leader: LeaderIdAndEpoch,
}

impl Default for PartitionProduceResponse {
    fn default() -> Self {
        Self {
            index: 0,
            error_code: 0,
            base_offset: 0,
            log_append_time_ms: -1,
            log_start_offset: -1,
            record_errors: Vec::new(),
            error_message: None,
            current_leader: LeaderIdAndEpoch::default(),
        }
    }
}

impl PartitionProduceResponse {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut message = Self::default();
        message.index = reader.i32()?;
        message.error_code = reader.i16()?;
        message.base_offset = reader.i64()?;
        message.log_append_time_ms = reader.i64()?;
        if version >= 5 {
            message.log_start_offset = reader.i64()?;
        }
        if version >= 8 {
            message.record_errors = reader.array(flexible, 6, |reader| {
                BatchIndexAndErrorMessage::decode(reader, version)
            })?;
            message.error_message = reader.flex_nullable_string(flexible)?;
        }
        if flexible {
            reader.tagged_fields(|reader, tag| {
                match tag {
                    0 if version >= 10 => {
                        message.current_leader = LeaderIdAndEpoch::decode(reader, version)?
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        writer.i32(self.index);
        writer.i16(self.error_code);
        writer.i64(self.base_offset);
        writer.i64(self.log_append_time_ms);
        if version >= 5 {
            writer.i64(self.log_start_offset);
        }
        if version >= 8 {
            writer.array(flexible, &self.record_errors, |writer, value| {
                value.encode(writer, version)
            });
            writer.flex_nullable_string(flexible, self.error_message.as_deref());
        }
        if flexible {
            let mut tags = writer.tagged_fields();
            if version >= 10 && self.current_leader != LeaderIdAndEpoch::default() {
                tags.field(0, |writer| self.current_leader.encode(writer, version));
            }
            tags.finish();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct BatchIndexAndErrorMessage {
    pub batch_index: i32,
    pub batch_index_error_message: Option<String>,
}

impl BatchIndexAndErrorMessage {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut message = Self::default();
        message.batch_index = reader.i32()?;
        message.batch_index_error_message = reader.flex_nullable_string(flexible)?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        writer.i32(self.batch_index);
        writer.flex_nullable_string(flexible, self.batch_index_error_message.as_deref());
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct LeaderIdAndEpoch {
    pub leader_id: i32,
    pub leader_epoch: i32,
}

impl Default for LeaderIdAndEpoch {
    fn default() -> Self {
        Self {
            leader_id: -1,
            leader_epoch: -1,
        }
    }
}

impl LeaderIdAndEpoch {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.leader_id = reader.i32()?;
        message.leader_epoch = reader.i32()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.leader_id);
        writer.i32(self.leader_epoch);
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: String,
    pub port: i32,
    pub rack: Option<String>,
}

impl NodeEndpoint {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.node_id = reader.i32()?;
        message.host = reader.compact_string()?;
        message.port = reader.i32()?;
        message.rack = reader.compact_nullable_string()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.node_id);
        writer.compact_string(&self.host);
        writer.i32(self.port);
        writer.compact_nullable_string(self.rack.as_deref());
        writer.empty_tagged_fields();
    }
}
