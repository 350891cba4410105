//! Fetch: sizes, offsets, epochs, sessions, and clients that say they are followers.

use protocol::error_code::ErrorCode;
use protocol::messages::fetch_request::{FetchRequest, FetchTopic, ReplicaState};
use protocol::messages::fetch_response::PartitionData;
use protocol::messages::list_offsets_request::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic,
};
use protocol::types::Uuid;

use crate::broker::{Broker, HONEST};
use crate::client::Client;
use crate::requests;

fn one(client: &mut Client, version: i16, request: &FetchRequest) -> PartitionData {
    let mut response = client.call(version, request);
    assert_eq!(response.error_code, 0, "{response:?}");
    response.responses.remove(0).partitions.remove(0)
}

#[test]
fn any_size_is_a_limit() {
    let broker = Broker::start();
    let mut client = broker.client();
    for bytes in [-1, 0, 1, i32::MIN, i32::MAX] {
        let mut request = requests::fetch(HONEST, 0);
        request.max_bytes = bytes;
        assert_eq!(one(&mut client, 12, &request).error_code, 0);
        request.max_bytes = 1 << 20;
        request.topics[0].partitions[0].partition_max_bytes = bytes;
        assert_eq!(one(&mut client, 12, &request).error_code, 0);
        request.min_bytes = bytes;
        assert_eq!(
            one(&mut client, 12, &request).error_code,
            0,
            "without waiting"
        );
        request.min_bytes = 1;
        request.max_wait_ms = bytes;
        assert_eq!(one(&mut client, 12, &request).error_code, 0);
    }
    broker.is_unharmed();
}

#[test]
fn offsets_and_partitions_that_do_not_exist_are_told() {
    let broker = Broker::start();
    let mut client = broker.client();
    for offset in [-1, i64::MIN, i64::MAX, 1_000_000] {
        let answer = client.fetch(HONEST, offset);
        assert_eq!(
            answer.error_code,
            ErrorCode::OffsetOutOfRange.code(),
            "{offset}"
        );
    }
    for partition in [-1, 1, i32::MIN, i32::MAX] {
        let mut request = requests::fetch(HONEST, 0);
        request.topics[0].partitions[0].partition = partition;
        let code = one(&mut client, 12, &request).error_code;
        assert_eq!(
            code,
            ErrorCode::UnknownTopicOrPartition.code(),
            "{partition}"
        );
    }
    for name in ["absent", "", "..", "a/../../etc"] {
        let code = client.fetch(name, 0).error_code;
        assert_eq!(code, ErrorCode::UnknownTopicOrPartition.code(), "{name:?}");
    }
    for topic_id in [Uuid::ZERO, Uuid::from_u128(5)] {
        let mut request = requests::fetch("", 0);
        request.topics[0].topic_id = topic_id;
        let code = one(&mut client, 13, &request).error_code;
        assert_eq!(code, ErrorCode::UnknownTopicId.code());
    }
    broker.is_unharmed();
}

#[test]
fn leader_epochs_are_compared() {
    let broker = Broker::start();
    let mut client = broker.client();
    let codes = [
        (-1, ErrorCode::None),
        (0, ErrorCode::None),
        (-2, ErrorCode::FencedLeaderEpoch),
        (1, ErrorCode::UnknownLeaderEpoch),
        (i32::MAX, ErrorCode::UnknownLeaderEpoch),
    ];
    for (epoch, code) in codes {
        let mut request = requests::fetch(HONEST, 0);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        assert_eq!(
            one(&mut client, 12, &request).error_code,
            code.code(),
            "{epoch}"
        );
    }
    broker.is_unharmed();
}

#[test]
fn sessions_that_do_not_exist_are_told() {
    let broker = Broker::start();
    let mut client = broker.client();
    let mut request = requests::fetch(HONEST, 0);
    request.session_epoch = 0;
    let session_id = client.call(12, &request).session_id;
    assert_ne!(session_id, 0);
    let unknown = ErrorCode::FetchSessionIdNotFound;
    let wrong_epoch = ErrorCode::InvalidFetchSessionEpoch;
    let attempts = [
        (session_id, 7, wrong_epoch),
        (session_id, i32::MAX, wrong_epoch),
        (session_id, i32::MIN, wrong_epoch),
        (i32::MAX, 1, unknown),
        (-1, 1, unknown),
        (i32::MIN, i32::MIN, unknown),
    ];
    for (session_id, session_epoch, code) in attempts {
        request.session_id = session_id;
        request.session_epoch = session_epoch;
        let response = client.call(12, &request);
        assert_eq!(
            response.error_code,
            code.code(),
            "{session_id} {session_epoch}"
        );
        assert!(response.responses.is_empty());
    }
    broker.is_unharmed();
}

#[test]
fn a_client_is_no_follower() {
    let broker = Broker::start();
    let mut client = broker.client();
    for replica_id in [0, 1, 2, i32::MAX] {
        let mut request = requests::fetch(HONEST, 0);
        request.replica_id = replica_id;
        request.replica_state = ReplicaState {
            replica_id,
            replica_epoch: 1,
        };
        for version in [4, 12, 15, 17] {
            let response = client.call(version, &request);
            let codes: Vec<i16> = response
                .responses
                .iter()
                .flat_map(|topic| &topic.partitions)
                .map(|partition| partition.error_code)
                .chain([response.error_code])
                .filter(|code| *code != 0)
                .collect();
            let expected = ErrorCode::ClusterAuthorizationFailed.code();
            assert!(
                !codes.is_empty(),
                "version {version} replica {replica_id}: {response:?}"
            );
            assert!(
                codes.iter().all(|code| *code == expected),
                "version {version}: {codes:?}"
            );
        }
    }
    broker.is_unharmed();
}

#[test]
fn partitions_named_twice_are_answered_within_max_bytes() {
    let broker = Broker::start();
    let value = vec![7; 100_000];
    let offset = broker
        .client()
        .produce(HONEST, requests::batch(&[(None, Some(&value))]))
        .base_offset;
    let mut client = broker.client();
    let mut request = requests::fetch(HONEST, offset);
    request.max_bytes = 150_000;
    request.topics[0].partitions = vec![request.topics[0].partitions[0].clone(); 5_000];
    for session_epoch in [-1, 0] {
        request.session_epoch = session_epoch;
        let response = client.call(12, &request);
        let partitions = &response.responses[0].partitions;
        let bytes: usize = partitions
            .iter()
            .map(|one| one.records.as_ref().map_or(0, bytes::Bytes::len))
            .sum();
        assert!((100_000..=150_000).contains(&bytes), "{bytes}");
    }
    broker.is_unharmed();
}

#[test]
fn topics_forgotten_without_being_known_are_ignored() {
    let broker = Broker::start();
    let mut client = broker.client();
    let mut request = requests::fetch(HONEST, 0);
    request.session_epoch = 0;
    request.session_id = client.call(12, &request).session_id;
    request.session_epoch = 1;
    request.topics = vec![FetchTopic {
        topic: "absent".to_owned(),
        ..FetchTopic::default()
    }];
    request.forgotten_topics_data = vec![protocol::messages::fetch_request::ForgottenTopic {
        topic: "never".to_owned(),
        partitions: vec![-1, 0, i32::MAX],
        ..Default::default()
    }];
    assert_eq!(client.call(12, &request).error_code, 0);
    broker.is_unharmed();
}

#[test]
fn list_offsets_of_absurd_times_and_partitions_is_answered() {
    let broker = Broker::start();
    let mut client = broker.client();
    for (partition_index, timestamp) in [
        (0, i64::MIN),
        (0, -100),
        (0, i64::MAX),
        (-1, -1),
        (i32::MAX, -2),
        (0, 0),
    ] {
        let partition = ListOffsetsPartition {
            partition_index,
            timestamp,
            current_leader_epoch: -1,
        };
        let topic = ListOffsetsTopic {
            name: HONEST.to_owned(),
            partitions: vec![partition],
        };
        let request = ListOffsetsRequest {
            replica_id: -1,
            topics: vec![topic],
            ..Default::default()
        };
        let answer = client
            .call(11, &request)
            .topics
            .remove(0)
            .partitions
            .remove(0);
        if partition_index != 0 {
            assert_eq!(answer.error_code, ErrorCode::UnknownTopicOrPartition.code());
        }
    }
    broker.is_unharmed();
}
