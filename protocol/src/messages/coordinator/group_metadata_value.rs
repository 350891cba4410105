//! Generated from `schemas/coordinator/group_02_group_metadata.schema`; do not edit.

use bytes::Bytes;

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct GroupMetadataValue {
    pub protocol_type: String,
    pub generation: i32,
    pub protocol: Option<String>,
    pub leader: Option<String>,
    pub current_state_timestamp: i64,
    pub members: Vec<MemberMetadata>,
}

impl Default for GroupMetadataValue {
    fn default() -> Self {
        Self {
            protocol_type: String::new(),
            generation: 0,
            protocol: Some(String::new()),
            leader: Some(String::new()),
            current_state_timestamp: -1,
            members: Vec::new(),
        }
    }
}

impl Message for GroupMetadataValue {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 4 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 4;
        let mut message = Self::default();
        message.protocol_type = reader.flex_string(flexible)?;
        message.generation = reader.i32()?;
        message.protocol = reader.flex_nullable_string(flexible)?;
        message.leader = reader.flex_nullable_string(flexible)?;
        if version >= 2 {
            message.current_state_timestamp = reader.i64()?;
        }
        message.members = reader.array(flexible, 15, |reader| {
            MemberMetadata::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 4;
        writer.flex_string(flexible, &self.protocol_type);
        writer.i32(self.generation);
        writer.flex_nullable_string(flexible, self.protocol.as_deref());
        writer.flex_nullable_string(flexible, self.leader.as_deref());
        if version >= 2 {
            writer.i64(self.current_state_timestamp);
        }
        writer.array(flexible, &self.members, |writer, value| {
            value.encode(writer, version)
        });
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct MemberMetadata {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub rebalance_timeout: i32,
    pub session_timeout: i32,
    pub subscription: Bytes,
    pub assignment: Bytes,
}

impl Default for MemberMetadata {
    fn default() -> Self {
        Self {
            member_id: String::new(),
            group_instance_id: None,
            client_id: String::new(),
            client_host: String::new(),
            rebalance_timeout: -1,
            session_timeout: 0,
            subscription: Bytes::new(),
            assignment: Bytes::new(),
        }
    }
}

impl MemberMetadata {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        message.member_id = reader.flex_string(flexible)?;
        if version >= 3 {
            message.group_instance_id = reader.flex_nullable_string(flexible)?;
        }
        message.client_id = reader.flex_string(flexible)?;
        message.client_host = reader.flex_string(flexible)?;
        if version >= 1 {
            message.rebalance_timeout = reader.i32()?;
        }
        message.session_timeout = reader.i32()?;
        message.subscription = reader.flex_bytes(flexible)?;
        message.assignment = reader.flex_bytes(flexible)?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.flex_string(flexible, &self.member_id);
        if version >= 3 {
            writer.flex_nullable_string(flexible, self.group_instance_id.as_deref());
        }
        writer.flex_string(flexible, &self.client_id);
        writer.flex_string(flexible, &self.client_host);
        if version >= 1 {
            writer.i32(self.rebalance_timeout);
        }
        writer.i32(self.session_timeout);
        writer.flex_bytes(flexible, &self.subscription);
        writer.flex_bytes(flexible, &self.assignment);
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl GroupMetadataValue {
    /// The number of the record type.
    pub const TYPE: i16 = 2;
}
