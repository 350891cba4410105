//! Generated from `schemas/14_sync_group.schema`; do not edit.

use bytes::Bytes;

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct SyncGroupRequest {
    pub group_id: String,
    pub generation_id: i32,
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    pub assignments: Vec<SyncGroupRequestAssignment>,
}

impl Message for SyncGroupRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 5 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 4;
        let mut message = Self::default();
        message.group_id = reader.flex_string(flexible)?;
        message.generation_id = reader.i32()?;
        message.member_id = reader.flex_string(flexible)?;
        if version >= 3 {
            message.group_instance_id = reader.flex_nullable_string(flexible)?;
        }
        if version >= 5 {
            message.protocol_type = reader.flex_nullable_string(flexible)?;
            message.protocol_name = reader.flex_nullable_string(flexible)?;
        }
        message.assignments = reader.array(flexible, 3, |reader| {
            SyncGroupRequestAssignment::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 4;
        writer.flex_string(flexible, &self.group_id);
        writer.i32(self.generation_id);
        writer.flex_string(flexible, &self.member_id);
        if version >= 3 {
            writer.flex_nullable_string(flexible, self.group_instance_id.as_deref());
        }
        if version >= 5 {
            writer.flex_nullable_string(flexible, self.protocol_type.as_deref());
            writer.flex_nullable_string(flexible, self.protocol_name.as_deref());
        }
        writer.array(flexible, &self.assignments, |writer, value| {
            value.encode(writer, version)
        });
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct SyncGroupRequestAssignment {
    pub member_id: String,
    pub assignment: Bytes,
}

impl SyncGroupRequestAssignment {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        message.member_id = reader.flex_string(flexible)?;
        message.assignment = reader.flex_bytes(flexible)?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.flex_string(flexible, &self.member_id);
        writer.flex_bytes(flexible, &self.assignment);
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl Request for SyncGroupRequest {
    const KEY: ApiKey = ApiKey::SyncGroup;
    type Response = super::sync_group_response::SyncGroupResponse;
}
