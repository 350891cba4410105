//! The topic that is loaded: makes it, finds who leads its partitions, and asks the leaders for
//! offsets. Shell. A topic just made has no leaders for a moment, and a leader may not yet know
//! that it is one: both are waited for.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use protocol::error_code::ErrorCode;
use protocol::messages::create_topics_request::{CreatableTopic, CreateTopicsRequest};
use protocol::messages::list_offsets_request::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic,
};
use protocol::messages::metadata_request::{MetadataRequest, MetadataRequestTopic};
use protocol::messages::metadata_response::{MetadataResponse, MetadataResponseTopic};
use protocol::types::Uuid;
use storage::ring::Ring;
use storage::{clock, tasks};

use crate::assignment::{Assignment, Led};
use crate::connection::{Connection, ConnectionError};
use crate::refusal::Refusal;

/// How long leaders are waited for, and how often they are asked for.
const READY_LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);
const REQUEST_LIMIT_MS: i32 = 30_000;
/// Connections that are opened at a time: the queue of new ones may be short.
const OPENING_MAX: usize = 32;

/// What `ListOffsets` calls the first offset of a log, and the one after its last.
pub(crate) const EARLIEST: i64 = -2;
pub(crate) const LATEST: i64 = -1;

#[derive(Debug, thiserror::Error)]
pub(crate) enum TopicError {
    #[error("{0}: {1}")]
    Address(String, io::Error),
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("topic {name}: {refusal}")]
    Refused { name: String, refusal: Refusal },
    #[error("topic {name}: partition {partition}: {refusal}")]
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

impl TopicError {
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

#[derive(Debug, Clone)]
pub(crate) struct Topic {
    pub(crate) name: String,
    /// Zero where the broker has no topic ids.
    pub(crate) id: Uuid,
    pub(crate) partitions: Vec<Led>,
}

pub(crate) fn resolve(address: &str) -> Result<SocketAddr, TopicError> {
    let failed = |error| TopicError::Address(address.to_owned(), error);
    let mut found = address.to_socket_addrs().map_err(failed)?;
    found
        .next()
        .ok_or_else(|| failed(io::ErrorKind::NotFound.into()))
}

/// Makes the topic; one that exists is left as it is.
pub(crate) async fn create(
    connection: &mut Connection,
    name: &str,
    partitions: Option<i32>,
) -> Result<(), TopicError> {
    let topic = CreatableTopic {
        name: name.to_owned(),
        num_partitions: partitions.unwrap_or(-1),
        replication_factor: -1,
        ..CreatableTopic::default()
    };
    let request = CreateTopicsRequest {
        topics: vec![topic],
        timeout_ms: REQUEST_LIMIT_MS,
        validate_only: false,
    };
    let response = connection.call(&request).await?;
    let missing = || TopicError::Missing(name.to_owned());
    let result = response.topics.first().ok_or_else(missing)?;
    match Refusal::check(result.error_code) {
        Err(refusal) if !refusal.is(ErrorCode::TopicAlreadyExists) => {
            let name = name.to_owned();
            Err(TopicError::Refused { name, refusal })
        }
        Err(_) | Ok(()) => Ok(()),
    }
}

/// Finds the topic; `patiently` waits for one that was just made.
pub(crate) async fn find(
    connection: &mut Connection,
    name: &str,
    patiently: bool,
) -> Result<Topic, TopicError> {
    let began = clock::monotonic();
    loop {
        let found = ask_metadata(connection, name).await;
        let over = !patiently || clock::monotonic().saturating_sub(began) > READY_LIMIT;
        match found {
            Err(error) if error.may_pass() && !over => tasks::sleep(PAUSE).await,
            Ok(_) | Err(_) => return found,
        }
    }
}

async fn ask_metadata(connection: &mut Connection, name: &str) -> Result<Topic, TopicError> {
    let request = MetadataRequest {
        topics: Some(vec![MetadataRequestTopic {
            topic_id: Uuid::ZERO,
            name: Some(name.to_owned()),
        }]),
        allow_auto_topic_creation: false,
        ..MetadataRequest::default()
    };
    let response = connection.call(&request).await?;
    let missing = || TopicError::Missing(name.to_owned());
    let described = response.topics.first().ok_or_else(missing)?;
    Refusal::check(described.error_code).map_err(|refusal| TopicError::Refused {
        name: name.to_owned(),
        refusal,
    })?;
    let mut partitions = leaders(described, &response, name)?;
    partitions.sort_unstable_by_key(|led| led.partition);
    Ok(Topic {
        name: name.to_owned(),
        id: described.topic_id,
        partitions,
    })
}

fn leaders(
    topic: &MetadataResponseTopic,
    response: &MetadataResponse,
    name: &str,
) -> Result<Vec<Led>, TopicError> {
    let led = |partition: i32, leader: i32| {
        let mut brokers = response.brokers.iter();
        let broker = brokers.find(|broker| broker.node_id == leader);
        let broker = broker.ok_or(TopicError::UnknownBroker(partition))?;
        let leader = resolve(&format!("{}:{}", broker.host, broker.port))?;
        Ok(Led { partition, leader })
    };
    let partitions = topic.partitions.iter().map(|described| {
        let partition = described.partition_index;
        Refusal::check(described.error_code).map_err(|refusal| TopicError::Partition {
            name: name.to_owned(),
            partition,
            refusal,
        })?;
        led(partition, described.leader_id)
    });
    partitions.collect()
}

impl Topic {
    /// The offsets of these partitions, in their order, as their leader says; waits until the
    /// broker knows that it leads them.
    pub(crate) async fn offsets(
        &self,
        connection: &mut Connection,
        partitions: &[i32],
        timestamp: i64,
    ) -> Result<Vec<i64>, TopicError> {
        let began = clock::monotonic();
        loop {
            let listed = self.ask_offsets(connection, partitions, timestamp).await;
            let over = clock::monotonic().saturating_sub(began) > READY_LIMIT;
            match listed {
                Err(error) if error.may_pass() && !over => tasks::sleep(PAUSE).await,
                Ok(_) | Err(_) => return listed,
            }
        }
    }

    async fn ask_offsets(
        &self,
        connection: &mut Connection,
        partitions: &[i32],
        timestamp: i64,
    ) -> Result<Vec<i64>, TopicError> {
        let wanted = partitions.iter().map(|partition| ListOffsetsPartition {
            partition_index: *partition,
            timestamp,
            ..ListOffsetsPartition::default()
        });
        let request = ListOffsetsRequest {
            replica_id: -1,
            isolation_level: 0,
            topics: vec![ListOffsetsTopic {
                name: self.name.clone(),
                partitions: wanted.collect(),
            }],
            timeout_ms: REQUEST_LIMIT_MS,
        };
        let response = connection.call(&request).await?;
        let listed = response.topics.iter().flat_map(|topic| &topic.partitions);
        let offset_of = |partition: &i32| {
            let mut listed = listed.clone();
            let of_partition = listed.find(|listed| listed.partition_index == *partition);
            let of_partition =
                of_partition.ok_or_else(|| TopicError::Missing(self.name.clone()))?;
            Refusal::check(of_partition.error_code).map_err(|refusal| TopicError::Partition {
                name: self.name.clone(),
                partition: *partition,
                refusal,
            })?;
            Ok(of_partition.offset)
        };
        partitions.iter().map(offset_of).collect()
    }
}

/// A connection for each assignment, in their order.
pub(crate) async fn connect(
    ring: &Ring,
    assignments: &[Assignment],
) -> Result<Vec<Connection>, ConnectionError> {
    let mut connections = Vec::with_capacity(assignments.len());
    for wave in assignments.chunks(OPENING_MAX) {
        let mut opening = Vec::with_capacity(wave.len());
        for own in wave {
            opening.push(tasks::spawn(Connection::open(ring.clone(), own.leader)));
        }
        for opened in opening {
            connections.push(opened.await?);
        }
    }
    Ok(connections)
}
