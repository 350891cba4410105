//! Generated from `schemas/01_fetch.schema`; do not edit.

use bytes::Bytes;

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct FetchResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub session_id: i32,
    pub responses: Vec<FetchableTopicResponse>,
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Message for FetchResponse {
    const VERSIONS: VersionRange = VersionRange { min: 4, max: 18 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 12;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        if version >= 7 {
            message.error_code = reader.i16()?;
            message.session_id = reader.i32()?;
        }
        message.responses = reader.array(flexible, 3, |reader| {
            FetchableTopicResponse::decode(reader, version)
        })?;
        if flexible {
            reader.tagged_fields(|reader, tag| {
                match tag {
                    0 if version >= 16 => {
                        message.node_endpoints = reader
                            .array(true, 11, |reader| NodeEndpoint::decode(reader, version))?
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 12;
        writer.i32(self.throttle_time_ms);
        if version >= 7 {
            writer.i16(self.error_code);
            writer.i32(self.session_id);
        }
        writer.array(flexible, &self.responses, |writer, value| {
            value.encode(writer, version)
        });
        if flexible {
            let mut tags = writer.tagged_fields();
            if version >= 16 && !self.node_endpoints.is_empty() {
                tags.field(0, |writer| {
                    writer.array(true, &self.node_endpoints, |writer, value| {
                        value.encode(writer, version)
                    })
                });
            }
            tags.finish();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct FetchableTopicResponse {
    pub topic: String,
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData>,
}

impl FetchableTopicResponse {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let mut message = Self::default();
        if version <= 12 {
            message.topic = reader.flex_string(flexible)?;
        }
        if version >= 13 {
            message.topic_id = reader.uuid()?;
        }
        message.partitions = reader.array(flexible, 30, |reader| {
            PartitionData::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        if version <= 12 {
            writer.flex_string(flexible, &self.topic);
        }
        if version >= 13 {
            writer.uuid(self.topic_id);
        }
        writer.array(flexible, &self.partitions, |writer, value| {
            value.encode(writer, version)
        });
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct PartitionData {
    pub partition_index: i32,
    pub error_code: i16,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
    pub diverging_epoch: EpochEndOffset,
    pub current_leader: LeaderIdAndEpoch,
    pub snapshot_id: SnapshotId,
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    pub preferred_read_replica: i32,
    pub records: Option<Bytes>,
}

impl Default for PartitionData {
    fn default() -> Self {
        Self {
            partition_index: 0,
            error_code: 0,
            high_watermark: 0,
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: EpochEndOffset::default(),
            current_leader: LeaderIdAndEpoch::default(),
            snapshot_id: SnapshotId::default(),
            aborted_transactions: Some(Vec::new()),
            preferred_read_replica: -1,
            records: Some(Bytes::new()),
        }
    }
}

impl PartitionData {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.error_code = reader.i16()?;
        message.high_watermark = reader.i64()?;
        message.last_stable_offset = reader.i64()?;
        if version >= 5 {
            message.log_start_offset = reader.i64()?;
        }
        message.aborted_transactions = reader.nullable_array(flexible, 16, |reader| {
            AbortedTransaction::decode(reader, version)
        })?;
        if version >= 11 {
            message.preferred_read_replica = reader.i32()?;
        }
        message.records = reader.flex_nullable_bytes(flexible)?;
        if flexible {
            reader.tagged_fields(|reader, tag| {
                match tag {
                    0 => message.diverging_epoch = EpochEndOffset::decode(reader, version)?,
                    1 => message.current_leader = LeaderIdAndEpoch::decode(reader, version)?,
                    2 => message.snapshot_id = SnapshotId::decode(reader, version)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        writer.i32(self.partition_index);
        writer.i16(self.error_code);
        writer.i64(self.high_watermark);
        writer.i64(self.last_stable_offset);
        if version >= 5 {
            writer.i64(self.log_start_offset);
        }
        writer.nullable_array(
            flexible,
            self.aborted_transactions.as_deref(),
            |writer, value| value.encode(writer, version),
        );
        if version >= 11 {
            writer.i32(self.preferred_read_replica);
        }
        writer.flex_nullable_bytes(flexible, self.records.as_deref());
        if flexible {
            let mut tags = writer.tagged_fields();
            if self.diverging_epoch != EpochEndOffset::default() {
                tags.field(0, |writer| self.diverging_epoch.encode(writer, version));
            }
            if self.current_leader != LeaderIdAndEpoch::default() {
                tags.field(1, |writer| self.current_leader.encode(writer, version));
            }
            if self.snapshot_id != SnapshotId::default() {
                tags.field(2, |writer| self.snapshot_id.encode(writer, version));
            }
            tags.finish();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct EpochEndOffset {
    pub epoch: i32,
    pub end_offset: i64,
}

impl Default for EpochEndOffset {
    fn default() -> Self {
        Self {
            epoch: -1,
            end_offset: -1,
        }
    }
}

impl EpochEndOffset {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.epoch = reader.i32()?;
        message.end_offset = reader.i64()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.epoch);
        writer.i64(self.end_offset);
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct LeaderIdAndEpoch {
    pub leader_id: i32,
    pub leader_epoch: i32,
}

impl Default for LeaderIdAndEpoch {
    fn default() -> Self {
        Self {
            leader_id: -1,
            leader_epoch: -1,
        }
    }
}

impl LeaderIdAndEpoch {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.leader_id = reader.i32()?;
        message.leader_epoch = reader.i32()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.leader_id);
        writer.i32(self.leader_epoch);
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct SnapshotId {
    pub end_offset: i64,
    pub epoch: i32,
}

impl Default for SnapshotId {
    fn default() -> Self {
        Self {
            end_offset: -1,
            epoch: -1,
        }
    }
}

impl SnapshotId {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.end_offset = reader.i64()?;
        message.epoch = reader.i32()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i64(self.end_offset);
        writer.i32(self.epoch);
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AbortedTransaction {
    pub producer_id: i64,
    pub first_offset: i64,
}

impl AbortedTransaction {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 12;
        let mut message = Self::default();
        message.producer_id = reader.i64()?;
        message.first_offset = reader.i64()?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        writer.i64(self.producer_id);
        writer.i64(self.first_offset);
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: String,
    pub port: i32,
    pub rack: Option<String>,
}

impl NodeEndpoint {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.node_id = reader.i32()?;
        message.host = reader.compact_string()?;
        message.port = reader.i32()?;
        message.rack = reader.compact_nullable_string()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.node_id);
        writer.compact_string(&self.host);
        writer.i32(self.port);
        writer.compact_nullable_string(self.rack.as_deref());
        writer.empty_tagged_fields();
    }
}
