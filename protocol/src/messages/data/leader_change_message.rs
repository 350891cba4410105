//! Generated from `schemas/data/leader_change_message.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct LeaderChangeMessage {
    pub version: i16,
    pub leader_id: i32,
    pub voters: Vec<Voter>,
    pub granting_voters: Vec<Voter>,
}

impl Message for LeaderChangeMessage {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 1 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.version = reader.i16()?;
        message.leader_id = reader.i32()?;
        message.voters = reader.array(true, 5, |reader| Voter::decode(reader, version))?;
        message.granting_voters = reader.array(true, 5, |reader| Voter::decode(reader, version))?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i16(self.version);
        writer.i32(self.leader_id);
        writer.array(true, &self.voters, |writer, value| {
            value.encode(writer, version)
        });
        writer.array(true, &self.granting_voters, |writer, value| {
            value.encode(writer, version)
        });
        writer.empty_tagged_fields();
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Voter {
    pub voter_id: i32,
    pub voter_directory_id: Uuid,
}

impl Voter {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.voter_id = reader.i32()?;
        if version >= 1 {
            message.voter_directory_id = reader.uuid()?;
        }
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.voter_id);
        if version >= 1 {
            writer.uuid(self.voter_directory_id);
        }
        writer.empty_tagged_fields();
    }
}
