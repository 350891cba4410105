//! Generated from `schemas/coordinator/share_01_share_update.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareUpdateKey {
    pub group_id: String,
    pub topic_id: Uuid,
    pub partition: i32,
}

impl Message for ShareUpdateKey {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.group_id = reader.string()?;
        message.topic_id = reader.uuid()?;
        message.partition = reader.i32()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.string(&self.group_id);
        writer.uuid(self.topic_id);
        writer.i32(self.partition);
    }
}

impl ShareUpdateKey {
    /// The number of the record type.
    pub const TYPE: i16 = 1;
}
