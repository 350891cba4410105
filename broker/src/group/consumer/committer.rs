//! Who may commit and fetch offsets of a consumer group. Pure.

use protocol::error_code::ErrorCode;
use protocol::types::Uuid;

use super::group::ConsumerGroup;
use super::member::Member;
use crate::group::offset_commit::Committer;

/// From this version on commits carry member epochs.
const EPOCHS_FROM_VERSION: i16 = 9;

/// What a member may commit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CommitRight<'a> {
    Everything,
    /// It is behind with its epoch: only what it has had since then, and has still.
    HeldSince {
        member: &'a Member,
        epoch: i32,
    },
}

impl CommitRight<'_> {
    pub(crate) fn check(&self, topic: Uuid, partition: i32) -> ErrorCode {
        let Self::HeldSince { member, epoch } = self else {
            return ErrorCode::None;
        };
        match member.held_since(topic, partition) {
            Some(since) if since <= *epoch => ErrorCode::None,
            Some(_) | None => stale(member),
        }
    }
}

/// A member of either protocol hears it in its own words.
fn stale(member: &Member) -> ErrorCode {
    if member.classic.is_some() {
        ErrorCode::IllegalGeneration
    } else {
        ErrorCode::StaleMemberEpoch
    }
}

impl ConsumerGroup {
    /// # Errors
    /// This one may commit nothing.
    pub(crate) fn commit_right(
        &self,
        committer: &Committer,
        in_transaction: bool,
    ) -> Result<CommitRight<'_>, ErrorCode> {
        let epoch = committer.generation_or_epoch;
        // tools, while nobody consumes; and producers that are in no group
        let is_anonymous = committer.member_id.is_empty() && committer.group_instance_id.is_none();
        if (epoch < 0 && self.is_empty()) || (in_transaction && epoch == -1 && is_anonymous) {
            return Ok(CommitRight::Everything);
        }
        let member = self
            .member(&committer.member_id)
            .ok_or(ErrorCode::UnknownMemberId)?;
        let knows_epochs = in_transaction || committer.version >= EPOCHS_FROM_VERSION;
        if member.classic.is_none() && !knows_epochs {
            return Err(ErrorCode::UnsupportedVersion);
        }
        if epoch == member.epoch {
            Ok(CommitRight::Everything)
        } else if epoch > member.epoch {
            Err(stale(member))
        } else {
            Ok(CommitRight::HeldSince { member, epoch })
        }
    }

    /// A fetch by somebody who says to be a member must be right about it.
    ///
    /// # Errors
    /// There is no such member, or not in this epoch.
    pub(crate) fn check_fetcher(
        &self,
        member_id: Option<&str>,
        epoch: i32,
    ) -> Result<(), ErrorCode> {
        if member_id.is_none() && epoch < 0 {
            return Ok(());
        }
        let member = member_id.and_then(|id| self.member(id));
        let member = member.ok_or(ErrorCode::UnknownMemberId)?;
        if member.epoch == epoch {
            Ok(())
        } else {
            Err(stale(member))
        }
    }
}
