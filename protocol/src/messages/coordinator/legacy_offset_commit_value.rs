//! Generated from `schemas/coordinator/group_00_legacy_offset_commit.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct LegacyOffsetCommitValue {
    pub offset: i64,
    pub metadata: String,
    pub commit_timestamp: i64,
}

impl Message for LegacyOffsetCommitValue {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.offset = reader.i64()?;
        message.metadata = reader.string()?;
        message.commit_timestamp = reader.i64()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i64(self.offset);
        writer.string(&self.metadata);
        writer.i64(self.commit_timestamp);
    }
}

impl LegacyOffsetCommitValue {
    /// The number of the record type.
    pub const TYPE: i16 = 0;
}
