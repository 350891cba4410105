//! Generated from `schemas/01_fetch.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub struct FetchRequest {
    pub cluster_id: Option<String>,
    pub replica_id: i32,
    pub replica_state: ReplicaState,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    pub isolation_level: i8,
    pub session_id: i32,
    pub session_epoch: i32,
    pub topics: Vec<FetchTopic>,
    pub forgotten_topics_data: Vec<ForgottenTopic>,
    pub rack_id: String,
}

impl Default for FetchRequest {
    fn default() -> Self {
        Self {
            cluster_id: None,
            replica_id: -1,
            replica_state: ReplicaState::default(),
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes: i32::MAX,
            isolation_level: 0,
            session_id: 0,
            session_epoch: -1,
            topics: Vec::new(),
            forgotten_topics_data: Vec::new(),
            rack_id: String::new(),
        }
    }
}

impl Message for FetchRequest {
    const VERSIONS: VersionRange = VersionRange { min: 4, max: 18 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 12;
        let mut message = Self::default();
        if version <= 14 {
            message.replica_id = reader.i32()?;
        }
        message.max_wait_ms = reader.i32()?;
        message.min_bytes = reader.i32()?;
        message.max_bytes = reader.i32()?;
        message.isolation_level = reader.i8()?;
        if version >= 7 {
            message.session_id = reader.i32()?;
            message.session_epoch = reader.i32()?;
        }
        message.topics = reader.array(flexible, 3, |reader| FetchTopic::decode(reader, version))?;
        if version >= 7 {
            message.forgotten_topics_data = reader.array(flexible, 3, |reader| {
                ForgottenTopic::decode(reader, version)
            })?;
        }
        if version >= 11 {
            message.rack_id = reader.flex_string(flexible)?;
        }
        if flexible {
            reader.tagged_fields(|reader, tag| {
                match tag {
                    0 => message.cluster_id = reader.compact_nullable_string()?,
                    1 if version >= 15 => {
                        message.replica_state = ReplicaState::decode(reader, version)?
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
        let flexible = version >= 12;
        if version <= 14 {
            writer.i32(self.replica_id);
        }
        writer.i32(self.max_wait_ms);
        writer.i32(self.min_bytes);
        writer.i32(self.max_bytes);
        writer.i8(self.isolation_level);
        if version >= 7 {
            writer.i32(self.session_id);
            writer.i32(self.session_epoch);
        }
        writer.array(flexible, &self.topics, |writer, value| {
            value.encode(writer, version)
        });
        if version >= 7 {
            writer.array(flexible, &self.forgotten_topics_data, |writer, value| {
                value.encode(writer, version)
            });
        }
        if version >= 11 {
            writer.flex_string(flexible, &self.rack_id);
        }
        if flexible {
            let mut tags = writer.tagged_fields();
            if self.cluster_id.is_some() {
                tags.field(0, |writer| {
                    writer.compact_nullable_string(self.cluster_id.as_deref())
                });
            }
            if version >= 15 && self.replica_state != ReplicaState::default() {
                tags.field(1, |writer| self.replica_state.encode(writer, version));
            }
            tags.finish();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaState {
    pub replica_id: i32,
    pub replica_epoch: i64,
}

impl Default for ReplicaState {
    fn default() -> Self {
        Self {
            replica_id: -1,
            replica_epoch: -1,
        }
    }
}

impl ReplicaState {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.replica_id = reader.i32()?;
        message.replica_epoch = reader.i64()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.replica_id);
        writer.i64(self.replica_epoch);
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct FetchTopic {
    pub topic: String,
    pub topic_id: Uuid,
    pub partitions: Vec<FetchPartition>,
}

impl FetchTopic {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let mut message = Self::default();
        if version <= 12 {
            message.topic = reader.flex_string(flexible)?;
        }
        if version >= 13 {
            message.topic_id = reader.uuid()?;
        }
        message.partitions = reader.array(flexible, 16, |reader| {
            FetchPartition::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        if version <= 12 {
            writer.flex_string(flexible, &self.topic);
        }
        if version >= 13 {
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
pub struct FetchPartition {
    pub partition: i32,
    pub current_leader_epoch: i32,
    pub fetch_offset: i64,
    pub last_fetched_epoch: i32,
    pub log_start_offset: i64,
    pub partition_max_bytes: i32,
    pub replica_directory_id: Uuid,
    pub high_watermark: i64,
}

impl Default for FetchPartition {
    fn default() -> Self {
        Self {
            partition: 0,
            current_leader_epoch: -1,
            fetch_offset: 0,
            last_fetched_epoch: -1,
            log_start_offset: -1,
            partition_max_bytes: 0,
            replica_directory_id: Uuid::ZERO,
            high_watermark: i64::MAX,
        }
    }
}

impl FetchPartition {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let mut message = Self::default();
        message.partition = reader.i32()?;
        if version >= 9 {
            message.current_leader_epoch = reader.i32()?;
        }
        message.fetch_offset = reader.i64()?;
        if version >= 12 {
            message.last_fetched_epoch = reader.i32()?;
        }
        if version >= 5 {
            message.log_start_offset = reader.i64()?;
        }
        message.partition_max_bytes = reader.i32()?;
        if flexible {
            reader.tagged_fields(|reader, tag| {
                match tag {
                    0 if version >= 17 => message.replica_directory_id = reader.uuid()?,
                    1 if version >= 18 => message.high_watermark = reader.i64()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        writer.i32(self.partition);
        if version >= 9 {
            writer.i32(self.current_leader_epoch);
        }
        writer.i64(self.fetch_offset);
        if version >= 12 {
            writer.i32(self.last_fetched_epoch);
        }
        if version >= 5 {
            writer.i64(self.log_start_offset);
        }
        writer.i32(self.partition_max_bytes);
        if flexible {
            let mut tags = writer.tagged_fields();
            if version >= 17 && self.replica_directory_id != Uuid::ZERO {
                tags.field(0, |writer| writer.uuid(self.replica_directory_id));
            }
            if version >= 18 && self.high_watermark != i64::MAX {
                tags.field(1, |writer| writer.i64(self.high_watermark));
            }
            tags.finish();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForgottenTopic {
    pub topic: String,
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl ForgottenTopic {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let mut message = Self::default();
        if version <= 12 {
            message.topic = reader.flex_string(flexible)?;
        }
        if version >= 13 {
            message.topic_id = reader.uuid()?;
        }
        message.partitions = reader.array(flexible, 4, Reader::i32)?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        if version <= 12 {
            writer.flex_string(flexible, &self.topic);
        }
        if version >= 13 {
            writer.uuid(self.topic_id);
        }
        writer.array(flexible, &self.partitions, |writer, value| {
            writer.i32(*value)
        });
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl Request for FetchRequest {
    const KEY: ApiKey = ApiKey::Fetch;
    type Response = super::fetch_response::FetchResponse;
}
