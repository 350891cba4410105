//! The state of one consumer group, and replay: the only thing that changes it. Pure.
//!
//! Steps (`heartbeat`, `fence`, ...) read the state and answer records; these are appended, and
//! replayed here, at run time and after a restart alike. What is lost in a crash without harm
//! (deadlines, and when topics were last looked at) is in `timers` and is not replayed.

use std::collections::{BTreeMap, BTreeSet};

use protocol::types::Uuid;

use super::assignor::{Assignment, Assignor};
use super::member::Member;
use super::records::ConsumerRecord;
use super::timers::Timers;

/// What a pattern matched when it was last resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) topics: BTreeSet<String>,
    /// The offset in the metadata log of the image that it was resolved with.
    pub(crate) version: i64,
    pub(crate) timestamp_ms: i64,
}

/// What a group is doing, in Kafka's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupState {
    Empty,
    /// The target of the group's epoch is still to be worked out.
    Assigning,
    /// Not all members are where the target wants them.
    Reconciling,
    Stable,
}

impl GroupState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Stable => "Stable",
        }
    }
}

#[derive(Debug)]
pub(crate) struct ConsumerGroup {
    members: BTreeMap<String, Member>,
    /// The member that has each instance id.
    static_members: BTreeMap<String, String>,
    epoch: i32,
    metadata_hash: i64,
    /// An old release left a record of the topics' metadata, which has to be ended.
    has_partitions_record: bool,
    target_epoch: i32,
    target_timestamp_ms: i64,
    targets: BTreeMap<String, Assignment>,
    /// The member that holds each partition; no other may get it.
    holders: BTreeMap<Uuid, BTreeMap<i32, String>>,
    resolved: BTreeMap<String, Resolved>,
    /// How many members subscribe to each name, and to each pattern.
    topic_counts: BTreeMap<String, usize>,
    pattern_counts: BTreeMap<String, usize>,
    pub(crate) timers: Timers,
}

/// The epoch of a group that nothing has happened to.
const FIRST_EPOCH: i32 = 1;

impl Default for ConsumerGroup {
    fn default() -> Self {
        Self {
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            epoch: FIRST_EPOCH,
            metadata_hash: 0,
            has_partitions_record: false,
            target_epoch: FIRST_EPOCH,
            target_timestamp_ms: 0,
            targets: BTreeMap::new(),
            holders: BTreeMap::new(),
            resolved: BTreeMap::new(),
            topic_counts: BTreeMap::new(),
            pattern_counts: BTreeMap::new(),
            timers: Timers::default(),
        }
    }
}

/// What a member without a target is to have.
static NOTHING: Assignment = Assignment::new();

impl ConsumerGroup {
    pub(crate) fn member(&self, id: &str) -> Option<&Member> {
        self.members.get(id)
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    pub(crate) fn member_count(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn static_member(&self, instance_id: &str) -> Option<&Member> {
        self.member(self.static_members.get(instance_id)?)
    }

    pub(crate) fn epoch(&self) -> i32 {
        self.epoch
    }

    pub(crate) fn metadata_hash(&self) -> i64 {
        self.metadata_hash
    }

    pub(crate) fn has_partitions_record(&self) -> bool {
        self.has_partitions_record
    }

    pub(crate) fn target_epoch(&self) -> i32 {
        self.target_epoch
    }

    pub(crate) fn target_timestamp_ms(&self) -> i64 {
        self.target_timestamp_ms
    }

    pub(crate) fn target(&self, member_id: &str) -> &Assignment {
        self.targets.get(member_id).unwrap_or(&NOTHING)
    }

    /// The target of a member as it stands in a record.
    pub(crate) fn recorded_target(&self, member_id: &str) -> Option<&Assignment> {
        self.targets.get(member_id)
    }

    /// The target of a member, or of the one whose instance id it takes over.
    pub(crate) fn target_of(&self, member: &Member) -> &Assignment {
        let instance = member.instance_id.as_deref();
        let holder = instance.and_then(|instance| self.static_members.get(instance));
        self.target(holder.map_or(member.id.as_str(), String::as_str))
    }

    pub(crate) fn is_held(&self, topic: Uuid, partition: i32) -> bool {
        self.holders
            .get(&topic)
            .is_some_and(|partitions| partitions.contains_key(&partition))
    }

    pub(crate) fn resolved(&self, pattern: &str) -> Option<&Resolved> {
        self.resolved.get(pattern)
    }

    pub(crate) fn resolved_patterns(&self) -> impl Iterator<Item = (&String, &Resolved)> {
        self.resolved.iter()
    }

    pub(crate) fn topic_counts(&self) -> BTreeMap<&str, usize> {
        let counts = self.topic_counts.iter();
        counts
            .map(|(name, count)| (name.as_str(), *count))
            .collect()
    }

    pub(crate) fn pattern_counts(&self) -> BTreeMap<&str, usize> {
        let counts = self.pattern_counts.iter();
        counts
            .map(|(text, count)| (text.as_str(), *count))
            .collect()
    }

    /// How many members subscribe to a pattern.
    pub(crate) fn pattern_count(&self, pattern: &str) -> usize {
        self.pattern_counts.get(pattern).copied().unwrap_or(0)
    }

    /// Whether some member subscribes to the topic, by name or by a pattern.
    pub(crate) fn subscribes_to(&self, topic: &str) -> bool {
        let by_pattern = |(text, resolved): (&String, &Resolved)| {
            self.pattern_counts.contains_key(text) && resolved.topics.contains(topic)
        };
        self.topic_counts.contains_key(topic) || self.resolved.iter().any(by_pattern)
    }

    pub(crate) fn state(&self) -> GroupState {
        if self.members.is_empty() {
            GroupState::Empty
        } else if self.epoch > self.target_epoch {
            GroupState::Assigning
        } else if self
            .members()
            .all(|member| member.is_reconciled_to(self.target_epoch))
        {
            GroupState::Stable
        } else {
            GroupState::Reconciling
        }
    }

    /// The assignor that most members ask for; the first by name of those that are equally wanted.
    pub(crate) fn preferred_assignor<'a>(
        members: impl Iterator<Item = &'a Member>,
    ) -> Option<Assignor> {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for name in members.filter_map(|member| member.server_assignor.as_deref()) {
            *votes.entry(name).or_default() += 1;
        }
        let most = votes.values().max()?;
        let (name, _) = votes.iter().find(|(_, count)| *count == most)?;
        Assignor::from_name(name)
    }

    /// Applies a record. A record that ends the group as a whole is for whoever keeps the groups.
    pub(crate) fn replay(&mut self, record: ConsumerRecord) {
        match record {
            ConsumerRecord::Group(Some(value)) => {
                self.epoch = value.epoch;
                self.metadata_hash = value.metadata_hash;
            }
            ConsumerRecord::Group(None) => {}
            ConsumerRecord::Partitions => self.has_partitions_record = true,
            ConsumerRecord::PartitionsEnd => self.has_partitions_record = false,
            ConsumerRecord::Member(id, Some(value)) => {
                self.change_subscription(&id, |member| member.set_metadata(value));
            }
            ConsumerRecord::Member(id, None) => self.remove_member(&id),
            ConsumerRecord::TargetEpoch(Some(value)) => {
                self.target_epoch = value.assignment_epoch;
                self.target_timestamp_ms = value.assignment_timestamp;
            }
            ConsumerRecord::TargetEpoch(None) => {
                self.target_epoch = -1;
                self.target_timestamp_ms = 0;
            }
            ConsumerRecord::Target(id, Some(value)) => {
                let topics = value.topic_partitions.into_iter();
                let assignment = topics
                    .filter(|topic| !topic.partitions.is_empty())
                    .map(|topic| (topic.topic_id, topic.partitions.into_iter().collect()));
                self.targets.insert(id, assignment.collect());
            }
            ConsumerRecord::Target(id, None) => {
                self.targets.remove(&id);
            }
            ConsumerRecord::Current(id, Some(value)) => {
                self.change_holding(&id, |member| member.set_current(&value));
            }
            ConsumerRecord::Current(id, None) if self.members.contains_key(&id) => {
                self.change_holding(&id, Member::clear_current);
            }
            ConsumerRecord::Current(_, None) => {}
            ConsumerRecord::Pattern(text, Some(value)) => {
                let resolved = Resolved {
                    topics: value.topics.into_iter().collect(),
                    version: value.version,
                    timestamp_ms: value.timestamp,
                };
                self.resolved.insert(text, resolved);
            }
            ConsumerRecord::Pattern(text, None) => {
                self.resolved.remove(&text);
            }
        }
    }

    /// Everything that records say, for comparison.
    #[cfg(test)]
    pub(super) fn durable(&self) -> String {
        let epochs = (
            self.epoch,
            self.metadata_hash,
            self.target_epoch,
            self.target_timestamp_ms,
        );
        let members = (
            &self.members,
            &self.static_members,
            &self.targets,
            &self.holders,
        );
        let counts = (&self.topic_counts, &self.pattern_counts, &self.resolved);
        format!("{epochs:?} {members:?} {counts:?}")
    }

    fn change_subscription(&mut self, id: &str, change: impl FnOnce(&mut Member)) {
        let mut member = self.members.remove(id).unwrap_or_else(|| Member::new(id));
        self.forget_subscription(&member);
        change(&mut member);
        for name in &member.topic_names {
            *self.topic_counts.entry(name.clone()).or_default() += 1;
        }
        if let Some(text) = member.pattern() {
            *self.pattern_counts.entry(text.to_owned()).or_default() += 1;
        }
        if let Some(instance) = &member.instance_id {
            self.static_members.insert(instance.clone(), id.to_owned());
        }
        self.members.insert(id.to_owned(), member);
    }

    fn forget_subscription(&mut self, member: &Member) {
        for name in &member.topic_names {
            drop_one(&mut self.topic_counts, name);
        }
        if let Some(text) = member.pattern() {
            drop_one(&mut self.pattern_counts, text);
        }
        if let Some(instance) = &member.instance_id
            && self.static_members.get(instance) == Some(&member.id)
        {
            self.static_members.remove(instance);
        }
    }

    fn change_holding(&mut self, id: &str, change: impl FnOnce(&mut Member)) {
        let mut member = self.members.remove(id).unwrap_or_else(|| Member::new(id));
        self.release(&member);
        change(&mut member);
        for (topic, partition) in member.held() {
            let holders = self.holders.entry(topic).or_default();
            holders.insert(partition, id.to_owned());
        }
        self.members.insert(id.to_owned(), member);
    }

    /// Frees what the member holds, unless another member has got hold of it: after compaction a
    /// member's older records may come behind those of the partition's next holder.
    fn release(&mut self, member: &Member) {
        for (topic, partition) in member.held() {
            let Some(holders) = self.holders.get_mut(&topic) else {
                continue;
            };
            if holders.get(&partition) == Some(&member.id) {
                holders.remove(&partition);
            }
            if holders.is_empty() {
                self.holders.remove(&topic);
            }
        }
    }

    fn remove_member(&mut self, id: &str) {
        if let Some(member) = self.members.remove(id) {
            self.forget_subscription(&member);
            self.release(&member);
        }
        self.timers.forget(id);
    }
}

fn drop_one(counts: &mut BTreeMap<String, usize>, key: &str) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
