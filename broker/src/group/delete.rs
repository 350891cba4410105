//! What removes groups and offsets: `DeleteGroups`, `OffsetDelete`, and deleted topics. Pure.

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::coordinator::offset_commit_key::OffsetCommitKey;

use crate::group::consumer::fence;
use crate::group::consumer_members::of_group;
use crate::group::record::GroupRecord;
use crate::group::{Group, GroupDecision, Groups, Kind};

/// The partitions whose offsets are to go, by topic.
pub(crate) type OffsetsToDelete = Vec<(String, Vec<i32>)>;

impl Groups {
    /// Removes a group without members, and all its offsets.
    pub(crate) fn delete_group(&self, group_id: &str) -> GroupDecision<ErrorCode> {
        let Some(group) = self.get(group_id) else {
            return GroupDecision::only(ErrorCode::GroupIdNotFound);
        };
        if !group.has_no_members() {
            return GroupDecision::only(ErrorCode::NonEmptyGroup);
        }
        let partitions = group.offsets.partitions().into_iter();
        let mut records: Vec<_> = partitions
            .map(|(topic, partition)| group.offset_tombstone(&topic, partition))
            .collect();
        records.extend(group.tombstones());
        GroupDecision {
            is_divisible: true,
            ..GroupDecision::with(records, ErrorCode::None)
        }
    }

    /// Removes offsets of topics that no member reads. The outcomes are in the order asked.
    pub(crate) fn delete_offsets(
        &self,
        group_id: &str,
        wanted: &OffsetsToDelete,
    ) -> GroupDecision<Result<Vec<ErrorCode>, ErrorCode>> {
        let Some(group) = self.get(group_id) else {
            return GroupDecision::only(Err(ErrorCode::GroupIdNotFound));
        };
        if let Kind::Classic(classic) = &group.kind
            && !classic.is_empty()
            && !classic.is_of_consumers()
        {
            // what its members read cannot be known
            return GroupDecision::only(Err(ErrorCode::NonEmptyGroup));
        }
        let (mut records, mut outcomes) = (Vec::new(), Vec::new());
        for (topic, partitions) in wanted {
            let is_read = group.is_subscribed_to(topic);
            for partition in partitions {
                if is_read {
                    outcomes.push(ErrorCode::GroupSubscribedToTopic);
                    continue;
                }
                outcomes.push(ErrorCode::None);
                if group.offsets.has(topic, *partition) {
                    records.push(group.offset_tombstone(topic, *partition));
                }
            }
        }
        GroupDecision {
            is_divisible: true,
            ..GroupDecision::with(records, Ok(outcomes))
        }
    }

    /// Removes the offsets of topics that are gone.
    pub(crate) fn topics_deleted(&self, is_deleted: impl Fn(&str) -> bool) -> GroupDecision<()> {
        let mut records = Vec::new();
        for group in self.groups.values() {
            for (topic, partition) in group.offsets.partitions() {
                if is_deleted(&topic) {
                    records.push(group.offset_tombstone(&topic, partition));
                }
            }
        }
        GroupDecision {
            is_divisible: true,
            ..GroupDecision::with(records, ())
        }
    }
}

impl Group {
    pub(super) fn has_no_members(&self) -> bool {
        match &self.kind {
            Kind::Classic(classic) => classic.is_empty(),
            Kind::Consumer(consumer) => consumer.is_empty(),
        }
    }

    fn is_subscribed_to(&self, topic: &str) -> bool {
        match &self.kind {
            Kind::Classic(classic) => classic.is_subscribed_to(topic),
            Kind::Consumer(consumer) => consumer.subscribes_to(topic),
        }
    }

    pub(super) fn offset_tombstone(&self, topic: &str, partition: i32) -> GroupRecord {
        GroupRecord::OffsetCommit {
            key: OffsetCommitKey {
                group: Rc::as_ref(&self.id).to_owned(),
                topic: topic.to_owned(),
                partition,
            },
            value: None,
        }
    }

    /// The end of the group, without its offsets.
    pub(super) fn tombstones(&self) -> Vec<GroupRecord> {
        match &self.kind {
            Kind::Classic(_) => vec![GroupRecord::GroupMetadata {
                group: Rc::as_ref(&self.id).to_owned(),
                value: None,
            }],
            Kind::Consumer(consumer) => of_group(&self.id, fence::end(consumer)).collect(),
        }
    }
}
