//! A group of the classic protocol. Pure.

use protocol::error_code::ErrorCode;
use protocol::messages::coordinator::group_metadata_value::GroupMetadataValue;

use crate::group::offset_commit::Committer;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct ClassicGroup {
    generation: i32,
    protocol_type: Option<String>,
}

impl ClassicGroup {
    pub(crate) fn from_record(value: &GroupMetadataValue) -> Self {
        Self {
            generation: value.generation,
            protocol_type: Some(value.protocol_type.clone()).filter(|name| !name.is_empty()),
        }
    }
    /// Whether this one may commit offsets of the group.
    pub(crate) fn check_committer(
        &self,
        committer: &Committer,
        in_transaction: bool,
    ) -> Result<(), ErrorCode> {
        let is_anonymous = committer.member_id.is_empty() && committer.group_instance_id.is_none();
        if committer.generation_or_epoch < 0 && (is_anonymous || !in_transaction) {
            return Ok(());
        }
        Err(ErrorCode::UnknownMemberId)
    }
}
