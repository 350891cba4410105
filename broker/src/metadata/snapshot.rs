//! An image as the records that build it, for the snapshots of the metadata log.
//! Pure. Applied to an empty image they give an equal one, position aside: a test holds this.

use protocol::messages::metadata::config_record::ConfigRecord;
use protocol::messages::metadata::feature_level_record::FeatureLevelRecord;
use protocol::messages::metadata::partition_record::PartitionRecord;
use protocol::messages::metadata::producer_ids_record::ProducerIdsRecord;
use protocol::messages::metadata::register_broker_record::{
    BrokerEndpoint, BrokerFeature, RegisterBrokerRecord,
};
use protocol::messages::metadata::topic_record::TopicRecord;
use protocol::types::Uuid;

use crate::metadata::image::{BrokerImage, ClusterImage, PartitionImage};
use crate::metadata::records::MetadataRecord;

/// Features first, as they decide the versions of the rest; topics in the order of their names.
pub(crate) fn image_records(image: &ClusterImage) -> Vec<MetadataRecord> {
    let mut records = Vec::new();
    for (name, level) in image.features.iter() {
        records.push(
            FeatureLevelRecord {
                name: name.to_string(),
                feature_level: *level,
            }
            .into(),
        );
    }
    records.extend(
        image
            .brokers
            .values()
            .map(|broker| broker_record(broker).into()),
    );
    for topic in image.topics.sorted() {
        records.push(
            TopicRecord {
                name: topic.name.to_string(),
                topic_id: topic.id,
            }
            .into(),
        );
        for (index, partition) in (0_i32..).zip(&topic.partitions) {
            records.push(partition_record(topic.id, index, partition).into());
        }
    }
    let mut resources: Vec<_> = image.configs.iter().collect();
    resources.sort_unstable_by(|left, right| left.0.cmp(right.0));
    for (resource, values) in resources {
        for (name, value) in values.iter() {
            let record = ConfigRecord {
                resource_type: resource.kind.code(),
                resource_name: resource.name.clone(),
                name: name.clone(),
                value: Some(value.clone()),
            };
            records.push(record.into());
        }
    }
    records.extend(image.client_quotas.records());
    records.extend(image.scram_credentials.records());
    if image.next_producer_id > 0 {
        let record = ProducerIdsRecord {
            broker_id: -1,
            broker_epoch: -1,
            next_producer_id: image.next_producer_id,
        };
        records.push(record.into());
    }
    records
}

fn broker_record(broker: &BrokerImage) -> RegisterBrokerRecord {
    let end_points = broker.endpoints.iter().map(|endpoint| BrokerEndpoint {
        name: endpoint.listener.clone(),
        host: endpoint.host.clone(),
        port: endpoint.port,
        security_protocol: endpoint.security_protocol,
    });
    let features = broker.features.iter().map(|feature| BrokerFeature {
        name: feature.name.clone(),
        min_supported_version: feature.min,
        max_supported_version: feature.max,
    });
    RegisterBrokerRecord {
        broker_id: broker.id,
        incarnation_id: broker.incarnation_id,
        broker_epoch: broker.epoch,
        end_points: end_points.collect(),
        features: features.collect(),
        rack: broker.rack.clone(),
        fenced: broker.fenced,
        in_controlled_shutdown: broker.in_controlled_shutdown,
        log_dirs: broker.log_dirs.clone(),
        ..Default::default()
    }
}

fn partition_record(topic_id: Uuid, index: i32, partition: &PartitionImage) -> PartitionRecord {
    let given = |replicas: &Vec<i32>| (!replicas.is_empty()).then(|| replicas.clone());
    PartitionRecord {
        partition_id: index,
        topic_id,
        replicas: partition.replicas.clone(),
        isr: partition.isr.clone(),
        removing_replicas: partition.removing_replicas.clone(),
        adding_replicas: partition.adding_replicas.clone(),
        leader: partition.leader,
        leader_recovery_state: partition.leader_recovery_state,
        leader_epoch: partition.leader_epoch,
        partition_epoch: partition.partition_epoch,
        directories: partition.directories.clone(),
        eligible_leader_replicas: given(&partition.elr),
        last_known_elr: given(&partition.last_known_elr),
    }
}
