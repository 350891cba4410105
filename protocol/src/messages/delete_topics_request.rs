//! Generated from `schemas/20_delete_topics.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteTopicsRequest {
    pub topics: Vec<DeleteTopicState>,
    pub topic_names: Vec<String>,
    pub timeout_ms: i32,
}

impl Message for DeleteTopicsRequest {
    const VERSIONS: VersionRange = VersionRange { min: 1, max: 6 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 4;
        let mut message = Self::default();
        if version >= 6 {
            message.topics = reader.array(flexible, 18, |reader| {
                DeleteTopicState::decode(reader, version)
            })?;
        }
        if version <= 5 {
            message.topic_names =
                reader.array(flexible, 1, |reader| reader.flex_string(flexible))?;
        }
        message.timeout_ms = reader.i32()?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 4;
        if version >= 6 {
            writer.array(flexible, &self.topics, |writer, value| {
                value.encode(writer, version)
            });
        }
        if version <= 5 {
            writer.array(flexible, &self.topic_names, |writer, value| {
                writer.flex_string(flexible, value)
            });
        }
        writer.i32(self.timeout_ms);
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeleteTopicState {
    pub name: Option<String>,
    pub topic_id: Uuid,
}

impl DeleteTopicState {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.name = reader.compact_nullable_string()?;
        message.topic_id = reader.uuid()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.compact_nullable_string(self.name.as_deref());
        writer.uuid(self.topic_id);
        writer.empty_tagged_fields();
    }
}

impl Request for DeleteTopicsRequest {
    const KEY: ApiKey = ApiKey::DeleteTopics;
    type Response = super::delete_topics_response::DeleteTopicsResponse;
}
