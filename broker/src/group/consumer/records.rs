//! The records of a consumer group: what they say as values, and their bytes. Pure.
//!
//! A record is about one group; its key names the group and what of the group it is about. Without
//! a value it ends that. The formats are Kafka's, so that its tools read them.

use bytes::Bytes;
use protocol::codec::{DecodeError, Message, Reader, Writer};
use protocol::messages::coordinator::consumer_group_current_member_assignment_key::ConsumerGroupCurrentMemberAssignmentKey as CurrentKey;
use protocol::messages::coordinator::consumer_group_current_member_assignment_value::ConsumerGroupCurrentMemberAssignmentValue as CurrentValue;
use protocol::messages::coordinator::consumer_group_member_metadata_key::ConsumerGroupMemberMetadataKey as MemberKey;
use protocol::messages::coordinator::consumer_group_member_metadata_value::ConsumerGroupMemberMetadataValue as MemberValue;
use protocol::messages::coordinator::consumer_group_metadata_key::ConsumerGroupMetadataKey as GroupKey;
use protocol::messages::coordinator::consumer_group_metadata_value::ConsumerGroupMetadataValue as GroupValue;
use protocol::messages::coordinator::consumer_group_partition_metadata_key::ConsumerGroupPartitionMetadataKey as PartitionsKey;
use protocol::messages::coordinator::consumer_group_regular_expression_key::ConsumerGroupRegularExpressionKey as PatternKey;
use protocol::messages::coordinator::consumer_group_regular_expression_value::ConsumerGroupRegularExpressionValue as PatternValue;
use protocol::messages::coordinator::consumer_group_target_assignment_member_key::ConsumerGroupTargetAssignmentMemberKey as TargetKey;
use protocol::messages::coordinator::consumer_group_target_assignment_member_value::{
    ConsumerGroupTargetAssignmentMemberValue as TargetValue, TopicPartition,
};
use protocol::messages::coordinator::consumer_group_target_assignment_metadata_key::ConsumerGroupTargetAssignmentMetadataKey as TargetEpochKey;
use protocol::messages::coordinator::consumer_group_target_assignment_metadata_value::ConsumerGroupTargetAssignmentMetadataValue as TargetEpochValue;

use super::assignor::Assignment;
use super::group::Resolved;
use super::member::Member;

/// The only version so far of all keys and values.
const VALUE_VERSION: i16 = 0;

/// A record of one consumer group; the group's id is kept beside it. None ends what it is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ConsumerRecord {
    /// The group's epoch; None ends the group.
    Group(Option<GroupValue>),
    /// Releases before 4.1 kept the topics' metadata here. Only its end is still written.
    PartitionsEnd,
    Partitions,
    Member(String, Option<MemberValue>),
    TargetEpoch(Option<TargetEpochValue>),
    Target(String, Option<TargetValue>),
    Current(String, Option<CurrentValue>),
    Pattern(String, Option<PatternValue>),
}

/// The types of record keys that belong to consumer groups.
pub(crate) fn is_consumer_key(kind: i16) -> bool {
    matches!(
        kind,
        GroupKey::TYPE
            | PartitionsKey::TYPE
            | MemberKey::TYPE
            | TargetEpochKey::TYPE
            | TargetKey::TYPE
            | CurrentKey::TYPE
            | PatternKey::TYPE
    )
}

impl ConsumerRecord {
    /// Whether it ends what it is about.
    pub(crate) fn is_end(&self) -> bool {
        matches!(
            self,
            Self::Group(None)
                | Self::PartitionsEnd
                | Self::Member(_, None)
                | Self::TargetEpoch(None)
                | Self::Target(_, None)
                | Self::Current(_, None)
                | Self::Pattern(_, None)
        )
    }

    pub(crate) fn epoch(epoch: i32, metadata_hash: i64) -> Self {
        Self::Group(Some(GroupValue {
            epoch,
            metadata_hash,
        }))
    }

    pub(crate) fn member(member: &Member) -> Self {
        Self::Member(member.id.clone(), Some(member.metadata_value()))
    }

    pub(crate) fn current(member: &Member) -> Self {
        Self::Current(member.id.clone(), Some(member.current_value()))
    }

    pub(crate) fn target_epoch(epoch: i32, now_ms: i64) -> Self {
        Self::TargetEpoch(Some(TargetEpochValue {
            assignment_epoch: epoch,
            assignment_timestamp: now_ms,
        }))
    }

    pub(crate) fn target(member: &str, assignment: &Assignment) -> Self {
        let topic_partitions = assignment
            .iter()
            .map(|(topic, partitions)| TopicPartition {
                topic_id: *topic,
                partitions: partitions.iter().copied().collect(),
            })
            .collect();
        Self::Target(member.to_owned(), Some(TargetValue { topic_partitions }))
    }

    pub(crate) fn pattern(text: &str, resolved: &Resolved) -> Self {
        Self::Pattern(
            text.to_owned(),
            Some(PatternValue {
                topics: resolved.topics.iter().cloned().collect(),
                version: resolved.version,
                timestamp: resolved.timestamp_ms,
            }),
        )
    }

    /// The ends of all that is about one member, in the order in which they must be replayed.
    pub(crate) fn member_ends(member: &str) -> [Self; 3] {
        [
            Self::Current(member.to_owned(), None),
            Self::Target(member.to_owned(), None),
            Self::Member(member.to_owned(), None),
        ]
    }

    /// Key and value, as they lie in the log.
    pub(crate) fn encode(&self, group_id: &str) -> (Bytes, Option<Bytes>) {
        let group_id = group_id.to_owned();
        match self {
            Self::Group(value) => pair(GroupKey::TYPE, &GroupKey { group_id }, value.as_ref()),
            Self::PartitionsEnd | Self::Partitions => {
                let key = PartitionsKey { group_id };
                pair::<_, GroupValue>(PartitionsKey::TYPE, &key, None)
            }
            Self::Member(member_id, value) => {
                let member_id = member_id.clone();
                let key = MemberKey {
                    group_id,
                    member_id,
                };
                pair(MemberKey::TYPE, &key, value.as_ref())
            }
            Self::TargetEpoch(value) => pair(
                TargetEpochKey::TYPE,
                &TargetEpochKey { group_id },
                value.as_ref(),
            ),
            Self::Target(member_id, value) => {
                let member_id = member_id.clone();
                let key = TargetKey {
                    group_id,
                    member_id,
                };
                pair(TargetKey::TYPE, &key, value.as_ref())
            }
            Self::Current(member_id, value) => {
                let member_id = member_id.clone();
                let key = CurrentKey {
                    group_id,
                    member_id,
                };
                pair(CurrentKey::TYPE, &key, value.as_ref())
            }
            Self::Pattern(text, value) => {
                let key = PatternKey {
                    group_id,
                    regular_expression: text.clone(),
                };
                pair(PatternKey::TYPE, &key, value.as_ref())
            }
        }
    }

    /// The group and the record of a key whose type is one of [`is_consumer_key`], and of its value.
    ///
    /// # Errors
    /// The bytes are no such record.
    pub(crate) fn decode(
        kind: i16,
        key: Bytes,
        value: Option<Bytes>,
    ) -> Result<(String, Self), DecodeError> {
        Ok(match kind {
            GroupKey::TYPE => (
                key_of::<GroupKey>(key)?.group_id,
                Self::Group(value_of(value)?),
            ),
            PartitionsKey::TYPE => {
                let record = value.map_or(Self::PartitionsEnd, |_| Self::Partitions);
                (key_of::<PartitionsKey>(key)?.group_id, record)
            }
            MemberKey::TYPE => {
                let key: MemberKey = key_of(key)?;
                (key.group_id, Self::Member(key.member_id, value_of(value)?))
            }
            TargetEpochKey::TYPE => {
                let key: TargetEpochKey = key_of(key)?;
                (key.group_id, Self::TargetEpoch(value_of(value)?))
            }
            TargetKey::TYPE => {
                let key: TargetKey = key_of(key)?;
                (key.group_id, Self::Target(key.member_id, value_of(value)?))
            }
            CurrentKey::TYPE => {
                let key: CurrentKey = key_of(key)?;
                (key.group_id, Self::Current(key.member_id, value_of(value)?))
            }
            PatternKey::TYPE => {
                let key: PatternKey = key_of(key)?;
                (
                    key.group_id,
                    Self::Pattern(key.regular_expression, value_of(value)?),
                )
            }
            _ => return Err(DecodeError::UnknownRecordType(kind)),
        })
    }
}

fn pair<K: Message, V: Message>(kind: i16, key: &K, value: Option<&V>) -> (Bytes, Option<Bytes>) {
    (
        with_number(kind, key),
        value.map(|value| with_number(VALUE_VERSION, value)),
    )
}

/// A record's key stands behind its type, a value behind its version.
fn with_number<M: Message>(number: i16, message: &M) -> Bytes {
    let mut writer = Writer::new();
    writer.i16(number);
    message.encode(&mut writer, VALUE_VERSION);
    writer.freeze()
}

/// Decodes what follows the type of a key.
fn key_of<K: Message>(key: Bytes) -> Result<K, DecodeError> {
    let mut reader = Reader::new(key);
    reader.i16()?;
    K::decode(&mut reader, VALUE_VERSION)
}

fn value_of<V: Message>(value: Option<Bytes>) -> Result<Option<V>, DecodeError> {
    let Some(value) = value else {
        return Ok(None);
    };
    let mut reader = Reader::new(value);
    let version = reader.i16()?;
    V::decode(&mut reader, version).map(Some)
}
