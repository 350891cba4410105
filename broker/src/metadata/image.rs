//! The cluster as one immutable value: what every shard reads and no one changes in place.
//! Owns: `ClusterImage` and its parts. Pure.
//! A new image shares with the previous one everything that did not change, so a clone costs a few
//! reference counts. Only `delta` makes a new one, from metadata records.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::addressing::TopicRef;
use protocol::error_code::ErrorCode;
use protocol::types::Uuid;

use crate::metadata::buckets::BucketMap;
use crate::metadata::client_quotas::ClientQuotasImage;
use crate::metadata::scram_credentials::ScramCredentialsImage;

/// The leader of a partition that has none.
pub(crate) const NO_LEADER: i32 = -1;

pub(crate) const GROUP_OFFSETS_TOPIC: &str = "__consumer_offsets";
pub(crate) const TRANSACTION_STATE_TOPIC: &str = "__transaction_state";
pub(crate) const SHARE_STATE_TOPIC: &str = "__share_group_state";
pub(crate) const METADATA_TOPIC: &str = "__cluster_metadata";

/// Topics that clients see as internal; `__cluster_metadata` is not among the topics at all.
pub(crate) fn is_internal_topic(name: &str) -> bool {
    matches!(
        name,
        GROUP_OFFSETS_TOPIC | TRANSACTION_STATE_TOPIC | SHARE_STATE_TOPIC
    )
}

/// Where the last applied record lies in the metadata log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogPosition {
    pub(crate) offset: i64,
    pub(crate) epoch: i32,
}

impl LogPosition {
    /// Before the first record.
    pub(crate) const START: Self = Self {
        offset: -1,
        epoch: -1,
    };
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClusterImage {
    /// Kafka's form: 22 characters of base64url. It is not a record: `meta.properties` holds it.
    pub(crate) cluster_id: Arc<str>,
    pub(crate) brokers: Arc<BTreeMap<i32, Arc<BrokerImage>>>,
    pub(crate) topics: TopicsImage,
    pub(crate) configs: ConfigsImage,
    /// Finalized level of each feature; a feature at level 0 is absent.
    pub(crate) features: Arc<BTreeMap<Arc<str>, i16>>,
    pub(crate) client_quotas: ClientQuotasImage,
    pub(crate) scram_credentials: ScramCredentialsImage,
    pub(crate) next_producer_id: i64,
    pub(crate) applied: LogPosition,
}

impl ClusterImage {
    pub(crate) fn empty(cluster_id: Arc<str>) -> Self {
        Self {
            cluster_id,
            brokers: Arc::default(),
            topics: TopicsImage::default(),
            configs: ConfigsImage::default(),
            features: Arc::default(),
            client_quotas: ClientQuotasImage::default(),
            scram_credentials: ScramCredentialsImage::default(),
            next_producer_id: 0,
            applied: LogPosition::START,
        }
    }

    pub(crate) fn topic(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.topics.by_name(name)
    }

    pub(crate) fn topic_by_id(&self, id: Uuid) -> Option<&Arc<TopicImage>> {
        self.topics.by_id(id)
    }

    /// The topic of a request that names it by name or by id.
    ///
    /// # Errors
    /// `UNKNOWN_TOPIC_OR_PARTITION` or `UNKNOWN_TOPIC_ID`.
    pub(crate) fn resolve(&self, topic: &TopicRef) -> Result<&Arc<TopicImage>, ErrorCode> {
        match topic {
            TopicRef::Name(name) => self.topic(name).ok_or(ErrorCode::UnknownTopicOrPartition),
            TopicRef::Id(id) => self.topic_by_id(*id).ok_or(ErrorCode::UnknownTopicId),
        }
    }

    pub(crate) fn feature(&self, name: &str) -> i16 {
        self.features.get(name).copied().unwrap_or(0)
    }

    /// Brokers that may lead and follow partitions, in order of their ids.
    pub(crate) fn usable_brokers(&self) -> impl Iterator<Item = &Arc<BrokerImage>> {
        self.brokers
            .values()
            .filter(|broker| !broker.fenced && !broker.in_controlled_shutdown)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrokerImage {
    pub(crate) id: i32,
    pub(crate) epoch: i64,
    pub(crate) incarnation_id: Uuid,
    pub(crate) endpoints: Vec<BrokerEndpoint>,
    pub(crate) features: Vec<FeatureRange>,
    pub(crate) rack: Option<String>,
    pub(crate) fenced: bool,
    pub(crate) in_controlled_shutdown: bool,
    pub(crate) log_dirs: Vec<Uuid>,
}

impl BrokerImage {
    pub(crate) fn endpoint(&self, listener: &str) -> Option<&BrokerEndpoint> {
        self.endpoints
            .iter()
            .find(|endpoint| endpoint.listener == listener)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrokerEndpoint {
    pub(crate) listener: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Kafka's number of the security protocol: 0 plaintext, 1 TLS, 2 SASL, 3 SASL over TLS.
    pub(crate) security_protocol: i16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FeatureRange {
    pub(crate) name: String,
    pub(crate) min: i16,
    pub(crate) max: i16,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TopicsImage {
    names: BucketMap<Arc<str>, Arc<TopicImage>>,
    ids: BucketMap<Uuid, Arc<TopicImage>>,
    partitions: usize,
}

impl TopicsImage {
    pub(crate) fn by_name(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.names.get(name)
    }

    pub(crate) fn by_id(&self, id: Uuid) -> Option<&Arc<TopicImage>> {
        self.ids.get(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn partition_count(&self) -> usize {
        self.partitions
    }

    /// All topics, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<TopicImage>> {
        self.names.values()
    }

    /// All topics in the order of their names.
    pub(crate) fn sorted(&self) -> Vec<&Arc<TopicImage>> {
        let mut topics: Vec<_> = self.iter().collect();
        topics.sort_unstable_by(|left, right| left.name.cmp(&right.name));
        topics
    }

    /// Adds the topic, or replaces the one with the same name.
    pub(super) fn put(&mut self, topic: &Arc<TopicImage>) {
        self.partitions += topic.partitions.len();
        self.ids.insert(topic.id, Arc::clone(topic));
        if let Some(old) = self
            .names
            .insert(Arc::clone(&topic.name), Arc::clone(topic))
        {
            self.partitions -= old.partitions.len();
            if old.id != topic.id {
                self.ids.remove(&old.id);
            }
        }
    }

    pub(super) fn remove(&mut self, id: Uuid) -> Option<Arc<TopicImage>> {
        let topic = self.ids.remove(&id)?;
        self.names.remove(&topic.name);
        self.partitions -= topic.partitions.len();
        Some(topic)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicImage {
    pub(crate) name: Arc<str>,
    pub(crate) id: Uuid,
    /// The index is the partition's number.
    pub(crate) partitions: Vec<PartitionImage>,
    pub(crate) internal: bool,
}

impl TopicImage {
    pub(crate) fn partition(&self, index: i32) -> Option<&PartitionImage> {
        usize::try_from(index)
            .ok()
            .and_then(|index| self.partitions.get(index))
    }

    pub(crate) fn partition_count(&self) -> i32 {
        i32::try_from(self.partitions.len()).unwrap_or(i32::MAX)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartitionImage {
    pub(crate) replicas: Vec<i32>,
    pub(crate) directories: Vec<Uuid>,
    pub(crate) isr: Vec<i32>,
    pub(crate) adding_replicas: Vec<i32>,
    pub(crate) removing_replicas: Vec<i32>,
    pub(crate) elr: Vec<i32>,
    pub(crate) last_known_elr: Vec<i32>,
    pub(crate) leader: i32,
    /// Kafka's `LeaderRecoveryState`: 0 recovered, 1 recovering from an unclean election.
    pub(crate) leader_recovery_state: i8,
    pub(crate) leader_epoch: i32,
    pub(crate) partition_epoch: i32,
}

/// What a configuration belongs to, with Kafka's numbers of the resource types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ResourceType {
    Topic,
    Broker,
    BrokerLogger,
    ClientMetrics,
    Group,
}

impl ResourceType {
    pub(crate) fn from_code(code: i8) -> Option<Self> {
        match code {
            2 => Some(Self::Topic),
            4 => Some(Self::Broker),
            8 => Some(Self::BrokerLogger),
            16 => Some(Self::ClientMetrics),
            32 => Some(Self::Group),
            _ => None,
        }
    }

    pub(crate) fn code(self) -> i8 {
        match self {
            Self::Topic => 2,
            Self::Broker => 4,
            Self::BrokerLogger => 8,
            Self::ClientMetrics => 16,
            Self::Group => 32,
        }
    }
}

/// The empty name of a broker resource stands for all brokers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConfigResource {
    pub(crate) kind: ResourceType,
    pub(crate) name: String,
}

impl ConfigResource {
    pub(crate) fn topic(name: &str) -> Self {
        Self {
            kind: ResourceType::Topic,
            name: name.to_owned(),
        }
    }

    pub(crate) fn broker(id: i32) -> Self {
        Self {
            kind: ResourceType::Broker,
            name: id.to_string(),
        }
    }

    pub(crate) fn default_broker() -> Self {
        Self {
            kind: ResourceType::Broker,
            name: String::new(),
        }
    }
}

pub(crate) type ConfigMap = BTreeMap<String, String>;

/// The values that were set, by resource; a resource without any is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ConfigsImage {
    resources: BucketMap<ConfigResource, Arc<ConfigMap>>,
}

impl ConfigsImage {
    pub(crate) fn of(&self, resource: &ConfigResource) -> Option<&Arc<ConfigMap>> {
        self.resources.get(resource)
    }

    pub(crate) fn value(&self, resource: &ConfigResource, name: &str) -> Option<&str> {
        self.of(resource)
            .and_then(|map| map.get(name))
            .map(String::as_str)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ConfigResource, &Arc<ConfigMap>)> {
        self.resources.iter()
    }

    pub(super) fn set(&mut self, resource: &ConfigResource, name: &str, value: Option<&str>) {
        let mut map = self
            .of(resource)
            .map_or_else(ConfigMap::new, |map| (**map).clone());
        match value {
            Some(value) => map.insert(name.to_owned(), value.to_owned()),
            None => map.remove(name),
        };
        if map.is_empty() {
            self.resources.remove(resource);
        } else {
            self.resources.insert(resource.clone(), Arc::new(map));
        }
    }

    pub(super) fn remove(&mut self, resource: &ConfigResource) -> bool {
        self.resources.remove(resource).is_some()
    }
}
