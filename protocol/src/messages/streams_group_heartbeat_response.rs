//! Generated from `schemas/88_streams_group_heartbeat.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct StreamsGroupHeartbeatResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<String>,
    pub member_id: String,
    pub member_epoch: i32,
    pub heartbeat_interval_ms: i32,
    pub acceptable_recovery_lag: i32,
    pub task_offset_interval_ms: i32,
    pub status: Option<Vec<Status>>,
    pub active_tasks: Option<Vec<TaskIds>>,
    pub standby_tasks: Option<Vec<TaskIds>>,
    pub warmup_tasks: Option<Vec<TaskIds>>,
    pub endpoint_information_epoch: i32,
    pub partitions_by_user_endpoint: Option<Vec<EndpointToPartitions>>,
}

impl Default for StreamsGroupHeartbeatResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            error_message: None,
            member_id: String::new(),
            member_epoch: 0,
            heartbeat_interval_ms: 0,
            acceptable_recovery_lag: 0,
            task_offset_interval_ms: 0,
            status: Some(Vec::new()),
            active_tasks: None,
            standby_tasks: None,
            warmup_tasks: None,
            endpoint_information_epoch: 0,
            partitions_by_user_endpoint: None,
        }
    }
}

impl Message for StreamsGroupHeartbeatResponse {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.i16()?;
        message.error_message = reader.compact_nullable_string()?;
        message.member_id = reader.compact_string()?;
        message.member_epoch = reader.i32()?;
        message.heartbeat_interval_ms = reader.i32()?;
        message.acceptable_recovery_lag = reader.i32()?;
        message.task_offset_interval_ms = reader.i32()?;
        message.status =
            reader.nullable_array(true, 3, |reader| Status::decode(reader, version))?;
        message.active_tasks =
            reader.nullable_array(true, 3, |reader| TaskIds::decode(reader, version))?;
        message.standby_tasks =
            reader.nullable_array(true, 3, |reader| TaskIds::decode(reader, version))?;
        message.warmup_tasks =
            reader.nullable_array(true, 3, |reader| TaskIds::decode(reader, version))?;
        message.endpoint_information_epoch = reader.i32()?;
        message.partitions_by_user_endpoint = reader.nullable_array(true, 7, |reader| {
            EndpointToPartitions::decode(reader, version)
        })?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.throttle_time_ms);
        writer.i16(self.error_code);
        writer.compact_nullable_string(self.error_message.as_deref());
        writer.compact_string(&self.member_id);
        writer.i32(self.member_epoch);
        writer.i32(self.heartbeat_interval_ms);
        writer.i32(self.acceptable_recovery_lag);
        writer.i32(self.task_offset_interval_ms);
        writer.nullable_array(true, self.status.as_deref(), |writer, value| {
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
        writer.i32(self.endpoint_information_epoch);
        writer.nullable_array(
            true,
            self.partitions_by_user_endpoint.as_deref(),
            |writer, value| value.encode(writer, version),
        );
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Status {
    pub status_code: i8,
    pub status_detail: String,
}

impl Status {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.status_code = reader.i8()?;
        message.status_detail = reader.compact_string()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i8(self.status_code);
        writer.compact_string(&self.status_detail);
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
pub struct EndpointToPartitions {
    pub user_endpoint: Endpoint,
    pub active_partitions: Vec<TopicPartition>,
    pub standby_partitions: Vec<TopicPartition>,
}

impl EndpointToPartitions {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.user_endpoint = Endpoint::decode(reader, version)?;
        message.active_partitions =
            reader.array(true, 3, |reader| TopicPartition::decode(reader, version))?;
        message.standby_partitions =
            reader.array(true, 3, |reader| TopicPartition::decode(reader, version))?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        self.user_endpoint.encode(writer, version);
        writer.array(true, &self.active_partitions, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.standby_partitions, |writer, value| {
            value.encode(writer, version)
        });
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
pub struct TopicPartition {
    pub topic: String,
    pub partitions: Vec<i32>,
}

impl TopicPartition {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.topic = reader.compact_string()?;
        message.partitions = reader.array(true, 4, Reader::i32)?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.compact_string(&self.topic);
        writer.array(true, &self.partitions, |writer, value| writer.i32(*value));
        writer.empty_tagged_fields();
    }
}
