//! How fast and how dear durable appends are: one shard, 16 partitions, batches of one size, a
//! bounded number of unacknowledged batches per partition.
//!
//! `cargo run --release -p millrace-storage --example log_bench -- <directory> <batch bytes> <MiB>`

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;

use protocol::records::{BatchBuilder, BatchHeader, BatchOptions, ValidBatch};
use protocol::types::Uuid;
use storage::clock;
use storage::extent::{ExtentPool, PoolOptions};
use storage::log::{AppendError, Log, LogConfig, LogId};
use storage::recovery::recover;
use storage::ring::{Ring, RingOptions};
use storage::store::{Durability, Store, StoreOptions};
use storage::tasks::{block_on, spawn};

const PARTITIONS: i32 = 16;
const IN_FLIGHT: usize = 5;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let data_dir = PathBuf::from(arguments.next().ok_or("which directory?")?);
    let batch_bytes: usize = arguments.next().ok_or("how many bytes a batch?")?.parse()?;
    let mib: usize = arguments.next().ok_or("how many MiB?")?.parse()?;
    let ring = Ring::new(&RingOptions::default())?;
    let pool = ExtentPool::new(PoolOptions {
        idle_bytes_max: 256 << 20,
    });
    block_on(&ring.clone(), async move {
        recover(&ring, &pool, &data_dir, &|_| None).await?;
        let options = StoreOptions {
            data_dir,
            journal_bytes: 256 << 20,
            tail_bytes_max: 256 << 20,
            durability: Durability::Durable,
            shard: 0,
        };
        let store = Store::open(ring, pool, options).await?;
        let batches = (mib << 20) / batch_bytes / usize::try_from(PARTITIONS)?;
        let batch: Rc<[u8]> = batch(batch_bytes).into();
        let (started, cpu) = (clock::monotonic(), cpu_seconds()?);
        let writers: Vec<_> = (0..PARTITIONS)
            .map(|partition| {
                let id = LogId {
                    topic_id: Uuid::from_bytes([1; 16]),
                    topic: Arc::from("bench"),
                    partition,
                };
                let config = LogConfig {
                    max_message_bytes: 16 << 20,
                    ..LogConfig::default()
                };
                let log = Log::create(&store, id, config);
                spawn(append_all(
                    Rc::clone(&store),
                    log,
                    Rc::clone(&batch),
                    batches,
                ))
            })
            .collect();
        for writer in writers {
            writer.await.map_err(|error| -> Failure { error.into() })?;
        }
        let seconds = (clock::monotonic() - started).as_secs_f64();
        let cpu = cpu_seconds()? - cpu;
        let gb = to_f64(batches * batch.len())? * f64::from(PARTITIONS) / 1e9;
        writeln!(
            std::io::stdout(),
            "{} batches of {} bytes: {:.0} MB/s, {:.3} CPU s per GB, {:.1} us CPU per batch",
            batches * usize::try_from(PARTITIONS)?,
            batch.len(),
            gb * 1e3 / seconds,
            cpu / gb,
            cpu * 1e6 / (to_f64(batches)? * f64::from(PARTITIONS)),
        )?;
        store.close().await?;
        Ok(())
    })
}

/// Appends with a bounded number of batches that are not durable yet.
async fn append_all(
    store: Rc<Store>,
    log: Rc<Log>,
    batch: Rc<[u8]>,
    batches: usize,
) -> Result<(), String> {
    let header = BatchHeader::parse(&batch).map_err(|error| error.to_string())?;
    let valid = ValidBatch {
        header,
        rewrite: None,
    };
    let mut ends = std::collections::VecDeque::new();
    for _ in 0..batches {
        let appended = loop {
            match log.append(&batch, &valid, 0, clock::now_ms()) {
                Ok(appended) => break appended,
                Err(AppendError::JournalFull) => {
                    store
                        .admit(batch.len())
                        .await
                        .map_err(|error| error.to_string())?;
                }
                Err(error) => return Err(error.to_string()),
            }
        };
        ends.push_back(appended.last_offset + 1);
        if ends.len() >= IN_FLIGHT
            && let Some(end) = ends.pop_front()
        {
            log.durable()
                .wait_for(end)
                .await
                .map_err(|error| error.to_string())?;
        }
    }
    let end = log.end_offset();
    log.durable()
        .wait_for(end)
        .await
        .map_err(|error| error.to_string())
}

fn batch(bytes: usize) -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    let value = vec![b'v'; bytes.saturating_sub(80).max(1)];
    builder.append(clock::now_ms(), None, Some(&value), &[]);
    builder.build().to_vec()
}

/// User and system time of this process.
fn cpu_seconds() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<u32> = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .map_while(|field| field.parse().ok())
        .collect();
    Ok(f64::from(ticks.iter().sum::<u32>()) / 100.0)
}

fn to_f64(count: usize) -> Result<f64, Failure> {
    Ok(f64::from(u32::try_from(count >> 10)?) * 1024.0 + f64::from(u32::try_from(count & 1023)?))
}
