//! Generated from `schemas/59_fetch_snapshot.schema`; do not edit.

use bytes::Bytes;

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct FetchSnapshotResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub topics: Vec<TopicSnapshot>,
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Message for FetchSnapshotResponse {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 1 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.i16()?;
        message.topics = reader.array(true, 3, |reader| TopicSnapshot::decode(reader, version))?;
        reader.tagged_fields(|reader, tag| {
            match tag {
                0 if version >= 1 => {
                    message.node_endpoints =
                        reader.array(true, 8, |reader| NodeEndpoint::decode(reader, version))?
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.throttle_time_ms);
        writer.i16(self.error_code);
        writer.array(true, &self.topics, |writer, value| {
            value.encode(writer, version)
        });
        let mut tags = writer.tagged_fields();
        if version >= 1 && !self.node_endpoints.is_empty() {
            tags.field(0, |writer| {
                writer.array(true, &self.node_endpoints, |writer, value| {
                    value.encode(writer, version)
                })
            });
        }
        tags.finish();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicSnapshot {
    pub name: String,
    pub partitions: Vec<PartitionSnapshot>,
}

impl TopicSnapshot {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.name = reader.compact_string()?;
        message.partitions = reader.array(true, 37, |reader| {
            PartitionSnapshot::decode(reader, version)
        })?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.compact_string(&self.name);
        writer.array(true, &self.partitions, |writer, value| {
            value.encode(writer, version)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct PartitionSnapshot {
    pub index: i32,
    pub error_code: i16,
    pub snapshot_id: SnapshotId,
    pub current_leader: LeaderIdAndEpoch,
    pub size: i64,
    pub position: i64,
    pub unaligned_records: Bytes,
}

impl PartitionSnapshot {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.index = reader.i32()?;
        message.error_code = reader.i16()?;
        message.snapshot_id = SnapshotId::decode(reader, version)?;
        message.size = reader.i64()?;
        message.position = reader.i64()?;
        message.unaligned_records = reader.compact_bytes()?;
        reader.tagged_fields(|reader, tag| {
            match tag {
                0 => message.current_leader = LeaderIdAndEpoch::decode(reader, version)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.index);
        writer.i16(self.error_code);
        self.snapshot_id.encode(writer, version);
        writer.i64(self.size);
        writer.i64(self.position);
        writer.compact_bytes(&self.unaligned_records);
        let mut tags = writer.tagged_fields();
        if self.current_leader != LeaderIdAndEpoch::default() {
            tags.field(0, |writer| self.current_leader.encode(writer, version));
        }
        tags.finish();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct SnapshotId {
    pub end_offset: i64,
    pub epoch: i32,
}

impl SnapshotId {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.end_offset = reader.i64()?;
        message.epoch = reader.i32()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i64(self.end_offset);
        writer.i32(self.epoch);
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct LeaderIdAndEpoch {
    pub leader_id: i32,
    pub leader_epoch: i32,
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
