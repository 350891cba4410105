//! Generated from `schemas/03_metadata.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub struct MetadataRequest {
    pub topics: Option<Vec<MetadataRequestTopic>>,
    pub allow_auto_topic_creation: bool,
    pub include_cluster_authorized_operations: bool,
    pub include_topic_authorized_operations: bool,
}

impl Default for MetadataRequest {
    fn default() -> Self {
        Self {
            topics: Some(Vec::new()),
            allow_auto_topic_creation: true,
            include_cluster_authorized_operations: false,
            include_topic_authorized_operations: false,
        }
    }
}

impl Message for MetadataRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 13 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 9;
        let mut message = Self::default();
        message.topics = if version >= 1 {
            reader.nullable_array(flexible, 2, |reader| {
                MetadataRequestTopic::decode(reader, version)
            })?
        } else {
            Some(reader.array(flexible, 2, |reader| {
                MetadataRequestTopic::decode(reader, version)
            })?)
        };
        if version >= 4 {
            message.allow_auto_topic_creation = reader.bool()?;
        }
        if (8..=10).contains(&version) {
            message.include_cluster_authorized_operations = reader.bool()?;
        }
        if version >= 8 {
            message.include_topic_authorized_operations = reader.bool()?;
        }
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 9;
        if version >= 1 {
            writer.nullable_array(flexible, self.topics.as_deref(), |writer, value| {
                value.encode(writer, version)
            });
        } else {
            writer.array(
                flexible,
                self.topics.as_deref().unwrap_or_default(),
                |writer, value| value.encode(writer, version),
            );
        }
        if version >= 4 {
            writer.bool(self.allow_auto_topic_creation);
        }
        if (8..=10).contains(&version) {
            writer.bool(self.include_cluster_authorized_operations);
        }
        if version >= 8 {
            writer.bool(self.include_topic_authorized_operations);
        }
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct MetadataRequestTopic {
    pub topic_id: Uuid,
    pub name: Option<String>,
}

impl Default for MetadataRequestTopic {
    fn default() -> Self {
        Self {
            topic_id: Uuid::ZERO,
            name: Some(String::new()),
        }
    }
}

impl MetadataRequestTopic {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 9;
        let mut message = Self::default();
        if version >= 10 {
            message.topic_id = reader.uuid()?;
        }
        message.name = if version >= 10 {
            reader.flex_nullable_string(flexible)?
        } else {
            Some(reader.flex_string(flexible)?)
        };
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 9;
        if version >= 10 {
            writer.uuid(self.topic_id);
        }
        if version >= 10 {
            writer.flex_nullable_string(flexible, self.name.as_deref());
        } else {
            writer.flex_string(flexible, self.name.as_deref().unwrap_or_default());
        }
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl Request for MetadataRequest {
    const KEY: ApiKey = ApiKey::Metadata;
    type Response = super::metadata_response::MetadataResponse;
}
