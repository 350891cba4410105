//! Generated from `schemas/08_offset_commit.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub struct OffsetCommitRequest {
    pub group_id: String,
    pub generation_id_or_member_epoch: i32,
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub retention_time_ms: i64,
    pub topics: Vec<OffsetCommitRequestTopic>,
}

impl Default for OffsetCommitRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            generation_id_or_member_epoch: -1,
            member_id: String::new(),
            group_instance_id: None,
            retention_time_ms: -1,
            topics: Vec::new(),
        }
    }
}

impl Message for OffsetCommitRequest {
    const VERSIONS: VersionRange = VersionRange { min: 2, max: 10 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 8;
        let mut message = Self::default();
        message.group_id = reader.flex_string(flexible)?;
        message.generation_id_or_member_epoch = reader.i32()?;
        message.member_id = reader.flex_string(flexible)?;
        if version >= 7 {
            message.group_instance_id = reader.flex_nullable_string(flexible)?;
        }
        if version <= 4 {
            message.retention_time_ms = reader.i64()?;
        }
        message.topics = reader.array(flexible, 3, |reader| {
            OffsetCommitRequestTopic::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 8;
        writer.flex_string(flexible, &self.group_id);
        writer.i32(self.generation_id_or_member_epoch);
        writer.flex_string(flexible, &self.member_id);
        if version >= 7 {
            writer.flex_nullable_string(flexible, self.group_instance_id.as_deref());
        }
        if version <= 4 {
            writer.i64(self.retention_time_ms);
        }
        writer.array(flexible, &self.topics, |writer, value| {
            value.encode(writer, version)
        });
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetCommitRequestTopic {
    pub name: String,
    pub topic_id: Uuid,
    pub partitions: Vec<OffsetCommitRequestPartition>,
}

impl OffsetCommitRequestTopic {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 8;
        let mut message = Self::default();
        if version <= 9 {
            message.name = reader.flex_string(flexible)?;
        }
        if version >= 10 {
            message.topic_id = reader.uuid()?;
        }
        message.partitions = reader.array(flexible, 14, |reader| {
            OffsetCommitRequestPartition::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 8;
        if version <= 9 {
            writer.flex_string(flexible, &self.name);
        }
        if version >= 10 {
            writer.uuid(self.topic_id);
        }
        writer.array(flexible, &self.partitions, |writer, value| {
            value.encode(writer, version)
        });
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct OffsetCommitRequestPartition {
    pub partition_index: i32,
    pub committed_offset: i64,
    pub committed_leader_epoch: i32,
    pub committed_metadata: Option<String>,
}

impl Default for OffsetCommitRequestPartition {
    fn default() -> Self {
        Self {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            committed_metadata: Some(String::new()),
        }
    }
}

impl OffsetCommitRequestPartition {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 8;
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.committed_offset = reader.i64()?;
        if version >= 6 {
            message.committed_leader_epoch = reader.i32()?;
        }
        message.committed_metadata = reader.flex_nullable_string(flexible)?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 8;
        writer.i32(self.partition_index);
        writer.i64(self.committed_offset);
        if version >= 6 {
            writer.i32(self.committed_leader_epoch);
        }
        writer.flex_nullable_string(flexible, self.committed_metadata.as_deref());
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl Request for OffsetCommitRequest {
    const KEY: ApiKey = ApiKey::OffsetCommit;
    type Response = super::offset_commit_response::OffsetCommitResponse;
}
