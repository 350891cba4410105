//! The cluster and the topics that are loaded: makes topics, finds who leads their partitions,
//! asks for offsets and for settings. Shell. A topic just made has no leaders for a moment, and a
//! leader may not yet know that it is one: both are waited for.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use protocol::error_code::ErrorCode;
use protocol::messages::create_topics_request::{
    CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
};
use protocol::messages::delete_topics_request::{DeleteTopicState, DeleteTopicsRequest};
use protocol::messages::describe_configs_request::{
    DescribeConfigsRequest, DescribeConfigsResource,
};
use protocol::messages::list_offsets_request::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic,
};
use protocol::messages::metadata_request::{MetadataRequest, MetadataRequestTopic};
use protocol::messages::metadata_response::{MetadataResponse, MetadataResponseTopic};
use protocol::types::Uuid;
use storage::ring::Ring;
use storage::{clock, tasks};

use super::connection::{Connection, ConnectionError};
use super::refusal::Refusal;

/// How long leaders are waited for, and how often they are asked for.
const READY_LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);
const REQUEST_LIMIT_MS: i32 = 30_000;
/// Topics of one request: brokers bound what a request may make.
const TOPICS_AT_A_TIME: usize = 500;
const RESOURCE_TOPIC: i8 = 2;
const RESOURCE_BROKER: i8 = 4;

/// What `ListOffsets` calls the first offset of a log, and the one after its last.
pub(crate) const EARLIEST: i64 = -2;
pub(crate) const LATEST: i64 = -1;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    #[error("{0}: {1}")]
    Address(String, io::Error),
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("topic {name}: {refusal}")]
    Refused { name: String, refusal: Refusal },
    #[error("topic {name}, partition {partition}: {refusal}")]
    Partition {
        name: String,
        partition: i32,
        refusal: Refusal,
    },
    #[error("the answer says nothing about topic {0}")]
    Missing(String),
    #[error("the broker that leads partition {0} is not in the cluster's list")]
    UnknownBroker(i32),
}

impl ClusterError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Refused { refusal, .. } | Self::Partition { refusal, .. } => {
                refusal.is_retriable()
            }
            Self::Missing(_) | Self::UnknownBroker(_) => true,
            Self::Address(..) | Self::Connection(_) => false,
        }
    }
}

/// A topic and where the leaders of its partitions are, by partition.
#[derive(Debug, Clone)]
pub(crate) struct Topic {
    pub(crate) name: String,
    /// Zero where the broker has no topic ids.
    pub(crate) id: Uuid,
    pub(crate) leaders: Vec<SocketAddr>,
}

/// A topic to make.
#[derive(Debug, Clone)]
pub(crate) struct NewTopics {
    pub(crate) names: Vec<String>,
    /// -1 for the broker's default, as is the replication factor.
    pub(crate) partitions: i32,
    pub(crate) replication_factor: i16,
    pub(crate) configs: BTreeMap<String, String>,
}

/// The cluster in a few words, for the report.
#[derive(Debug, Clone, Default)]
pub(crate) struct Identity {
    pub(crate) cluster_id: Option<String>,
    pub(crate) brokers: usize,
    /// An address of each broker.
    pub(crate) node_ids: Vec<i32>,
}

pub(crate) fn resolve(address: &str) -> Result<SocketAddr, ClusterError> {
    let failed = |error| ClusterError::Address(address.to_owned(), error);
    let mut found = address.to_socket_addrs().map_err(failed)?;
    found
        .next()
        .ok_or_else(|| failed(io::ErrorKind::NotFound.into()))
}

/// A connection to the first of the bootstrap servers that answers.
pub(crate) async fn bootstrap(ring: &Ring, servers: &str) -> Result<Connection, ClusterError> {
    let mut last = ClusterError::Address(servers.to_owned(), io::ErrorKind::InvalidInput.into());
    for server in servers.split(',').map(str::trim).filter(|s| !s.is_empty()) {
        let address = match resolve(server) {
            Ok(address) => address,
            Err(error) => {
                last = error;
                continue;
            }
        };
        match Connection::open(ring.clone(), address).await {
            Ok(connection) => return Ok(connection),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

/// Makes topics; those that exist are left as they are.
pub(crate) async fn create(
    connection: &mut Connection,
    new: &NewTopics,
) -> Result<(), ClusterError> {
    let configs = new
        .configs
        .iter()
        .map(|(name, value)| CreatableTopicConfig {
            name: name.clone(),
            value: Some(value.clone()),
        });
    let configs: Vec<_> = configs.collect();
    for names in new.names.chunks(TOPICS_AT_A_TIME) {
        let topics = names.iter().map(|name| CreatableTopic {
            name: name.clone(),
            num_partitions: new.partitions,
            replication_factor: new.replication_factor,
            configs: configs.clone(),
            ..CreatableTopic::default()
        });
        let request = CreateTopicsRequest {
            topics: topics.collect(),
            timeout_ms: REQUEST_LIMIT_MS,
            validate_only: false,
        };
        let response = connection.call(&request).await?;
        for result in response.topics {
            match Refusal::check(result.error_code) {
                Err(refusal) if !refusal.is(ErrorCode::TopicAlreadyExists) => {
                    let name = result.name;
                    return Err(ClusterError::Refused { name, refusal });
                }
                Err(_) | Ok(()) => {}
            }
        }
    }
    Ok(())
}

/// Deletes topics; what cannot be deleted stays.
pub(crate) async fn delete(
    connection: &mut Connection,
    names: &[String],
) -> Result<(), ClusterError> {
    for names in names.chunks(TOPICS_AT_A_TIME) {
        let topics = names.iter().map(|name| DeleteTopicState {
            name: Some(name.clone()),
            topic_id: Uuid::ZERO,
        });
        let request = DeleteTopicsRequest {
            topics: topics.collect(),
            topic_names: names.to_vec(),
            timeout_ms: REQUEST_LIMIT_MS,
        };
        connection.call(&request).await?;
    }
    Ok(())
}

/// Finds topics, in the order of their names; `patiently` waits for ones that were just made.
pub(crate) async fn find(
    connection: &mut Connection,
    names: &[String],
    patiently: bool,
) -> Result<Vec<Topic>, ClusterError> {
    let began = clock::monotonic();
    loop {
        let found = ask_metadata(connection, names).await;
        let over = !patiently || clock::monotonic().saturating_sub(began) > READY_LIMIT;
        match found {
            Err(error) if error.may_pass() && !over => tasks::sleep(PAUSE).await,
            Ok(_) | Err(_) => return found,
        }
    }
}

async fn ask_metadata(
    connection: &mut Connection,
    names: &[String],
) -> Result<Vec<Topic>, ClusterError> {
    let mut found = Vec::with_capacity(names.len());
    for names in names.chunks(TOPICS_AT_A_TIME) {
        let response = connection.call(&metadata_request(Some(names))).await?;
        let mut described: BTreeMap<&str, &MetadataResponseTopic> = BTreeMap::new();
        for topic in &response.topics {
            described.insert(topic.name.as_deref().unwrap_or_default(), topic);
        }
        for name in names {
            let missing = || ClusterError::Missing(name.clone());
            let topic = described.get(name.as_str()).ok_or_else(missing)?;
            found.push(Topic {
                name: name.clone(),
                id: topic.topic_id,
                leaders: leaders(topic, &response, name)?,
            });
        }
    }
    Ok(found)
}

fn metadata_request(names: Option<&[String]>) -> MetadataRequest {
    let topic = |name: &String| MetadataRequestTopic {
        topic_id: Uuid::ZERO,
        name: Some(name.clone()),
    };
    MetadataRequest {
        topics: Some(names.unwrap_or_default().iter().map(topic).collect()),
        allow_auto_topic_creation: false,
        ..MetadataRequest::default()
    }
}

fn leaders(
    topic: &MetadataResponseTopic,
    response: &MetadataResponse,
    name: &str,
) -> Result<Vec<SocketAddr>, ClusterError> {
    let refused = |refusal| ClusterError::Refused {
        name: name.to_owned(),
        refusal,
    };
    Refusal::check(topic.error_code).map_err(refused)?;
    let mut leaders = Vec::with_capacity(topic.partitions.len());
    let mut described: Vec<_> = topic.partitions.iter().collect();
    described.sort_unstable_by_key(|described| described.partition_index);
    let mut addresses = BTreeMap::new();
    for (partition, described) in (0..).zip(described) {
        if described.partition_index != partition {
            return Err(ClusterError::Missing(name.to_owned()));
        }
        Refusal::check(described.error_code).map_err(|refusal| ClusterError::Partition {
            name: name.to_owned(),
            partition,
            refusal,
        })?;
        let leader = described.leader_id;
        if let Some(address) = addresses.get(&leader) {
            leaders.push(*address);
            continue;
        }
        let mut brokers = response.brokers.iter();
        let broker = brokers.find(|broker| broker.node_id == leader);
        let broker = broker.ok_or(ClusterError::UnknownBroker(partition))?;
        let address = resolve(&format!("{}:{}", broker.host, broker.port))?;
        addresses.insert(leader, address);
        leaders.push(address);
    }
    if leaders.is_empty() {
        return Err(ClusterError::Missing(name.to_owned()));
    }
    Ok(leaders)
}

/// Who is asked here.
pub(crate) async fn identity(connection: &mut Connection) -> Result<Identity, ClusterError> {
    let response = connection.call(&metadata_request(None)).await?;
    let node_ids: Vec<i32> = response.brokers.iter().map(|b| b.node_id).collect();
    Ok(Identity {
        cluster_id: response.cluster_id,
        brokers: node_ids.len(),
        node_ids,
    })
}

/// The settings of a broker and of a topic that the broker tells, by name.
pub(crate) async fn configs(
    connection: &mut Connection,
    node_id: i32,
    topic: Option<&str>,
) -> Result<[BTreeMap<String, String>; 2], ClusterError> {
    let resource = |resource_type, name: String| DescribeConfigsResource {
        resource_type,
        resource_name: name,
        configuration_keys: None,
    };
    let mut resources = vec![resource(RESOURCE_BROKER, node_id.to_string())];
    resources.extend(topic.map(|topic| resource(RESOURCE_TOPIC, topic.to_owned())));
    let request = DescribeConfigsRequest {
        resources,
        ..DescribeConfigsRequest::default()
    };
    let response = connection.call(&request).await?;
    let mut told = [BTreeMap::new(), BTreeMap::new()];
    for result in response.results {
        let of_resource = usize::from(result.resource_type == RESOURCE_TOPIC);
        for config in result.configs {
            if let Some(value) = config.value {
                told[of_resource].insert(config.name, value);
            }
        }
    }
    Ok(told)
}

/// Every partition of the topics under the address of its leader: place of the topic, partition.
pub(crate) fn by_leader(topics: &[Topic]) -> BTreeMap<SocketAddr, Vec<(usize, i32)>> {
    let mut by_leader: BTreeMap<SocketAddr, Vec<(usize, i32)>> = BTreeMap::new();
    for (place, topic) in topics.iter().enumerate() {
        for (partition, leader) in (0..).zip(&topic.leaders) {
            by_leader
                .entry(*leader)
                .or_default()
                .push((place, partition));
        }
    }
    by_leader
}

/// The offsets of all partitions of the topics, as their leaders say; waits until the brokers
/// know what they lead.
pub(crate) async fn offsets(
    ring: &Ring,
    topics: &[Topic],
    timestamp: i64,
) -> Result<Vec<Vec<i64>>, ClusterError> {
    let empty = topics.iter().map(|topic| vec![0; topic.leaders.len()]);
    let mut offsets: Vec<Vec<i64>> = empty.collect();
    for (leader, partitions) in by_leader(topics) {
        let mut connection = Connection::open(ring.clone(), leader).await?;
        let began = clock::monotonic();
        loop {
            let listed = ask_offsets(&mut connection, topics, &partitions, timestamp).await;
            let over = clock::monotonic().saturating_sub(began) > READY_LIMIT;
            match listed {
                Err(error) if error.may_pass() && !over => tasks::sleep(PAUSE).await,
                Err(error) => return Err(error),
                Ok(listed) => {
                    for ((topic, partition), offset) in partitions.iter().zip(listed) {
                        offsets[*topic][usize::try_from(*partition).unwrap_or(0)] = offset;
                    }
                    break;
                }
            }
        }
    }
    Ok(offsets)
}

async fn ask_offsets(
    connection: &mut Connection,
    topics: &[Topic],
    partitions: &[(usize, i32)],
    timestamp: i64,
) -> Result<Vec<i64>, ClusterError> {
    let mut wanted: Vec<ListOffsetsTopic> = Vec::new();
    for (topic, partition) in partitions {
        let name = &topics[*topic].name;
        if wanted.last().is_none_or(|last| last.name != *name) {
            wanted.push(ListOffsetsTopic {
                name: name.clone(),
                ..ListOffsetsTopic::default()
            });
        }
        if let Some(last) = wanted.last_mut() {
            last.partitions.push(ListOffsetsPartition {
                partition_index: *partition,
                timestamp,
                ..ListOffsetsPartition::default()
            });
        }
    }
    let request = ListOffsetsRequest {
        replica_id: -1,
        isolation_level: 0,
        topics: wanted,
        timeout_ms: REQUEST_LIMIT_MS,
    };
    let response = connection.call(&request).await?;
    let mut listed = BTreeMap::new();
    for topic in &response.topics {
        for partition in &topic.partitions {
            listed.insert((topic.name.as_str(), partition.partition_index), partition);
        }
    }
    let offset_of = |(topic, partition): &(usize, i32)| {
        let name = &topics[*topic].name;
        let missing = || ClusterError::Missing(name.clone());
        let of_partition = listed.get(&(name.as_str(), *partition));
        let of_partition = of_partition.ok_or_else(missing)?;
        Refusal::check(of_partition.error_code).map_err(|refusal| ClusterError::Partition {
            name: name.clone(),
            partition: *partition,
            refusal,
        })?;
        Ok(of_partition.offset)
    };
    partitions.iter().map(offset_of).collect()
}
