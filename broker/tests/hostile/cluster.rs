//! Requests about the cluster beside its topics: placement, features, quotas, credentials, access.

use bytes::Bytes;
use protocol::error_code::ErrorCode;
use protocol::messages::alter_client_quotas_request::{
    AlterClientQuotasRequest, EntityData, EntryData, OpData,
};
use protocol::messages::alter_partition_reassignments_request::{
    AlterPartitionReassignmentsRequest, ReassignablePartition, ReassignableTopic,
};
use protocol::messages::alter_user_scram_credentials_request::{
    AlterUserScramCredentialsRequest, ScramCredentialUpsertion,
};
use protocol::messages::create_acls_request::{AclCreation, CreateAclsRequest};
use protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};
use protocol::messages::describe_client_quotas_request::DescribeClientQuotasRequest;
use protocol::messages::describe_log_dirs_request::{
    DescribableLogDirTopic, DescribeLogDirsRequest,
};
use protocol::messages::describe_user_scram_credentials_request::DescribeUserScramCredentialsRequest;
use protocol::messages::elect_leaders_request::{ElectLeadersRequest, TopicPartitions};
use protocol::messages::get_telemetry_subscriptions_request::GetTelemetrySubscriptionsRequest;
use protocol::messages::push_telemetry_request::PushTelemetryRequest;
use protocol::messages::unregister_broker_request::UnregisterBrokerRequest;
use protocol::messages::update_features_request::{FeatureUpdateKey, UpdateFeaturesRequest};
use protocol::types::Uuid;

use crate::broker::{Broker, HONEST};
use crate::requests;

fn quota(user: &str, value: f64) -> EntryData {
    EntryData {
        entity: vec![EntityData {
            entity_type: "user".to_owned(),
            entity_name: Some(user.to_owned()),
        }],
        ops: vec![OpData {
            key: "request_percentage".to_owned(),
            value,
            remove: false,
        }],
    }
}

#[test]
fn quotas_that_are_no_numbers_are_refused() {
    let broker = Broker::start();
    let mut client = broker.client();
    let alter = |entries: Vec<EntryData>| AlterClientQuotasRequest {
        entries,
        validate_only: false,
    };
    for value in [f64::NAN, -f64::NAN, f64::NEG_INFINITY, -0.0, f64::MIN] {
        let answer = client.call(1, &alter(vec![quota("u", value)]));
        let code = answer.entries[0].error_code;
        assert_eq!(code, ErrorCode::InvalidRequest.code(), "{value}");
    }
    // more than one batch of records takes
    let many = (0..12_000).map(|number| quota(&format!("u{number}"), 1.0));
    let answer = client.call(1, &alter(many.collect()));
    let refused = answer.entries.iter().filter(|entry| entry.error_code != 0);
    assert_eq!(refused.count(), 2_000);
    let all = client.call(1, &DescribeClientQuotasRequest::default());
    assert_eq!(all.entries.map(|entries| entries.len()), Some(10_000));
    broker.is_unharmed();
}

#[test]
fn credentials_that_cannot_be_are_refused() {
    let broker = Broker::start();
    let mut client = broker.client();
    let upsert = |name: &str, mechanism: i8, iterations: i32, salted: &'static [u8]| {
        AlterUserScramCredentialsRequest {
            upsertions: vec![ScramCredentialUpsertion {
                name: name.to_owned(),
                mechanism,
                iterations,
                salt: Bytes::from_static(b"salt"),
                salted_password: Bytes::from_static(salted),
            }],
            ..Default::default()
        }
    };
    for (request, code) in [
        (upsert("", 1, 4096, b"x"), ErrorCode::UnacceptableCredential),
        (
            upsert("u", 1, i32::MIN, b"x"),
            ErrorCode::UnacceptableCredential,
        ),
        (
            upsert("u", 2, i32::MAX, b"x"),
            ErrorCode::UnacceptableCredential,
        ),
        (
            upsert("u", i8::MIN, 4096, b"x"),
            ErrorCode::UnsupportedSaslMechanism,
        ),
        (upsert("u", 1, 4096, b""), ErrorCode::UnknownServerError),
        (upsert("u", 1, 4096, &[7; 100_000]), ErrorCode::None),
    ] {
        let answer = client.call(0, &request).results.remove(0);
        assert_eq!(
            ErrorCode::from_code(answer.error_code),
            Some(code),
            "{answer:?}"
        );
    }
    let all = client.call(0, &DescribeUserScramCredentialsRequest::default());
    assert_eq!(all.results.len(), 1);
    assert!(
        !broker.log().contains("stored_key"),
        "no key is ever logged"
    );
    broker.is_unharmed();
}

#[test]
fn features_beyond_what_there_is_are_refused() {
    let broker = Broker::start();
    let mut client = broker.client();
    let update = |feature: &str, level: i16, upgrade_type: i8| UpdateFeaturesRequest {
        feature_updates: vec![FeatureUpdateKey {
            feature: feature.to_owned(),
            max_version_level: level,
            upgrade_type,
            ..Default::default()
        }],
        ..Default::default()
    };
    for level in [i16::MIN, -1, 31, i16::MAX] {
        for kind in [i8::MIN, 0, 1, 2, 3, 4] {
            let code = client
                .call(2, &update("metadata.version", level, kind))
                .error_code;
            assert_eq!(
                code,
                ErrorCode::InvalidUpdateVersion.code(),
                "{level} {kind}"
            );
        }
    }
    let code = client
        .call(2, &update(&"f".repeat(30_000), 1, 1))
        .error_code;
    assert_eq!(code, ErrorCode::InvalidUpdateVersion.code());
    broker.is_unharmed();
}

#[test]
fn replicas_elsewhere_and_elections_of_nothing_are_refused() {
    let broker = Broker::start();
    let mut client = broker.client();
    let reassign = |partition_index: i32, replicas: &[i32]| AlterPartitionReassignmentsRequest {
        topics: vec![ReassignableTopic {
            name: HONEST.to_owned(),
            partitions: vec![ReassignablePartition {
                partition_index,
                replicas: Some(replicas.to_vec()),
            }],
        }],
        ..Default::default()
    };
    let unknown = ErrorCode::UnknownTopicOrPartition;
    let invalid = ErrorCode::InvalidReplicaAssignment;
    for (index, replicas, code) in [
        (0, vec![1], ErrorCode::None),
        (-1, vec![1], unknown),
        (i32::MAX, vec![1], unknown),
        (0, vec![], invalid),
        (0, vec![1, 1], invalid),
        (0, vec![i32::MIN], invalid),
        (0, (0..50_000).collect(), invalid),
    ] {
        let mut answer = client
            .call(1, &reassign(index, &replicas))
            .responses
            .remove(0);
        let answer = answer.partitions.remove(0);
        assert_eq!(
            ErrorCode::from_code(answer.error_code),
            Some(code),
            "{answer:?}"
        );
    }
    let election = TopicPartitions {
        topic: HONEST.to_owned(),
        partitions: vec![i32::MIN, -1, 0, i32::MAX],
    };
    let request = ElectLeadersRequest {
        topic_partitions: Some(vec![election]),
        ..Default::default()
    };
    let codes: Vec<i16> = client.call(2, &request).replica_election_results[0]
        .partition_result
        .iter()
        .map(|result| result.error_code)
        .collect();
    let not_needed = ErrorCode::ElectionNotNeeded.code();
    let unknown = unknown.code();
    assert_eq!(codes, [unknown, unknown, not_needed, unknown]);
    broker.is_unharmed();
}

#[test]
fn the_broker_does_not_take_itself_out_of_the_cluster() {
    let broker = Broker::start();
    let mut client = broker.client();
    for broker_id in [1, -1, 2, i32::MIN, i32::MAX] {
        let answer = client.call(0, &UnregisterBrokerRequest { broker_id });
        assert_ne!(answer.error_code, 0, "{broker_id}");
    }
    broker.is_unharmed();
}

#[test]
fn access_rules_of_unknown_kind_close_the_connection() {
    let broker = Broker::start();
    let acl = AclCreation {
        resource_type: 2,
        resource_pattern_type: 3,
        operation: 3,
        permission_type: 3,
        ..Default::default()
    };
    let mut client = broker.client();
    let many = CreateAclsRequest {
        creations: vec![acl.clone(); 10_000],
    };
    let answer = client.call(3, &many);
    let disabled = ErrorCode::SecurityDisabled.code();
    assert!(
        answer
            .results
            .iter()
            .all(|result| result.error_code == disabled)
    );
    let unknown = AclCreation {
        operation: 0,
        ..acl
    };
    client.send_request(
        3,
        &CreateAclsRequest {
            creations: vec![unknown],
        },
    );
    client.is_closed();
    drop(client);
    broker.is_unharmed();
}

#[test]
fn only_records_that_are_there_are_deleted() {
    let broker = Broker::start();
    let mut client = broker.client();
    client.call(7, &requests::create_topic("d", 1, &[]));
    let compacted = [("cleanup.policy", "compact")];
    client.call(7, &requests::create_topic("c", 1, &compacted));
    for _ in 0..3 {
        let batch = requests::batch(&[(Some(b"k"), None)]);
        assert_eq!(client.produce("d", batch).error_code, 0);
    }
    let mut delete = |name: &str, partition_index: i32, offset: i64| {
        let partition = DeleteRecordsPartition {
            partition_index,
            offset,
        };
        let topic = DeleteRecordsTopic {
            name: name.to_owned(),
            partitions: vec![partition; 2],
        };
        let request = DeleteRecordsRequest {
            topics: vec![topic.clone(), topic],
            timeout_ms: -1,
        };
        let mut topics = client.call(2, &request).topics;
        assert_eq!((topics.len(), topics[0].partitions.len()), (1, 1));
        let answer = topics.remove(0).partitions.remove(0);
        (
            ErrorCode::from_code(answer.error_code),
            answer.low_watermark,
        )
    };
    let unknown = (Some(ErrorCode::UnknownTopicOrPartition), -1);
    let outside = (Some(ErrorCode::OffsetOutOfRange), -1);
    let deleted = |start: i64| (Some(ErrorCode::None), start);
    for name in ["", "nope", "__cluster_metadata"] {
        assert_eq!(delete(name, 0, -1), unknown);
    }
    for index in [-1, 1, i32::MAX] {
        assert_eq!(delete("d", index, -1), unknown);
    }
    for offset in [-2, i64::MIN, 4, i64::MAX] {
        assert_eq!(delete("d", 0, offset), outside);
    }
    assert_eq!(delete("c", 0, -1), (Some(ErrorCode::PolicyViolation), -1));
    assert_eq!(delete("d", 0, 2), deleted(2));
    assert_eq!(delete("d", 0, 1), deleted(2));
    assert_eq!(delete("d", 0, -1), deleted(3));
    let gone = client.fetch("d", 2);
    assert_eq!(gone.error_code, ErrorCode::OffsetOutOfRange.code());
    broker.is_unharmed();
}

#[test]
fn partitions_that_are_not_there_have_no_size() {
    let broker = Broker::start();
    let mut client = broker.client();
    client.call(7, &requests::create_topic("sized", 2, &[]));
    let batch = requests::batch(&[(Some(b"k"), Some(&[7; 1000]))]);
    let bytes = i64::try_from(batch.len()).unwrap();
    assert_eq!(client.produce("sized", batch).error_code, 0);
    let asked = |topic: &str, partitions: &[i32]| DescribableLogDirTopic {
        topic: topic.to_owned(),
        partitions: partitions.to_vec(),
    };
    let request = DescribeLogDirsRequest {
        topics: Some(vec![
            asked("nope", &[0]),
            asked("sized", &[0, 0, -1, i32::MAX, i32::MIN]),
            asked("sized", &[1]),
            asked("", &[]),
        ]),
    };
    let mut answer = client.call(5, &request);
    let found = answer.results.remove(0);
    assert!(0 < found.usable_bytes && found.usable_bytes <= found.total_bytes);
    assert_eq!(found.topics.len(), 1);
    let sizes: Vec<i64> = found.topics[0]
        .partitions
        .iter()
        .map(|partition| partition.partition_size)
        .collect();
    assert_eq!(sizes, [bytes, 0]);
    broker.is_unharmed();
}

#[test]
fn metrics_that_cannot_be_taken_are_refused() {
    let broker = Broker::start();
    let mut client = broker.client();
    let subscribe = |id: u128| GetTelemetrySubscriptionsRequest {
        client_instance_id: Uuid::from_u128(id),
    };
    let push = |id: u128, subscription_id: i32, compression_type: i8, metrics: Vec<u8>| {
        PushTelemetryRequest {
            client_instance_id: Uuid::from_u128(id),
            subscription_id,
            compression_type,
            metrics: metrics.into(),
            terminating: false,
        }
    };
    let answer = client.call(0, &push(0, 0, 0, Vec::new()));
    assert_eq!(answer.error_code, ErrorCode::InvalidRequest.code());
    for (id, codec, metrics, code) in [
        (11, 0, vec![0; 3 << 20], ErrorCode::TelemetryTooLarge),
        (12, -1, Vec::new(), ErrorCode::UnsupportedCompressionType),
        (
            13,
            i8::MAX,
            Vec::new(),
            ErrorCode::UnsupportedCompressionType,
        ),
        (14, 4, vec![7; 1_000], ErrorCode::InvalidRecord),
        (15, 1, vec![0x1f], ErrorCode::InvalidRecord),
        (16, 0, vec![7; 1_000], ErrorCode::None),
    ] {
        let wanted = client.call(0, &subscribe(id));
        assert_eq!(wanted.error_code, 0);
        let answer = client.call(0, &push(id, wanted.subscription_id, codec, metrics));
        assert_eq!(ErrorCode::from_code(answer.error_code), Some(code), "{id}");
        let again = client.call(0, &push(id, wanted.subscription_id, codec, Vec::new()));
        let throttled = ErrorCode::ThrottlingQuotaExceeded.code();
        assert_eq!(again.error_code, throttled, "{id} pushes without a pause");
    }
    let answer = client.call(0, &push(17, 99, 0, Vec::new()));
    assert_eq!(answer.error_code, ErrorCode::UnknownSubscriptionId.code());
    for id in 1_000..40_000 {
        client.send_request(0, &subscribe(id));
        if id % 100 == 99 {
            for _ in 0..100 {
                let answer = client.response::<GetTelemetrySubscriptionsRequest>(0);
                assert_eq!(answer.error_code, 0);
            }
        }
    }
    broker.is_unharmed();
}
