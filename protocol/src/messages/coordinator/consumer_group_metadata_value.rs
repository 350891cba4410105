//! Generated from `schemas/coordinator/group_03_consumer_group_metadata.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerGroupMetadataValue {
    pub epoch: i32,
    pub metadata_hash: i64,
}

impl Message for ConsumerGroupMetadataValue {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.epoch = reader.i32()?;
        reader.tagged_fields(|reader, tag| {
            match tag {
                0 => message.metadata_hash = reader.i64()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.epoch);
        let mut tags = writer.tagged_fields();
        if self.metadata_hash != 0 {
            tags.field(0, |writer| writer.i64(self.metadata_hash));
        }
        tags.finish();
    }
}

impl ConsumerGroupMetadataValue {
    /// The number of the record type.
    pub const TYPE: i16 = 3;
}
