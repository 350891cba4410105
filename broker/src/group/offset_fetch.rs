//! `OffsetFetch`: what a group has committed. Pure.

use std::sync::Arc;

use protocol::error_code::ErrorCode;

use crate::group::offsets::Committed;
use crate::group::{Group, Groups, Kind};

/// The offset of a partition that has none.
const NONE: i64 = -1;

/// What is asked about one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OffsetsWanted {
    pub(crate) group_id: String,
    /// The member of a consumer group that asks, and its epoch; -1 of others.
    pub(crate) member_id: Option<String>,
    pub(crate) member_epoch: i32,
    /// By topic; `None` is everything.
    pub(crate) topics: Option<Vec<(Arc<str>, Vec<i32>)>>,
    /// Offsets that a transaction may still change are not told.
    pub(crate) require_stable: bool,
}

/// One partition's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OffsetFound {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
    pub(crate) error: ErrorCode,
}

/// The answers, by topic.
pub(crate) type OffsetsFound = Vec<(Arc<str>, Vec<OffsetFound>)>;

impl Groups {
    /// A group that does not exist has no offsets.
    ///
    /// # Errors
    /// Whoever asks is not the member that it says it is.
    pub(crate) fn fetch(&self, wanted: OffsetsWanted) -> Result<OffsetsFound, ErrorCode> {
        let group = self.get(&wanted.group_id);
        if let Some(Kind::Consumer(group)) = group.map(|group| &group.kind) {
            group.check_fetcher(wanted.member_id.as_deref(), wanted.member_epoch)?;
        }
        let stable = wanted.require_stable;
        if let Some(topics) = wanted.topics {
            let find = |(topic, partitions): (Arc<str>, Vec<i32>)| {
                let found = partitions.into_iter();
                let found = found.map(|partition| find(group, &topic, partition, stable));
                let found = found.collect();
                (topic, found)
            };
            return Ok(topics.into_iter().map(find).collect());
        }
        let all = group.into_iter().flat_map(|group| group.offsets.iter());
        let all = all.map(|(topic, partitions)| {
            let found = partitions
                .keys()
                .map(|partition| find(group, topic, *partition, stable));
            (Arc::from(topic.as_ref()), found.collect())
        });
        Ok(all.collect())
    }
}

fn find(group: Option<&Group>, topic: &str, partition: i32, require_stable: bool) -> OffsetFound {
    let offsets = group.map(|group| &group.offsets);
    let is_unstable =
        require_stable && offsets.is_some_and(|offsets| offsets.is_pending(topic, partition));
    let committed = offsets.and_then(|offsets| offsets.get(topic, partition));
    let committed = committed.filter(|_| !is_unstable);
    OffsetFound {
        partition,
        offset: committed.map_or(NONE, |committed| committed.offset),
        leader_epoch: committed.map_or(-1, |committed| committed.leader_epoch),
        metadata: committed.map_or("", Committed::metadata).to_owned(),
        error: if is_unstable {
            ErrorCode::UnstableOffsetCommit
        } else {
            ErrorCode::None
        },
    }
}
