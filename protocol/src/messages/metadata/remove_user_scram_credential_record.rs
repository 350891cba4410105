//! Generated from `schemas/metadata/22_remove_user_scram_credential_record.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct RemoveUserScramCredentialRecord {
    pub name: String,
    pub mechanism: i8,
}

impl Message for RemoveUserScramCredentialRecord {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.name = reader.compact_string()?;
        message.mechanism = reader.i8()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.compact_string(&self.name);
        writer.i8(self.mechanism);
        writer.empty_tagged_fields();
    }
}

impl RemoveUserScramCredentialRecord {
    /// The number of the record type.
    pub const TYPE: i16 = 22;
}
