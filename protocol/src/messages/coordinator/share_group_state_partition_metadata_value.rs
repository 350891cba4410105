//! Generated from `schemas/coordinator/group_15_share_group_state_partition_metadata.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupStatePartitionMetadataValue {
    pub initializing_topics: Vec<TopicPartitionsInfo>,
    pub initialized_topics: Vec<TopicPartitionsInfo>,
    pub deleting_topics: Vec<TopicInfo>,
}

impl Message for ShareGroupStatePartitionMetadataValue {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.initializing_topics = reader.array(true, 19, |reader| {
            TopicPartitionsInfo::decode(reader, version)
        })?;
        message.initialized_topics = reader.array(true, 19, |reader| {
            TopicPartitionsInfo::decode(reader, version)
        })?;
        message.deleting_topics =
            reader.array(true, 18, |reader| TopicInfo::decode(reader, version))?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.array(true, &self.initializing_topics, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.initialized_topics, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.deleting_topics, |writer, value| {
            value.encode(writer, version)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicPartitionsInfo {
    pub topic_id: Uuid,
    pub topic_name: String,
    pub partitions: Vec<i32>,
}

impl TopicPartitionsInfo {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.topic_id = reader.uuid()?;
        message.topic_name = reader.compact_string()?;
        message.partitions = reader.array(true, 4, Reader::i32)?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.uuid(self.topic_id);
        writer.compact_string(&self.topic_name);
        writer.array(true, &self.partitions, |writer, value| writer.i32(*value));
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicInfo {
    pub topic_id: Uuid,
    pub topic_name: String,
}

impl TopicInfo {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.topic_id = reader.uuid()?;
        message.topic_name = reader.compact_string()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.uuid(self.topic_id);
        writer.compact_string(&self.topic_name);
        writer.empty_tagged_fields();
    }
}

impl ShareGroupStatePartitionMetadataValue {
    /// The number of the record type.
    pub const TYPE: i16 = 15;
}
