//! Generated from `schemas/19_create_topics.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreateTopicsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<CreatableTopicResult>,
}

impl Message for CreateTopicsResponse {
    const VERSIONS: VersionRange = VersionRange { min: 2, max: 7 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 5;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.topics = reader.array(flexible, 6, |reader| {
            CreatableTopicResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 5;
        writer.i32(self.throttle_time_ms);
        writer.array(flexible, &self.topics, |writer, value| {
            value.encode(writer, version)
        });
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreatableTopicResult {
    pub name: String,
    pub topic_id: Uuid,
    pub error_code: i16,
    pub error_message: Option<String>,
    pub topic_config_error_code: i16,
    pub num_partitions: i32,
    pub replication_factor: i16,
    pub configs: Option<Vec<CreatableTopicConfigs>>,
}

impl Default for CreatableTopicResult {
    fn default() -> Self {
        Self {
            name: String::new(),
            topic_id: Uuid::ZERO,
            error_code: 0,
            error_message: Some(String::new()),
            topic_config_error_code: 0,
            num_partitions: -1,
            replication_factor: -1,
            configs: Some(Vec::new()),
        }
    }
}

impl CreatableTopicResult {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut message = Self::default();
        message.name = reader.flex_string(flexible)?;
        if version >= 7 {
            message.topic_id = reader.uuid()?;
        }
        message.error_code = reader.i16()?;
        message.error_message = reader.flex_nullable_string(flexible)?;
        if version >= 5 {
            message.num_partitions = reader.i32()?;
            message.replication_factor = reader.i16()?;
            message.configs = reader.nullable_array(flexible, 6, |reader| {
                CreatableTopicConfigs::decode(reader, version)
            })?;
        }
        if flexible {
            reader.tagged_fields(|reader, tag| {
                match tag {
                    0 => message.topic_config_error_code = reader.i16()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 5;
        writer.flex_string(flexible, &self.name);
        if version >= 7 {
            writer.uuid(self.topic_id);
        }
        writer.i16(self.error_code);
        writer.flex_nullable_string(flexible, self.error_message.as_deref());
        if version >= 5 {
            writer.i32(self.num_partitions);
            writer.i16(self.replication_factor);
            writer.nullable_array(flexible, self.configs.as_deref(), |writer, value| {
                value.encode(writer, version)
            });
        }
        if flexible {
            let mut tags = writer.tagged_fields();
            if self.topic_config_error_code != 0 {
                tags.field(0, |writer| writer.i16(self.topic_config_error_code));
            }
            tags.finish();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreatableTopicConfigs {
    pub name: String,
    pub value: Option<String>,
    pub read_only: bool,
    pub config_source: i8,
    pub is_sensitive: bool,
}

impl Default for CreatableTopicConfigs {
    fn default() -> Self {
        Self {
            name: String::new(),
            value: Some(String::new()),
            read_only: false,
            config_source: -1,
            is_sensitive: false,
        }
    }
}

impl CreatableTopicConfigs {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.name = reader.compact_string()?;
        message.value = reader.compact_nullable_string()?;
        message.read_only = reader.bool()?;
        message.config_source = reader.i8()?;
        message.is_sensitive = reader.bool()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.compact_string(&self.name);
        writer.compact_nullable_string(self.value.as_deref());
        writer.bool(self.read_only);
        writer.i8(self.config_source);
        writer.bool(self.is_sensitive);
        writer.empty_tagged_fields();
    }
}
