//! Generated from `schemas/metadata/11_user_scram_credential_record.schema`; do not edit.

use bytes::Bytes;

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct UserScramCredentialRecord {
    pub name: String,
    pub mechanism: i8,
    pub salt: Bytes,
    pub stored_key: Bytes,
    pub server_key: Bytes,
    pub iterations: i32,
}

impl Message for UserScramCredentialRecord {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.name = reader.compact_string()?;
        message.mechanism = reader.i8()?;
        message.salt = reader.compact_bytes()?;
        message.stored_key = reader.compact_bytes()?;
        message.server_key = reader.compact_bytes()?;
        message.iterations = reader.i32()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.compact_string(&self.name);
        writer.i8(self.mechanism);
        writer.compact_bytes(&self.salt);
        writer.compact_bytes(&self.stored_key);
        writer.compact_bytes(&self.server_key);
        writer.i32(self.iterations);
        writer.empty_tagged_fields();
    }
}

impl UserScramCredentialRecord {
    /// The number of the record type.
    pub const TYPE: i16 = 11;
}
