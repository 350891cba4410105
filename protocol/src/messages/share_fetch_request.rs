//! Generated from `schemas/78_share_fetch.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub struct ShareFetchRequest {
    pub group_id: Option<String>,
    pub member_id: Option<String>,
    pub share_session_epoch: i32,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    pub max_records: i32,
    pub batch_size: i32,
    pub share_acquire_mode: i8,
    pub is_renew_ack: bool,
    pub topics: Vec<FetchTopic>,
    pub forgotten_topics_data: Vec<ForgottenTopic>,
}

impl Default for ShareFetchRequest {
    fn default() -> Self {
        Self {
            group_id: None,
            member_id: Some(String::new()),
            share_session_epoch: 0,
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes: i32::MAX,
            max_records: 0,
            batch_size: 0,
            share_acquire_mode: 0,
            is_renew_ack: false,
            topics: Vec::new(),
            forgotten_topics_data: Vec::new(),
        }
    }
}

impl Message for ShareFetchRequest {
    const VERSIONS: VersionRange = VersionRange { min: 1, max: 2 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.group_id = reader.compact_nullable_string()?;
        message.member_id = reader.compact_nullable_string()?;
        message.share_session_epoch = reader.i32()?;
        message.max_wait_ms = reader.i32()?;
        message.min_bytes = reader.i32()?;
        message.max_bytes = reader.i32()?;
        message.max_records = reader.i32()?;
        message.batch_size = reader.i32()?;
        if version >= 2 {
            message.share_acquire_mode = reader.i8()?;
            message.is_renew_ack = reader.bool()?;
        }
        message.topics = reader.array(true, 18, |reader| FetchTopic::decode(reader, version))?;
        message.forgotten_topics_data =
            reader.array(true, 18, |reader| ForgottenTopic::decode(reader, version))?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.compact_nullable_string(self.group_id.as_deref());
        writer.compact_nullable_string(self.member_id.as_deref());
        writer.i32(self.share_session_epoch);
        writer.i32(self.max_wait_ms);
        writer.i32(self.min_bytes);
        writer.i32(self.max_bytes);
        writer.i32(self.max_records);
        writer.i32(self.batch_size);
        if version >= 2 {
            writer.i8(self.share_acquire_mode);
            writer.bool(self.is_renew_ack);
        }
        writer.array(true, &self.topics, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.forgotten_topics_data, |writer, value| {
            value.encode(writer, version)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct FetchTopic {
    pub topic_id: Uuid,
    pub partitions: Vec<FetchPartition>,
}

impl FetchTopic {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.topic_id = reader.uuid()?;
        message.partitions =
            reader.array(true, 6, |reader| FetchPartition::decode(reader, version))?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.uuid(self.topic_id);
        writer.array(true, &self.partitions, |writer, value| {
            value.encode(writer, version)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct FetchPartition {
    pub partition_index: i32,
    pub acknowledgement_batches: Vec<AcknowledgementBatch>,
}

impl FetchPartition {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.acknowledgement_batches = reader.array(true, 18, |reader| {
            AcknowledgementBatch::decode(reader, version)
        })?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.partition_index);
        writer.array(true, &self.acknowledgement_batches, |writer, value| {
            value.encode(writer, version)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AcknowledgementBatch {
    pub first_offset: i64,
    pub last_offset: i64,
    pub acknowledge_types: Vec<i8>,
}

impl AcknowledgementBatch {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.first_offset = reader.i64()?;
        message.last_offset = reader.i64()?;
        message.acknowledge_types = reader.array(true, 1, Reader::i8)?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i64(self.first_offset);
        writer.i64(self.last_offset);
        writer.array(true, &self.acknowledge_types, |writer, value| {
            writer.i8(*value)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForgottenTopic {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl ForgottenTopic {
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

impl Request for ShareFetchRequest {
    const KEY: ApiKey = ApiKey::ShareFetch;
    type Response = super::share_fetch_response::ShareFetchResponse;
}
