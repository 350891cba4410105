//! A child process that appends to many partitions is killed at a random moment, over and over,
//! with another number of shards each time. What it was told is durable must be there.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use storage::log::Log;
use storage::store::{Durability, Store, StoreOptions};
use storage::tasks::spawn;

use crate::harness::{
    Broker, JOURNAL_BYTES, Setup, append_durably, batch, id, lock, numbers, read_all, run,
    small_segments,
};

const ROUNDS: u64 = 40;
const PARTITIONS: i32 = 12;
const DIRECTORY: &str = "MILLRACE_CRASH_TEST_DIRECTORY";
const ROUND: &str = "MILLRACE_CRASH_TEST_ROUND";

/// Not a test: what the killed process runs.
#[test]
#[ignore = "run by killed_processes_lose_nothing_that_was_acknowledged"]
fn child() {
    let (Ok(dir), Ok(round)) = (std::env::var(DIRECTORY), std::env::var(ROUND)) else {
        return;
    };
    let round: u64 = round.parse().unwrap();
    let shards = u32::try_from(round % 3 + 1).unwrap();
    let setup = Setup {
        locked: true,
        ..Setup::default()
    };
    run(Path::new(&dir), setup, async |Broker { store, report }| {
        assert!(report.refused.is_empty(), "{:?}", report.refused);
        let mut stores = vec![store];
        for shard in 1..shards {
            let options = StoreOptions {
                data_dir: dir.clone().into(),
                journal_bytes: JOURNAL_BYTES,
                tail_bytes_max: 1 << 20,
                durability: Durability::Durable,
                shard,
            };
            let (ring, pool) = (stores[0].ring().clone(), stores[0].pool().clone());
            stores.push(Store::open(ring, pool, options).await.unwrap());
        }
        let mut writers = Vec::new();
        for partition in 0..PARTITIONS {
            let store = &stores[usize::try_from(partition).unwrap() % stores.len()];
            let log = Log::open(store, id(partition), small_segments(3 << 20))
                .await
                .unwrap();
            writers.push(spawn(write(Rc::clone(store), log, partition, round)));
        }
        for writer in writers {
            writer.await;
        }
    });
}

/// Appends for ever and says what is durable.
async fn write(store: Rc<Store>, log: Rc<Log>, partition: i32, round: u64) {
    let mut random = Random(round * 100 + u64::from(partition.unsigned_abs()));
    let mut number = round * 1_000_000;
    loop {
        let large = random.next(20) == 0;
        let value_bytes = if large {
            3_000
        } else {
            usize::try_from(random.next(900)).unwrap()
        };
        let count = if large { 100 } else { 1 + random.next(10) };
        let appended = append_durably(&store, &log, &batch(number, count, value_bytes)).await;
        let line = format!(
            "ack {partition} {} {number} {count}\n",
            appended.base_offset
        );
        std::io::stdout().write_all(line.as_bytes()).unwrap();
        number += count;
    }
}

/// The `SplitMix64` sequence.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}

#[test]
fn killed_processes_lose_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(0);
    let mut acknowledged: BTreeMap<(i32, i64), (u64, u64)> = BTreeMap::new();
    let mut lengths = vec![0; usize::try_from(PARTITIONS).unwrap()];
    for round in 1..=ROUNDS {
        let life = Duration::from_millis(30 + random.next(200));
        for (key, value) in live_and_die(dir.path(), round, life) {
            acknowledged.insert(key, value);
        }
        verify(dir.path(), &acknowledged, &mut lengths);
    }
    assert!(
        acknowledged.len() > 1_000,
        "only {} batches in all rounds",
        acknowledged.len()
    );
}

/// Starts a child, kills it after `life`, returns what it acknowledged.
fn live_and_die(dir: &Path, round: u64, life: Duration) -> Vec<((i32, i64), (u64, u64))> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--ignored", "--nocapture"])
        .env(DIRECTORY, dir)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let mut acknowledged = Vec::new();
        for line in output.split(b'\n') {
            let line = String::from_utf8(line.unwrap()).unwrap();
            let Some(fields) = line.strip_prefix("ack ") else {
                continue;
            };
            let fields: Vec<u64> = fields
                .split(' ')
                .map_while(|field| field.parse().ok())
                .collect();
            if let [partition, offset, number, count] = fields[..] {
                let key = (
                    i32::try_from(partition).unwrap(),
                    i64::try_from(offset).unwrap(),
                );
                acknowledged.push((key, (number, count)));
            }
        }
        acknowledged
    });
    #[expect(clippy::disallowed_methods, reason = "no tasks on this thread")]
    std::thread::sleep(life);
    let lives = child.try_wait().unwrap();
    assert_eq!(lives, None, "the child ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
    drop(lock(dir)); // its last writes have landed
    let mut acknowledged = reader.join().unwrap();
    // The last line may have been cut in its middle.
    acknowledged.pop();
    acknowledged
}

fn verify(dir: &Path, acknowledged: &BTreeMap<(i32, i64), (u64, u64)>, lengths: &mut [usize]) {
    run(dir, Setup::default(), async |Broker { store, report }| {
        assert!(report.refused.is_empty(), "{:?}", report.refused);
        for partition in 0..PARTITIONS {
            let log = Log::open(&store, id(partition), small_segments(3 << 20))
                .await
                .unwrap();
            let numbers = numbers(&read_all(&store, &log, 0, 1 << 20).await);
            let known = &mut lengths[usize::try_from(partition).unwrap()];
            assert!(numbers.len() >= *known, "a log never gets shorter");
            *known = numbers.len();
            for ((_, offset), (number, count)) in
                acknowledged.range((partition, 0)..(partition + 1, 0))
            {
                let at = usize::try_from(*offset).unwrap();
                let expected: Vec<u64> = (*number..*number + *count).collect();
                let end = at + expected.len();
                assert_eq!(
                    numbers.get(at..end),
                    Some(&expected[..]),
                    "{partition} at {offset}"
                );
            }
        }
    });
}
