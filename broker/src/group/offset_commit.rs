//! `OffsetCommit`, and the group's side of `TxnOffsetCommit`: who may commit, and what. Pure.

use std::sync::Arc;

use protocol::error_code::ErrorCode;
use protocol::messages::coordinator::offset_commit_key::OffsetCommitKey;
use protocol::messages::coordinator::offset_commit_value::OffsetCommitValue;
use protocol::types::Uuid;

use crate::coordinator::machine::{Now, Transaction};
use crate::group::record::GroupRecord;
use crate::group::{GroupDecision, Groups, Kind};

/// From this version on a group that does not exist is called that.
const GROUP_ID_NOT_FOUND_FROM_VERSION: i16 = 9;

/// Who commits: a member of a generation, or of an epoch, or nobody in particular.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committer {
    pub(crate) group_id: String,
    pub(crate) member_id: String,
    pub(crate) group_instance_id: Option<String>,
    /// -1 from those who are no members.
    pub(crate) generation_or_epoch: i32,
    /// Of the request.
    pub(crate) version: i16,
}

/// An offset of a partition that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OffsetToCommit {
    pub(crate) topic: Arc<str>,
    pub(crate) topic_id: Uuid,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: Option<String>,
}

/// What becomes of each offset, in order; or of all of them.
pub(crate) type Committed = Result<Vec<ErrorCode>, ErrorCode>;

impl Groups {
    /// Commits offsets at once. `retention_ms` is -1 unless the client asks for one of its own.
    pub(crate) fn commit(
        &mut self,
        committer: &Committer,
        retention_ms: i64,
        offsets: Vec<OffsetToCommit>,
        now: Now,
    ) -> GroupDecision<Committed> {
        let errors = match self.check_committer(committer, &offsets, false) {
            Ok(errors) => errors,
            Err(error) => return GroupDecision::only(Err(error)),
        };
        drop(self.classic(&committer.group_id, now, |group, turn| {
            group.committed(&committer.member_id, turn);
        }));
        let expire_ms = match retention_ms {
            -1 => -1,
            retention_ms => now.wall_ms.saturating_add(retention_ms),
        };
        let offsets = offsets.into_iter().zip(errors).collect();
        let mut decision = self.records_of(committer, offsets, (now.wall_ms, expire_ms));
        decision.is_divisible = true;
        decision
    }

    /// Commits offsets if the transaction is committed: until its marker comes they are pending.
    ///
    /// The caller, who has the producer's id and epoch checked by the transaction coordinator, sees
    /// to it that the partition of `__consumer_offsets` belongs to the transaction.
    pub(crate) fn commit_in_transaction(
        &mut self,
        committer: &Committer,
        transaction: Transaction,
        offsets: Vec<OffsetToCommit>,
        now: Now,
    ) -> GroupDecision<Committed> {
        let errors = match self.check_committer(committer, &offsets, true) {
            Ok(errors) => errors,
            Err(error) => return GroupDecision::only(Err(error)),
        };
        let offsets = offsets.into_iter().zip(errors).collect();
        let mut decision = self.records_of(committer, offsets, (now.wall_ms, -1));
        decision.transaction = Some(transaction);
        decision
    }

    /// Whether each of the offsets may be committed, or why none may.
    fn check_committer(
        &self,
        committer: &Committer,
        offsets: &[OffsetToCommit],
        in_transaction: bool,
    ) -> Result<Vec<ErrorCode>, ErrorCode> {
        let is_member = committer.generation_or_epoch >= 0;
        let all_may = || vec![ErrorCode::None; offsets.len()];
        match self.get(&committer.group_id).map(|group| &group.kind) {
            Some(Kind::Classic(group)) => {
                group.check_committer(committer, in_transaction)?;
                Ok(all_may())
            }
            Some(Kind::Consumer(group)) => {
                let right = group.commit_right(committer, in_transaction)?;
                let check =
                    |offset: &OffsetToCommit| right.check(offset.topic_id, offset.partition);
                Ok(offsets.iter().map(check).collect())
            }
            // whoever manages no group may commit to a new one
            None if !is_member && self.groups.len() >= self.settings.groups_max => {
                Err(ErrorCode::GroupMaxSizeReached)
            }
            None if !is_member => Ok(all_may()),
            None if !in_transaction && committer.version >= GROUP_ID_NOT_FOUND_FROM_VERSION => {
                Err(ErrorCode::GroupIdNotFound)
            }
            None => Err(ErrorCode::IllegalGeneration),
        }
    }

    fn records_of(
        &self,
        committer: &Committer,
        offsets: Vec<(OffsetToCommit, ErrorCode)>,
        (commit_ms, expire_ms): (i64, i64),
    ) -> GroupDecision<Committed> {
        let mut outcomes = Vec::with_capacity(offsets.len());
        let mut records = Vec::with_capacity(offsets.len());
        for (offset, error) in offsets {
            if error != ErrorCode::None {
                outcomes.push(error);
                continue;
            }
            let metadata = offset.metadata.unwrap_or_default();
            // Kafka counts what Java counts, which is no less than the characters
            if metadata.encode_utf16().count() > self.settings.offset_metadata_length_max {
                outcomes.push(ErrorCode::OffsetMetadataTooLarge);
                continue;
            }
            outcomes.push(ErrorCode::None);
            records.push(GroupRecord::OffsetCommit {
                key: OffsetCommitKey {
                    group: committer.group_id.clone(),
                    topic: offset.topic.as_ref().to_owned(),
                    partition: offset.partition,
                },
                value: Some(OffsetCommitValue {
                    offset: offset.offset,
                    leader_epoch: offset.leader_epoch,
                    metadata,
                    commit_timestamp: commit_ms,
                    expire_timestamp: expire_ms,
                    ..Default::default()
                }),
            });
        }
        GroupDecision::with(records, Ok(outcomes))
    }
}
