//! Generated from `schemas/metadata/25_abort_transaction_record.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct AbortTransactionRecord {
    pub reason: Option<String>,
}

impl Message for AbortTransactionRecord {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        reader.tagged_fields(|reader, tag| {
            match tag {
                0 => message.reason = reader.compact_nullable_string()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let mut tags = writer.tagged_fields();
        if self.reason.is_some() {
            tags.field(0, |writer| {
                writer.compact_nullable_string(self.reason.as_deref())
            });
        }
        tags.finish();
    }
}

impl AbortTransactionRecord {
    /// The number of the record type.
    pub const TYPE: i16 = 25;
}
