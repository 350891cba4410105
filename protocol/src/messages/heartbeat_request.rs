//! Generated from `schemas/12_heartbeat.schema`; do not edit.

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeartbeatRequest {
    pub group_id: String,
    pub generation_id: i32,
    pub member_id: String,
    pub group_instance_id: Option<String>,
}

impl Message for HeartbeatRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 4 };

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
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl Request for HeartbeatRequest {
    const KEY: ApiKey = ApiKey::Heartbeat;
    type Response = super::heartbeat_response::HeartbeatResponse;
}
