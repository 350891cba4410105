//! Generated from `schemas/54_end_quorum_epoch.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct EndQuorumEpochResponse {
    pub error_code: i16,
    pub topics: Vec<TopicData>,
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Message for EndQuorumEpochResponse {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 1 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 1;
        let mut message = Self::default();
        message.error_code = reader.i16()?;
        message.topics = reader.array(flexible, 3, |reader| TopicData::decode(reader, version))?;
        if flexible {
            reader.tagged_fields(|reader, tag| {
                match tag {
                    0 => {
                        message.node_endpoints =
                            reader.array(true, 8, |reader| NodeEndpoint::decode(reader, version))?
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
        let flexible = version >= 1;
        writer.i16(self.error_code);
        writer.array(flexible, &self.topics, |writer, value| {
            value.encode(writer, version)
        });
        if flexible {
            let mut tags = writer.tagged_fields();
            if !self.node_endpoints.is_empty() {
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
pub struct TopicData {
    pub topic_name: String,
    pub partitions: Vec<PartitionData>,
}

impl TopicData {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut message = Self::default();
        message.topic_name = reader.flex_string(flexible)?;
        message.partitions = reader.array(flexible, 14, |reader| {
            PartitionData::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.flex_string(flexible, &self.topic_name);
        writer.array(flexible, &self.partitions, |writer, value| {
            value.encode(writer, version)
        });
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct PartitionData {
    pub partition_index: i32,
    pub error_code: i16,
    pub leader_id: i32,
    pub leader_epoch: i32,
}

impl PartitionData {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 1;
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.error_code = reader.i16()?;
        message.leader_id = reader.i32()?;
        message.leader_epoch = reader.i32()?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.i32(self.partition_index);
        writer.i16(self.error_code);
        writer.i32(self.leader_id);
        writer.i32(self.leader_epoch);
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: String,
    pub port: u16,
}

impl NodeEndpoint {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.node_id = reader.i32()?;
        message.host = reader.compact_string()?;
        message.port = reader.u16()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.node_id);
        writer.compact_string(&self.host);
        writer.u16(self.port);
        writer.empty_tagged_fields();
    }
}
