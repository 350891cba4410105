//! Generated from `schemas/59_fetch_snapshot.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub struct FetchSnapshotRequest {
    pub cluster_id: Option<String>,
    pub replica_id: i32,
    pub max_bytes: i32,
    pub topics: Vec<TopicSnapshot>,
}

impl Default for FetchSnapshotRequest {
    fn default() -> Self {
        Self {
            cluster_id: None,
            replica_id: -1,
            max_bytes: i32::MAX,
            topics: Vec::new(),
        }
    }
}

impl Message for FetchSnapshotRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 1 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.replica_id = reader.i32()?;
        message.max_bytes = reader.i32()?;
        message.topics = reader.array(true, 3, |reader| TopicSnapshot::decode(reader, version))?;
        reader.tagged_fields(|reader, tag| {
            match tag {
                0 => message.cluster_id = reader.compact_nullable_string()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.replica_id);
        writer.i32(self.max_bytes);
        writer.array(true, &self.topics, |writer, value| {
            value.encode(writer, version)
        });
        let mut tags = writer.tagged_fields();
        if self.cluster_id.is_some() {
            tags.field(0, |writer| {
                writer.compact_nullable_string(self.cluster_id.as_deref())
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
        message.partitions = reader.array(true, 30, |reader| {
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
    pub partition: i32,
    pub current_leader_epoch: i32,
    pub snapshot_id: SnapshotId,
    pub position: i64,
    pub replica_directory_id: Uuid,
}

impl PartitionSnapshot {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.partition = reader.i32()?;
        message.current_leader_epoch = reader.i32()?;
        message.snapshot_id = SnapshotId::decode(reader, version)?;
        message.position = reader.i64()?;
        reader.tagged_fields(|reader, tag| {
            match tag {
                0 if version >= 1 => message.replica_directory_id = reader.uuid()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.partition);
        writer.i32(self.current_leader_epoch);
        self.snapshot_id.encode(writer, version);
        writer.i64(self.position);
        let mut tags = writer.tagged_fields();
        if version >= 1 && self.replica_directory_id != Uuid::ZERO {
            tags.field(0, |writer| writer.uuid(self.replica_directory_id));
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

impl Request for FetchSnapshotRequest {
    const KEY: ApiKey = ApiKey::FetchSnapshot;
    type Response = super::fetch_snapshot_response::FetchSnapshotResponse;
}
