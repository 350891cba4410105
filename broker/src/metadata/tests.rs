//! What clients are told of a small cluster, and what records do to an image.

use protocol::error_code::ErrorCode;
use protocol::messages::create_topics_request::CreateTopicsRequest;
use protocol::messages::describe_cluster_request::DescribeClusterRequest;
use protocol::messages::describe_configs_request::{
    DescribeConfigsRequest, DescribeConfigsResource,
};
use protocol::messages::describe_topic_partitions_request::{
    Cursor, DescribeTopicPartitionsRequest, TopicRequest,
};
use protocol::messages::metadata::partition_change_record::PartitionChangeRecord;
use protocol::messages::metadata::remove_topic_record::RemoveTopicRecord;
use protocol::messages::metadata_request::{MetadataRequest, MetadataRequestTopic};
use protocol::types::Uuid;

use crate::controller::tests::{apply, cluster, settings, topic};
use crate::controller::topics::create_topics;
use crate::loggers::Loggers;
use crate::metadata::config_catalog::ConfigCatalog;
use crate::metadata::delta::{ApplyError, MetadataDelta};
use crate::metadata::describe_cluster::describe_cluster;
use crate::metadata::describe_configs::describe_configs;
use crate::metadata::describe_topic_partitions::describe_topic_partitions;
use crate::metadata::describe_topics::{DescribeContext, describe_topics, missing_topics};
use crate::metadata::image::{ClusterImage, LogPosition};

const POSITION: LogPosition = LogPosition {
    offset: 1_000,
    epoch: 1,
};

/// Topics a.b (10 partitions), c (1) and d (2).
fn image() -> ClusterImage {
    let request = CreateTopicsRequest {
        topics: vec![topic("d", 2, 1), topic("a.b", 10, 1), topic("c", 1, 1)],
        ..Default::default()
    };
    let image = cluster(1);
    let mut seed = 0_u64;
    let mut random = || {
        seed += 1;
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    };
    apply(
        &image,
        &create_topics(&image, &request, &settings(), &mut random).0,
    )
}

fn context<'a>(catalog: &'a ConfigCatalog, listener: &'a str) -> DescribeContext<'a> {
    DescribeContext {
        listener,
        node_id: 1,
        catalog,
    }
}

fn named(name: &str) -> MetadataRequestTopic {
    MetadataRequestTopic {
        name: Some(name.to_owned()),
        ..Default::default()
    }
}

fn metadata(topics: Option<Vec<MetadataRequestTopic>>) -> MetadataRequest {
    MetadataRequest {
        topics,
        ..Default::default()
    }
}

#[test]
fn all_topics_are_asked_for_by_null_and_before_version_1_by_none() {
    let (image, catalog) = (image(), ConfigCatalog::default());
    let count = |topics, version| {
        let request = metadata(topics);
        describe_topics(&image, &request, version, context(&catalog, "PLAINTEXT"))
            .topics
            .len()
    };
    assert_eq!(count(None, 13), 3);
    assert_eq!(count(Some(Vec::new()), 13), 0);
    assert_eq!(count(Some(Vec::new()), 0), 3);
}

#[test]
fn unknown_topics_get_the_error_that_fits_how_they_were_asked_for() {
    let (image, catalog) = (image(), ConfigCatalog::default());
    let by_id = MetadataRequestTopic {
        name: None,
        topic_id: Uuid::from_u128(7),
    };
    let request = metadata(Some(vec![
        named("nonex"),
        named("b d"),
        named("c"),
        named("c"),
    ]));
    let response = describe_topics(&image, &request, 13, context(&catalog, "PLAINTEXT"));
    let codes: Vec<i16> = response
        .topics
        .iter()
        .map(|topic| topic.error_code)
        .collect();
    assert_eq!(codes, [3, 17, 0]);
    assert_eq!(missing_topics(&image, &request), ["nonex"]);
    let internal = metadata(Some(vec![
        named("__consumer_offsets"),
        named("__cluster_metadata"),
    ]));
    assert_eq!(
        missing_topics(&image, &internal),
        [""; 0],
        "not for clients to create"
    );
    let mixed = metadata(Some(vec![named("c"), by_id.clone()]));
    let response = describe_topics(&image, &mixed, 13, context(&catalog, "PLAINTEXT"));
    assert_eq!(response.topics.len(), 1, "names do not count beside an id");
    assert_eq!(
        (response.topics[0].error_code, &response.topics[0].name),
        (100, &None)
    );
    let old = metadata(Some(vec![by_id]));
    let response = describe_topics(&image, &old, 10, context(&catalog, "PLAINTEXT"));
    assert_eq!(
        response.topics[0].error_code,
        ErrorCode::InvalidRequest.code()
    );
}

#[test]
fn a_leader_without_the_listener_is_not_available_there() {
    let (image, catalog) = (image(), ConfigCatalog::default());
    let request = metadata(Some(vec![named("c")]));
    let partition = |version| {
        let response = describe_topics(&image, &request, version, context(&catalog, "TLS"));
        assert!(response.brokers.is_empty());
        response.topics[0].partitions[0].clone()
    };
    assert_eq!(
        partition(5).error_code,
        ErrorCode::LeaderNotAvailable.code()
    );
    assert_eq!(partition(6).error_code, ErrorCode::ListenerNotFound.code());
    assert_eq!(partition(6).offline_replicas, [1]);
}

#[test]
fn operations_are_shown_when_they_are_asked_for() {
    let (image, catalog) = (image(), ConfigCatalog::default());
    let mut request = metadata(Some(vec![named("c")]));
    let response = describe_topics(&image, &request, 8, context(&catalog, "PLAINTEXT"));
    assert_eq!(response.cluster_authorized_operations, i32::MIN);
    request.include_topic_authorized_operations = true;
    request.include_cluster_authorized_operations = true;
    let response = describe_topics(&image, &request, 8, context(&catalog, "PLAINTEXT"));
    assert_eq!(response.cluster_authorized_operations, 8096);
    assert_eq!(response.topics[0].topic_authorized_operations, 3576);
}

fn page(limit: i32, cursor: Option<(&str, i32)>, names: &[&str]) -> (Vec<(String, i32)>, String) {
    let (image, catalog) = (image(), ConfigCatalog::default());
    let request = DescribeTopicPartitionsRequest {
        topics: names
            .iter()
            .map(|name| TopicRequest {
                name: (*name).to_owned(),
            })
            .collect(),
        response_partition_limit: limit,
        cursor: cursor.map(|(name, partition_index)| Cursor {
            topic_name: name.to_owned(),
            partition_index,
        }),
    };
    let response =
        describe_topic_partitions(&image, &request, 2000, context(&catalog, "PLAINTEXT"));
    let mut listed = Vec::new();
    for topic in response.topics {
        let name = topic.name.unwrap_or_default();
        if topic.error_code != 0 {
            listed.push((name.clone(), -i32::from(topic.error_code)));
        }
        listed.extend(
            topic
                .partitions
                .iter()
                .map(|p| (name.clone(), p.partition_index)),
        );
    }
    let cursor = response.next_cursor;
    let next = cursor.map_or_else(String::new, |c| {
        format!("{}/{}", c.topic_name, c.partition_index)
    });
    (listed, next)
}

#[test]
fn pages_follow_the_names_and_resume_at_the_cursor() {
    let is = |got: (Vec<(String, i32)>, String), listed: &[(&str, i32)], next: &str| {
        let listed: Vec<_> = listed
            .iter()
            .map(|(name, index)| ((*name).to_owned(), *index))
            .collect();
        assert_eq!(got, (listed, next.to_owned()));
    };
    is(page(2, None, &[]), &[("a.b", 0), ("a.b", 1)], "a.b/2");
    is(page(0, None, &[]), &[("a.b", 0)], "a.b/1");
    is(
        page(3, Some(("a.b", 8)), &[]),
        &[("a.b", 8), ("a.b", 9), ("c", 0)],
        "d/0",
    );
    is(
        page(9, Some(("b", 5)), &[]),
        &[("c", 0), ("d", 0), ("d", 1)],
        "",
    );
    is(
        page(9, None, &["d", "nonex", "d", "b d"]),
        &[("b d", -17), ("d", 0), ("d", 1), ("nonex", -3)],
        "",
    );
    is(page(9, Some(("a.b", -1)), &[]), &[], "");
    assert_eq!(page(5000, None, &[]).0.len(), 13);
}

#[test]
fn only_broker_endpoints_are_described() {
    let (image, catalog) = (image(), ConfigCatalog::default());
    let ask = |endpoint_type| {
        let request = DescribeClusterRequest {
            endpoint_type,
            ..Default::default()
        };
        describe_cluster(&image, &request, context(&catalog, "PLAINTEXT"))
    };
    assert_eq!((ask(1).brokers.len(), ask(1).controller_id), (1, 1));
    assert_eq!((ask(2).error_code, ask(3).error_code), (114, 115));
}

#[test]
fn every_kind_of_resource_is_described() {
    let (image, catalog) = (image(), ConfigCatalog::default());
    let ask = |resource_type, name: &str, keys: &[&str]| {
        let resource = DescribeConfigsResource {
            resource_type,
            resource_name: name.to_owned(),
            configuration_keys: (!keys.is_empty())
                .then(|| keys.iter().map(|key| (*key).to_owned()).collect()),
        };
        let request = DescribeConfigsRequest {
            resources: vec![resource],
            include_synonyms: true,
            include_documentation: true,
        };
        let loggers = Loggers::read("info");
        describe_configs(&image, &request, context(&catalog, "PLAINTEXT"), &loggers)
            .results
            .remove(0)
    };
    let all = ask(2, "c", &[]);
    assert!(all.configs.len() > 25 && all.error_code == 0);
    assert!(
        all.configs
            .iter()
            .all(|c| c.documentation.as_ref().is_some_and(|d| !d.is_empty()))
    );
    let one = ask(2, "c", &["max.message.bytes", "nope"]);
    assert_eq!(one.configs.len(), 1);
    assert_eq!(one.configs[0].value.as_deref(), Some("1048588"));
    assert_eq!(one.configs[0].synonyms[0].name, "message.max.bytes");
    assert_eq!(ask(2, "nope", &[]).error_code, 3);
    assert_eq!(ask(2, "b d", &[]).error_code, 17);
    assert!(ask(4, "1", &[]).configs.len() > 200);
    let of_cluster = ask(4, "", &[]).configs;
    assert_eq!(of_cluster.len(), 1);
    assert_eq!(of_cluster[0].name, "min.insync.replicas");
    let other = ask(4, "2", &[]).error_message.unwrap_or_default();
    assert_eq!(
        other,
        "Unexpected broker id, expected 1 or empty string, but received 2"
    );
    assert!(!ask(32, "g", &[]).configs.is_empty());
    assert_eq!(ask(32, "", &[]).error_code, 42);
    assert_eq!(
        ask(8, "1", &["root"]).configs[0].value.as_deref(),
        Some("INFO")
    );
    assert_eq!(ask(77, "1", &[]).error_code, 42);
}

#[test]
fn a_change_of_the_leader_raises_both_epochs_and_other_changes_only_one() {
    let image = image();
    let topic_id = image.topic("c").map(|topic| topic.id).unwrap();
    let change = |leader, isr| PartitionChangeRecord {
        partition_id: 0,
        topic_id,
        leader,
        isr,
        ..Default::default()
    };
    let kept = apply(&image, &[change(-2, Some(vec![1, 2])).into()]);
    let partition = &kept.topic("c").unwrap().partitions[0];
    assert_eq!(
        (
            partition.leader,
            partition.leader_epoch,
            partition.partition_epoch
        ),
        (1, 0, 1)
    );
    assert_eq!(partition.isr, [1, 2]);
    let moved = apply(&kept, &[change(-1, None).into()]);
    let partition = &moved.topic("c").unwrap().partitions[0];
    assert_eq!(
        (
            partition.leader,
            partition.leader_epoch,
            partition.partition_epoch
        ),
        (-1, 1, 2)
    );
}

#[test]
fn records_that_do_not_fit_the_image_are_errors() {
    let image = image();
    let unknown = Uuid::from_u128(77);
    let mut delta = MetadataDelta::new(&image);
    let remove = RemoveTopicRecord { topic_id: unknown };
    assert_eq!(
        delta.apply(&remove.into(), POSITION),
        Err(ApplyError::UnknownTopic { id: unknown })
    );
    let change = PartitionChangeRecord {
        topic_id: unknown,
        ..Default::default()
    };
    assert!(delta.apply(&change.into(), POSITION).is_err());
    let topic_id = image.topic("c").map(|topic| topic.id).unwrap();
    for partition_id in [-1, 1, i32::MAX] {
        let change = PartitionChangeRecord {
            topic_id,
            partition_id,
            ..Default::default()
        };
        assert!(delta.apply(&change.into(), POSITION).is_err());
    }
    assert_eq!(delta.finish().0.topics, image.topics);
}
