//! Generated from `schemas/09_offset_fetch.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub struct OffsetFetchRequest {
    pub group_id: String,
    pub topics: Option<Vec<OffsetFetchRequestTopic>>,
    pub groups: Vec<OffsetFetchRequestGroup>,
    pub require_stable: bool,
}

impl Default for OffsetFetchRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            topics: Some(Vec::new()),
            groups: Vec::new(),
            require_stable: false,
        }
    }
}

impl Message for OffsetFetchRequest {
    const VERSIONS: VersionRange = VersionRange { min: 1, max: 10 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 6;
        let mut message = Self::default();
        if version <= 7 {
            message.group_id = reader.flex_string(flexible)?;
            message.topics = if (2..=7).contains(&version) {
                reader.nullable_array(flexible, 3, |reader| {
                    OffsetFetchRequestTopic::decode(reader, version)
                })?
            } else {
                Some(reader.array(flexible, 3, |reader| {
                    OffsetFetchRequestTopic::decode(reader, version)
                })?)
            };
        }
        if version >= 8 {
            message.groups = reader.array(flexible, 3, |reader| {
                OffsetFetchRequestGroup::decode(reader, version)
            })?;
        }
        if version >= 7 {
            message.require_stable = reader.bool()?;
        }
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 6;
        if version <= 7 {
            writer.flex_string(flexible, &self.group_id);
            if (2..=7).contains(&version) {
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
        }
        if version >= 8 {
            writer.array(flexible, &self.groups, |writer, value| {
                value.encode(writer, version)
            });
        }
        if version >= 7 {
            writer.bool(self.require_stable);
        }
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetFetchRequestTopic {
    pub name: String,
    pub partition_indexes: Vec<i32>,
}

impl OffsetFetchRequestTopic {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        message.name = reader.flex_string(flexible)?;
        message.partition_indexes = reader.array(flexible, 4, Reader::i32)?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        writer.flex_string(flexible, &self.name);
        writer.array(flexible, &self.partition_indexes, |writer, value| {
            writer.i32(*value)
        });
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct OffsetFetchRequestGroup {
    pub group_id: String,
    pub member_id: Option<String>,
    pub member_epoch: i32,
    pub topics: Option<Vec<OffsetFetchRequestTopics>>,
}

impl Default for OffsetFetchRequestGroup {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            member_id: None,
            member_epoch: -1,
            topics: Some(Vec::new()),
        }
    }
}

impl OffsetFetchRequestGroup {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.group_id = reader.compact_string()?;
        if version >= 9 {
            message.member_id = reader.compact_nullable_string()?;
            message.member_epoch = reader.i32()?;
        }
        message.topics = reader.nullable_array(true, 3, |reader| {
            OffsetFetchRequestTopics::decode(reader, version)
        })?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.compact_string(&self.group_id);
        if version >= 9 {
            writer.compact_nullable_string(self.member_id.as_deref());
            writer.i32(self.member_epoch);
        }
        writer.nullable_array(true, self.topics.as_deref(), |writer, value| {
            value.encode(writer, version)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetFetchRequestTopics {
    pub name: String,
    pub topic_id: Uuid,
    pub partition_indexes: Vec<i32>,
}

impl OffsetFetchRequestTopics {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        if version <= 9 {
            message.name = reader.compact_string()?;
        }
        if version >= 10 {
            message.topic_id = reader.uuid()?;
        }
        message.partition_indexes = reader.array(true, 4, Reader::i32)?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        if version <= 9 {
            writer.compact_string(&self.name);
        }
        if version >= 10 {
            writer.uuid(self.topic_id);
        }
        writer.array(true, &self.partition_indexes, |writer, value| {
            writer.i32(*value)
        });
        writer.empty_tagged_fields();
    }
}

impl Request for OffsetFetchRequest {
    const KEY: ApiKey = ApiKey::OffsetFetch;
    type Response = super::offset_fetch_response::OffsetFetchResponse;
}
