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
        members(),
        committed_offsets(),
        groups(),
        transactions(),
        descriptions_of_producers(),
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

/// Of nobody who is a member, so that no answer waits for others.
fn members() -> Vec<Sample> {
    let protocol = m::join_group_request::JoinGroupRequestProtocol {
        name: "range".to_owned(),
        ..Default::default()
    };
    let assignment = m::sync_group_request::SyncGroupRequestAssignment {
        member_id: "member".to_owned(),
        ..Default::default()
    };
    let identity = m::leave_group_request::MemberIdentity {
        member_id: "member".to_owned(),
        ..Default::default()
    };
    [
        sample(&m::join_group_request::JoinGroupRequest {
            group_id: "group".to_owned(),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 1_000,
            member_id: "member".to_owned(),
            protocol_type: "consumer".to_owned(),
            protocols: vec![protocol],
            ..Default::default()
        }),
        sample(&m::sync_group_request::SyncGroupRequest {
            group_id: "group".to_owned(),
            generation_id: 1,
            member_id: "member".to_owned(),
            assignments: vec![assignment],
            ..Default::default()
        }),
        sample(&m::heartbeat_request::HeartbeatRequest {
            group_id: "group".to_owned(),
            generation_id: 1,
            member_id: "member".to_owned(),
            ..Default::default()
        }),
        sample(&m::leave_group_request::LeaveGroupRequest {
            group_id: "group".to_owned(),
            member_id: "member".to_owned(),
            members: vec![identity],
        }),
    ]
    .concat()
}

fn committed_offsets() -> Vec<Sample> {
    let commit = m::offset_commit_request::OffsetCommitRequestTopic {
        name: HONEST.to_owned(),
        partitions: vec![Default::default()],
        ..Default::default()
    };
    let topic = m::offset_fetch_request::OffsetFetchRequestTopic {
        name: HONEST.to_owned(),
        partition_indexes: vec![0],
    };
    let group = m::offset_fetch_request::OffsetFetchRequestGroup {
        group_id: "group".to_owned(),
        ..Default::default()
    };
    let delete = m::offset_delete_request::OffsetDeleteRequestTopic {
        name: HONEST.to_owned(),
        partitions: vec![Default::default()],
    };
    [
        sample(&m::offset_commit_request::OffsetCommitRequest {
            group_id: "group".to_owned(),
            generation_id_or_member_epoch: 1,
            member_id: "member".to_owned(),
            topics: vec![commit],
            ..Default::default()
        }),
        sample(&m::offset_fetch_request::OffsetFetchRequest {
            group_id: "group".to_owned(),
            topics: Some(vec![topic]),
            groups: vec![group],
            ..Default::default()
        }),
        sample(&m::offset_delete_request::OffsetDeleteRequest {
            group_id: "group".to_owned(),
            topics: vec![delete],
        }),
    ]
    .concat()
}

fn groups() -> Vec<Sample> {
    [
        sample(&m::describe_groups_request::DescribeGroupsRequest {
            groups: vec!["group".to_owned()],
            ..Default::default()
        }),
        sample(&m::list_groups_request::ListGroupsRequest {
            states_filter: Vec::new(),
            types_filter: Vec::new(),
        }),
        sample(&m::delete_groups_request::DeleteGroupsRequest {
            groups_names: vec!["group".to_owned()],
        }),
    ]
    .concat()
}

fn transactions() -> Vec<Sample> {
    let topic = m::add_partitions_to_txn_request::AddPartitionsToTxnTopic {
        name: HONEST.to_owned(),
        partitions: vec![0],
    };
    let transaction = m::add_partitions_to_txn_request::AddPartitionsToTxnTransaction {
        transactional_id: "transaction".to_owned(),
        topics: vec![topic.clone()],
        ..Default::default()
    };
    let commit = m::txn_offset_commit_request::TxnOffsetCommitRequestTopic {
        name: HONEST.to_owned(),
        partitions: vec![Default::default()],
    };
    let marker = m::write_txn_markers_request::WritableTxnMarker {
        topics: vec![m::write_txn_markers_request::WritableTxnMarkerTopic {
            name: "missing".to_owned(),
            partition_indexes: vec![0],
        }],
        ..Default::default()
    };
    [
        sample(
            &m::add_partitions_to_txn_request::AddPartitionsToTxnRequest {
                transactions: vec![transaction],
                v3_and_below_transactional_id: "transaction".to_owned(),
                v3_and_below_topics: vec![topic],
                ..Default::default()
            },
        ),
        sample(&m::add_offsets_to_txn_request::AddOffsetsToTxnRequest {
            transactional_id: "transaction".to_owned(),
            group_id: "group".to_owned(),
            ..Default::default()
        }),
        sample(&m::end_txn_request::EndTxnRequest {
            transactional_id: "transaction".to_owned(),
            ..Default::default()
        }),
        sample(&m::write_txn_markers_request::WriteTxnMarkersRequest {
            markers: vec![marker],
        }),
        sample(&m::txn_offset_commit_request::TxnOffsetCommitRequest {
            transactional_id: "transaction".to_owned(),
            group_id: "group".to_owned(),
            topics: vec![commit],
            ..Default::default()
        }),
    ]
    .concat()
}

fn descriptions_of_producers() -> Vec<Sample> {
    let topic = m::describe_producers_request::TopicRequest {
        name: HONEST.to_owned(),
        partition_indexes: vec![0],
    };
    [
        sample(&m::describe_producers_request::DescribeProducersRequest {
            topics: vec![topic],
        }),
        sample(
            &m::describe_transactions_request::DescribeTransactionsRequest {
                transactional_ids: vec!["transaction".to_owned()],
            },
        ),
        sample(&m::list_transactions_request::ListTransactionsRequest {
            transactional_id_pattern: Some("t.*".to_owned()),
            ..Default::default()
        }),
    ]
    .concat()
}
