//! Generated from `schemas/coordinator/group_20_streams_group_target_assignment_metadata.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamsGroupTargetAssignmentMetadataValue {
    pub assignment_epoch: i32,
    pub assignment_timestamp: i64,
}

impl Message for StreamsGroupTargetAssignmentMetadataValue {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.assignment_epoch = reader.i32()?;
        reader.tagged_fields(|reader, tag| {
            match tag {
                0 => message.assignment_timestamp = reader.i64()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.assignment_epoch);
        let mut tags = writer.tagged_fields();
        if self.assignment_timestamp != 0 {
            tags.field(0, |writer| writer.i64(self.assignment_timestamp));
        }
        tags.finish();
    }
}

impl StreamsGroupTargetAssignmentMetadataValue {
    /// The number of the record type.
    pub const TYPE: i16 = 20;
}
