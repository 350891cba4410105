//! Requests that change or describe the cluster: names, counts, replicas, settings.

use protocol::error_code::ErrorCode;
use protocol::messages::create_partitions_request::{
    CreatePartitionsRequest, CreatePartitionsTopic,
};
use protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreateTopicsRequest,
};
use protocol::messages::delete_topics_request::{DeleteTopicState, DeleteTopicsRequest};
use protocol::messages::describe_configs_request::{
    DescribeConfigsRequest, DescribeConfigsResource,
};
use protocol::messages::describe_topic_partitions_request::{
    Cursor, DescribeTopicPartitionsRequest,
};
use protocol::messages::find_coordinator_request::FindCoordinatorRequest;
use protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use protocol::messages::init_producer_id_request::InitProducerIdRequest;
use protocol::messages::metadata_request::{MetadataRequest, MetadataRequestTopic};
use protocol::types::Uuid;

use crate::broker::{Broker, HONEST};
use crate::client::Client;
use crate::requests;

const TOPIC: i8 = 2;

#[track_caller]
fn creates(client: &mut Client, topic: CreatableTopic, code: ErrorCode) {
    let request = CreateTopicsRequest {
        topics: vec![topic],
        ..CreateTopicsRequest::default()
    };
    let answer = client.call(7, &request).topics.remove(0);
    assert_eq!(
        ErrorCode::from_code(answer.error_code),
        Some(code),
        "{answer:?}"
    );
}

fn topic(name: &str) -> CreatableTopic {
    requests::create_topic(name, 1, &[]).topics.remove(0)
}

#[test]
fn impossible_topic_names_are_refused() {
    let broker = Broker::start();
    let mut client = broker.client();
    let names = [
        "",
        ".",
        "..",
        "a/../../etc",
        "a/b",
        "a\0b",
        "a b",
        "\u{e9}",
        &"x".repeat(250),
    ];
    for name in names {
        creates(&mut client, topic(name), ErrorCode::InvalidTopicException);
    }
    creates(&mut client, topic("a.b"), ErrorCode::None);
    creates(&mut client, topic("a_b"), ErrorCode::InvalidTopicException);
    creates(&mut client, topic("a.b"), ErrorCode::TopicAlreadyExists);
    broker.is_unharmed();
}

#[test]
fn impossible_counts_and_replicas_are_refused() {
    let broker = Broker::start();
    let mut client = broker.client();
    for count in [0, -2, i32::MIN] {
        let topic = CreatableTopic {
            num_partitions: count,
            ..topic("t")
        };
        creates(&mut client, topic, ErrorCode::InvalidPartitions);
    }
    for count in [10_000_000, i32::MAX] {
        let topic = CreatableTopic {
            num_partitions: count,
            ..topic("t")
        };
        creates(&mut client, topic, ErrorCode::PolicyViolation);
    }
    for replication_factor in [0, -2, 2, i16::MAX] {
        let topic = CreatableTopic {
            replication_factor,
            ..topic("t")
        };
        creates(&mut client, topic, ErrorCode::InvalidReplicationFactor);
    }
    let assigned = |brokers: &[i32]| CreatableReplicaAssignment {
        partition_index: 0,
        broker_ids: brokers.to_vec(),
    };
    let both = CreatableTopic {
        assignments: vec![assigned(&[1])],
        ..topic("t")
    };
    creates(&mut client, both, ErrorCode::InvalidRequest);
    for brokers in [&[1, 1][..], &[], &[7], &[-1]] {
        let topic = CreatableTopic {
            num_partitions: -1,
            replication_factor: -1,
            assignments: vec![assigned(brokers)],
            ..topic("t")
        };
        creates(&mut client, topic, ErrorCode::InvalidReplicaAssignment);
    }
    broker.is_unharmed();
}

#[test]
fn impossible_settings_are_refused() {
    let broker = Broker::start();
    let mut client = broker.client();
    let long = "9".repeat(32_000);
    let settings = [
        ("no.such", "1"),
        ("segment.bytes", "-1"),
        ("retention.ms", "soon"),
        ("segment.bytes", &long),
    ];
    for setting in settings {
        let topic = requests::create_topic("t", 1, &[setting]).topics.remove(0);
        creates(&mut client, topic, ErrorCode::InvalidConfig);
    }
    let mut null = requests::create_topic("t", 1, &[("segment.bytes", "1")])
        .topics
        .remove(0);
    null.configs[0].value = None;
    creates(&mut client, null, ErrorCode::InvalidConfig);
    let alter = |resource_type: i8, config_operation: i8| IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type,
            resource_name: HONEST.to_owned(),
            configs: vec![AlterableConfig {
                name: "retention.ms".to_owned(),
                config_operation,
                value: Some("1".to_owned()),
            }],
        }],
        validate_only: false,
    };
    let unknown = ErrorCode::UnknownServerError;
    for (resource_type, operation, expected) in [
        (99, 0, ErrorCode::InvalidRequest),
        (-1, 0, ErrorCode::InvalidRequest),
        // Kafka has no better answer either
        (TOPIC, 99, unknown),
        (TOPIC, -1, unknown),
    ] {
        let code = client.call(1, &alter(resource_type, operation)).responses[0].error_code;
        assert_eq!(code, expected.code(), "{resource_type} {operation}");
    }
    let describe = |resource_type| DescribeConfigsRequest {
        resources: vec![DescribeConfigsResource {
            resource_type,
            resource_name: HONEST.to_owned(),
            configuration_keys: None,
        }],
        ..DescribeConfigsRequest::default()
    };
    for resource_type in [99, -1, i8::MIN] {
        let code = client.call(4, &describe(resource_type)).results[0].error_code;
        assert_eq!(code, ErrorCode::InvalidRequest.code(), "{resource_type}");
    }
    broker.is_unharmed();
}

#[test]
fn topics_named_twice_are_refused_once() {
    let broker = Broker::start();
    let mut client = broker.client();
    let request = CreateTopicsRequest {
        topics: vec![topic("dup"), topic("dup"), topic("single")],
        ..CreateTopicsRequest::default()
    };
    let answers = client.call(7, &request).topics;
    let code = |name: &str| {
        let of_name: Vec<_> = answers
            .iter()
            .filter(|answer| answer.name == name)
            .collect();
        assert_eq!(of_name.len(), 1, "{name}");
        of_name[0].error_code
    };
    assert_eq!(code("dup"), ErrorCode::InvalidRequest.code());
    assert_eq!(code("single"), 0);
    let by_name = |name: &str| DeleteTopicState {
        name: Some(name.to_owned()),
        ..Default::default()
    };
    let both = DeleteTopicState {
        topic_id: Uuid::from_u128(9),
        ..by_name("single")
    };
    let neither = DeleteTopicState::default();
    for (topics, expected) in [
        (
            vec![by_name("single"), by_name("single")],
            ErrorCode::InvalidRequest,
        ),
        (vec![both], ErrorCode::InvalidRequest),
        (vec![neither], ErrorCode::InvalidRequest),
        (vec![by_name("absent")], ErrorCode::UnknownTopicOrPartition),
        (vec![by_name("single")], ErrorCode::None),
    ] {
        let request = DeleteTopicsRequest {
            topics,
            ..DeleteTopicsRequest::default()
        };
        let answer = client.call(6, &request).responses.remove(0);
        assert_eq!(
            ErrorCode::from_code(answer.error_code),
            Some(expected),
            "{answer:?}"
        );
    }
    broker.is_unharmed();
}

#[test]
fn partitions_are_not_taken_away_nor_added_without_end() {
    let broker = Broker::start();
    let mut client = broker.client();
    for count in [0, -1, 1, i32::MIN, 10_000_000, i32::MAX] {
        let topic = CreatePartitionsTopic {
            name: HONEST.to_owned(),
            count,
            assignments: None,
        };
        let request = CreatePartitionsRequest {
            topics: vec![topic],
            ..CreatePartitionsRequest::default()
        };
        let answer = client.call(3, &request).results.remove(0);
        assert_ne!(answer.error_code, 0, "{count}: {answer:?}");
    }
    broker.is_unharmed();
}

#[test]
fn topics_are_not_created_for_names_that_cannot_be() {
    let broker = Broker::start();
    let mut client = broker.client();
    let asked = |name: Option<&str>, topic_id| MetadataRequest {
        topics: Some(vec![MetadataRequestTopic {
            topic_id,
            name: name.map(str::to_owned),
        }]),
        allow_auto_topic_creation: true,
        ..MetadataRequest::default()
    };
    for name in [
        "",
        ".",
        "..",
        "a/../../etc",
        "\u{fffd}\u{fffd}",
        &"x".repeat(250),
    ] {
        let answer = client
            .call(12, &asked(Some(name), Uuid::ZERO))
            .topics
            .remove(0);
        assert_eq!(
            answer.error_code,
            ErrorCode::InvalidTopicException.code(),
            "{name:?}"
        );
    }
    let answer = client
        .call(12, &asked(None, Uuid::from_u128(9)))
        .topics
        .remove(0);
    assert_eq!(answer.error_code, ErrorCode::UnknownTopicId.code());
    let answer = client.call(12, &asked(None, Uuid::ZERO)).topics.remove(0);
    assert_ne!(answer.error_code, 0, "neither a name nor an id");
    broker.is_unharmed();
}

#[test]
fn metadata_creates_a_bounded_number_of_topics() {
    let broker = Broker::start();
    let mut client = broker.client();
    let topics = (0..20_000).map(|number| MetadataRequestTopic {
        name: Some(format!("wanted-{number}")),
        ..MetadataRequestTopic::default()
    });
    let request = MetadataRequest {
        topics: Some(topics.collect()),
        allow_auto_topic_creation: true,
        ..MetadataRequest::default()
    };
    let response = client.call(12, &request);
    assert_eq!(response.topics.len(), 20_000);
    let created = response
        .topics
        .iter()
        .filter(|topic| topic.error_code == 0)
        .count();
    assert!((1..=100).contains(&created), "{created}");
    let longest = broker.log().lines().map(str::len).max();
    assert!(longest < Some(2_000), "a log line of {longest:?} bytes");
    broker.is_unharmed();
}

#[test]
fn questions_about_nothing_are_answered() {
    let broker = Broker::start();
    let mut client = broker.client();
    for key_type in [9, -1, i8::MIN, 2] {
        let request = FindCoordinatorRequest {
            key_type,
            coordinator_keys: vec![String::new(), "g".to_owned()],
            ..FindCoordinatorRequest::default()
        };
        for found in client.call(4, &request).coordinators {
            assert_eq!(
                found.error_code,
                ErrorCode::InvalidRequest.code(),
                "{key_type}"
            );
        }
    }
    let empty_id = InitProducerIdRequest {
        transactional_id: Some(String::new()),
        ..InitProducerIdRequest::default()
    };
    assert_eq!(
        client.call(4, &empty_id).error_code,
        ErrorCode::InvalidRequest.code()
    );
    for partition_index in [-1, i32::MIN, i32::MAX] {
        let request = DescribeTopicPartitionsRequest {
            cursor: Some(Cursor {
                topic_name: "\u{1b}".to_owned(),
                partition_index,
            }),
            response_partition_limit: partition_index,
            ..DescribeTopicPartitionsRequest::default()
        };
        client.send_request(0, &request);
        drop(client.reply());
        client = broker.client();
    }
    broker.is_unharmed();
}
