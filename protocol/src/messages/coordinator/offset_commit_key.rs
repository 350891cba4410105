//! Generated from `schemas/coordinator/group_01_offset_commit.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct OffsetCommitKey {
    pub group: String,
    pub topic: String,
    pub partition: i32,
}

impl Message for OffsetCommitKey {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.group = reader.string()?;
        message.topic = reader.string()?;
        message.partition = reader.i32()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.string(&self.group);
        writer.string(&self.topic);
        writer.i32(self.partition);
    }
}

impl OffsetCommitKey {
    /// The number of the record type.
    pub const TYPE: i16 = 1;
}
