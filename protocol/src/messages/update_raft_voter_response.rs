//! Generated from `schemas/82_update_raft_voter.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct UpdateRaftVoterResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub current_leader: CurrentLeader,
}

impl Message for UpdateRaftVoterResponse {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.i16()?;
        reader.tagged_fields(|reader, tag| {
            match tag {
                0 => message.current_leader = CurrentLeader::decode(reader, version)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.throttle_time_ms);
        writer.i16(self.error_code);
        let mut tags = writer.tagged_fields();
        if self.current_leader != CurrentLeader::default() {
            tags.field(0, |writer| self.current_leader.encode(writer, version));
        }
        tags.finish();
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct CurrentLeader {
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub host: String,
    pub port: i32,
}

impl Default for CurrentLeader {
    fn default() -> Self {
        Self {
            leader_id: -1,
            leader_epoch: -1,
            host: String::new(),
            port: 0,
        }
    }
}

impl CurrentLeader {
    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.leader_id = reader.i32()?;
        message.leader_epoch = reader.i32()?;
        message.host = reader.compact_string()?;
        message.port = reader.i32()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.i32(self.leader_id);
        writer.i32(self.leader_epoch);
        writer.compact_string(&self.host);
        writer.i32(self.port);
        writer.empty_tagged_fields();
    }
}
