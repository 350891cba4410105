//! Generated from `schemas/14_sync_group.schema`; do not edit.

use bytes::Bytes;

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct SyncGroupResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    pub assignment: Bytes,
}

impl Message for SyncGroupResponse {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 5 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 4;
        let mut message = Self::default();
        if version >= 1 {
            message.throttle_time_ms = reader.i32()?;
        }
        message.error_code = reader.i16()?;
        if version >= 5 {
            message.protocol_type = reader.flex_nullable_string(flexible)?;
            message.protocol_name = reader.flex_nullable_string(flexible)?;
        }
        message.assignment = reader.flex_bytes(flexible)?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 4;
        if version >= 1 {
            writer.i32(self.throttle_time_ms);
        }
        writer.i16(self.error_code);
        if version >= 5 {
            writer.flex_nullable_string(flexible, self.protocol_type.as_deref());
            writer.flex_nullable_string(flexible, self.protocol_name.as_deref());
        }
        writer.flex_bytes(flexible, &self.assignment);
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}
