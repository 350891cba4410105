//! Generated from `schemas/coordinator/group_16_consumer_group_regular_expression.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConsumerGroupRegularExpressionValue {
    pub topics: Vec<String>,
    pub version: i64,
    pub timestamp: i64,
}

impl Message for ConsumerGroupRegularExpressionValue {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.topics = reader.array(true, 1, Reader::compact_string)?;
        message.version = reader.i64()?;
        message.timestamp = reader.i64()?;
        reader.skip_tagged_fields()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.array(true, &self.topics, |writer, value| {
            writer.compact_string(value)
        });
        writer.i64(self.version);
        writer.i64(self.timestamp);
        writer.empty_tagged_fields();
    }
}

impl ConsumerGroupRegularExpressionValue {
    /// The number of the record type.
    pub const TYPE: i16 = 16;
}
