//! Generated from `schemas/13_leave_group.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct LeaveGroupRequest {
    pub group_id: String,
    pub member_id: String,
    pub members: Vec<MemberIdentity>,
}

impl Message for LeaveGroupRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 5 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 4;
        let mut message = Self::default();
        message.group_id = reader.flex_string(flexible)?;
        if version <= 2 {
            message.member_id = reader.flex_string(flexible)?;
        }
        if version >= 3 {
            message.members = reader.array(flexible, 3, |reader| {
                MemberIdentity::decode(reader, version)
            })?;
        }
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 4;
        writer.flex_string(flexible, &self.group_id);
        if version <= 2 {
            writer.flex_string(flexible, &self.member_id);
        }
        if version >= 3 {
            writer.array(flexible, &self.members, |writer, value| {
                value.encode(writer, version)
            });
        }
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct MemberIdentity {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub reason: Option<String>,
}

impl MemberIdentity {
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let mut message = Self::default();
        message.member_id = reader.flex_string(flexible)?;
        message.group_instance_id = reader.flex_nullable_string(flexible)?;
        if version >= 5 {
            message.reason = reader.flex_nullable_string(flexible)?;
        }
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.flex_string(flexible, &self.member_id);
        writer.flex_nullable_string(flexible, self.group_instance_id.as_deref());
        if version >= 5 {
            writer.flex_nullable_string(flexible, self.reason.as_deref());
        }
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl Request for LeaveGroupRequest {
    const KEY: ApiKey = ApiKey::LeaveGroup;
    type Response = super::leave_group_response::LeaveGroupResponse;
}
