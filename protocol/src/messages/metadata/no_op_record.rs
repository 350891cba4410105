//! Generated from `schemas/metadata/20_no_op_record.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct NoOpRecord {}

impl Message for NoOpRecord {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        reader.skip_tagged_fields()?;
        Ok(Self {})
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.empty_tagged_fields();
    }
}

impl NoOpRecord {
    /// The number of the record type.
    pub const TYPE: i16 = 20;
}
