//! What the rules promise is what the records do: every request against a small cluster.

use std::sync::Arc;

use proptest::prelude::*;
use protocol::error_code::ErrorCode;
use protocol::messages::alter_configs_request::{self as alter, AlterConfigsRequest};
use protocol::messages::broker_heartbeat_request::BrokerHeartbeatRequest;
use protocol::messages::broker_registration_request::{
    BrokerRegistrationRequest, Feature, Listener,
};
use protocol::messages::create_partitions_request::{
    CreatePartitionsRequest, CreatePartitionsTopic,
};
use protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
};
use protocol::messages::create_topics_response::CreatableTopicResult;
use protocol::messages::delete_topics_request::{DeleteTopicState, DeleteTopicsRequest};
use protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use protocol::types::Uuid;

use crate::controller::brokers::{broker_heartbeat, register_broker};
use crate::controller::configs::incremental_alter_configs;
use crate::controller::create_partitions::create_partitions;
use crate::controller::delete_topics::delete_topics;
use crate::controller::legacy_configs::alter_configs;
use crate::controller::topics::create_topics;
use crate::controller::{ControllerSettings, TopicLimits, features};
use crate::metadata::config_catalog::ConfigCatalog;
use crate::metadata::delta::MetadataDelta;
use crate::metadata::image::{ClusterImage, ConfigResource, LogPosition, ResourceType};
use crate::metadata::records::MetadataRecord;
use crate::metadata::snapshot::image_records;

pub(crate) fn settings() -> ControllerSettings {
    ControllerSettings {
        node_id: 1,
        num_partitions: 2,
        default_replication_factor: 1,
        delete_topic_enable: true,
        limits: TopicLimits {
            topics_max: 1_000,
            partitions_max: 100_000,
            partitions_per_topic_max: 50_000,
        },
        catalog: ConfigCatalog::default(),
    }
}

pub(crate) fn apply(image: &ClusterImage, records: &[MetadataRecord]) -> ClusterImage {
    let mut delta = MetadataDelta::new(image);
    let mut position = image.applied;
    position.epoch = 1;
    for record in records {
        position.offset += 1;
        let read = MetadataRecord::decode(record.encode()).unwrap();
        assert_eq!(&read, record, "a record survives its encoding");
        delta.apply(&read, position).unwrap();
    }
    delta.finish().0
}

pub(crate) fn registration(id: i32) -> BrokerRegistrationRequest {
    let feature = |feature: &features::SupportedFeature| Feature {
        name: feature.name.to_owned(),
        min_supported_version: feature.min,
        max_supported_version: feature.max,
    };
    BrokerRegistrationRequest {
        broker_id: id,
        cluster_id: String::from("cluster"),
        incarnation_id: Uuid::from_u128(7_000 + u128::from(id.unsigned_abs())),
        listeners: vec![Listener {
            name: String::from("PLAINTEXT"),
            host: String::from("localhost"),
            port: 9092,
            ..Default::default()
        }],
        features: features::SUPPORTED.iter().map(feature).collect(),
        log_dirs: vec![Uuid::from_u128(9_000 + u128::from(id.unsigned_abs()))],
        ..Default::default()
    }
}

/// A cluster of `brokers` brokers, all up.
pub(crate) fn cluster(brokers: i32) -> ClusterImage {
    let empty = ClusterImage::empty(Arc::from("cluster"));
    let mut image = apply(&empty, &features::bootstrap_records(&empty, &settings()));
    for id in 1..=brokers {
        let next = image.applied.offset + 1;
        let (records, response) = register_broker(&image, &registration(id), next, false);
        assert_eq!(response.error_code, 0);
        image = apply(&image, &records);
        let heartbeat = BrokerHeartbeatRequest {
            broker_id: id,
            broker_epoch: response.broker_epoch,
            current_metadata_offset: next,
            ..Default::default()
        };
        image = apply(&image, &broker_heartbeat(&image, &heartbeat).0);
    }
    image
}

fn numbers() -> impl FnMut() -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state ^ (state >> 31)
    }
}

pub(crate) fn topic(name: &str, partitions: i32, factor: i16) -> CreatableTopic {
    CreatableTopic {
        name: name.to_owned(),
        num_partitions: partitions,
        replication_factor: factor,
        ..Default::default()
    }
}

fn create(
    image: &ClusterImage,
    topics: Vec<CreatableTopic>,
) -> (ClusterImage, Vec<CreatableTopicResult>) {
    let request = CreateTopicsRequest {
        topics,
        ..Default::default()
    };
    let (records, response) = create_topics(image, &request, &settings(), &mut numbers());
    (apply(image, &records), response.topics)
}

fn refusal(topic: CreatableTopic) -> (Option<ErrorCode>, String) {
    let (image, _) = create(&cluster(1), vec![self::topic("a.b", 1, 1)]);
    let (after, results) = create(&image, vec![topic]);
    assert_eq!(after.topics.len(), 1, "a refused topic leaves nothing");
    let result = &results[0];
    (
        ErrorCode::from_code(result.error_code),
        result.error_message.clone().unwrap_or_default(),
    )
}

#[test]
fn a_created_topic_has_the_partitions_replicas_and_id_that_were_promised() {
    let (image, results) = create(&cluster(3), vec![topic("a", 7, 3), topic("b", -1, -1)]);
    assert!(
        results.iter().all(|result| result.error_code == 0),
        "{results:?}"
    );
    for (result, (partitions, factor)) in results.iter().zip([(7, 3), (2, 1)]) {
        let topic = image.topic(&result.name).unwrap();
        assert_eq!(
            (result.num_partitions, result.replication_factor),
            (partitions, factor)
        );
        assert_eq!(topic.id, result.topic_id);
        assert_eq!(topic.partition_count(), partitions);
        for partition in &topic.partitions {
            assert_eq!(partition.replicas.len(), usize::try_from(factor).unwrap());
            assert_eq!(partition.isr, partition.replicas);
            assert_eq!(partition.leader, partition.replicas[0]);
            assert_eq!((partition.leader_epoch, partition.partition_epoch), (0, 0));
        }
        let configs = result.configs.as_ref().unwrap();
        assert!(configs.is_sorted_by(|a, b| a.name < b.name) && configs.len() > 25);
    }
    let leaders: Vec<i32> = image
        .topic("a")
        .unwrap()
        .partitions
        .iter()
        .map(|partition| partition.leader)
        .collect();
    for broker in 1..=3 {
        let led = leaders.iter().filter(|leader| **leader == broker).count();
        assert!(
            (2..=3).contains(&led),
            "leaders go round the brokers: {leaders:?}"
        );
    }
}

#[test]
fn each_refusal_of_a_topic_has_kafkas_code_and_text() {
    let is = |topic: CreatableTopic, code: ErrorCode, text: &str| {
        assert_eq!(refusal(topic), (Some(code), text.to_owned()));
    };
    is(
        topic("a.b", 1, 1),
        ErrorCode::TopicAlreadyExists,
        "Topic 'a.b' already exists.",
    );
    is(
        topic("a_b", 1, 1),
        ErrorCode::InvalidTopicException,
        "Topic 'a_b' collides with existing topic: a.b",
    );
    is(
        topic("__cluster_metadata", 1, 1),
        ErrorCode::InvalidRequest,
        "Creation of internal topic __cluster_metadata is prohibited.",
    );
    is(
        topic("z", 0, 1),
        ErrorCode::InvalidPartitions,
        "Number of partitions was set to an invalid non-positive value.",
    );
    is(
        topic("z", 0, 0),
        ErrorCode::InvalidReplicationFactor,
        "Replication factor must be larger than 0, or -1 to use the default value.",
    );
    is(
        topic("z", 1, 3),
        ErrorCode::InvalidReplicationFactor,
        "Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot \
         be reached because only 1 broker(s) are registered or some brokers have all their log \
         directories cordoned.",
    );
    is(
        topic("z", 10_001, 1),
        ErrorCode::PolicyViolation,
        "Excessively large number of partitions per request.",
    );
    is(
        topic("z", 10_000, 1),
        ErrorCode::PolicyViolation,
        "Unable to perform excessively large batch operation.",
    );
}

#[test]
fn manual_assignments_are_checked_as_kafka_checks_them() {
    let assigned = |partitions: &[(i32, &[i32])]| {
        let assignment = |(partition, brokers): &(i32, &[i32])| CreatableReplicaAssignment {
            partition_index: *partition,
            broker_ids: brokers.to_vec(),
        };
        let assignments = partitions.iter().map(assignment).collect();
        CreatableTopic {
            assignments,
            ..topic("z", -1, -1)
        }
    };
    let is = |partitions: &[(i32, &[i32])], text: &str| {
        let expected = (Some(ErrorCode::InvalidReplicaAssignment), text.to_owned());
        assert_eq!(refusal(assigned(partitions)), expected);
    };
    is(
        &[(0, &[1]), (0, &[1])],
        "Found multiple manual partition assignments for partition 0",
    );
    is(
        &[(0, &[1]), (2, &[1])],
        "partitions should be a consecutive 0-based integer sequence",
    );
    is(
        &[(0, &[9])],
        "The manual partition assignment includes broker 9, but no such broker is registered.",
    );
    is(
        &[(0, &[1, 1])],
        "The manual partition assignment includes the broker 1 more than once.",
    );
    is(
        &[(0, &[])],
        "The manual partition assignment includes an empty replica list.",
    );
    let (image, _) = create(&cluster(3), vec![assigned(&[(1, &[3, 1]), (0, &[2, 3])])]);
    let leaders: Vec<i32> = image
        .topic("z")
        .unwrap()
        .partitions
        .iter()
        .map(|partition| partition.leader)
        .collect();
    assert_eq!(leaders, [2, 3]);
}

#[test]
fn topic_configurations_are_checked_before_anything_is_created() {
    let configured = |name: &str, value: Option<&str>| {
        let config = CreatableTopicConfig {
            name: name.to_owned(),
            value: value.map(str::to_owned),
        };
        CreatableTopic {
            configs: vec![config],
            ..topic("z", 1, 1)
        }
    };
    let is = |name: &str, value: Option<&str>, text: &str| {
        let expected = (Some(ErrorCode::InvalidConfig), text.to_owned());
        assert_eq!(refusal(configured(name, value)), expected);
    };
    is("nope", Some("1"), "Unknown topic config name: nope");
    is(
        "retention.ms",
        Some("abc"),
        "Invalid value abc for configuration retention.ms: Not a number of type LONG",
    );
    is(
        "segment.bytes",
        Some("1"),
        "Invalid value 1 for configuration segment.bytes: Value must be at least 1048576",
    );
    is(
        "retention.ms",
        None,
        "Null value not supported for topic configs: retention.ms",
    );
    is(
        "cleanup.policy",
        Some("x"),
        "Invalid value x for configuration cleanup.policy: String must be one of: compact, delete",
    );
    let (image, _) = create(&cluster(1), vec![configured("retention.ms", Some("5"))]);
    assert_eq!(
        image
            .configs
            .value(&ConfigResource::topic("z"), "retention.ms"),
        Some("5")
    );
}

#[test]
fn limits_hold_over_a_request_and_over_the_cluster() {
    let mut settings = settings();
    settings.limits = TopicLimits {
        topics_max: 2,
        partitions_max: 10,
        partitions_per_topic_max: 6,
    };
    let ask = |image: &ClusterImage, topics: Vec<CreatableTopic>| {
        let request = CreateTopicsRequest {
            topics,
            ..Default::default()
        };
        let (records, response) = create_topics(image, &request, &settings, &mut numbers());
        let codes: Vec<i16> = response
            .topics
            .iter()
            .map(|topic| topic.error_code)
            .collect();
        (apply(image, &records), codes)
    };
    const REFUSED: i16 = 44;
    let wide = vec![
        topic("a", 7, 1),
        topic("b", 6, 1),
        topic("c", 5, 1),
        topic("d", 4, 1),
    ];
    let (image, codes) = ask(&cluster(1), wide);
    assert_eq!(
        codes,
        [REFUSED, 0, REFUSED, 0],
        "too wide, fits, ten are exceeded, fits"
    );
    assert_eq!(
        ask(&image, vec![topic("e", 1, 1)]).1,
        [REFUSED],
        "a third topic"
    );
    let more = CreatePartitionsTopic {
        name: String::from("d"),
        count: 5,
        assignments: None,
    };
    let request = CreatePartitionsRequest {
        topics: vec![more],
        ..Default::default()
    };
    let (records, response) = create_partitions(&image, &request, &settings.limits, &mut numbers());
    assert!(records.is_empty());
    assert_eq!(
        response.results[0].error_code, REFUSED,
        "an eleventh partition"
    );
}

#[test]
fn validate_only_answers_the_same_and_changes_nothing() {
    let request = CreateTopicsRequest {
        topics: vec![topic("a", 3, 1)],
        validate_only: true,
        ..Default::default()
    };
    let (records, response) = create_topics(&cluster(1), &request, &settings(), &mut numbers());
    assert!(records.is_empty());
    assert_eq!(
        (
            response.topics[0].error_code,
            response.topics[0].num_partitions
        ),
        (0, 3)
    );
}

#[test]
fn a_name_given_twice_is_answered_once_and_created_not_at_all() {
    let (image, results) = create(&cluster(1), vec![topic("a", 1, 1), topic("a", 1, 1)]);
    assert_eq!(results.len(), 1);
    assert_eq!(
        results[0].error_message.as_deref(),
        Some("Duplicate topic name.")
    );
    assert_eq!(image.topics.len(), 0);
}

#[test]
fn topics_are_deleted_by_name_and_by_id_with_their_configuration() {
    let configs = vec![CreatableTopicConfig {
        name: String::from("retention.ms"),
        value: Some(String::from("5")),
    }];
    let with_config = CreatableTopic {
        configs,
        ..topic("a", 1, 1)
    };
    let made = vec![with_config, topic("b", 1, 1), topic("c", 1, 1)];
    let (image, results) = create(&cluster(1), made);
    let state = |name: Option<&str>, topic_id: Uuid| DeleteTopicState {
        name: name.map(str::to_owned),
        topic_id,
    };
    let request = DeleteTopicsRequest {
        topics: vec![
            state(Some("a"), Uuid::ZERO),
            state(None, results[1].topic_id),
            state(Some("c"), Uuid::ZERO),
            state(None, results[2].topic_id),
            state(Some("nonex"), Uuid::ZERO),
            state(None, Uuid::from_u128(3)),
            state(None, Uuid::ZERO),
            state(Some("x"), Uuid::from_u128(3)),
        ],
        ..Default::default()
    };
    let (records, response) = delete_topics(&image, &request, 6, &settings());
    let codes: Vec<i16> = response
        .responses
        .iter()
        .map(|result| result.error_code)
        .collect();
    assert_eq!(codes, [0, 0, 42, 3, 100, 42, 42]);
    let image = apply(&image, &records);
    assert_eq!((image.topics.len(), image.topics.partition_count()), (1, 1));
    assert!(
        image.topic("c").is_some(),
        "asked for in two ways, it stays"
    );
    let of_topics = |(resource, _): &(&ConfigResource, _)| resource.kind == ResourceType::Topic;
    assert_eq!(image.configs.iter().filter(of_topics).count(), 0);
}

#[test]
fn partitions_are_only_ever_added() {
    let (image, _) = create(&cluster(1), vec![topic("a.b", 3, 1)]);
    let ask = |name: &str, count: i32| {
        let name = name.to_owned();
        let topics = vec![CreatePartitionsTopic {
            name,
            count,
            assignments: None,
        }];
        let request = CreatePartitionsRequest {
            topics,
            ..Default::default()
        };
        let (records, response) =
            create_partitions(&image, &request, &settings().limits, &mut numbers());
        let result = response.results[0].clone();
        (
            records,
            result.error_code,
            result.error_message.unwrap_or_default(),
        )
    };
    assert_eq!(ask("a.b", 3).2, "Topic already has 3 partition(s).");
    assert_eq!(
        ask("a.b", 0).2,
        "The topic a.b currently has 3 partition(s); 0 would not be an increase."
    );
    assert_eq!((ask("nonex", 5).1, ask("nonex", 5).2.as_str()), (3, ""));
    assert_eq!(ask("a.b", i32::MAX).1, ErrorCode::PolicyViolation.code());
    let grown = apply(&image, &ask("a.b", 5).0);
    assert_eq!(grown.topic("a.b").unwrap().partition_count(), 5);
    assert_eq!(grown.topics.partition_count(), 5);
}

fn alter(
    image: &ClusterImage,
    kind: i8,
    name: &str,
    config: (&str, i8, Option<&str>),
) -> (ClusterImage, i16, String) {
    let config = AlterableConfig {
        name: config.0.to_owned(),
        config_operation: config.1,
        value: config.2.map(str::to_owned),
    };
    let resource = AlterConfigsResource {
        resource_type: kind,
        resource_name: name.to_owned(),
        configs: vec![config],
    };
    let request = IncrementalAlterConfigsRequest {
        resources: vec![resource],
        ..Default::default()
    };
    let (records, response) = incremental_alter_configs(image, &request, &settings());
    let answer = response.responses[0].clone();
    (
        apply(image, &records),
        answer.error_code,
        answer.error_message.unwrap_or_default(),
    )
}

#[test]
fn incremental_operations_change_single_keys() {
    let (image, _) = create(&cluster(1), vec![topic("a", 1, 1)]);
    let resource = ConfigResource::topic("a");
    let policy = |image: &ClusterImage| {
        image
            .configs
            .value(&resource, "cleanup.policy")
            .map(str::to_owned)
    };
    let (image, code, _) = alter(&image, 2, "a", ("cleanup.policy", 2, Some("compact")));
    assert_eq!(
        (code, policy(&image).as_deref()),
        (0, Some("delete,compact"))
    );
    let (image, code, _) = alter(&image, 2, "a", ("cleanup.policy", 3, Some("delete")));
    assert_eq!((code, policy(&image).as_deref()), (0, Some("compact")));
    let (image, code, _) = alter(&image, 2, "a", ("cleanup.policy", 1, None));
    assert_eq!((code, policy(&image)), (0, None));
    let (image, code, _) = alter(&image, 2, "a", ("retention.ms", 0, Some("9")));
    assert_eq!(
        (code, image.configs.value(&resource, "retention.ms")),
        (0, Some("9"))
    );
}

#[test]
fn each_refusal_of_a_configuration_has_kafkas_code_and_text() {
    let (image, _) = create(&cluster(1), vec![topic("a", 1, 1)]);
    let is = |kind, name: &str, config: (&str, i8, Option<&str>), code: i16, text: &str| {
        let (after, got, message) = alter(&image, kind, name, config);
        assert_eq!((got, message.as_str()), (code, text));
        assert_eq!(after, image);
    };
    let retention = |value| ("retention.ms", 0, Some(value));
    is(
        2,
        "nope",
        retention("1"),
        3,
        "The topic 'nope' does not exist.",
    );
    is(
        2,
        "",
        retention("1"),
        42,
        "Default topic resources are not allowed.",
    );
    is(77, "x", retention("1"), 42, "Unknown resource type 77");
    is(
        2,
        "a",
        ("retention.ms", 2, Some("1")),
        40,
        "Can't APPEND to key retention.ms because its type is not LIST.",
    );
    is(
        2,
        "a",
        ("retention.ms", 0, None),
        42,
        "Null value not supported for : retention.ms",
    );
    is(
        2,
        "a",
        ("foo", 0, Some("1")),
        40,
        "Unknown topic config name: foo",
    );
}

#[test]
fn each_refusal_of_a_broker_or_group_configuration_has_kafkas_code_and_text() {
    let (image, _) = create(&cluster(1), vec![topic("a", 1, 1)]);
    let is = |kind, name: &str, config: (&str, i8, Option<&str>), code: i16, text: &str| {
        let (after, got, message) = alter(&image, kind, name, config);
        assert_eq!((got, message.as_str()), (code, text));
        assert_eq!(after, image);
    };
    let retention = |value| ("retention.ms", 0, Some(value));
    is(
        4,
        "2",
        retention("1"),
        42,
        "Unexpected broker id, expected 1, but received 2",
    );
    is(
        4,
        "zz",
        retention("1"),
        42,
        "Node id must be an integer, but it is: zz",
    );
    is(
        4,
        "1",
        ("log.dirs", 0, Some("x")),
        42,
        "Cannot update these configs dynamically: [log.dirs]",
    );
    is(
        32,
        "g",
        ("foo", 0, Some("1")),
        40,
        "Unknown group config name: foo",
    );
    is(
        32,
        "g",
        ("consumer.session.timeout.ms", 0, Some("x")),
        40,
        "Invalid value x for configuration consumer.session.timeout.ms: Not a number of type INT",
    );
}

#[test]
fn the_legacy_request_replaces_the_whole_configuration() {
    let (image, _) = create(&cluster(1), vec![topic("a", 1, 1)]);
    let (image, ..) = alter(&image, 2, "a", ("retention.ms", 0, Some("9")));
    let request = AlterConfigsRequest {
        resources: vec![alter::AlterConfigsResource {
            resource_type: 2,
            resource_name: String::from("a"),
            configs: vec![alter::AlterableConfig {
                name: String::from("segment.bytes"),
                value: Some(String::from("2000000")),
            }],
        }],
        ..Default::default()
    };
    let (records, response) = alter_configs(&image, &request, &settings());
    assert_eq!(response.responses[0].error_code, 0);
    let image = apply(&image, &records);
    let values = image.configs.of(&ConfigResource::topic("a")).unwrap();
    assert_eq!(
        values.keys().map(String::as_str).collect::<Vec<_>>(),
        ["segment.bytes"]
    );
}

#[test]
fn a_second_live_incarnation_of_a_broker_is_refused() {
    let image = cluster(1);
    let mut again = registration(1);
    again.incarnation_id = Uuid::from_u128(5);
    let (records, response) = register_broker(&image, &again, 50, true);
    assert!(records.is_empty());
    assert_eq!(
        response.error_code,
        ErrorCode::DuplicateBrokerRegistration.code()
    );
    let (records, response) = register_broker(&image, &again, 50, false);
    assert_eq!((records.len(), response.broker_epoch), (1, 50));
    again.cluster_id = String::from("other");
    let (_, response) = register_broker(&image, &again, 50, false);
    assert_eq!(response.error_code, ErrorCode::InconsistentClusterId.code());
}

proptest! {
    /// Whatever was created, grown, configured and deleted: the snapshot's records rebuild it.
    #[test]
    fn a_snapshot_rebuilds_the_image(steps in prop::collection::vec((0_u8..4, 0_u8..12, 1_i32..9), 0..40)) {
        let mut image = cluster(3);
        for (kind, name, number) in steps {
            let name = format!("t{name}");
            let records = match kind {
                0 => {
                    let request = CreateTopicsRequest {
                        topics: vec![topic(&name, number, 2)],
                        ..Default::default()
                    };
                    create_topics(&image, &request, &settings(), &mut numbers_from(&name, number)).0
                }
                1 => {
                    let topics = vec![CreatePartitionsTopic { name, count: number, assignments: None }];
                    let request = CreatePartitionsRequest { topics, ..Default::default() };
                    create_partitions(&image, &request, &settings().limits, &mut numbers()).0
                }
                2 => {
                    image = alter(&image, 2, &name, ("retention.ms", 0, Some(&number.to_string()))).0;
                    Vec::new()
                }
                _ => {
                    let request = DeleteTopicsRequest { topic_names: vec![name], ..Default::default() };
                    delete_topics(&image, &request, 5, &settings()).0
                }
            };
            image = apply(&image, &records);
        }
        let mut rebuilt =
            apply(&ClusterImage::empty(Arc::clone(&image.cluster_id)), &image_records(&image));
        rebuilt.applied = image.applied;
        prop_assert_eq!(&rebuilt, &image);
        let counted: usize = image.topics.iter().map(|topic| topic.partitions.len()).sum();
        prop_assert_eq!(image.topics.partition_count(), counted);
        prop_assert!(image.applied > LogPosition::START);
    }
}

/// Ids must differ from step to step.
fn numbers_from(name: &str, number: i32) -> impl FnMut() -> u64 {
    let mut base = numbers();
    let salt = name
        .bytes()
        .fold(u64::from(number.unsigned_abs()), |salt, byte| {
            salt.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
    move || base() ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
