//! Generated from `schemas/coordinator/group_14_share_group_current_member_assignment.schema`; do not edit.

use crate::api_key::VersionRange;
use crate::codec::{DecodeError, Message, Reader, Writer};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShareGroupCurrentMemberAssignmentKey {
    pub group_id: String,
    pub member_id: String,
}

impl Message for ShareGroupCurrentMemberAssignmentKey {
    const VERSIONS: VersionRange = VersionRange { min: 0, max: 0 };

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::VERSIONS.contains(version) {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let mut message = Self::default();
        message.group_id = reader.string()?;
        message.member_id = reader.string()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        assert!(Self::VERSIONS.contains(version), "version {version}");
        writer.string(&self.group_id);
        writer.string(&self.member_id);
    }
}

impl ShareGroupCurrentMemberAssignmentKey {
    /// The number of the record type.
    pub const TYPE: i16 = 14;
}
