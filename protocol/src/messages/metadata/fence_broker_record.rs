//! Generated from `schemas/metadata/07_fence_broker_record.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct FenceBrokerRecord {
    pub id: i32,
    pub epoch: i64,
}

impl Message for FenceBrokerRecord {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.id = reader.i32()?;
        message.epoch = reader.i64()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.id);
        writer.i64(self.epoch);
        writer.empty_tagged_fields();
    }
}

impl FenceBrokerRecord {
    /// The number of the record type.
    pub const TYPE: i16 = 7;
}
