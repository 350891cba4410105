//! A valid request of every served API, in its oldest and its newest version, to be damaged.

use protocol::api_key::ApiKey;
use protocol::codec::Request;
use protocol::messages as m;

use crate::broker::HONEST;
use crate::requests;

/// A whole frame, and of what it is.
pub(crate) type Sample = (ApiKey, i16, Vec<u8>);

pub(crate) fn all() -> Vec<Sample> {
    [
        data(),
        lookups(),
        admin(),
        descriptions(),
        placements(),
        limits_and_credentials(),
        security(),
    ]
    .concat()
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

fn placements() -> Vec<Sample> {
    let election = m::elect_leaders_request::TopicPartitions {
        topic: HONEST.to_owned(),
        partitions: vec![0],
    };
    let reassigned = m::alter_partition_reassignments_request::ReassignableTopic {
        name: HONEST.to_owned(),
        partitions: vec![Default::default()],
    };
    let listed = m::list_partition_reassignments_request::ListPartitionReassignmentsTopics {
        name: HONEST.to_owned(),
        partition_indexes: vec![0],
    };
    let deleted = m::delete_records_request::DeleteRecordsTopic {
        name: HONEST.to_owned(),
        partitions: vec![Default::default()],
    };
    let described = m::describe_log_dirs_request::DescribableLogDirTopic {
        topic: HONEST.to_owned(),
        partitions: vec![0],
    };
    let moved = m::alter_replica_log_dirs_request::AlterReplicaLogDir {
        path: "/".to_owned(),
        topics: vec![Default::default()],
    };
    let quorum = m::describe_quorum_request::TopicData {
        topic_name: "__cluster_metadata".to_owned(),
        partitions: vec![Default::default()],
    };
    [
        sample(&m::delete_records_request::DeleteRecordsRequest {
            topics: vec![deleted],
            ..Default::default()
        }),
        sample(&m::describe_log_dirs_request::DescribeLogDirsRequest {
            topics: Some(vec![described]),
        }),
        sample(
            &m::alter_replica_log_dirs_request::AlterReplicaLogDirsRequest { dirs: vec![moved] },
        ),
        sample(&m::elect_leaders_request::ElectLeadersRequest {
            topic_partitions: Some(vec![election]),
            ..Default::default()
        }),
        sample(
            &m::alter_partition_reassignments_request::AlterPartitionReassignmentsRequest {
                topics: vec![reassigned],
                ..Default::default()
            },
        ),
        sample(
            &m::list_partition_reassignments_request::ListPartitionReassignmentsRequest {
                topics: Some(vec![listed]),
                ..Default::default()
            },
        ),
        sample(&m::describe_quorum_request::DescribeQuorumRequest {
            topics: vec![quorum],
        }),
        sample(&m::unregister_broker_request::UnregisterBrokerRequest { broker_id: 77 }),
        sample(&m::add_raft_voter_request::AddRaftVoterRequest {
            listeners: vec![Default::default()],
            ..Default::default()
        }),
        sample(&m::remove_raft_voter_request::RemoveRaftVoterRequest::default()),
        sample(&m::update_features_request::UpdateFeaturesRequest {
            feature_updates: vec![Default::default()],
            ..Default::default()
        }),
    ]
    .concat()
}

fn limits_and_credentials() -> Vec<Sample> {
    let quota = m::alter_client_quotas_request::EntryData {
        entity: vec![Default::default()],
        ops: vec![Default::default()],
    };
    [
        sample(
            &m::describe_client_quotas_request::DescribeClientQuotasRequest {
                components: vec![Default::default()],
                ..Default::default()
            },
        ),
        sample(&m::alter_client_quotas_request::AlterClientQuotasRequest {
            entries: vec![quota],
            ..Default::default()
        }),
        sample(
            &m::describe_user_scram_credentials_request::DescribeUserScramCredentialsRequest {
                users: Some(vec![Default::default()]),
            },
        ),
        sample(
            &m::alter_user_scram_credentials_request::AlterUserScramCredentialsRequest {
                deletions: vec![Default::default()],
                upsertions: vec![Default::default()],
            },
        ),
        sample(
            &m::get_telemetry_subscriptions_request::GetTelemetrySubscriptionsRequest::default(),
        ),
        sample(&m::push_telemetry_request::PushTelemetryRequest::default()),
        sample(
            &m::list_config_resources_request::ListConfigResourcesRequest {
                resource_types: vec![2],
            },
        ),
    ]
    .concat()
}

fn security() -> Vec<Sample> {
    let acl = m::create_acls_request::AclCreation {
        resource_type: 2,
        resource_pattern_type: 3,
        operation: 3,
        permission_type: 3,
        ..Default::default()
    };
    let filter = m::delete_acls_request::DeleteAclsFilter {
        resource_type_filter: 2,
        pattern_type_filter: 3,
        operation: 3,
        permission_type: 3,
        ..Default::default()
    };
    [
        sample(&m::describe_acls_request::DescribeAclsRequest {
            resource_type_filter: 2,
            pattern_type_filter: 3,
            operation: 3,
            permission_type: 3,
            ..Default::default()
        }),
        sample(&m::create_acls_request::CreateAclsRequest {
            creations: vec![acl],
        }),
        sample(&m::delete_acls_request::DeleteAclsRequest {
            filters: vec![filter],
        }),
        sample(&m::sasl_handshake_request::SaslHandshakeRequest::default()),
        sample(&m::sasl_authenticate_request::SaslAuthenticateRequest::default()),
        sample(
            &m::create_delegation_token_request::CreateDelegationTokenRequest {
                renewers: vec![Default::default()],
                ..Default::default()
            },
        ),
        sample(&m::renew_delegation_token_request::RenewDelegationTokenRequest::default()),
        sample(&m::expire_delegation_token_request::ExpireDelegationTokenRequest::default()),
        sample(
            &m::describe_delegation_token_request::DescribeDelegationTokenRequest {
                owners: Some(vec![Default::default()]),
            },
        ),
    ]
    .concat()
}
