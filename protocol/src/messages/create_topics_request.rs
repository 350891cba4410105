//! Generated from `schemas/19_create_topics.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct CreateTopicsRequest {
    pub topics: Vec<CreatableTopic>,
    pub timeout_ms: i32,
    pub validate_only: bool,
}

impl Default for CreateTopicsRequest {
    fn default() -> Self {
        Self {
            topics: Vec::new(),
            timeout_ms: 60_000,
            validate_only: false,
        }
    }
}

impl Message for CreateTopicsRequest {
    const VERSIONS: VersionRange = VersionRange { min: 2, max: 7 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 5;
        let mut message = Self::default();
        message.topics = reader.array(flexible, 10, |reader| {
            CreatableTopic::decode(reader, version)
        })?;
        message.timeout_ms = reader.i32()?;
        message.validate_only = reader.bool()?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 5;
        writer.array(flexible, &self.topics, |writer, value| {
            value.encode(writer, version)
        });
        writer.i32(self.timeout_ms);
        writer.bool(self.validate_only);
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreatableTopic {
    pub name: String,
    pub num_partitions: i32,
    pub replication_factor: i16,
    pub assignments: Vec<CreatableReplicaAssignment>,
    pub configs: Vec<CreatableTopicConfig>,
}

impl CreatableTopic {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut message = Self::default();
        message.name = reader.flex_string(flexible)?;
        message.num_partitions = reader.i32()?;
        message.replication_factor = reader.i16()?;
        message.assignments = reader.array(flexible, 6, |reader| {
            CreatableReplicaAssignment::decode(reader, version)
        })?;
        message.configs = reader.array(flexible, 3, |reader| {
            CreatableTopicConfig::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 5;
        writer.flex_string(flexible, &self.name);
        writer.i32(self.num_partitions);
        writer.i16(self.replication_factor);
        writer.array(flexible, &self.assignments, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(flexible, &self.configs, |writer, value| {
            value.encode(writer, version)
        });
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreatableReplicaAssignment {
    pub partition_index: i32,
    pub broker_ids: Vec<i32>,
}

impl CreatableReplicaAssignment {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.broker_ids = reader.array(flexible, 4, Reader::i32)?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 5;
        writer.i32(self.partition_index);
        writer.array(flexible, &self.broker_ids, |writer, value| {
            writer.i32(*value)
        });
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreatableTopicConfig {
    pub name: String,
    pub value: Option<String>,
}

impl Default for CreatableTopicConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            value: Some(String::new()),
        }
    }
}

impl CreatableTopicConfig {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 5;
        let mut message = Self::default();
        message.name = reader.flex_string(flexible)?;
        message.value = reader.flex_nullable_string(flexible)?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 5;
        writer.flex_string(flexible, &self.name);
        writer.flex_nullable_string(flexible, self.value.as_deref());
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl Request for CreateTopicsRequest {
    const KEY: ApiKey = ApiKey::CreateTopics;
    type Response = super::create_topics_response::CreateTopicsResponse;
}
