//! Generated from `schemas/metadata/15_producer_ids_record.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq)]
pub struct ProducerIdsRecord {
    pub broker_id: i32,
    pub broker_epoch: i64,
    pub next_producer_id: i64,
}

impl Default for ProducerIdsRecord {
    fn default() -> Self {
        Self {
            broker_id: 0,
            broker_epoch: -1,
            next_producer_id: 0,
        }
    }
}

impl Message for ProducerIdsRecord {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.broker_id = reader.i32()?;
        message.broker_epoch = reader.i64()?;
        message.next_producer_id = reader.i64()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.i32(self.broker_id);
        writer.i64(self.broker_epoch);
        writer.i64(self.next_producer_id);
        writer.empty_tagged_fields();
    }
}

impl ProducerIdsRecord {
    /// The number of the record type.
    pub const TYPE: i16 = 15;
}
