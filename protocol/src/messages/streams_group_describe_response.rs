//! Generated from `schemas/89_streams_group_describe.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamsGroupDescribeResponse {
    pub throttle_time_ms: i32,
    pub groups: Vec<DescribedGroup>,
}

impl Message for StreamsGroupDescribeResponse {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.groups =
            reader.array(true, 20, |reader| DescribedGroup::decode(reader, version))?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.throttle_time_ms);
        writer.array(true, &self.groups, |writer, value| {
            value.encode(writer, version)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DescribedGroup {
    pub error_code: i16,
    pub error_message: Option<String>,
    pub group_id: String,
    pub group_state: String,
    pub group_epoch: i32,
    pub assignment_epoch: i32,
    pub topology: Option<Topology>,
    pub members: Vec<Member>,
    pub authorized_operations: i32,
}

impl Default for DescribedGroup {
    fn default() -> Self {
        Self {
            error_code: 0,
            error_message: None,
            group_id: String::new(),
            group_state: String::new(),
            group_epoch: 0,
            assignment_epoch: 0,
            topology: None,
            members: Vec::new(),
            authorized_operations: i32::MIN,
        }
    }
}

impl DescribedGroup {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.error_code = reader.i16()?;
        message.error_message = reader.compact_nullable_string()?;
        message.group_id = reader.compact_string()?;
        message.group_state = reader.compact_string()?;
        message.group_epoch = reader.i32()?;
        message.assignment_epoch = reader.i32()?;
        message.topology = reader.nullable_struct(|reader| Topology::decode(reader, version))?;
        message.members = reader.array(true, 28, |reader| Member::decode(reader, version))?;
        message.authorized_operations = reader.i32()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i16(self.error_code);
        writer.compact_nullable_string(self.error_message.as_deref());
        writer.compact_string(&self.group_id);
        writer.compact_string(&self.group_state);
        writer.i32(self.group_epoch);
        writer.i32(self.assignment_epoch);
        writer.nullable_struct(self.topology.as_ref(), |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.members, |writer, value| {
            value.encode(writer, version)
        });
        writer.i32(self.authorized_operations);
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Topology {
    pub epoch: i32,
    pub subtopologies: Option<Vec<Subtopology>>,
}

impl Topology {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.epoch = reader.i32()?;
        message.subtopologies =
            reader.nullable_array(true, 6, |reader| Subtopology::decode(reader, version))?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.epoch);
        writer.nullable_array(true, self.subtopologies.as_deref(), |writer, value| {
            value.encode(writer, version)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Subtopology {
    pub subtopology_id: String,
    pub source_topics: Vec<String>,
    pub repartition_sink_topics: Vec<String>,
    pub state_changelog_topics: Vec<TopicInfo>,
    pub repartition_source_topics: Vec<TopicInfo>,
}

impl Subtopology {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.subtopology_id = reader.compact_string()?;
        message.source_topics = reader.array(true, 1, Reader::compact_string)?;
        message.repartition_sink_topics = reader.array(true, 1, Reader::compact_string)?;
        message.state_changelog_topics =
            reader.array(true, 9, |reader| TopicInfo::decode(reader, version))?;
        message.repartition_source_topics =
            reader.array(true, 9, |reader| TopicInfo::decode(reader, version))?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.compact_string(&self.subtopology_id);
        writer.array(true, &self.source_topics, |writer, value| {
            writer.compact_string(value)
        });
        writer.array(true, &self.repartition_sink_topics, |writer, value| {
            writer.compact_string(value)
        });
        writer.array(true, &self.state_changelog_topics, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.repartition_source_topics, |writer, value| {
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
pub struct Member {
    pub member_id: String,
    pub member_epoch: i32,
    pub instance_id: Option<String>,
    pub rack_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub topology_epoch: i32,
    pub process_id: String,
    pub user_endpoint: Option<Endpoint>,
    pub client_tags: Vec<KeyValue>,
    pub task_offsets: Vec<TaskOffset>,
    pub task_end_offsets: Vec<TaskOffset>,
    pub assignment: Assignment,
    pub target_assignment: Assignment,
    pub is_classic: bool,
}

impl Member {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.member_id = reader.compact_string()?;
        message.member_epoch = reader.i32()?;
        message.instance_id = reader.compact_nullable_string()?;
        message.rack_id = reader.compact_nullable_string()?;
        message.client_id = reader.compact_string()?;
        message.client_host = reader.compact_string()?;
        message.topology_epoch = reader.i32()?;
        message.process_id = reader.compact_string()?;
        message.user_endpoint =
            reader.nullable_struct(|reader| Endpoint::decode(reader, version))?;
        message.client_tags = reader.array(true, 3, |reader| KeyValue::decode(reader, version))?;
        message.task_offsets =
            reader.array(true, 14, |reader| TaskOffset::decode(reader, version))?;
        message.task_end_offsets =
            reader.array(true, 14, |reader| TaskOffset::decode(reader, version))?;
        message.assignment = Assignment::decode(reader, version)?;
        message.target_assignment = Assignment::decode(reader, version)?;
        message.is_classic = reader.bool()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.compact_string(&self.member_id);
        writer.i32(self.member_epoch);
        writer.compact_nullable_string(self.instance_id.as_deref());
        writer.compact_nullable_string(self.rack_id.as_deref());
        writer.compact_string(&self.client_id);
        writer.compact_string(&self.client_host);
        writer.i32(self.topology_epoch);
        writer.compact_string(&self.process_id);
        writer.nullable_struct(self.user_endpoint.as_ref(), |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.client_tags, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.task_offsets, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.task_end_offsets, |writer, value| {
            value.encode(writer, version)
        });
        self.assignment.encode(writer, version);
        self.target_assignment.encode(writer, version);
        writer.bool(self.is_classic);
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

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Assignment {
    pub active_tasks: Vec<TaskIds>,
    pub standby_tasks: Vec<TaskIds>,
    pub warmup_tasks: Vec<TaskIds>,
}

impl Assignment {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.active_tasks = reader.array(true, 3, |reader| TaskIds::decode(reader, version))?;
        message.standby_tasks = reader.array(true, 3, |reader| TaskIds::decode(reader, version))?;
        message.warmup_tasks = reader.array(true, 3, |reader| TaskIds::decode(reader, version))?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.array(true, &self.active_tasks, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.standby_tasks, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.warmup_tasks, |writer, value| {
            value.encode(writer, version)
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
