//! From one image to the next: metadata records applied in order.
//! Owns: `MetadataDelta` and `ImageChange`. Pure and total: a record that does not fit the image is
//! an error, never a panic, and replaying the same records always gives the same image.
//! A changed topic is opened once and closed by `finish`, so a topic of n partitions costs n, not n².

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use protocol::messages::metadata::broker_registration_change_record::BrokerRegistrationChangeRecord;
use protocol::messages::metadata::config_record::ConfigRecord;
use protocol::messages::metadata::feature_level_record::FeatureLevelRecord;
use protocol::messages::metadata::partition_change_record::PartitionChangeRecord;
use protocol::messages::metadata::partition_record::PartitionRecord;
use protocol::messages::metadata::register_broker_record::RegisterBrokerRecord;
use protocol::messages::metadata::topic_record::TopicRecord;
use protocol::types::Uuid;

use crate::metadata::image::{
    BrokerEndpoint, BrokerImage, ClusterImage, ConfigResource, FeatureRange, LogPosition,
    PartitionImage, ResourceType, TopicImage, is_internal_topic,
};
use crate::metadata::records::MetadataRecord;

/// `PartitionChangeRecord.leader` when the leader stays.
const NO_LEADER_CHANGE: i32 = -2;
/// `PartitionChangeRecord.leader_recovery_state` when it stays.
const NO_RECOVERY_CHANGE: i8 = -1;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum ApplyError {
    #[error("metadata record names the unknown topic id {id}")]
    UnknownTopic { id: Uuid },
    #[error("metadata record creates the existing topic {name}")]
    DuplicateTopic { name: String },
    #[error("metadata record for partition {partition} of topic id {id}, which has {partitions}")]
    PartitionOutOfOrder {
        id: Uuid,
        partition: i32,
        partitions: usize,
    },
    #[error("metadata record for broker {id} at epoch {epoch}, which is not registered")]
    UnknownBroker { id: i32, epoch: i64 },
    #[error("metadata record configures the unknown resource type {code}")]
    UnknownResource { code: i8 },
    #[error("metadata record moves the next producer id back from {from} to {to}")]
    ProducerIdWentBack { from: i64, to: i64 },
}

/// What differs between an image and its predecessor, for those who keep something per topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ImageChange {
    /// The first image since the process started: everything in it is listed as created.
    pub(crate) initial: bool,
    pub(crate) topics_created: Vec<Arc<TopicImage>>,
    pub(crate) topics_deleted: Vec<Arc<TopicImage>>,
    /// Topics that were there before, with the number of their first new partition.
    pub(crate) partitions_added: Vec<(Arc<TopicImage>, i32)>,
    /// Partitions that were there before and whose leader, replicas or epochs changed.
    pub(crate) partitions_changed: Vec<(Arc<TopicImage>, i32)>,
    pub(crate) configs_changed: BTreeSet<ConfigResource>,
    pub(crate) brokers_changed: bool,
    pub(crate) features_changed: bool,
}

impl ImageChange {
    /// From one image to another that no record led to: a start, or a snapshot that was received.
    pub(crate) fn initial(before: &ClusterImage, after: &ClusterImage) -> Self {
        let kept = |topic: &TopicImage| {
            after
                .topic_by_id(topic.id)
                .is_some_and(|other| other.as_ref() == topic)
        };
        let known = |topic: &TopicImage| before.topic_by_id(topic.id).is_some_and(|t| kept(t));
        let gone = before
            .topics
            .sorted()
            .into_iter()
            .filter(|topic| !kept(topic));
        let new = after
            .topics
            .sorted()
            .into_iter()
            .filter(|topic| !known(topic));
        Self {
            initial: true,
            topics_deleted: gone.cloned().collect(),
            topics_created: new.cloned().collect(),
            configs_changed: after
                .configs
                .iter()
                .map(|(resource, _)| resource.clone())
                .collect(),
            brokers_changed: true,
            features_changed: true,
            ..Self::default()
        }
    }
}

/// A topic under change.
#[derive(Debug)]
struct OpenTopic {
    image: TopicImage,
    /// How many partitions the topic had before; `None` when it was created by this delta.
    partitions_before: Option<usize>,
    changed: BTreeSet<i32>,
}

#[derive(Debug)]
pub(crate) struct MetadataDelta {
    image: ClusterImage,
    open: HashMap<Uuid, OpenTopic>,
    created_names: HashMap<Arc<str>, Uuid>,
    deleted: BTreeMap<Uuid, Arc<TopicImage>>,
    change: ImageChange,
}

impl MetadataDelta {
    pub(crate) fn new(base: &ClusterImage) -> Self {
        Self {
            image: base.clone(),
            open: HashMap::new(),
            created_names: HashMap::new(),
            deleted: BTreeMap::new(),
            change: ImageChange::default(),
        }
    }

    /// Applies one record, which lies at `position` in the log.
    pub(crate) fn apply(
        &mut self,
        record: &MetadataRecord,
        position: LogPosition,
    ) -> Result<(), ApplyError> {
        match record {
            MetadataRecord::RegisterBroker(record) => self.register_broker(record),
            MetadataRecord::UnregisterBroker(record) => {
                self.find_broker(record.broker_id, record.broker_epoch)?;
                Arc::make_mut(&mut self.image.brokers).remove(&record.broker_id);
                self.change.brokers_changed = true;
            }
            MetadataRecord::FenceBroker(record) => {
                self.change_broker(record.id, record.epoch, |broker| broker.fenced = true)?;
            }
            MetadataRecord::UnfenceBroker(record) => {
                self.change_broker(record.id, record.epoch, |broker| broker.fenced = false)?;
            }
            MetadataRecord::BrokerRegistrationChange(record) => self.registration_change(record)?,
            MetadataRecord::Topic(record) => self.create_topic(record)?,
            MetadataRecord::Partition(record) => self.set_partition(record)?,
            MetadataRecord::PartitionChange(record) => self.change_partition(record)?,
            MetadataRecord::RemoveTopic(record) => self.remove_topic(record.topic_id)?,
            MetadataRecord::ClearElr(record) => self.clear_elr(&record.topic_name),
            MetadataRecord::Config(record) => self.set_config(record)?,
            MetadataRecord::FeatureLevel(record) => self.set_feature(record),
            MetadataRecord::ClientQuota(record) => self.image.client_quotas.apply(record),
            MetadataRecord::UserScramCredential(record) => {
                self.image.scram_credentials.set(record);
            }
            MetadataRecord::RemoveUserScramCredential(record) => {
                self.image.scram_credentials.remove(record);
            }
            MetadataRecord::ProducerIds(record) => {
                self.advance_producer_ids(record.next_producer_id)?
            }
            MetadataRecord::NoOp(_) => {}
        }
        self.image.applied = position;
        Ok(())
    }

    /// Moves on over log entries that carry no record.
    pub(crate) fn skip_to(&mut self, position: LogPosition) {
        self.image.applied = position;
    }

    /// Closes the delta: the next image and what changed in it.
    pub(crate) fn finish(mut self) -> (ClusterImage, ImageChange) {
        for (_, topic) in self.open {
            let OpenTopic {
                image,
                partitions_before,
                changed,
            } = topic;
            let image = Arc::new(image);
            self.image.topics.put(&image);
            let Some(before) = partitions_before else {
                self.change.topics_created.push(image);
                continue;
            };
            for partition in changed {
                self.change
                    .partitions_changed
                    .push((Arc::clone(&image), partition));
            }
            if image.partitions.len() > before {
                let first = i32::try_from(before).unwrap_or(i32::MAX);
                self.change.partitions_added.push((image, first));
            }
        }
        self.change.topics_deleted = self.deleted.into_values().collect();
        // The order of the records is lost in the maps; names give one that is the same everywhere.
        self.change
            .topics_created
            .sort_by(|left, right| left.name.cmp(&right.name));
        self.change
            .partitions_added
            .sort_by(|left, right| left.0.name.cmp(&right.0.name));
        self.change
            .partitions_changed
            .sort_by(|left, right| (&left.0.name, left.1).cmp(&(&right.0.name, right.1)));
        (self.image, self.change)
    }

    fn register_broker(&mut self, record: &RegisterBrokerRecord) {
        let endpoints = record.end_points.iter().map(|endpoint| BrokerEndpoint {
            listener: endpoint.name.clone(),
            host: endpoint.host.clone(),
            port: endpoint.port,
            security_protocol: endpoint.security_protocol,
        });
        let features = record.features.iter().map(|feature| FeatureRange {
            name: feature.name.clone(),
            min: feature.min_supported_version,
            max: feature.max_supported_version,
        });
        let broker = BrokerImage {
            id: record.broker_id,
            epoch: record.broker_epoch,
            incarnation_id: record.incarnation_id,
            endpoints: endpoints.collect(),
            features: features.collect(),
            rack: record.rack.clone(),
            fenced: record.fenced,
            in_controlled_shutdown: record.in_controlled_shutdown,
            log_dirs: record.log_dirs.clone(),
        };
        Arc::make_mut(&mut self.image.brokers).insert(broker.id, Arc::new(broker));
        self.change.brokers_changed = true;
    }

    fn registration_change(
        &mut self,
        record: &BrokerRegistrationChangeRecord,
    ) -> Result<(), ApplyError> {
        self.change_broker(record.broker_id, record.broker_epoch, |broker| {
            match record.fenced {
                0 => {}
                sign => broker.fenced = sign > 0,
            }
            if record.in_controlled_shutdown != 0 {
                broker.in_controlled_shutdown = true;
            }
            if !record.log_dirs.is_empty() {
                broker.log_dirs.clone_from(&record.log_dirs);
            }
        })
    }

    fn find_broker(&self, id: i32, epoch: i64) -> Result<(), ApplyError> {
        match self.image.brokers.get(&id) {
            Some(broker) if broker.epoch == epoch => Ok(()),
            _ => Err(ApplyError::UnknownBroker { id, epoch }),
        }
    }

    fn change_broker(
        &mut self,
        id: i32,
        epoch: i64,
        change: impl FnOnce(&mut BrokerImage),
    ) -> Result<(), ApplyError> {
        self.find_broker(id, epoch)?;
        if let Some(broker) = Arc::make_mut(&mut self.image.brokers).get_mut(&id) {
            change(Arc::make_mut(broker));
        }
        self.change.brokers_changed = true;
        Ok(())
    }

    fn create_topic(&mut self, record: &TopicRecord) -> Result<(), ApplyError> {
        let name: Arc<str> = Arc::from(record.name.as_str());
        let exists = self.image.topics.by_name(&name).is_some()
            || self.created_names.contains_key(&name)
            || self.image.topics.by_id(record.topic_id).is_some()
            || self.open.contains_key(&record.topic_id);
        if exists {
            return Err(ApplyError::DuplicateTopic {
                name: record.name.clone(),
            });
        }
        let image = TopicImage {
            name: Arc::clone(&name),
            id: record.topic_id,
            partitions: Vec::new(),
            internal: is_internal_topic(&name),
        };
        self.created_names.insert(name, record.topic_id);
        let topic = OpenTopic {
            image,
            partitions_before: None,
            changed: BTreeSet::new(),
        };
        self.open.insert(record.topic_id, topic);
        Ok(())
    }

    fn open_topic(&mut self, id: Uuid) -> Result<&mut OpenTopic, ApplyError> {
        use std::collections::hash_map::Entry;
        match self.open.entry(id) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let topic = self
                    .image
                    .topics
                    .by_id(id)
                    .ok_or(ApplyError::UnknownTopic { id })?;
                Ok(entry.insert(OpenTopic {
                    image: (**topic).clone(),
                    partitions_before: Some(topic.partitions.len()),
                    changed: BTreeSet::new(),
                }))
            }
        }
    }

    /// A record for an existing partition replaces it; a new one must be the next in number.
    fn set_partition(&mut self, record: &PartitionRecord) -> Result<(), ApplyError> {
        let topic = self.open_topic(record.topic_id)?;
        let partitions = topic.image.partitions.len();
        let partition = partition_image(record);
        match usize::try_from(record.partition_id) {
            Ok(index) if index < partitions => {
                topic.image.partitions[index] = partition;
                topic.note(index, record.partition_id);
                Ok(())
            }
            Ok(index) if index == partitions => {
                topic.image.partitions.push(partition);
                Ok(())
            }
            _ => Err(ApplyError::PartitionOutOfOrder {
                id: record.topic_id,
                partition: record.partition_id,
                partitions,
            }),
        }
    }

    fn change_partition(&mut self, record: &PartitionChangeRecord) -> Result<(), ApplyError> {
        let topic = self.open_topic(record.topic_id)?;
        let partitions = topic.image.partitions.len();
        let out_of_order = ApplyError::PartitionOutOfOrder {
            id: record.topic_id,
            partition: record.partition_id,
            partitions,
        };
        let index = usize::try_from(record.partition_id).map_err(|_| out_of_order)?;
        let Some(partition) = topic.image.partitions.get_mut(index) else {
            return Err(ApplyError::PartitionOutOfOrder {
                id: record.topic_id,
                partition: record.partition_id,
                partitions,
            });
        };
        merge_partition_change(partition, record);
        topic.note(index, record.partition_id);
        Ok(())
    }

    fn remove_topic(&mut self, id: Uuid) -> Result<(), ApplyError> {
        let open = self.open.remove(&id);
        let name = match (self.image.topics.remove(id), open) {
            (Some(topic), _) => {
                let name = Arc::clone(&topic.name);
                self.deleted.insert(id, topic);
                name
            }
            (None, Some(topic)) => topic.image.name,
            (None, None) => return Err(ApplyError::UnknownTopic { id }),
        };
        self.created_names.remove(&name);
        let resource = ConfigResource::topic(&name);
        if self.image.configs.remove(&resource) {
            self.change.configs_changed.insert(resource);
        }
        Ok(())
    }

    /// An empty name clears the eligible leaders of every topic.
    fn clear_elr(&mut self, name: &str) {
        let ids: Vec<Uuid> = if name.is_empty() {
            self.image.topics.iter().map(|topic| topic.id).collect()
        } else {
            self.image
                .topics
                .by_name(name)
                .map(|topic| topic.id)
                .into_iter()
                .collect()
        };
        for id in ids {
            let Ok(topic) = self.open_topic(id) else {
                continue;
            };
            for (index, partition) in topic.image.partitions.iter_mut().enumerate() {
                if !partition.elr.is_empty() || !partition.last_known_elr.is_empty() {
                    partition.elr.clear();
                    partition.last_known_elr.clear();
                    topic
                        .changed
                        .insert(i32::try_from(index).unwrap_or(i32::MAX));
                }
            }
        }
    }

    fn set_config(&mut self, record: &ConfigRecord) -> Result<(), ApplyError> {
        let kind =
            ResourceType::from_code(record.resource_type).ok_or(ApplyError::UnknownResource {
                code: record.resource_type,
            })?;
        let resource = ConfigResource {
            kind,
            name: record.resource_name.clone(),
        };
        self.image
            .configs
            .set(&resource, &record.name, record.value.as_deref());
        self.change.configs_changed.insert(resource);
        Ok(())
    }

    fn set_feature(&mut self, record: &FeatureLevelRecord) {
        let features = Arc::make_mut(&mut self.image.features);
        if record.feature_level == 0 {
            features.remove(record.name.as_str());
        } else {
            features.insert(Arc::from(record.name.as_str()), record.feature_level);
        }
        self.change.features_changed = true;
    }

    fn advance_producer_ids(&mut self, next: i64) -> Result<(), ApplyError> {
        let from = self.image.next_producer_id;
        if next <= from {
            return Err(ApplyError::ProducerIdWentBack { from, to: next });
        }
        self.image.next_producer_id = next;
        Ok(())
    }
}

impl OpenTopic {
    fn note(&mut self, index: usize, partition: i32) {
        if self.partitions_before.is_some_and(|before| index < before) {
            self.changed.insert(partition);
        }
    }
}

fn partition_image(record: &PartitionRecord) -> PartitionImage {
    PartitionImage {
        replicas: record.replicas.clone(),
        directories: record.directories.clone(),
        isr: record.isr.clone(),
        adding_replicas: record.adding_replicas.clone(),
        removing_replicas: record.removing_replicas.clone(),
        elr: record.eligible_leader_replicas.clone().unwrap_or_default(),
        last_known_elr: record.last_known_elr.clone().unwrap_or_default(),
        leader: record.leader,
        leader_recovery_state: record.leader_recovery_state,
        leader_epoch: record.leader_epoch,
        partition_epoch: record.partition_epoch,
    }
}

/// Every change raises the partition epoch; a change that names a leader raises the leader epoch.
fn merge_partition_change(partition: &mut PartitionImage, record: &PartitionChangeRecord) {
    set_if_given(&mut partition.isr, record.isr.as_ref());
    set_if_given(&mut partition.replicas, record.replicas.as_ref());
    set_if_given(
        &mut partition.removing_replicas,
        record.removing_replicas.as_ref(),
    );
    set_if_given(
        &mut partition.adding_replicas,
        record.adding_replicas.as_ref(),
    );
    set_if_given(&mut partition.directories, record.directories.as_ref());
    set_if_given(&mut partition.elr, record.eligible_leader_replicas.as_ref());
    set_if_given(
        &mut partition.last_known_elr,
        record.last_known_elr.as_ref(),
    );
    if record.leader_recovery_state != NO_RECOVERY_CHANGE {
        partition.leader_recovery_state = record.leader_recovery_state;
    }
    if record.leader != NO_LEADER_CHANGE {
        partition.leader = record.leader;
        partition.leader_epoch = partition.leader_epoch.saturating_add(1);
    }
    partition.partition_epoch = partition.partition_epoch.saturating_add(1);
}

fn set_if_given<T: Clone>(target: &mut Vec<T>, given: Option<&Vec<T>>) {
    if let Some(given) = given {
        target.clone_from(given);
    }
}
