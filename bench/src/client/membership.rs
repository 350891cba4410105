//! Membership of a classic consumer group: join, sync, heartbeat, commit, leave. Shell. The
//! member that the coordinator makes leader divides the partitions by ranges over each topic.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use protocol::codec::{DecodeError, Message, Reader, Writer};
use protocol::error_code::ErrorCode;
use protocol::messages::data::consumer_protocol_assignment::{
    ConsumerProtocolAssignment, TopicPartition,
};
use protocol::messages::data::consumer_protocol_subscription::ConsumerProtocolSubscription;
use protocol::messages::heartbeat_request::HeartbeatRequest;
use protocol::messages::join_group_request::{JoinGroupRequest, JoinGroupRequestProtocol};
use protocol::messages::join_group_response::JoinGroupResponse;
use protocol::messages::leave_group_request::{LeaveGroupRequest, MemberIdentity};
use protocol::messages::offset_commit_request::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use protocol::messages::offset_fetch_request::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use protocol::messages::sync_group_request::{SyncGroupRequest, SyncGroupRequestAssignment};
use protocol::types::Uuid;
use storage::tasks;

use super::cluster::Topic;
use super::connection::{Connection, ConnectionError};
use super::refusal::Refusal;

const SESSION_LIMIT_MS: i32 = 45_000;
const REBALANCE_LIMIT_MS: i32 = 60_000;
const PAUSE: Duration = Duration::from_millis(50);
const PROTOCOL_TYPE: &str = "consumer";
const PROTOCOL: &str = "range";
/// The format of subscriptions and assignments that everyone reads.
const FORMAT: i16 = 0;
/// Versions 9 and older of the offset APIs name topics; newer ones have only ids.
const OFFSETS_BY_NAME: i16 = 9;

#[derive(Debug, thiserror::Error)]
pub(crate) enum MembershipError {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("group {group}: {doing}: {refusal}")]
    Refused {
        group: String,
        doing: &'static str,
        refusal: Refusal,
    },
    #[error("group {group}: a subscription or an assignment cannot be read: {source}")]
    Unreadable { group: String, source: DecodeError },
}

/// Topic's place and partition.
pub(crate) type Place = (usize, i32);

#[derive(Debug)]
pub(crate) struct Member {
    connection: Connection,
    group: String,
    member_id: String,
    generation: i32,
}

impl Member {
    pub(crate) fn new(connection: Connection, group: String) -> Self {
        Self {
            connection,
            group,
            member_id: String::new(),
            generation: -1,
        }
    }

    /// Joins or joins again; what this member is to read.
    pub(crate) async fn join(&mut self, topics: &[Topic]) -> Result<Vec<Place>, MembershipError> {
        loop {
            let joined = self.ask_to_join(topics).await?;
            let refused = match Refusal::check(joined.error_code) {
                Ok(()) => {
                    self.member_id.clone_from(&joined.member_id);
                    self.generation = joined.generation_id;
                    match self.sync(&joined, topics).await? {
                        Ok(places) => return Ok(places),
                        Err(refusal) => refusal,
                    }
                }
                Err(refusal) => {
                    if refusal.is(ErrorCode::MemberIdRequired) {
                        self.member_id = joined.member_id;
                        continue;
                    }
                    refusal
                }
            };
            if refused.is(ErrorCode::UnknownMemberId) {
                self.member_id.clear();
            } else if !refused.is(ErrorCode::RebalanceInProgress) && !refused.is_retriable() {
                return Err(self.refused("joining", refused));
            }
            tasks::sleep(PAUSE).await;
        }
    }

    async fn ask_to_join(
        &mut self,
        topics: &[Topic],
    ) -> Result<JoinGroupResponse, MembershipError> {
        let subscription = ConsumerProtocolSubscription {
            topics: topics.iter().map(|topic| topic.name.clone()).collect(),
            ..ConsumerProtocolSubscription::default()
        };
        let request = JoinGroupRequest {
            group_id: self.group.clone(),
            session_timeout_ms: SESSION_LIMIT_MS,
            rebalance_timeout_ms: REBALANCE_LIMIT_MS,
            member_id: self.member_id.clone(),
            protocol_type: PROTOCOL_TYPE.to_owned(),
            protocols: vec![JoinGroupRequestProtocol {
                name: PROTOCOL.to_owned(),
                metadata: versioned(&subscription),
            }],
            ..JoinGroupRequest::default()
        };
        Ok(self.connection.call(&request).await?)
    }

    async fn sync(
        &mut self,
        joined: &JoinGroupResponse,
        topics: &[Topic],
    ) -> Result<Result<Vec<Place>, Refusal>, MembershipError> {
        let is_leader = joined.leader == joined.member_id && !joined.skip_assignment;
        let members: Vec<&str> = joined
            .members
            .iter()
            .map(|m| m.member_id.as_str())
            .collect();
        let assignments = if is_leader {
            assignments(&members, topics)
        } else {
            Vec::new()
        };
        let request = SyncGroupRequest {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            group_instance_id: None,
            protocol_type: Some(PROTOCOL_TYPE.to_owned()),
            protocol_name: Some(PROTOCOL.to_owned()),
            assignments,
        };
        let response = self.connection.call(&request).await?;
        if let Err(refusal) = Refusal::check(response.error_code) {
            return Ok(Err(refusal));
        }
        let places = places(response.assignment, topics);
        let places = places.map_err(|source| MembershipError::Unreadable {
            group: self.group.clone(),
            source,
        })?;
        Ok(Ok(places))
    }

    /// Says that this member lives; false when it must join again.
    pub(crate) async fn heartbeat(&mut self) -> Result<bool, MembershipError> {
        let request = HeartbeatRequest {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            group_instance_id: None,
        };
        let response = self.connection.call(&request).await?;
        self.is_member(response.error_code, "a heartbeat")
    }

    /// Commits where reading goes on; false when this member must join again.
    pub(crate) async fn commit(
        &mut self,
        topics: &[Topic],
        positions: &BTreeMap<Place, i64>,
    ) -> Result<bool, MembershipError> {
        let mut committed: BTreeMap<usize, Vec<OffsetCommitRequestPartition>> = BTreeMap::new();
        for ((topic, partition), offset) in positions {
            let partition = OffsetCommitRequestPartition {
                partition_index: *partition,
                committed_offset: *offset,
                committed_leader_epoch: -1,
                committed_metadata: None,
            };
            committed.entry(*topic).or_default().push(partition);
        }
        let of_topic = |(topic, partitions): (usize, _)| OffsetCommitRequestTopic {
            name: topics[topic].name.clone(),
            topic_id: topics[topic].id,
            partitions,
        };
        let request = OffsetCommitRequest {
            group_id: self.group.clone(),
            generation_id_or_member_epoch: self.generation,
            member_id: self.member_id.clone(),
            group_instance_id: None,
            retention_time_ms: -1,
            topics: committed.into_iter().map(of_topic).collect(),
        };
        let response = self
            .connection
            .call_up_to(&request, OFFSETS_BY_NAME)
            .await?;
        let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
        for partition in partitions {
            if !self.is_member(partition.error_code, "a commit")? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the group has committed of these places.
    pub(crate) async fn committed(
        &mut self,
        topics: &[Topic],
        wanted: &[Place],
    ) -> Result<BTreeMap<Place, i64>, MembershipError> {
        let mut by_topic: BTreeMap<usize, Vec<i32>> = BTreeMap::new();
        for (topic, partition) in wanted {
            by_topic.entry(*topic).or_default().push(*partition);
        }
        let named = |(topic, partitions): (&usize, &Vec<i32>)| OffsetFetchRequestTopic {
            name: topics[*topic].name.clone(),
            partition_indexes: partitions.clone(),
        };
        let of_group = |(topic, partitions): (&usize, &Vec<i32>)| OffsetFetchRequestTopics {
            name: topics[*topic].name.clone(),
            topic_id: Uuid::ZERO,
            partition_indexes: partitions.clone(),
        };
        let request = OffsetFetchRequest {
            group_id: self.group.clone(),
            topics: Some(by_topic.iter().map(named).collect()),
            groups: vec![OffsetFetchRequestGroup {
                group_id: self.group.clone(),
                member_id: None,
                member_epoch: -1,
                topics: Some(by_topic.iter().map(of_group).collect()),
            }],
            require_stable: false,
        };
        let response = self
            .connection
            .call_up_to(&request, OFFSETS_BY_NAME)
            .await?;
        let mut found = Vec::new();
        for topic in &response.topics {
            let partitions = topic.partitions.iter();
            found.extend(partitions.map(|p| (&topic.name, p.partition_index, p.committed_offset)));
        }
        for topic in response.groups.iter().flat_map(|group| &group.topics) {
            let partitions = topic.partitions.iter();
            found.extend(partitions.map(|p| (&topic.name, p.partition_index, p.committed_offset)));
        }
        let mut committed = BTreeMap::new();
        for (name, partition, offset) in found {
            let place = topics.iter().position(|topic| topic.name == *name);
            if let Some(place) = place
                && offset >= 0
            {
                committed.insert((place, partition), offset);
            }
        }
        Ok(committed)
    }

    /// Leaves, so that the others need not wait for the session to end.
    pub(crate) async fn leave(&mut self) -> Result<(), MembershipError> {
        let request = LeaveGroupRequest {
            group_id: self.group.clone(),
            member_id: self.member_id.clone(),
            members: vec![MemberIdentity {
                member_id: self.member_id.clone(),
                ..MemberIdentity::default()
            }],
        };
        self.connection.call(&request).await?;
        Ok(())
    }

    fn is_member(&self, code: i16, doing: &'static str) -> Result<bool, MembershipError> {
        match Refusal::check(code) {
            Ok(()) => Ok(true),
            Err(refusal)
                if refusal.is(ErrorCode::RebalanceInProgress)
                    || refusal.is(ErrorCode::IllegalGeneration)
                    || refusal.is(ErrorCode::UnknownMemberId) =>
            {
                Ok(false)
            }
            Err(refusal) => Err(self.refused(doing, refusal)),
        }
    }

    fn refused(&self, doing: &'static str, refusal: Refusal) -> MembershipError {
        MembershipError::Refused {
            group: self.group.clone(),
            doing,
            refusal,
        }
    }
}

/// The partitions of each topic in ranges, one a member; Pure.
fn divide(members: &[&str], topics: &[Topic]) -> BTreeMap<String, Vec<TopicPartition>> {
    let mut sorted = members.to_vec();
    sorted.sort_unstable();
    let mut divided: BTreeMap<String, Vec<TopicPartition>> = BTreeMap::new();
    for member in &sorted {
        divided.insert((*member).to_owned(), Vec::new());
    }
    for topic in topics {
        let count = topic.leaders.len();
        let (each, more) = (count / sorted.len(), count % sorted.len());
        let mut partitions = 0..i32::try_from(count).unwrap_or(i32::MAX);
        for (number, member) in sorted.iter().enumerate() {
            let own = each + usize::from(number < more);
            let own: Vec<i32> = partitions.by_ref().take(own).collect();
            if let Some(of_member) = divided.get_mut(*member)
                && !own.is_empty()
            {
                of_member.push(TopicPartition {
                    topic: topic.name.clone(),
                    partitions: own,
                });
            }
        }
    }
    divided
}

fn assignments(members: &[&str], topics: &[Topic]) -> Vec<SyncGroupRequestAssignment> {
    if members.is_empty() {
        return Vec::new();
    }
    let of_member = |(member_id, assigned_partitions)| {
        let assignment = ConsumerProtocolAssignment {
            assigned_partitions,
            user_data: None,
        };
        SyncGroupRequestAssignment {
            member_id,
            assignment: versioned(&assignment),
        }
    };
    divide(members, topics).into_iter().map(of_member).collect()
}

/// Behind its version, as groups hand such messages around.
fn versioned<M: Message>(message: &M) -> Bytes {
    let mut writer = Writer::new();
    writer.i16(FORMAT);
    message.encode(&mut writer, FORMAT);
    writer.freeze()
}

fn places(assignment: Bytes, topics: &[Topic]) -> Result<Vec<Place>, DecodeError> {
    if assignment.is_empty() {
        return Ok(Vec::new());
    }
    let mut reader = Reader::new(assignment);
    let version = reader.i16()?.min(ConsumerProtocolAssignment::VERSIONS.max);
    let assignment = ConsumerProtocolAssignment::decode(&mut reader, version)?;
    let mut places = Vec::new();
    for assigned in assignment.assigned_partitions {
        let place = topics.iter().position(|topic| topic.name == assigned.topic);
        if let Some(place) = place {
            places.extend(assigned.partitions.into_iter().map(|p| (place, p)));
        }
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str, partitions: usize) -> Topic {
        Topic {
            name: name.to_owned(),
            id: Uuid::ZERO,
            leaders: vec![([127, 0, 0, 1], 9092).into(); partitions],
        }
    }

    #[test]
    fn every_partition_has_one_reader_and_ranges_differ_by_one() {
        let topics = [topic("a", 7), topic("b", 2)];
        let divided = assignments(&["m2", "m1", "m3"], &topics);
        let mut all = Vec::new();
        for (assignment, expected) in divided.into_iter().zip([3 + 1, 2 + 1, 2]) {
            let own = places(assignment.assignment, &topics).unwrap();
            assert_eq!(own.len(), expected, "{}", assignment.member_id);
            all.extend(own);
        }
        all.sort_unstable();
        let first = (0..7).map(|partition| (0, partition));
        let second = (0..2).map(|partition| (1, partition));
        assert_eq!(all, first.chain(second).collect::<Vec<_>>());
    }

    #[test]
    fn a_member_too_many_reads_nothing() {
        let topics = [topic("a", 1)];
        let divided = assignments(&["m1", "m2"], &topics);
        let second = places(divided[1].assignment.clone(), &topics).unwrap();
        assert!(second.is_empty());
        assert!(places(Bytes::new(), &topics).unwrap().is_empty());
    }
}
