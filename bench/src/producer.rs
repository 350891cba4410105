//! The producing load: every connection sends batches to its partitions in turn, and each answer
//! must be without error and lie behind what the same connection stored there before. Shell.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use protocol::messages::init_producer_id_request::InitProducerIdRequest;
use protocol::messages::produce_request::{PartitionProduceData, ProduceRequest, TopicProduceData};
use protocol::messages::produce_response::ProduceResponse;
use protocol::records::{BatchBuilder, BatchOptions, NO_PRODUCER_ID, NO_SEQUENCE};
use storage::ring::Ring;
use storage::{clock, tasks};

use crate::arguments::ProduceArguments;
use crate::assignment;
use crate::connection::{Connection, ConnectionError};
use crate::cpu;
use crate::payload::Payload;
use crate::refusal::Refusal;
use crate::report::{Parameter, Report, Tally};
use crate::topic::{self, LATEST, Topic};

const REQUEST_LIMIT_MS: i32 = 30_000;
/// How long a broker may take until it gives out producer ids, and how often it is asked.
const PRODUCER_ID_LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// Why a connection's answer is wrong.
#[derive(Debug, thiserror::Error)]
enum ProduceError {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("partition {partition}: {refusal}")]
    Refused { partition: i32, refusal: Refusal },
    #[error("an answer is not about the partition that was written to")]
    Foreign,
    #[error("partition {partition}: records were stored before ones that were sent earlier")]
    Backwards { partition: i32 },
}

/// What all connections share.
struct Load {
    arguments: ProduceArguments,
    topic: Topic,
    payload: Payload,
    /// Records that no connection has taken yet.
    left: Cell<u64>,
    tally: RefCell<Tally>,
}

impl Load {
    /// Takes the records of one request; `None` when there are no more.
    fn take(&self) -> Option<u32> {
        let left = self.left.get();
        let count = self.arguments.records_per_request;
        let count = u32::try_from(left).map_or(count, |left| count.min(left));
        self.left.set(left - u64::from(count));
        (count > 0).then_some(count)
    }
}

/// One partition as a connection sees it.
struct Lane {
    partition: i32,
    next_sequence: i32,
    /// Where the next batch is stored at the earliest.
    next_offset: i64,
}

/// A request under way.
struct Sent {
    lane: usize,
    records: u32,
    at: Duration,
}

/// One connection's part of the load.
struct Producer {
    connection: Connection,
    load: Rc<Load>,
    lanes: Vec<Lane>,
    turn: usize,
    /// Producer id and epoch, when idempotent.
    identity: Option<(i64, i16)>,
}

/// Runs the load.
pub(crate) async fn run(ring: &Ring, arguments: &ProduceArguments) -> anyhow::Result<Report> {
    let target = &arguments.target;
    let mut first = Connection::open(ring.clone(), topic::resolve(&target.bootstrap)?).await?;
    if arguments.create {
        topic::create(&mut first, &target.topic, arguments.partitions).await?;
    }
    let topic = topic::find(&mut first, &target.topic, arguments.create).await?;
    for own in assignment::by_leader(&topic.partitions) {
        let mut leader = Connection::open(ring.clone(), own.leader).await?;
        topic.offsets(&mut leader, &own.partitions, LATEST).await?;
    }
    let assignments = assignment::shared(&topic.partitions, arguments.connections as usize);
    let connections = topic::connect(ring, &assignments).await?;
    let load = Rc::new(Load {
        arguments: arguments.clone(),
        topic,
        payload: Payload::new(arguments.record_size as usize),
        left: Cell::new(arguments.records),
        tally: RefCell::new(Tally::new()),
    });
    let mut producers = Vec::with_capacity(connections.len());
    for (mut connection, own) in connections.into_iter().zip(assignments) {
        let identity = if arguments.idempotent {
            Some(producer_id(&mut connection).await?)
        } else {
            None
        };
        producers.push(Producer {
            connection,
            load: Rc::clone(&load),
            lanes: own.partitions.into_iter().map(Lane::new).collect(),
            turn: 0,
            identity,
        });
    }
    let cpu_before = cpu::time()?;
    let began = clock::monotonic();
    let running: Vec<_> = producers
        .into_iter()
        .map(|producer| tasks::spawn(producer.run()))
        .collect();
    for producer in running {
        producer.await;
    }
    let cpu = cpu::time()?.saturating_sub(cpu_before);
    let tally = load.tally.replace(Tally::new());
    Ok(Report {
        command: "produce",
        parameters: parameters(&load),
        took: tally.last().saturating_sub(began),
        tally,
        cpu,
    })
}

async fn producer_id(connection: &mut Connection) -> anyhow::Result<(i64, i16)> {
    let request = InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: i32::MAX,
        ..InitProducerIdRequest::default()
    };
    let began = clock::monotonic();
    loop {
        let response = connection.call(&request).await?;
        let over = clock::monotonic().saturating_sub(began) > PRODUCER_ID_LIMIT;
        match Refusal::check(response.error_code) {
            Ok(()) => return Ok((response.producer_id, response.producer_epoch)),
            Err(refusal) if refusal.is_retriable() && !over => tasks::sleep(PAUSE).await,
            Err(refusal) => return Err(anyhow::anyhow!("no producer id: {refusal}")),
        }
    }
}

impl Lane {
    fn new(partition: i32) -> Self {
        Self {
            partition,
            next_sequence: 0,
            next_offset: 0,
        }
    }
}

impl Producer {
    /// Sends until all records are taken. A refused batch counts and the load goes on; a broken
    /// connection ends its part of it.
    async fn run(mut self) {
        if let Err(error) = self.send_all().await {
            self.load.tally.borrow_mut().fail(&error);
        }
    }

    async fn send_all(&mut self) -> Result<(), ConnectionError> {
        let in_flight_max = usize::from(self.load.arguments.in_flight);
        let mut in_flight = VecDeque::with_capacity(in_flight_max);
        loop {
            while in_flight.len() < in_flight_max
                && let Some(records) = self.load.take()
            {
                in_flight.push_back(self.send(records).await?);
            }
            let Some(sent) = in_flight.pop_front() else {
                return Ok(());
            };
            let response = self.connection.answer::<ProduceRequest>().await?;
            let now = clock::monotonic();
            let stored = self.check(&response, &sent);
            let mut tally = self.load.tally.borrow_mut();
            match stored {
                Ok(()) => {
                    let bytes =
                        u64::from(sent.records) * u64::from(self.load.arguments.record_size);
                    tally.answered(sent.at, now);
                    tally.count(u64::from(sent.records), bytes, now);
                }
                Err(error) => tally.fail(&error),
            }
        }
    }

    async fn send(&mut self, records: u32) -> Result<Sent, ConnectionError> {
        let lane = self.turn;
        self.turn = (lane + 1) % self.lanes.len();
        let batch = self.batch(lane, records);
        let request = ProduceRequest {
            transactional_id: None,
            acks: self.load.arguments.acks.code(),
            timeout_ms: REQUEST_LIMIT_MS,
            topic_data: vec![TopicProduceData {
                name: self.load.topic.name.clone(),
                topic_id: self.load.topic.id,
                partition_data: vec![PartitionProduceData {
                    index: self.lanes[lane].partition,
                    records: Some(batch),
                }],
            }],
        };
        let at = clock::monotonic();
        self.connection.send(&request).await?;
        Ok(Sent { lane, records, at })
    }

    fn batch(&mut self, lane: usize, records: u32) -> Bytes {
        let lane = &mut self.lanes[lane];
        let (producer_id, producer_epoch) = self.identity.unwrap_or((NO_PRODUCER_ID, -1));
        let base_sequence = if self.identity.is_some() {
            lane.next_sequence
        } else {
            NO_SEQUENCE
        };
        // Sequences wrap to 0.
        let next_sequence = lane.next_sequence.wrapping_add_unsigned(records);
        lane.next_sequence = next_sequence & i32::MAX;
        let mut batch = BatchBuilder::new(BatchOptions {
            producer_id,
            producer_epoch,
            base_sequence,
            ..BatchOptions::default()
        });
        let timestamp = clock::now_ms();
        for _ in 0..records {
            batch.append(timestamp, None, Some(self.load.payload.value()), &[]);
        }
        batch.build()
    }

    fn check(&mut self, response: &ProduceResponse, sent: &Sent) -> Result<(), ProduceError> {
        let lane = &mut self.lanes[sent.lane];
        let partition = lane.partition;
        let topic = response.responses.first().ok_or(ProduceError::Foreign)?;
        let stored = topic
            .partition_responses
            .first()
            .ok_or(ProduceError::Foreign)?;
        if stored.index != partition {
            return Err(ProduceError::Foreign);
        }
        Refusal::check(stored.error_code)
            .map_err(|refusal| ProduceError::Refused { partition, refusal })?;
        if stored.base_offset < lane.next_offset {
            return Err(ProduceError::Backwards { partition });
        }
        lane.next_offset = stored.base_offset.saturating_add(i64::from(sent.records));
        Ok(())
    }
}

fn parameters(load: &Load) -> Vec<(&'static str, Parameter)> {
    let arguments = &load.arguments;
    let number = |number: u32| Parameter::Number(u64::from(number));
    vec![
        (
            "bootstrap",
            Parameter::Text(arguments.target.bootstrap.clone()),
        ),
        ("topic", Parameter::Text(load.topic.name.clone())),
        (
            "partitions",
            Parameter::Number(load.topic.partitions.len() as u64),
        ),
        ("connections", number(arguments.connections)),
        ("record_size", number(arguments.record_size)),
        ("records_per_request", number(arguments.records_per_request)),
        ("in_flight", number(u32::from(arguments.in_flight))),
        ("acks", Parameter::Text(arguments.acks.name().to_owned())),
        ("idempotent", Parameter::Flag(arguments.idempotent)),
    ]
}
