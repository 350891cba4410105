//! Generated from `schemas/data/kraft_version_record.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct KRaftVersionRecord {
    pub version: i16,
    pub kraft_version: i16,
}

impl Message for KRaftVersionRecord {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.version = reader.i16()?;
        message.kraft_version = reader.i16()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i16(self.version);
        writer.i16(self.kraft_version);
        writer.empty_tagged_fields();
    }
}
