//! Generated from `schemas/coordinator/group_23_streams_group_topology.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamsGroupTopologyValue {
    pub epoch: i32,
    pub subtopologies: Vec<Subtopology>,
}

impl Message for StreamsGroupTopologyValue {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.epoch = reader.i32()?;
        message.subtopologies =
            reader.array(true, 8, |reader| Subtopology::decode(reader, version))?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.epoch);
        writer.array(true, &self.subtopologies, |writer, value| {
            value.encode(writer, version)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Subtopology {
    pub subtopology_id: String,
    pub source_topics: Vec<String>,
    pub source_topic_regex: Vec<String>,
    pub state_changelog_topics: Vec<TopicInfo>,
    pub repartition_sink_topics: Vec<String>,
    pub repartition_source_topics: Vec<TopicInfo>,
    pub copartition_groups: Vec<CopartitionGroup>,
}

impl Subtopology {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.subtopology_id = reader.compact_string()?;
        message.source_topics = reader.array(true, 1, Reader::compact_string)?;
        message.source_topic_regex = reader.array(true, 1, Reader::compact_string)?;
        message.state_changelog_topics =
            reader.array(true, 9, |reader| TopicInfo::decode(reader, version))?;
        message.repartition_sink_topics = reader.array(true, 1, Reader::compact_string)?;
        message.repartition_source_topics =
            reader.array(true, 9, |reader| TopicInfo::decode(reader, version))?;
        message.copartition_groups =
            reader.array(true, 4, |reader| CopartitionGroup::decode(reader, version))?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.compact_string(&self.subtopology_id);
        writer.array(true, &self.source_topics, |writer, value| {
            writer.compact_string(value)
        });
        writer.array(true, &self.source_topic_regex, |writer, value| {
            writer.compact_string(value)
        });
        writer.array(true, &self.state_changelog_topics, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.repartition_sink_topics, |writer, value| {
            writer.compact_string(value)
        });
        writer.array(true, &self.repartition_source_topics, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.copartition_groups, |writer, value| {
            value.encode(writer, version)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicInfo {
    pub name: String,
    pub partitions: i32,
    pub replication_factor: i16,
    pub topic_configs: Vec<TopicConfig>,
}

impl TopicInfo {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.name = reader.compact_string()?;
        message.partitions = reader.i32()?;
        message.replication_factor = reader.i16()?;
        message.topic_configs =
            reader.array(true, 3, |reader| TopicConfig::decode(reader, version))?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.compact_string(&self.name);
        writer.i32(self.partitions);
        writer.i16(self.replication_factor);
        writer.array(true, &self.topic_configs, |writer, value| {
            value.encode(writer, version)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct CopartitionGroup {
    pub source_topics: Vec<i16>,
    pub source_topic_regex: Vec<i16>,
    pub repartition_source_topics: Vec<i16>,
}

impl CopartitionGroup {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.source_topics = reader.array(true, 2, Reader::i16)?;
        message.source_topic_regex = reader.array(true, 2, Reader::i16)?;
        message.repartition_source_topics = reader.array(true, 2, Reader::i16)?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.array(true, &self.source_topics, |writer, value| {
            writer.i16(*value)
        });
        writer.array(true, &self.source_topic_regex, |writer, value| {
            writer.i16(*value)
        });
        writer.array(true, &self.repartition_source_topics, |writer, value| {
            writer.i16(*value)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicConfig {
    pub key: String,
    pub value: String,
}

impl TopicConfig {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.key = reader.compact_string()?;
        message.value = reader.compact_string()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.compact_string(&self.key);
        writer.compact_string(&self.value);
        writer.empty_tagged_fields();
    }
}

impl StreamsGroupTopologyValue {
    /// The number of the record type.
    pub const TYPE: i16 = 23;
}
