//! One member of a consumer group: what it asked for, its epoch, and what it owns. Pure.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use protocol::messages::consumer_group_heartbeat_request::TopicPartitions as ReportedPartitions;
use protocol::messages::coordinator::consumer_group_current_member_assignment_value as current;
use protocol::messages::coordinator::consumer_group_member_metadata_value as metadata;
use protocol::types::Uuid;

/// A member that leaves for good sends this epoch.
pub(crate) const LEAVE_EPOCH: i32 = -1;
/// A static member that will be back sends this epoch, and keeps it until then.
pub(crate) const LEAVE_STATIC_EPOCH: i32 = -2;

/// Partitions by topic, each with the target's epoch at which the member got it. No topic is empty.
pub(crate) type Owned = BTreeMap<Uuid, BTreeMap<i32, i32>>;

/// Where a member is on the way to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberState {
    /// It has what its epoch's target gives it.
    Stable,
    /// It has been told to give up partitions and has not said yet that it did.
    UnrevokedPartitions,
    /// It is in the target's epoch, but others still own some of its partitions.
    UnreleasedPartitions,
    /// Written by a release that knows more states.
    Unknown,
}

impl MemberState {
    fn from_code(code: i8) -> Self {
        match code {
            0 => Self::Stable,
            1 => Self::UnrevokedPartitions,
            2 => Self::UnreleasedPartitions,
            _ => Self::Unknown,
        }
    }

    fn code(self) -> i8 {
        match self {
            Self::Stable => 0,
            Self::UnrevokedPartitions => 1,
            Self::UnreleasedPartitions => 2,
            Self::Unknown => 127,
        }
    }
}

/// What a member that still speaks the classic protocol joined with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClassicMember {
    pub(crate) session_timeout_ms: i32,
    /// Its protocols and their metadata, in its order of preference.
    pub(crate) protocols: Vec<(String, Bytes)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) rack_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) server_assignor: Option<String>,
    pub(crate) topic_names: BTreeSet<String>,
    /// The pattern as it was sent; clients drop theirs by sending an empty one.
    pub(crate) topic_regex: Option<String>,
    /// None for members of the consumer protocol.
    pub(crate) classic: Option<ClassicMember>,
    pub(crate) epoch: i32,
    pub(crate) previous_epoch: i32,
    pub(crate) state: MemberState,
    pub(crate) assigned: Owned,
    pub(crate) pending_revocation: Owned,
}

impl Member {
    /// A member that has just come.
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            instance_id: None,
            rack_id: None,
            client_id: String::new(),
            client_host: String::new(),
            rebalance_timeout_ms: -1,
            server_assignor: None,
            topic_names: BTreeSet::new(),
            topic_regex: None,
            classic: None,
            epoch: 0,
            previous_epoch: -1,
            state: MemberState::Stable,
            assigned: Owned::new(),
            pending_revocation: Owned::new(),
        }
    }

    /// The pattern it subscribes to, if any.
    pub(crate) fn pattern(&self) -> Option<&str> {
        self.topic_regex.as_deref().filter(|text| !text.is_empty())
    }

    pub(crate) fn is_reconciled_to(&self, target_epoch: i32) -> bool {
        self.state == MemberState::Stable && self.epoch == target_epoch
    }

    /// Enters an epoch, or stays in it, and remembers the one before: the answer that tells the
    /// member may get lost, and then it comes back with the old one.
    pub(crate) fn enter(&mut self, epoch: i32) {
        self.previous_epoch = self.epoch;
        self.epoch = epoch;
    }

    /// Every partition that no other member may have.
    pub(crate) fn held(&self) -> impl Iterator<Item = (Uuid, i32)> + '_ {
        [&self.assigned, &self.pending_revocation]
            .into_iter()
            .flatten()
            .flat_map(|(topic, partitions)| partitions.keys().map(|partition| (*topic, *partition)))
    }

    /// The target's epoch at which it got the partition, if it has it.
    pub(crate) fn held_since(&self, topic: Uuid, partition: i32) -> Option<i32> {
        [&self.assigned, &self.pending_revocation]
            .into_iter()
            .find_map(|owned| owned.get(&topic)?.get(&partition).copied())
    }

    /// Whether all that the member reports to own is assigned to it.
    pub(crate) fn covers(&self, reported: &[ReportedPartitions]) -> bool {
        reported.iter().all(|topic| {
            self.assigned.get(&topic.topic_id).is_some_and(|assigned| {
                let mut partitions = topic.partitions.iter();
                partitions.all(|partition| assigned.contains_key(partition))
            })
        })
    }

    pub(crate) fn metadata_value(&self) -> metadata::ConsumerGroupMemberMetadataValue {
        let classic = self.classic.as_ref().map(|classic| {
            let protocol = |(name, bytes): &(String, Bytes)| metadata::ClassicProtocol {
                name: name.clone(),
                metadata: bytes.clone(),
            };
            metadata::ClassicMemberMetadata {
                session_timeout_ms: classic.session_timeout_ms,
                supported_protocols: classic.protocols.iter().map(protocol).collect(),
            }
        });
        metadata::ConsumerGroupMemberMetadataValue {
            instance_id: self.instance_id.clone(),
            rack_id: self.rack_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            subscribed_topic_names: self.topic_names.iter().cloned().collect(),
            subscribed_topic_regex: self.topic_regex.clone(),
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            server_assignor: self.server_assignor.clone(),
            classic_member_metadata: classic,
        }
    }

    /// Replays what [`Member::metadata_value`] wrote.
    pub(crate) fn set_metadata(&mut self, value: metadata::ConsumerGroupMemberMetadataValue) {
        self.instance_id = value.instance_id;
        self.rack_id = value.rack_id;
        self.client_id = value.client_id;
        self.client_host = value.client_host;
        self.topic_names = value.subscribed_topic_names.into_iter().collect();
        self.topic_regex = value.subscribed_topic_regex;
        self.rebalance_timeout_ms = value.rebalance_timeout_ms;
        self.server_assignor = value.server_assignor;
        self.classic = value.classic_member_metadata.map(|classic| ClassicMember {
            session_timeout_ms: classic.session_timeout_ms,
            protocols: classic
                .supported_protocols
                .into_iter()
                // a copy: a slice would keep the whole batch in memory
                .map(|protocol| (protocol.name, Bytes::copy_from_slice(&protocol.metadata)))
                .collect(),
        });
    }

    pub(crate) fn current_value(&self) -> current::ConsumerGroupCurrentMemberAssignmentValue {
        current::ConsumerGroupCurrentMemberAssignmentValue {
            member_epoch: self.epoch,
            previous_member_epoch: self.previous_epoch,
            state: self.state.code(),
            assigned_partitions: owned_value(&self.assigned),
            partitions_pending_revocation: owned_value(&self.pending_revocation),
        }
    }

    /// Replays what [`Member::current_value`] wrote.
    pub(crate) fn set_current(
        &mut self,
        value: &current::ConsumerGroupCurrentMemberAssignmentValue,
    ) {
        self.epoch = value.member_epoch;
        self.previous_epoch = value.previous_member_epoch;
        self.state = MemberState::from_code(value.state);
        self.assigned = owned_of(&value.assigned_partitions, value.member_epoch);
        self.pending_revocation =
            owned_of(&value.partitions_pending_revocation, value.member_epoch);
    }

    /// Replays the end of its assignment.
    pub(crate) fn clear_current(&mut self) {
        self.epoch = LEAVE_EPOCH;
        self.previous_epoch = LEAVE_EPOCH;
        self.state = MemberState::Stable;
        self.assigned.clear();
        self.pending_revocation.clear();
    }
}

fn owned_value(owned: &Owned) -> Vec<current::TopicPartitions> {
    owned
        .iter()
        .map(|(topic, partitions)| current::TopicPartitions {
            topic_id: *topic,
            partitions: partitions.keys().copied().collect(),
            assignment_epochs: Some(partitions.values().copied().collect()),
        })
        .collect()
}

/// Records of releases before 4.3 carry no epochs; the member's own stands in for them.
fn owned_of(topics: &[current::TopicPartitions], member_epoch: i32) -> Owned {
    let mut owned = Owned::new();
    for topic in topics {
        let epochs = topic.assignment_epochs.as_deref().unwrap_or(&[]);
        let partitions: BTreeMap<i32, i32> = topic
            .partitions
            .iter()
            .enumerate()
            .map(|(index, partition)| (*partition, *epochs.get(index).unwrap_or(&member_epoch)))
            .collect();
        if !partitions.is_empty() {
            owned.insert(topic.topic_id, partitions);
        }
    }
    owned
}
