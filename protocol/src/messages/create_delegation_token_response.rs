//! Generated from `schemas/38_create_delegation_token.schema`; do not edit.

use bytes::Bytes;

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreateDelegationTokenResponse {
    pub error_code: i16,
    pub principal_type: String,
    pub principal_name: String,
    pub token_requester_principal_type: String,
    pub token_requester_principal_name: String,
    pub issue_timestamp_ms: i64,
    pub expiry_timestamp_ms: i64,
    pub max_timestamp_ms: i64,
    pub token_id: String,
    pub hmac: Bytes,
    pub throttle_time_ms: i32,
}

impl Message for CreateDelegationTokenResponse {
    const VERSIONS: VersionRange = VersionRange { min: 1, max: 3 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 2;
        let mut message = Self::default();
        message.error_code = reader.i16()?;
        message.principal_type = reader.flex_string(flexible)?;
        message.principal_name = reader.flex_string(flexible)?;
        if version >= 3 {
            message.token_requester_principal_type = reader.flex_string(flexible)?;
            message.token_requester_principal_name = reader.flex_string(flexible)?;
        }
        message.issue_timestamp_ms = reader.i64()?;
        message.expiry_timestamp_ms = reader.i64()?;
        message.max_timestamp_ms = reader.i64()?;
        message.token_id = reader.flex_string(flexible)?;
        message.hmac = reader.flex_bytes(flexible)?;
        message.throttle_time_ms = reader.i32()?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 2;
        writer.i16(self.error_code);
        writer.flex_string(flexible, &self.principal_type);
        writer.flex_string(flexible, &self.principal_name);
        if version >= 3 {
            writer.flex_string(flexible, &self.token_requester_principal_type);
            writer.flex_string(flexible, &self.token_requester_principal_name);
        }
        writer.i64(self.issue_timestamp_ms);
        writer.i64(self.expiry_timestamp_ms);
        writer.i64(self.max_timestamp_ms);
        writer.flex_string(flexible, &self.token_id);
        writer.flex_bytes(flexible, &self.hmac);
        writer.i32(self.throttle_time_ms);
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}
