//! Generated from `schemas/36_sasl_authenticate.schema`; do not edit.

use bytes::Bytes;

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct SaslAuthenticateResponse {
    pub error_code: i16,
    pub error_message: Option<String>,
    pub auth_bytes: Bytes,
    pub session_lifetime_ms: i64,
}

impl Default for SaslAuthenticateResponse {
    fn default() -> Self {
        Self {
            error_code: 0,
            error_message: Some(String::new()),
            auth_bytes: Bytes::new(),
            session_lifetime_ms: 0,
        }
    }
}

impl Message for SaslAuthenticateResponse {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 2 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 2;
        let mut message = Self::default();
        message.error_code = reader.i16()?;
        message.error_message = reader.flex_nullable_string(flexible)?;
        message.auth_bytes = reader.flex_bytes(flexible)?;
        if version >= 1 {
            message.session_lifetime_ms = reader.i64()?;
        }
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 2;
        writer.i16(self.error_code);
        writer.flex_nullable_string(flexible, self.error_message.as_deref());
        writer.flex_bytes(flexible, &self.auth_bytes);
        if version >= 1 {
            writer.i64(self.session_lifetime_ms);
        }
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}
