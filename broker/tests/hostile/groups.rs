//! Members that are none, or too many, and what they say: Kafka's own error, at a bounded cost, and
//! nobody else is hurt.

use bytes::Bytes;
use protocol::error_code::ErrorCode;
use protocol::messages::consumer_group_heartbeat_request::ConsumerGroupHeartbeatRequest;
use protocol::messages::find_coordinator_request::FindCoordinatorRequest;
use protocol::messages::heartbeat_request::HeartbeatRequest;
use protocol::messages::join_group_request::{JoinGroupRequest, JoinGroupRequestProtocol};
use protocol::messages::join_group_response::JoinGroupResponse;
use protocol::messages::leave_group_request::LeaveGroupRequest;
use protocol::messages::offset_commit_request::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use protocol::messages::sync_group_request::{SyncGroupRequest, SyncGroupRequestAssignment};
use protocol::types::Uuid;

use crate::broker::{Broker, HONEST, eventually};
use crate::client::Client;
use crate::memory::costs_little;

/// The newest versions.
const JOIN: i16 = 9;
const SYNC: i16 = 5;
const HEARTBEAT: i16 = 4;
const COMMIT: i16 = 10;
const CONSUMER_HEARTBEAT: i16 = 1;
/// The last version that makes somebody new a member at once.
const JOIN_AT_ONCE: i16 = 3;
/// Requests that are sent before their answers are read.
const AHEAD: usize = 50;

/// A broker with one coordinator, which serves already.
fn broker_with(settings: &[&str]) -> Broker {
    let own = [
        "offsets.topic.num.partitions=1",
        "group.initial.rebalance.delay.ms=0",
        "group.min.session.timeout.ms=100",
    ];
    let broker = Broker::start_with(&[&own, settings].concat());
    let find = FindCoordinatorRequest {
        coordinator_keys: vec!["any".to_owned()],
        ..Default::default()
    };
    eventually("there is a coordinator", || {
        let found = broker.client().call(4, &find);
        let heard = broker.client().call(HEARTBEAT, &heartbeat("any", "no", 1));
        let serves = heard.error_code == ErrorCode::UnknownMemberId.code();
        found.coordinators[0].error_code == 0 && serves
    });
    broker
}

fn joining(group_id: &str, member_id: &str) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: group_id.to_owned(),
        session_timeout_ms: 60_000,
        rebalance_timeout_ms: 60_000,
        member_id: member_id.to_owned(),
        protocol_type: "consumer".to_owned(),
        protocols: vec![JoinGroupRequestProtocol {
            name: "range".to_owned(),
            metadata: Bytes::from_static(b"m"),
        }],
        ..Default::default()
    }
}

fn syncing(group_id: &str, member_id: &str, generation_id: i32) -> SyncGroupRequest {
    SyncGroupRequest {
        group_id: group_id.to_owned(),
        generation_id,
        member_id: member_id.to_owned(),
        protocol_type: Some("consumer".to_owned()),
        protocol_name: Some("range".to_owned()),
        assignments: vec![SyncGroupRequestAssignment {
            member_id: member_id.to_owned(),
            assignment: Bytes::from_static(b"all"),
        }],
        ..Default::default()
    }
}

fn heartbeat(group_id: &str, member_id: &str, generation_id: i32) -> HeartbeatRequest {
    HeartbeatRequest {
        group_id: group_id.to_owned(),
        generation_id,
        member_id: member_id.to_owned(),
        ..Default::default()
    }
}

fn commit(group_id: &str, member_id: &str, generation: i32) -> OffsetCommitRequest {
    OffsetCommitRequest {
        group_id: group_id.to_owned(),
        generation_id_or_member_epoch: generation,
        member_id: member_id.to_owned(),
        topics: vec![OffsetCommitRequestTopic {
            name: HONEST.to_owned(),
            partitions: vec![OffsetCommitRequestPartition::default()],
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn consumer_heartbeat(group_id: &str, member_id: &str) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        group_id: group_id.to_owned(),
        member_id: member_id.to_owned(),
        rebalance_timeout_ms: 60_000,
        subscribed_topic_names: Some(vec![HONEST.to_owned()]),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    }
}

/// Somebody new becomes the only member of a stable group of generation 1.
fn honest_member(client: &mut Client, group_id: &str) -> String {
    let joined = client.call(JOIN_AT_ONCE, &joining(group_id, ""));
    assert_eq!((joined.error_code, joined.generation_id), (0, 1));
    let synced = client.call(SYNC, &syncing(group_id, &joined.member_id, 1));
    assert_eq!(synced.error_code, 0, "{synced:?}");
    joined.member_id
}

fn is(code: i16, error: ErrorCode) {
    assert_eq!(ErrorCode::from_code(code), Some(error));
}

#[test]
fn who_is_no_member_of_this_generation_is_told() {
    let broker = broker_with(&[]);
    let mut client = broker.client();
    let member = honest_member(&mut client, "group");
    for (member, generation, error) in [
        (member.as_str(), 0, ErrorCode::IllegalGeneration),
        (&member, i32::MAX, ErrorCode::IllegalGeneration),
        (&member, i32::MIN, ErrorCode::IllegalGeneration),
        ("nobody", 1, ErrorCode::UnknownMemberId),
        ("", 1, ErrorCode::UnknownMemberId),
    ] {
        let heard = client.call(HEARTBEAT, &heartbeat("group", member, generation));
        is(heard.error_code, error);
        let synced = client.call(SYNC, &syncing("group", member, generation));
        is(synced.error_code, error);
        let committed = client.call(9, &commit("group", member, generation));
        is(committed.topics[0].partitions[0].error_code, error);
    }
    let joined = client.call(JOIN, &joining("group", "nobody"));
    is(joined.error_code, ErrorCode::UnknownMemberId);
    let heard = client.call(HEARTBEAT, &heartbeat("group", &member, 1));
    is(heard.error_code, ErrorCode::None);
    broker.is_unharmed();
}

#[test]
fn an_instance_that_was_replaced_is_fenced() {
    let broker = broker_with(&[]);
    let mut client = broker.client();
    let instance = Some("instance".to_owned());
    let joining = JoinGroupRequest {
        group_instance_id: instance.clone(),
        ..joining("group", "")
    };
    let first = client.call(JOIN, &joining);
    is(first.error_code, ErrorCode::None);
    let syncing = SyncGroupRequest {
        group_instance_id: instance.clone(),
        ..syncing("group", &first.member_id, 1)
    };
    is(client.call(SYNC, &syncing).error_code, ErrorCode::None);
    let second = client.call(JOIN, &joining);
    is(second.error_code, ErrorCode::None);
    for (member, error) in [
        (&first.member_id, ErrorCode::FencedInstanceId),
        (&second.member_id, ErrorCode::None),
    ] {
        let mut request = heartbeat("group", member, 1);
        request.group_instance_id.clone_from(&instance);
        is(client.call(HEARTBEAT, &request).error_code, error);
    }
    broker.is_unharmed();
}

#[test]
fn a_group_without_a_name_is_refused() {
    let broker = broker_with(&[]);
    let mut client = broker.client();
    let joined = client.call(JOIN, &joining("", ""));
    is(joined.error_code, ErrorCode::InvalidGroupId);
    let synced = client.call(SYNC, &syncing("", "member", 1));
    is(synced.error_code, ErrorCode::InvalidGroupId);
    let heard = client.call(HEARTBEAT, &heartbeat("", "member", 1));
    is(heard.error_code, ErrorCode::InvalidGroupId);
    let left = client.call(5, &LeaveGroupRequest::default());
    is(left.error_code, ErrorCode::InvalidGroupId);
    let heard = client.call(CONSUMER_HEARTBEAT, &consumer_heartbeat("", "member"));
    is(heard.error_code, ErrorCode::InvalidRequest);
    broker.is_unharmed();
}

#[test]
fn a_commit_says_which_offsets_cannot_be() {
    let broker = broker_with(&[]);
    let mut client = broker.client();
    let mut talkative = commit("group", "", -1);
    let metadata = Some("m".repeat(30_000));
    talkative.topics[0].partitions[0].committed_metadata = metadata;
    let committed = client.call(9, &talkative);
    let code = committed.topics[0].partitions[0].error_code;
    is(code, ErrorCode::OffsetMetadataTooLarge);
    let mut unknown = commit("group", "", -1);
    unknown.topics[0].topic_id = Uuid::from_bytes([7; 16]);
    let committed = client.call(COMMIT, &unknown);
    let code = committed.topics[0].partitions[0].error_code;
    is(code, ErrorCode::UnknownTopicId);
    let mut beyond = commit("group", "", -1);
    beyond.topics[0].partitions[0].partition_index = i32::MAX;
    let committed = client.call(9, &beyond);
    let code = committed.topics[0].partitions[0].error_code;
    is(code, ErrorCode::UnknownTopicOrPartition);
    broker.is_unharmed();
}

#[test]
fn patterns_that_explode_are_refused() {
    let broker = broker_with(&[]);
    let mut client = broker.client();
    costs_little(&broker, || {
        for pattern in ["((a{1000}){1000}){1000}", "(", "[", "(?=a)", "\\1"] {
            let mut request = consumer_heartbeat("patterns", "member");
            request.subscribed_topic_regex = Some(pattern.to_owned());
            let heard = client.call(CONSUMER_HEARTBEAT, &request);
            let error = ErrorCode::from_code(heard.error_code);
            assert_eq!(
                error,
                Some(ErrorCode::InvalidRegularExpression),
                "{pattern}"
            );
        }
        // slow where an engine goes back
        let mut request = consumer_heartbeat("patterns", "member");
        request.subscribed_topic_regex = Some("(h*)*(o*)*(n|n?)*z".to_owned());
        let heard = client.call(CONSUMER_HEARTBEAT, &request);
        is(heard.error_code, ErrorCode::None);
    });
    broker.is_unharmed();
}

#[test]
fn a_member_that_never_answers_holds_up_nobody_for_long() {
    let broker = broker_with(&[]);
    let mut honest = broker.client();
    let member = honest_member(&mut honest, "other");
    let silent = JoinGroupRequest {
        rebalance_timeout_ms: 1_000,
        ..joining("group", "")
    };
    let lost = broker.client().call(JOIN_AT_ONCE, &silent);
    is(lost.error_code, ErrorCode::None);
    // it has to come to the rebalance, or to its sync, and does neither
    let joined = honest.call(JOIN_AT_ONCE, &silent);
    is(joined.error_code, ErrorCode::None);
    assert_eq!(joined.leader, joined.member_id);
    assert_eq!(joined.members.len(), 1);
    let generation = joined.generation_id;
    let synced = honest.call(SYNC, &syncing("group", &joined.member_id, generation));
    is(synced.error_code, ErrorCode::None);
    let heard = honest.call(HEARTBEAT, &heartbeat("group", &lost.member_id, generation));
    is(heard.error_code, ErrorCode::UnknownMemberId);
    let heard = honest.call(HEARTBEAT, &heartbeat("other", &member, 1));
    is(heard.error_code, ErrorCode::None);
    broker.is_unharmed();
}

/// The error codes of so many joins of somebody new, in order.
fn join_all(client: &mut Client, count: usize, group_id: impl Fn(usize) -> String) -> Vec<i16> {
    let mut codes = Vec::with_capacity(count);
    while codes.len() < count {
        let ahead = AHEAD.min(count - codes.len());
        for number in codes.len()..codes.len() + ahead {
            client.send_request(JOIN, &joining(&group_id(number), ""));
        }
        for _ in 0..ahead {
            let joined: JoinGroupResponse = client.response::<JoinGroupRequest>(JOIN);
            codes.push(joined.error_code);
        }
    }
    codes
}

#[test]
fn thousands_of_groups_are_bounded() {
    let broker = broker_with(&["millrace.groups.per.coordinator.max=3000"]);
    let mut honest = broker.client();
    let member = honest_member(&mut honest, "honest");
    costs_little(&broker, || {
        let codes = join_all(&mut broker.client(), 3_500, |number| {
            format!("{number:0>200}")
        });
        let taken = codes.iter().filter(|code| {
            let error = ErrorCode::from_code(**code);
            error == Some(ErrorCode::MemberIdRequired)
        });
        assert_eq!(taken.count(), 2_999);
        is(codes[3_499], ErrorCode::GroupMaxSizeReached);
        let committed = broker.client().call(9, &commit("one-more", "", -1));
        let code = committed.topics[0].partitions[0].error_code;
        is(code, ErrorCode::GroupMaxSizeReached);
    });
    let committed = honest.call(9, &commit("honest", &member, 1));
    is(
        committed.topics[0].partitions[0].error_code,
        ErrorCode::None,
    );
    broker.is_unharmed();
}

#[test]
fn thousands_of_members_to_be_are_bounded() {
    let broker = broker_with(&[]);
    let mut honest = broker.client();
    let member = honest_member(&mut honest, "honest");
    costs_little(&broker, || {
        let codes = join_all(&mut broker.client(), 10_001, |_| "group".to_owned());
        is(codes[9_999], ErrorCode::MemberIdRequired);
        is(codes[10_000], ErrorCode::GroupMaxSizeReached);
    });
    let heard = honest.call(HEARTBEAT, &heartbeat("honest", &member, 1));
    is(heard.error_code, ErrorCode::None);
    broker.is_unharmed();
}

#[test]
fn members_beyond_a_groups_size_are_refused() {
    let broker = broker_with(&["group.consumer.max.size=20", "group.max.size=1"]);
    let mut client = broker.client();
    for number in 0..20 {
        let request = consumer_heartbeat("modern", &format!("member-{number}"));
        let heard = client.call(CONSUMER_HEARTBEAT, &request);
        is(heard.error_code, ErrorCode::None);
    }
    let heard = client.call(CONSUMER_HEARTBEAT, &consumer_heartbeat("modern", "late"));
    is(heard.error_code, ErrorCode::GroupMaxSizeReached);
    honest_member(&mut client, "classic");
    let joined = client.call(JOIN_AT_ONCE, &joining("classic", ""));
    is(joined.error_code, ErrorCode::GroupMaxSizeReached);
    broker.is_unharmed();
}
