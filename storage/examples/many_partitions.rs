//! What a checkpoint and a close cost when very many partitions have a little each: one small
//! batch in every partition, then one partition is written to until the journal is half full.
//!
//! `cargo run --release -p millrace-storage --example many_partitions -- <directory> <partitions>`

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use protocol::records::{BatchBuilder, BatchHeader, BatchOptions, ValidBatch};
use protocol::types::Uuid;
use storage::clock;
use storage::extent::{ExtentPool, PoolOptions};
use storage::journal::format::Superblock;
use storage::log::{Log, LogConfig, LogId};
use storage::ring::{Ring, RingOptions};
use storage::store::{Durability, Store, StoreOptions};
use storage::tasks::block_on;

const JOURNAL_BYTES: u64 = 32 << 20;

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
    let partitions: i32 = arguments.next().ok_or("how many partitions?")?.parse()?;
    let ring = Ring::new(&RingOptions::default())?;
    let pool = ExtentPool::new(PoolOptions {
        idle_bytes_max: 64 << 20,
    });
    block_on(&ring.clone(), async move {
        let options = StoreOptions {
            data_dir: data_dir.clone(),
            journal_bytes: JOURNAL_BYTES,
            tail_bytes_max: 256 << 20,
            durability: Durability::Durable,
            shard: 0,
        };
        let store = Store::open(ring, pool.clone(), options).await?;
        let mut out = std::io::stdout();
        let logs: Vec<_> = (0..=partitions).map(|at| log(&store, at)).collect();
        for round in 1..=2 {
            let started = clock::monotonic();
            for log in &logs {
                append(log, 100)?;
            }
            for log in &logs {
                log.durable().wait_for(log.end_offset()).await?;
            }
            let seconds = (clock::monotonic() - started).as_secs_f64();
            let tails = store.tail_bytes() >> 20;
            let memory = pool.allocated_bytes() >> 20;
            writeln!(
                out,
                "round {round}: {partitions} appends durable in {seconds:.3} s, tails of {tails} MiB, pool of {memory} MiB",
            )?;
            let (seconds, slowest) = until_checkpoint(&store, &data_dir, &logs[0]).await?;
            writeln!(
                out,
                "round {round}: checkpoint in {seconds:.3} s, slowest append meanwhile {slowest:.1?}"
            )?;
        }
        for log in &logs {
            append(log, 100)?;
        }
        let started = clock::monotonic();
        store.close().await?;
        let seconds = (clock::monotonic() - started).as_secs_f64();
        writeln!(out, "close in {seconds:.3} s")?;
        Ok(())
    })
}

/// Appends until a checkpoint begins, then until it is done: how long that took, and the slowest
/// append.
async fn until_checkpoint(
    store: &Store,
    data_dir: &Path,
    log: &Rc<Log>,
) -> Result<(f64, Duration), Failure> {
    let live_start = live_start(data_dir)?;
    let (mut started, mut slowest) = (None, Duration::ZERO);
    let mut appended_bytes = 0;
    while self::live_start(data_dir)? == live_start {
        let before = clock::monotonic();
        store.admit(2 * 30_000).await?;
        append(log, 30_000)?;
        appended_bytes += 30_000;
        log.durable().wait_for(log.end_offset()).await?;
        if appended_bytes > JOURNAL_BYTES / 2 {
            started.get_or_insert(before);
            slowest = slowest.max(clock::monotonic() - before);
            storage::tasks::sleep(Duration::from_millis(5)).await;
        }
    }
    let started = started.unwrap_or_else(clock::monotonic);
    Ok(((clock::monotonic() - started).as_secs_f64(), slowest))
}

fn live_start(data_dir: &Path) -> Result<u64, Failure> {
    use std::os::unix::fs::FileExt as _;
    let mut pages = [0; 8192];
    std::fs::File::open(data_dir.join("journal-0"))?.read_exact_at(&mut pages, 0)?;
    Ok(Superblock::newest(&pages)?.live_start)
}

fn log(store: &Rc<Store>, partition: i32) -> Rc<Log> {
    let id = LogId {
        topic_id: Uuid::from_bytes([1; 16]),
        topic: Arc::from("bench"),
        partition,
    };
    Log::create(store, id, LogConfig::default())
}

fn append(log: &Rc<Log>, bytes: usize) -> Result<(), Failure> {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    let value = vec![b'v'; bytes];
    builder.append(clock::now_ms(), None, Some(&value), &[]);
    let batch = builder.build();
    let valid = ValidBatch {
        header: BatchHeader::parse(&batch)?,
        rewrite: None,
    };
    log.append(&batch, &valid, 0, clock::now_ms())?;
    Ok(())
}
