//! The consuming load: reads partitions from their beginning, without a group and without a fetch
//! session. Every batch's CRC is checked, and that offsets rise; records are counted by the
//! batches' headers. Shell.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use protocol::messages::fetch_request::{FetchPartition, FetchRequest, FetchTopic};
use protocol::messages::fetch_response::{FetchResponse, PartitionData};
use protocol::records::{BatchError, BatchIter, check_crc};
use storage::ring::Ring;
use storage::{clock, tasks};

use crate::arguments::ConsumeArguments;
use crate::assignment;
use crate::connection::{Connection, ConnectionError};
use crate::cpu;
use crate::refusal::Refusal;
use crate::report::{Parameter, Report, Tally};
use crate::topic::{self, EARLIEST, LATEST, Topic};

// What the Java consumer asks for.
const WAIT_MAX_MS: i32 = 500;
const ANSWER_BYTES_MAX: i32 = 50 << 20;
const PARTITION_BYTES_MAX: i32 = 1 << 20;
/// How long the load waits for a record to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why reading ended.
#[derive(Debug, thiserror::Error)]
enum ConsumeError {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("the fetch failed: {0}")]
    Fetch(Refusal),
    #[error("partition {partition}: {refusal}")]
    Refused { partition: i32, refusal: Refusal },
    #[error("an answer is about partition {0}, which was not asked for")]
    Foreign(i32),
    #[error("partition {partition}, batch at offset {offset}: {source}")]
    Damaged {
        partition: i32,
        offset: i64,
        source: BatchError,
    },
    #[error("partition {partition}: offset {offset} came where {expected} was due")]
    Backwards {
        partition: i32,
        offset: i64,
        expected: i64,
    },
    #[error("partition {partition}: no whole batch at offset {offset}")]
    NoBatch { partition: i32, offset: i64 },
    #[error("no record came for {} s", PATIENCE.as_secs())]
    Stalled,
}

/// How far a partition was read, and where its end was at the start.
#[derive(Debug, Clone, Copy)]
struct Position {
    partition: i32,
    offset: i64,
    end: i64,
}

/// What all connections share.
struct Load {
    topic: Topic,
    /// So many records are wanted, rather than all that were there at the start.
    wanted: Option<u64>,
    failed: Cell<bool>,
    tally: RefCell<Tally>,
}

struct Consumer {
    connection: Connection,
    load: Rc<Load>,
    positions: Vec<Position>,
}

/// Runs the load.
pub(crate) async fn run(ring: &Ring, arguments: &ConsumeArguments) -> anyhow::Result<Report> {
    let target = &arguments.target;
    let mut first = Connection::open(ring.clone(), topic::resolve(&target.bootstrap)?).await?;
    let topic = topic::find(&mut first, &target.topic, false).await?;
    let assignments = assignment::divided(&topic.partitions, arguments.connections as usize);
    let connections = topic::connect(ring, &assignments).await?;
    let load = Rc::new(Load {
        topic,
        wanted: arguments.records,
        failed: Cell::new(false),
        tally: RefCell::new(Tally::new()),
    });
    let mut consumers = Vec::with_capacity(connections.len());
    for (mut connection, own) in connections.into_iter().zip(&assignments) {
        let positions = positions(&load.topic, &mut connection, &own.partitions).await?;
        consumers.push(Consumer {
            connection,
            load: Rc::clone(&load),
            positions,
        });
    }
    let cpu_before = cpu::time()?;
    let began = clock::monotonic();
    let running: Vec<_> = consumers
        .into_iter()
        .map(|consumer| tasks::spawn(consumer.run(began)))
        .collect();
    for consumer in running {
        consumer.await;
    }
    let cpu = cpu::time()?.saturating_sub(cpu_before);
    let tally = load.tally.replace(Tally::new());
    Ok(Report {
        command: "consume",
        parameters: vec![
            ("bootstrap", Parameter::Text(target.bootstrap.clone())),
            ("topic", Parameter::Text(target.topic.clone())),
            (
                "partitions",
                Parameter::Number(load.topic.partitions.len() as u64),
            ),
            ("connections", Parameter::Number(assignments.len() as u64)),
        ],
        took: tally.last().saturating_sub(began),
        tally,
        cpu,
    })
}

async fn positions(
    topic: &Topic,
    connection: &mut Connection,
    partitions: &[i32],
) -> Result<Vec<Position>, topic::TopicError> {
    let starts = topic.offsets(connection, partitions, EARLIEST).await?;
    let ends = topic.offsets(connection, partitions, LATEST).await?;
    let bounds = starts.into_iter().zip(ends);
    let positions = partitions.iter().zip(bounds);
    Ok(positions
        .map(|(partition, (offset, end))| Position {
            partition: *partition,
            offset,
            end,
        })
        .collect())
}

impl Consumer {
    /// Reads until it is enough. What is wrong with one connection ends them all.
    async fn run(mut self, began: Duration) {
        if let Err(error) = self.read_all(began).await {
            self.load.failed.set(true);
            self.load.tally.borrow_mut().fail(&error);
        }
    }

    async fn read_all(&mut self, began: Duration) -> Result<(), ConsumeError> {
        loop {
            let request = self.request();
            if self.load.failed.get() || request.topics[0].partitions.is_empty() {
                return Ok(());
            }
            let sent = clock::monotonic();
            let response = self.connection.call(&request).await?;
            let now = clock::monotonic();
            let (records, bytes) = self.take(&response)?;
            let mut tally = self.load.tally.borrow_mut();
            tally.answered(sent, now);
            if records > 0 {
                tally.count(records, bytes, now);
            } else if now.saturating_sub(tally.last().max(began)) > PATIENCE {
                return Err(ConsumeError::Stalled);
            }
        }
    }

    /// What is still wanted of this connection's partitions.
    fn request(&self) -> FetchRequest {
        let read = self.load.tally.borrow().records;
        let is_wanted = |position: &&Position| match self.load.wanted {
            Some(wanted) => read < wanted,
            None => position.offset < position.end,
        };
        let wanted = self.positions.iter().filter(is_wanted);
        let partitions = wanted.map(|position| FetchPartition {
            partition: position.partition,
            fetch_offset: position.offset,
            partition_max_bytes: PARTITION_BYTES_MAX,
            ..FetchPartition::default()
        });
        FetchRequest {
            max_wait_ms: WAIT_MAX_MS,
            min_bytes: 1,
            max_bytes: ANSWER_BYTES_MAX,
            topics: vec![FetchTopic {
                topic: self.load.topic.name.clone(),
                topic_id: self.load.topic.id,
                partitions: partitions.collect(),
            }],
            ..FetchRequest::default()
        }
    }

    /// Checks an answer; says how many records came, and the bytes of their batches.
    fn take(&mut self, response: &FetchResponse) -> Result<(u64, u64), ConsumeError> {
        Refusal::check(response.error_code).map_err(ConsumeError::Fetch)?;
        let mut counts = (0, 0);
        for data in response
            .responses
            .iter()
            .flat_map(|topic| &topic.partitions)
        {
            let partition = data.partition_index;
            Refusal::check(data.error_code)
                .map_err(|refusal| ConsumeError::Refused { partition, refusal })?;
            let mut positions = self.positions.iter_mut();
            let position = positions
                .find(|position| position.partition == partition)
                .ok_or(ConsumeError::Foreign(partition))?;
            let (records, bytes) = position.advance(data)?;
            counts = (counts.0 + records, counts.1 + bytes);
        }
        Ok(counts)
    }
}

impl Position {
    /// Goes behind the batches that came. The first may begin before the offset asked for, where
    /// the beginning of the log lies inside it.
    fn advance(&mut self, data: &PartitionData) -> Result<(u64, u64), ConsumeError> {
        let partition = self.partition;
        let log = data.records.as_deref().unwrap_or_default();
        let mut batches = BatchIter::new(log);
        let mut records = 0;
        let first_offset = self.offset;
        for (place, header, batch) in batches.by_ref() {
            let (offset, expected) = (header.base_offset, self.offset);
            check_crc(batch, &header).map_err(|source| ConsumeError::Damaged {
                partition,
                offset,
                source,
            })?;
            if header.next_offset() <= expected || (place > 0 && offset < expected) {
                return Err(ConsumeError::Backwards {
                    partition,
                    offset,
                    expected,
                });
            }
            self.offset = header.next_offset();
            if !header.is_control() {
                records += u64::try_from(header.records_count).unwrap_or(0);
            }
        }
        if !log.is_empty() && self.offset == first_offset {
            let offset = first_offset;
            return Err(ConsumeError::NoBatch { partition, offset });
        }
        Ok((records, batches.position() as u64))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use protocol::records::{BatchBuilder, BatchOptions};

    use super::*;

    const START: Position = Position {
        partition: 3,
        offset: 10,
        end: 100,
    };

    fn batch(base_offset: i64, records: i64) -> Vec<u8> {
        let mut batch = BatchBuilder::new(BatchOptions {
            base_offset,
            ..BatchOptions::default()
        });
        for timestamp in 0..records {
            batch.append(timestamp, None, Some(b"value"), &[]);
        }
        batch.build().to_vec()
    }

    fn advance(position: &mut Position, log: Vec<u8>) -> Result<(u64, u64), ConsumeError> {
        let data = PartitionData {
            records: Some(Bytes::from(log)),
            ..PartitionData::default()
        };
        position.advance(&data)
    }

    #[test]
    fn batches_are_counted_and_a_cut_one_is_left_for_later() {
        let mut position = START;
        let whole = [batch(8, 4), batch(12, 3)].concat();
        let mut log = whole.clone();
        log.extend_from_slice(&batch(15, 9)[..70]);
        let counts = advance(&mut position, log).unwrap();
        assert_eq!(counts, (7, whole.len() as u64));
        assert_eq!(position.offset, 15);
    }

    #[test]
    fn a_damaged_batch_is_an_error() {
        let mut log = batch(10, 2);
        if let Some(last) = log.last_mut() {
            *last ^= 1;
        }
        let error = advance(&mut START.clone(), log).unwrap_err();
        assert!(
            matches!(error, ConsumeError::Damaged { offset: 10, .. }),
            "{error}"
        );
    }

    #[test]
    fn offsets_that_do_not_rise_are_an_error() {
        for log in [batch(5, 5), [batch(10, 5), batch(12, 5)].concat()] {
            let error = advance(&mut START.clone(), log).unwrap_err();
            assert!(matches!(error, ConsumeError::Backwards { .. }), "{error}");
        }
    }

    #[test]
    fn an_answer_without_a_whole_batch_is_an_error_and_an_empty_one_is_not() {
        assert_eq!(advance(&mut START.clone(), Vec::new()).unwrap(), (0, 0));
        let cut = batch(10, 2)[..65].to_vec();
        let error = advance(&mut START.clone(), cut).unwrap_err();
        assert!(
            matches!(error, ConsumeError::NoBatch { offset: 10, .. }),
            "{error}"
        );
    }
}
