//! A data directory, and what it takes to work in it as a broker would: recover, open, append,
//! read, stop cleanly or not at all.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::panic::resume_unwind;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use protocol::records::{BatchBuilder, BatchHeader, BatchIter, BatchOptions, ValidBatch};
use protocol::types::Uuid;
use storage::extent::{ExtentPool, PoolOptions};
use storage::log::{AppendError, Appended, Log, LogConfig, LogId};
use storage::recovery::{RecoveryReport, recover};
use storage::ring::{Ring, RingOptions};
use storage::store::{Durability, Store, StoreOptions};
use storage::tasks::{block_on, sleep};

pub(crate) const JOURNAL_BYTES: u64 = 1 << 20;

/// A store that runs inside [`run`].
pub(crate) struct Broker {
    pub(crate) store: Rc<Store>,
    pub(crate) report: RecoveryReport,
}

#[derive(Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) journal_bytes: u64,
    pub(crate) tail_bytes_max: usize,
    pub(crate) shard: u32,
    /// The ring holds a lock on the directory, as a broker's does: for a process that is killed.
    pub(crate) locked: bool,
    pub(crate) durability: Durability,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            journal_bytes: JOURNAL_BYTES,
            tail_bytes_max: 64 << 20,
            shard: 0,
            locked: false,
            durability: Durability::Durable,
        }
    }
}

/// Waits until no process, living or killed, writes to the directory, and keeps others away.
pub(crate) fn lock(dir: &Path) -> File {
    let file = File::create(dir.join(".lock")).unwrap();
    file.lock().unwrap();
    file
}

/// Recovers, opens the store, runs `work`. Stops as a crash does: nothing is closed, and the
/// store's tasks (a checkpoint that waits to try again, say) end with the thread that ran them.
pub(crate) fn run<T: Send>(
    dir: &Path,
    setup: Setup,
    work: impl AsyncFnOnce(Broker) -> T + Send,
) -> T {
    thread::scope(|scope| {
        let running = scope.spawn(|| run_here(dir, setup, work));
        running.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

fn run_here<T>(dir: &Path, setup: Setup, work: impl AsyncFnOnce(Broker) -> T) -> T {
    let ring = Ring::new(&RingOptions {
        entries: 128,
        small_buffers: 4,
        ..Default::default()
    });
    let ring = ring.unwrap();
    if setup.locked {
        ring.hold(lock(dir).as_fd()).unwrap();
    }
    let pool = ExtentPool::new(PoolOptions {
        idle_bytes_max: 16 << 20,
    });
    let handle = ring.clone();
    let done = block_on(&handle, async move {
        let known = |id: Uuid| Some(topic_of(id));
        let report = recover(&ring, &pool, dir, &known).await.unwrap();
        let options = StoreOptions {
            data_dir: dir.to_owned(),
            journal_bytes: setup.journal_bytes,
            tail_bytes_max: setup.tail_bytes_max,
            durability: setup.durability,
            shard: setup.shard,
        };
        let store = Store::open(ring, pool, options).await.unwrap();
        work(Broker { store, report }).await
    });
    end_writes(&handle);
    done
}

/// Lets the tasks that seal and unlink segments finish, also on a busy machine.
pub(crate) async fn settle() {
    sleep(Duration::from_millis(500)).await;
}

/// Waits for the writes under way, whose results nobody gets any more. A broker that starts after a
/// real crash does so too: the lock on the data directory is held as long as they last. Recovery
/// writes through the page cache, which a direct write to the same file would find dirty.
fn end_writes(ring: &Ring) {
    const QUIET: Duration = Duration::from_millis(10);
    ring.wait(Some(QUIET));
    while ring.reap() > 0 {
        ring.wait(Some(QUIET));
    }
}

pub(crate) fn id(partition: i32) -> LogId {
    let topic_id = Uuid::from_bytes([7; 16]);
    LogId {
        topic_id,
        topic: Arc::from(topic_of(topic_id)),
        partition,
    }
}

fn topic_of(id: Uuid) -> String {
    format!("topic{}", id.as_bytes()[0])
}

pub(crate) fn small_segments(segment_bytes: u64) -> LogConfig {
    LogConfig {
        segment_bytes,
        max_message_bytes: 8 << 20,
        ..LogConfig::default()
    }
}

/// A batch of `count` records whose values tell their number.
pub(crate) fn batch(first: u64, count: u64, value_bytes: usize) -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    for number in first..first + count {
        let mut value = number.to_be_bytes().to_vec();
        value.resize(value_bytes.max(8), u8::try_from(number % 251).unwrap());
        builder.append(
            1_000 + i64::try_from(number).unwrap(),
            None,
            Some(&value),
            &[],
        );
    }
    builder.build().to_vec()
}

/// A batch as validation hands it on.
pub(crate) fn valid(batch: &[u8]) -> ValidBatch {
    ValidBatch {
        header: BatchHeader::parse(batch).unwrap(),
        rewrite: None,
    }
}

/// Appends as the broker does: waits for room in the journal.
pub(crate) async fn append(store: &Store, log: &Rc<Log>, batch: &[u8]) -> Appended {
    let valid = valid(batch);
    loop {
        match log.append(batch, &valid, 0, 5_000) {
            Ok(appended) => return appended,
            Err(AppendError::JournalFull) => store.admit(batch.len()).await.unwrap(),
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) async fn append_durably(store: &Store, log: &Rc<Log>, batch: &[u8]) -> Appended {
    let appended = append(store, log, batch).await;
    log.durable()
        .wait_for(appended.last_offset + 1)
        .await
        .unwrap();
    appended
}

/// Everything from `offset` on, read in pieces as a consumer does; each batch is checked.
pub(crate) async fn read_all(store: &Store, log: &Log, offset: i64, bytes_max: usize) -> Vec<u8> {
    let mut all = Vec::new();
    let mut offset = offset;
    while offset < log.end_offset() {
        let slice = log.read(offset, bytes_max, i64::MAX, true).await.unwrap();
        let bytes = slice.to_vec(store.ring(), store.pool()).await.unwrap();
        assert_eq!(bytes.len(), slice.bytes);
        let mut batches = BatchIter::new(&bytes);
        let mut first = true;
        for (_, header, batch) in batches.by_ref() {
            protocol::records::check_crc(batch, &header).unwrap();
            if first {
                assert!(header.base_offset <= offset && offset <= header.last_offset());
            } else {
                assert_eq!(header.base_offset, offset);
            }
            first = false;
            offset = header.next_offset();
        }
        assert_eq!(batches.position(), bytes.len(), "only whole batches");
        assert!(!first, "a read returns at least one batch");
        all.extend_from_slice(&bytes);
    }
    all
}

/// The record numbers of a piece of log whose batches [`batch`] made.
pub(crate) fn numbers(bytes: &[u8]) -> Vec<u64> {
    let mut numbers = Vec::new();
    for (_, header, batch) in BatchIter::new(bytes) {
        let records = &batch[protocol::records::BATCH_HEADER_BYTES..];
        let records = protocol::records::RecordIter::new(records);
        let before = numbers.len();
        for record in records {
            let value = record.unwrap().value.unwrap();
            numbers.push(u64::from_be_bytes(value[..8].try_into().unwrap()));
        }
        assert_eq!(
            numbers.len() - before,
            usize::try_from(header.records_count).unwrap()
        );
    }
    numbers
}
