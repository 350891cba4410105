//! Generated from `schemas/36_sasl_authenticate.schema`; do not edit.

use bytes::Bytes;

use crate::api_key::{ApiKey, VersionRange};
use crate::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct SaslAuthenticateRequest {
    pub auth_bytes: Bytes,
}

impl Message for SaslAuthenticateRequest {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 2 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 2;
        let mut message = Self::default();
        message.auth_bytes = reader.flex_bytes(flexible)?;
        if flexible {
            reader.skip_tagged_fields()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 2;
        writer.flex_bytes(flexible, &self.auth_bytes);
        if flexible {
            writer.empty_tagged_fields();
        }
    }
}

impl Request for SaslAuthenticateRequest {
    const KEY: ApiKey = ApiKey::SaslAuthenticate;
    type Response = super::sasl_authenticate_response::SaslAuthenticateResponse;
}
