//! Generated from `schemas/coordinator/group_11_share_group_metadata.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupMetadataValue {
    pub epoch: i32,
    pub metadata_hash: i64,
}

impl Message for ShareGroupMetadataValue {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.epoch = reader.i32()?;
        message.metadata_hash = reader.i64()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.epoch);
        writer.i64(self.metadata_hash);
        writer.empty_tagged_fields();
    }
}

impl ShareGroupMetadataValue {
    /// The number of the record type.
    pub const TYPE: i16 = 11;
}
