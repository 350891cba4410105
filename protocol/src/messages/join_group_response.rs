//! Generated from `schemas/11_join_group.schema`; do not edit.

use bytes::Bytes;

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct JoinGroupResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub generation_id: i32,
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    pub leader: String,
    pub skip_assignment: bool,
    pub member_id: String,
    pub members: Vec<JoinGroupResponseMember>,
}

impl Default for JoinGroupResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            generation_id: -1,
            protocol_type: None,
            protocol_name: Some(String::new()),
            leader: String::new(),
            skip_assignment: false,
            member_id: String::new(),
            members: Vec::new(),
        }
    }
}

impl Message for JoinGroupResponse {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 9 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 6;
        let mut message = Self::default();
        if version >= 2 {
            message.throttle_time_ms = reader.i32()?;
        }
        message.error_code = reader.i16()?;
        message.generation_id = reader.i32()?;
        if version >= 7 {
            message.protocol_type = reader.flex_nullable_string(flexible)?;
        }
        message.protocol_name = if version >= 7 {
            reader.flex_nullable_string(flexible)?
        } else {
            Some(reader.flex_string(flexible)?)
        };
        message.leader = reader.flex_string(flexible)?;
        if version >= 9 {
            message.skip_assignment = reader.bool()?;
        }
        message.member_id = reader.flex_string(flexible)?;
        message.members = reader.array(flexible, 4, |reader| {
            JoinGroupResponseMember::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 6;
        if version >= 2 {
            writer.i32(self.throttle_time_ms);
        }
        writer.i16(self.error_code);
        writer.i32(self.generation_id);
        if version >= 7 {
            writer.flex_nullable_string(flexible, self.protocol_type.as_deref());
        }
        if version >= 7 {
            writer.flex_nullable_string(flexible, self.protocol_name.as_deref());
        } else {
            writer.flex_string(flexible, self.protocol_name.as_deref().unwrap_or_default());
        }
        writer.flex_string(flexible, &self.leader);
        if version >= 9 {
            writer.bool(self.skip_assignment);
        }
        writer.flex_string(flexible, &self.member_id);
        writer.array(flexible, &self.members, |writer, value| {
            value.encode(writer, version)
        });
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct JoinGroupResponseMember {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub metadata: Bytes,
}

impl JoinGroupResponseMember {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 6;
        let mut message = Self::default();
        message.member_id = reader.flex_string(flexible)?;
        if version >= 5 {
            message.group_instance_id = reader.flex_nullable_string(flexible)?;
        }
        message.metadata = reader.flex_bytes(flexible)?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 6;
        writer.flex_string(flexible, &self.member_id);
        if version >= 5 {
            writer.flex_nullable_string(flexible, self.group_instance_id.as_deref());
        }
        writer.flex_bytes(flexible, &self.metadata);
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}
