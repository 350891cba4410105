//! Generated from `schemas/88_streams_group_heartbeat.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct StreamsGroupHeartbeatRequest {
    pub group_id: String,
    pub member_id: String,
    pub member_epoch: i32,
    pub endpoint_information_epoch: i32,
    pub instance_id: Option<String>,
    pub rack_id: Option<String>,
    pub rebalance_timeout_ms: i32,
    pub topology: Option<Topology>,
    pub active_tasks: Option<Vec<TaskIds>>,
    pub standby_tasks: Option<Vec<TaskIds>>,
    pub warmup_tasks: Option<Vec<TaskIds>>,
    pub process_id: Option<String>,
    pub user_endpoint: Option<Endpoint>,
    pub client_tags: Option<Vec<KeyValue>>,
    pub task_offsets: Option<Vec<TaskOffset>>,
    pub task_end_offsets: Option<Vec<TaskOffset>>,
    pub shutdown_application: bool,
}

impl Default for StreamsGroupHeartbeatRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            member_id: String::new(),
            member_epoch: 0,
            endpoint_information_epoch: 0,
            instance_id: None,
            rack_id: None,
            rebalance_timeout_ms: -1,
            topology: None,
            active_tasks: None,
            standby_tasks: None,
            warmup_tasks: None,
            process_id: None,
            user_endpoint: None,
            client_tags: None,
            task_offsets: None,
            task_end_offsets: None,
            shutdown_application: false,
        }
    }
}

impl Message for StreamsGroupHeartbeatRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.group_id = reader.compact_string()?;
        message.member_id = reader.compact_string()?;
        message.member_epoch = reader.i32()?;
        message.endpoint_information_epoch = reader.i32()?;
        message.instance_id = reader.compact_nullable_string()?;
        message.rack_id = reader.compact_nullable_string()?;
        message.rebalance_timeout_ms = reader.i32()?;
        message.topology = reader.nullable_struct(|reader| Topology::decode(reader, version))?;
        message.active_tasks =
            reader.nullable_array(true, 3, |reader| TaskIds::decode(reader, version))?;
        message.standby_tasks =
            reader.nullable_array(true, 3, |reader| TaskIds::decode(reader, version))?;
        message.warmup_tasks =
            reader.nullable_array(true, 3, |reader| TaskIds::decode(reader, version))?;
        message.process_id = reader.compact_nullable_string()?;
        message.user_endpoint =
            reader.nullable_struct(|reader| Endpoint::decode(reader, version))?;
        message.client_tags =
            reader.nullable_array(true, 3, |reader| KeyValue::decode(reader, version))?;
        message.task_offsets =
            reader.nullable_array(true, 14, |reader| TaskOffset::decode(reader, version))?;
        message.task_end_offsets =
            reader.nullable_array(true, 14, |reader| TaskOffset::decode(reader, version))?;
        message.shutdown_application = reader.bool()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.compact_string(&self.group_id);
        writer.compact_string(&self.member_id);
        writer.i32(self.member_epoch);
        writer.i32(self.endpoint_information_epoch);
        writer.compact_nullable_string(self.instance_id.as_deref());
        writer.compact_nullable_string(self.rack_id.as_deref());
        writer.i32(self.rebalance_timeout_ms);
        writer.nullable_struct(self.topology.as_ref(), |writer, value| {
            value.encode(writer, version)
        });
        writer.nullable_array(true, self.active_tasks.as_deref(), |writer, value| {
            value.encode(writer, version)
        });
        writer.nullable_array(true, self.standby_tasks.as_deref(), |writer, value| {
            value.encode(writer, version)
        });
        writer.nullable_array(true, self.warmup_tasks.as_deref(), |writer, value| {
            value.encode(writer, version)
        });
        writer.compact_nullable_string(self.process_id.as_deref());
        writer.nullable_struct(self.user_endpoint.as_ref(), |writer, value| {
            value.encode(writer, version)
        });
        writer.nullable_array(true, self.client_tags.as_deref(), |writer, value| {
            value.encode(writer, version)
        });
        writer.nullable_array(true, self.task_offsets.as_deref(), |writer, value| {
            value.encode(writer, version)
        });
        writer.nullable_array(true, self.task_end_offsets.as_deref(), |writer, value| {
            value.encode(writer, version)
        });
        writer.bool(self.shutdown_application);
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Topology {
    pub epoch: i32,
    pub subtopologies: Vec<Subtopology>,
}

impl Topology {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.epoch = reader.i32()?;
        message.subtopologies =
            reader.array(true, 8, |reader| Subtopology::decode(reader, version))?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
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
    pub topic_configs: Vec<KeyValue>,
}

impl TopicInfo {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.name = reader.compact_string()?;
        message.partitions = reader.i32()?;
        message.replication_factor = reader.i16()?;
        message.topic_configs =
            reader.array(true, 3, |reader| KeyValue::decode(reader, version))?;
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
pub struct TaskIds {
    pub subtopology_id: String,
    pub partitions: Vec<i32>,
}

impl TaskIds {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.subtopology_id = reader.compact_string()?;
        message.partitions = reader.array(true, 4, Reader::i32)?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.compact_string(&self.subtopology_id);
        writer.array(true, &self.partitions, |writer, value| writer.i32(*value));
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Endpoint {
    pub host: String,
    pub port: u16,
}

impl Endpoint {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.host = reader.compact_string()?;
        message.port = reader.u16()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.compact_string(&self.host);
        writer.u16(self.port);
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct KeyValue {
    pub key: String,
    pub value: String,
}

impl KeyValue {
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

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskOffset {
    pub subtopology_id: String,
    pub partition: i32,
    pub offset: i64,
}

impl TaskOffset {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.subtopology_id = reader.compact_string()?;
        message.partition = reader.i32()?;
        message.offset = reader.i64()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.compact_string(&self.subtopology_id);
        writer.i32(self.partition);
        writer.i64(self.offset);
        writer.empty_tagged_fields();
    }
}

impl Request for StreamsGroupHeartbeatRequest {
    const KEY: ApiKey = ApiKey::StreamsGroupHeartbeat;
    type Response = super::streams_group_heartbeat_response::StreamsGroupHeartbeatResponse;
}
