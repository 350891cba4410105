//! Generated from `schemas/02_list_offsets.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListOffsetsRequest {
    pub replica_id: i32,
    pub isolation_level: i8,
    pub topics: Vec<ListOffsetsTopic>,
    pub timeout_ms: i32,
}

impl Message for ListOffsetsRequest {
    const VERSIONS: VersionRange = VersionRange { min: 1, max: 11 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 6;
        let mut message = Self::default();
        message.replica_id = reader.i32()?;
        if version >= 2 {
            message.isolation_level = reader.i8()?;
        }
        message.topics = reader.array(flexible, 3, |reader| {
            ListOffsetsTopic::decode(reader, version)
        })?;
        if version >= 10 {
            message.timeout_ms = reader.i32()?;
        }
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 6;
        writer.i32(self.replica_id);
        if version >= 2 {
            writer.i8(self.isolation_level);
        }
        writer.array(flexible, &self.topics, |writer, value| {
            value.encode(writer, version)
        });
        if version >= 10 {
            writer.i32(self.timeout_ms);
        }
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListOffsetsTopic {
    pub name: String,
    pub partitions: Vec<ListOffsetsPartition>,
}

impl ListOffsetsTopic {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        message.name = reader.flex_string(flexible)?;
        message.partitions = reader.array(flexible, 12, |reader| {
            ListOffsetsPartition::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        writer.flex_string(flexible, &self.name);
        writer.array(flexible, &self.partitions, |writer, value| {
            value.encode(writer, version)
        });
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct ListOffsetsPartition {
    pub partition_index: i32,
    pub current_leader_epoch: i32,
    pub timestamp: i64,
}

impl Default for ListOffsetsPartition {
    fn default() -> Self {
        Self {
            partition_index: 0,
            current_leader_epoch: -1,
            timestamp: 0,
        }
    }
}

impl ListOffsetsPartition {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        if version >= 4 {
            message.current_leader_epoch = reader.i32()?;
        }
        message.timestamp = reader.i64()?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        writer.i32(self.partition_index);
        if version >= 4 {
            writer.i32(self.current_leader_epoch);
        }
        writer.i64(self.timestamp);
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl Request for ListOffsetsRequest {
    const KEY: ApiKey = ApiKey::ListOffsets;
    type Response = super::list_offsets_response::ListOffsetsResponse;
}
