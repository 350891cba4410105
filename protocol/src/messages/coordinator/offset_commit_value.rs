//! Generated from `schemas/coordinator/group_01_offset_commit.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};
use crate::types::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub struct OffsetCommitValue {
    pub offset: i64,
    pub leader_epoch: i32,
    pub metadata: String,
    pub commit_timestamp: i64,
    pub expire_timestamp: i64,
    pub topic_id: Uuid,
}

impl Default for OffsetCommitValue {
    fn default() -> Self {
        Self {
            offset: 0,
            leader_epoch: -1,
            metadata: String::new(),
            commit_timestamp: 0,
            expire_timestamp: -1,
            topic_id: Uuid::ZERO,
        }
    }
}

impl Message for OffsetCommitValue {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 4 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let flexible = version >= 4;
        let mut message = Self::default();
        message.offset = reader.i64()?;
        if version >= 3 {
            message.leader_epoch = reader.i32()?;
        }
        message.metadata = reader.flex_string(flexible)?;
        message.commit_timestamp = reader.i64()?;
        if version == 1 {
            message.expire_timestamp = reader.i64()?;
        }
        if flexible {
            reader.tagged_fields(|reader, tag| {
                match tag {
                    0 => message.topic_id = reader.uuid()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        let flexible = version >= 4;
        writer.i64(self.offset);
        if version >= 3 {
            writer.i32(self.leader_epoch);
        }
        writer.flex_string(flexible, &self.metadata);
        writer.i64(self.commit_timestamp);
        if version == 1 {
            writer.i64(self.expire_timestamp);
        }
        if flexible {
            let mut tags = writer.tagged_fields();
            if self.topic_id != Uuid::ZERO {
                tags.field(0, |writer| writer.uuid(self.topic_id));
            }
            tags.finish();
        }
    }
}

impl OffsetCommitValue {
    /// The number of the record type.
    pub const TYPE: i16 = 1;
}
