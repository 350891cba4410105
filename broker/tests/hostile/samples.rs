//! A valid request of every served API, in its oldest and its newest version, to be damaged.

use protocol::api_key::ApiKey;
use protocol::codec::Request;
use protocol::messages as m;

use crate::broker::HONEST;
use crate::requests;

/// A whole frame, and of what it is.
pub(crate) type Sample = (ApiKey, i16, Vec<u8>);

pub(crate) fn all() -> Vec<Sample> {
    [data(), lookups(), admin(), descriptions()].concat()
}

fn sample<R: Request>(request: &R) -> Vec<Sample> {
    let versions = [R::KEY.versions().min, R::KEY.versions().max];
    let of_version = |version| {
        let frame = requests::request(R::KEY, version, |body| request.encode(body, version));
        (R::KEY, version, frame)
    };
    versions.map(of_version).to_vec()
}

fn data() -> Vec<Sample> {
    let batch = requests::batch(&[(None, None)]);
    let partition = m::list_offsets_request::ListOffsetsTopic {
        name: HONEST.to_owned(),
        partitions: vec![Default::default()],
    };
    let epoch = m::offset_for_leader_epoch_request::OffsetForLeaderTopic {
        topic: HONEST.to_owned(),
        partitions: vec![Default::default()],
    };
    [
        sample(&requests::produce(HONEST, -1, vec![(0, Some(batch))])),
        sample(&requests::fetch(HONEST, 0)),
        sample(&m::list_offsets_request::ListOffsetsRequest {
            topics: vec![partition],
            ..Default::default()
        }),
        sample(
            &m::offset_for_leader_epoch_request::OffsetForLeaderEpochRequest {
                topics: vec![epoch],
                ..Default::default()
            },
        ),
        sample(&m::init_producer_id_request::InitProducerIdRequest::default()),
    ]
    .concat()
}

fn lookups() -> Vec<Sample> {
    let topic = m::metadata_request::MetadataRequestTopic {
        name: Some(HONEST.to_owned()),
        ..Default::default()
    };
    [
        sample(&m::metadata_request::MetadataRequest {
            topics: Some(vec![topic]),
            ..Default::default()
        }),
        sample(&m::find_coordinator_request::FindCoordinatorRequest {
            key: "group".to_owned(),
            coordinator_keys: vec!["group".to_owned()],
            ..Default::default()
        }),
        sample(&m::api_versions_request::ApiVersionsRequest {
            client_software_name: "a".to_owned(),
            client_software_version: "1".to_owned(),
        }),
    ]
    .concat()
}

fn admin() -> Vec<Sample> {
    let absent = "absent".to_owned();
    let topic = m::delete_topics_request::DeleteTopicState {
        name: Some(absent.clone()),
        ..Default::default()
    };
    let partitions = m::create_partitions_request::CreatePartitionsTopic {
        name: absent.clone(),
        count: 2,
        assignments: Some(vec![Default::default()]),
    };
    let increment = m::incremental_alter_configs_request::AlterConfigsResource {
        resource_type: 2,
        resource_name: absent.clone(),
        configs: vec![Default::default()],
    };
    let alteration = m::alter_configs_request::AlterConfigsResource {
        resource_type: 2,
        resource_name: absent.clone(),
        configs: vec![Default::default()],
    };
    [
        sample(&requests::create_topic(
            "sample",
            1,
            &[("retention.ms", "1")],
        )),
        sample(&m::delete_topics_request::DeleteTopicsRequest {
            topics: vec![topic],
            topic_names: vec![absent],
            ..Default::default()
        }),
        sample(&m::create_partitions_request::CreatePartitionsRequest {
            topics: vec![partitions],
            ..Default::default()
        }),
        sample(
            &m::incremental_alter_configs_request::IncrementalAlterConfigsRequest {
                resources: vec![increment],
                ..Default::default()
            },
        ),
        sample(&m::alter_configs_request::AlterConfigsRequest {
            resources: vec![alteration],
            ..Default::default()
        }),
    ]
    .concat()
}

fn descriptions() -> Vec<Sample> {
    let resource = m::describe_configs_request::DescribeConfigsResource {
        resource_type: 2,
        resource_name: HONEST.to_owned(),
        configuration_keys: Some(vec!["retention.ms".to_owned()]),
    };
    let topic = m::describe_topic_partitions_request::TopicRequest {
        name: HONEST.to_owned(),
    };
    [
        sample(&m::describe_configs_request::DescribeConfigsRequest {
            resources: vec![resource],
            ..Default::default()
        }),
        sample(&m::describe_cluster_request::DescribeClusterRequest::default()),
        sample(
            &m::consumer_group_heartbeat_request::ConsumerGroupHeartbeatRequest {
                group_id: "group".to_owned(),
                member_id: "member".to_owned(),
                rebalance_timeout_ms: 1_000,
                subscribed_topic_names: Some(vec![HONEST.to_owned()]),
                topic_partitions: Some(Vec::new()),
                ..Default::default()
            },
        ),
        sample(
            &m::consumer_group_describe_request::ConsumerGroupDescribeRequest {
                group_ids: vec!["group".to_owned()],
                ..Default::default()
            },
        ),
        sample(
            &m::describe_topic_partitions_request::DescribeTopicPartitionsRequest {
                topics: vec![topic],
                cursor: Some(Default::default()),
                ..Default::default()
            },
        ),
    ]
    .concat()
}
