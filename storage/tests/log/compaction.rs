//! Compaction on real files: the latest record of each key stays at its offset, whatever the
//! batches look like, wherever a round is interrupted, while readers read.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use protocol::records::{
    BatchBuilder, BatchHeader, BatchIter, BatchOptions, Compression, RecordIter, check_crc,
    records_of,
};
use storage::compaction::clean::{CleanError, CleanLimits, Round, clean};
use storage::compaction::plan::Lags;
use storage::log::partition_offsets::PartitionOffsets;
use storage::log::transactions::{Marker, TransactionEnd};
use storage::log::{Log, LogConfig};
use storage::store::Store;
use storage::tasks;

use crate::harness::{Broker, Setup, append_durably, id, run, settle, small_segments, valid};

const NOW: i64 = 1_000_000;
const DELETE_RETENTION_MS: i64 = 500;
const LAGS: Lags = Lags {
    min_compaction_lag_ms: 0,
    max_compaction_lag_ms: i64::MAX,
    min_cleanable_dirty_ratio: 0.0,
};
const LIMITS: CleanLimits = CleanLimits {
    segment_bytes: 8_192,
    index_interval_bytes: 500,
    index_bytes_max: 1 << 20,
    key_bytes_max: 1 << 20,
    key_load_factor: 0.9,
    bytes_per_second: f64::MAX,
};

fn config() -> LogConfig {
    LogConfig {
        index_interval_bytes: 500,
        ..small_segments(4_096)
    }
}

async fn open(store: &Rc<Store>) -> Rc<Log> {
    Log::open(store, id(0), config()).await.unwrap()
}

type Pair = (u64, Option<u64>);

/// A batch of key and value, none for a tombstone.
fn batch(pairs: &[Pair], options: BatchOptions) -> Vec<u8> {
    let mut builder = BatchBuilder::new(options);
    for (key, value) in pairs {
        let value = value.map(|value| format!("{value:0>60}"));
        builder.append(
            1_000,
            Some(format!("key-{key}").as_bytes()),
            value.as_ref().map(String::as_bytes),
            &[],
        );
    }
    builder.build().to_vec()
}

async fn put(store: &Store, log: &Rc<Log>, pairs: &[Pair]) -> i64 {
    let codec = Compression::ALL[pairs.len() % 5];
    let options = BatchOptions {
        compression: codec,
        ..BatchOptions::default()
    };
    append_durably(store, log, &batch(pairs, options))
        .await
        .base_offset
}

/// One round at a time; `None` when nothing is to be done.
async fn round(store: &Store, log: &Rc<Log>, now_ms: i64, limits: CleanLimits) -> Option<Round> {
    let cleanable = log.cleanable(&LAGS, now_ms).await.unwrap()?;
    let job = log.clean_job(&cleanable, limits, now_ms, DELETE_RETENTION_MS);
    let job = job.await.unwrap();
    let swap = async |group| log.swap(group).await;
    let round = clean(store.ring(), store.pool(), &job, swap).await.unwrap();
    log.note_cleaned(round.end_offset).await.unwrap();
    Some(round)
}

type Record = (i64, u64, Option<u64>);

/// Every record of data from an offset on: offset, key, value. Batches must follow each other.
async fn records(store: &Store, log: &Log, from: i64) -> Vec<Record> {
    let mut found = Vec::new();
    let mut offset = from;
    while offset < log.durable().get() {
        let slice = log.read(offset, 3_000, i64::MAX, true).await.unwrap();
        let bytes = slice.to_vec(store.ring(), store.pool()).await.unwrap();
        assert!(!bytes.is_empty(), "nothing at {offset}");
        for (_, header, batch) in BatchIter::new(&bytes) {
            check_crc(batch, &header).unwrap();
            assert!(header.last_offset() >= offset, "goes back");
            offset = header.next_offset();
            if header.is_control() {
                continue;
            }
            let payload = records_of(batch, &header, 1 << 20).unwrap();
            for record in RecordIter::new(&payload) {
                let record = record.unwrap();
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                let key = text(record.key.unwrap())[4..].parse().unwrap();
                let value = record.value.map(|value| text(value).parse().unwrap());
                let at = header.base_offset + i64::from(record.offset_delta);
                found.push((at, key, value));
            }
        }
    }
    found
}

/// What a consumer that reads everything knows in the end.
fn table(records: &[Record]) -> BTreeMap<u64, u64> {
    let mut table = BTreeMap::new();
    for (_, key, value) in records {
        match value {
            Some(value) => table.insert(*key, *value),
            None => table.remove(key),
        };
    }
    table
}

/// Many updates of a few keys; returns what was written.
async fn fill(store: &Store, log: &Rc<Log>, seed: u64, batches: u64) -> Vec<Record> {
    let mut written = Vec::new();
    let mut number = seed;
    for at in 0..batches {
        let count = 1 + (seed + at * 7) % 9;
        let mut pairs = Vec::new();
        for _ in 0..count {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let key = (number >> 33) % 40;
            let value = (!(number >> 40).is_multiple_of(5)).then_some(number >> 20);
            pairs.push((key, value));
        }
        let base_offset = put(store, log, &pairs).await;
        written.extend(
            (base_offset..)
                .zip(pairs)
                .map(|(at, (key, value))| (at, key, value)),
        );
    }
    written
}

/// The dirty part: what has been appended since the last roll.
fn kept(written: &[Record], cleaned_to: i64) -> Vec<Record> {
    let mut last: BTreeMap<u64, i64> = BTreeMap::new();
    for (at, key, _) in written.iter().filter(|(at, ..)| *at < cleaned_to) {
        last.insert(*key, *at);
    }
    let stays = |record: &&Record| record.0 >= cleaned_to || last[&record.1] == record.0;
    written.iter().filter(stays).copied().collect()
}

#[test]
fn the_latest_record_of_each_key_stays_at_its_offset() {
    let dir = tempfile::tempdir().unwrap();
    let written = run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store).await;
            let written = fill(&store, &log, 1, 150).await;
            settle().await;
            let size = log.size_bytes();
            let cleaned = round(&store, &log, NOW, LIMITS).await.unwrap();
            assert!(
                cleaned.records_after * 3 < cleaned.records_before,
                "{cleaned:?}"
            );
            assert!(log.size_bytes() < size / 2);
            assert_eq!(
                records(&store, &log, 0).await,
                kept(&written, cleaned.end_offset)
            );
            for from in (0..log.end_offset()).step_by(7) {
                let expected = kept(&written, cleaned.end_offset);
                let read = records(&store, &log, from).await;
                let expected: Vec<_> = expected
                    .into_iter()
                    .filter(|(at, ..)| *at >= from)
                    .collect();
                assert!(read.ends_with(&expected));
            }
            assert!(round(&store, &log, NOW, LIMITS).await.is_none());
            kept(&written, cleaned.end_offset)
        },
    );
    for _ in 0..2 {
        run(
            dir.path(),
            Setup::default(),
            async |Broker { store, report }| {
                assert!(report.refused.is_empty(), "{:?}", report.refused);
                let log = open(&store).await;
                assert_eq!(records(&store, &log, 0).await, written);
                assert!(round(&store, &log, NOW, LIMITS).await.is_none());
                store.close().await.unwrap();
            },
        );
    }
}

/// Rounds, appends, rolls, clean stops and crashes in turn: a consumer that reads everything
/// always ends with the same table.
#[test]
fn the_table_never_changes() {
    let dir = tempfile::tempdir().unwrap();
    let mut written = Vec::new();
    for life in 0..12_u64 {
        run(
            dir.path(),
            Setup::default(),
            async |Broker { store, report }| {
                assert!(report.refused.is_empty(), "{:?}", report.refused);
                let log = open(&store).await;
                assert_eq!(
                    table(&records(&store, &log, 0).await),
                    table(&written),
                    "{life}"
                );
                written.extend(fill(&store, &log, life, 30 + life * 5).await);
                settle().await;
                let limits = CleanLimits {
                    key_bytes_max: if life % 3 == 0 { 24 * 12 } else { 1 << 20 },
                    ..LIMITS
                };
                let now = NOW + i64::try_from(life).unwrap() * 300;
                for _ in 0..=life % 3 {
                    round(&store, &log, now, limits).await;
                    assert_eq!(
                        table(&records(&store, &log, 0).await),
                        table(&written),
                        "{life}"
                    );
                }
                if life % 2 == 0 {
                    store.close().await.unwrap();
                }
            },
        );
    }
}

#[test]
fn a_map_that_is_too_small_takes_several_rounds() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store).await;
            let written = fill(&store, &log, 3, 150).await;
            settle().await;
            let limits = CleanLimits {
                key_bytes_max: 24 * 10,
                ..LIMITS
            };
            let mut rounds = 0;
            let mut end_offset = 0;
            while let Some(cleaned) = round(&store, &log, NOW, limits).await {
                assert!(cleaned.end_offset > end_offset && cleaned.keys_count <= 9);
                end_offset = cleaned.end_offset;
                rounds += 1;
            }
            assert!(rounds > 5, "{rounds}");
            assert_eq!(records(&store, &log, 0).await, kept(&written, end_offset));
        },
    );
}

#[test]
fn tombstones_go_after_their_time() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store).await;
            put(&store, &log, &[(1, Some(1)), (2, Some(1))]).await;
            put(&store, &log, &[(1, None)]).await;
            let tombstones = async |now_ms| {
                for _ in 0..20 {
                    put(&store, &log, &[(7, Some(7)); 5]).await;
                }
                settle().await;
                round(&store, &log, now_ms, LIMITS).await.unwrap();
                let records = records(&store, &log, 0).await;
                assert_eq!(table(&records).get(&2), Some(&1));
                assert_eq!(table(&records).get(&1), None);
                records.iter().filter(|(_, key, _)| *key == 1).count()
            };
            assert_eq!(tombstones(NOW).await, 1);
            assert_eq!(tombstones(NOW + DELETE_RETENTION_MS - 1).await, 1);
            assert_eq!(tombstones(NOW + DELETE_RETENTION_MS).await, 0);
        },
    );
}

fn transactional(producer_id: i64, base_sequence: i32) -> BatchOptions {
    BatchOptions {
        producer_id,
        producer_epoch: 0,
        base_sequence,
        is_transactional: true,
        ..BatchOptions::default()
    }
}

#[test]
fn aborted_records_go_and_the_last_sequence_of_a_producer_stays() {
    let dir = tempfile::tempdir().unwrap();
    let end = |committed| Marker {
        producer_id: if committed { 5 } else { 6 },
        producer_epoch: 0,
        end: TransactionEnd {
            committed,
            coordinator_epoch: 0,
        },
        bumps_epoch: false,
    };
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store).await;
            append_durably(&store, &log, &batch(&[(1, Some(10))], transactional(5, 0))).await;
            append_durably(
                &store,
                &log,
                &batch(&[(1, Some(20)), (2, Some(20))], transactional(6, 0)),
            )
            .await;
            log.append_marker(&end(true), 0, 0).unwrap();
            log.append_marker(&end(false), 0, 0).unwrap();
            for _ in 0..20 {
                put(&store, &log, &[(7, Some(7)); 5]).await;
            }
            settle().await;
            round(&store, &log, NOW, LIMITS).await.unwrap();
            let records = records(&store, &log, 0).await;
            assert_eq!(table(&records).get(&1), Some(&10));
            assert_eq!(table(&records).get(&2), None);
            // both producers are active: their last batches stay, one of them empty
            let slice = log.read(0, 10_000, i64::MAX, true).await.unwrap();
            let bytes = slice.to_vec(store.ring(), store.pool()).await.unwrap();
            let headers: Vec<BatchHeader> = BatchIter::new(&bytes)
                .map(|(_, header, _)| header)
                .collect();
            let of = |producer_id| {
                headers
                    .iter()
                    .find(move |header| header.producer_id == producer_id && !header.is_control())
            };
            assert_eq!(of(5).unwrap().records_count, 1);
            assert_eq!(
                (of(6).unwrap().records_count, of(6).unwrap().last_sequence()),
                (0, 1)
            );
            assert_eq!(log.aborted_transactions(0, 10).await.unwrap().len(), 1);
        },
    );
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store).await;
            assert_eq!(log.producer(6).unwrap().last_sequence, 1);
            let again = batch(&[(1, Some(10))], transactional(5, 0));
            assert!(log.append(&again, &valid(&again), 0, 0).unwrap().duplicate);
        },
    );
}

#[test]
fn nothing_beyond_the_last_stable_offset_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store).await;
            for _ in 0..20 {
                put(&store, &log, &[(7, Some(7)); 5]).await;
            }
            append_durably(&store, &log, &batch(&[(1, Some(10))], transactional(5, 0))).await;
            let open_from = log.last_stable().get();
            for _ in 0..30 {
                put(&store, &log, &[(7, Some(7)); 5]).await;
            }
            settle().await;
            let cleaned = round(&store, &log, NOW, LIMITS).await.unwrap();
            assert!(cleaned.end_offset <= open_from);
            assert!(round(&store, &log, NOW, LIMITS).await.is_none());
        },
    );
}

/// A copy of the directory as a crash at some step of a swap leaves it.
fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A log whose first group is compacted and waits for its swap; returns what was written.
fn before_a_swap(dir: &Path) -> Vec<Record> {
    let written = run(dir, Setup::default(), async |Broker { store, .. }| {
        let log = open(&store).await;
        let written = fill(&store, &log, 9, 60).await;
        settle().await;
        store.close().await.unwrap();
        written
    });
    run(dir, Setup::default(), async |Broker { store, .. }| {
        let log = open(&store).await;
        let cleanable = log.cleanable(&LAGS, NOW).await.unwrap().unwrap();
        let job = log.clean_job(&cleanable, LIMITS, NOW, DELETE_RETENTION_MS);
        let job = job.await.unwrap();
        let stop = async |_| Err(CleanError::Superseded);
        let stopped = clean(store.ring(), store.pool(), &job, stop).await;
        assert!(matches!(stopped, Err(CleanError::Superseded)));
    });
    let offsets = PartitionOffsets {
        gaps_below: written.last().unwrap().0,
        ..PartitionOffsets::default()
    };
    std::fs::write(dir.join("topic7-0/partition.offsets"), offsets.to_text()).unwrap();
    written
}

fn names(partition: &Path, ending: &str) -> Vec<String> {
    let entries = std::fs::read_dir(partition).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(ending))
        .collect();
    names.sort_unstable();
    names
}

/// The steps of a swap: renames, and removals (to nothing) of the second of the old segments.
fn steps_of_swap(partition: &Path) -> Vec<(String, String)> {
    let kinds = ["index", "txnindex", "log"];
    let segments = names(partition, ".log");
    let [first, second] = [0, 1].map(|at| segments[at].trim_end_matches(".log").to_owned());
    let renamed = |from: &str, to: &str| {
        let pair = |kind| {
            (
                format!("{first}.{kind}{from}"),
                format!("{first}.{kind}{to}"),
            )
        };
        kinds.map(pair)
    };
    let removed = ["log", "index"].map(|kind| (format!("{second}.{kind}"), String::new()));
    let mut steps = renamed(".cleaned", ".swap").to_vec();
    steps.extend(removed);
    steps.extend(renamed(".swap", ""));
    steps
}

/// Each step of a swap is taken by hand, and after each the directory is opened as it is.
#[test]
fn a_stop_at_every_step_of_a_swap_is_recovered_from() {
    let dir = tempfile::tempdir().unwrap();
    let written = before_a_swap(dir.path());
    let partition = dir.path().join("topic7-0");
    for (from, to) in steps_of_swap(&partition) {
        if to.is_empty() {
            std::fs::remove_file(partition.join(&from)).unwrap();
        } else {
            std::fs::rename(partition.join(&from), partition.join(&to)).unwrap();
        }
        let crashed = tempfile::tempdir().unwrap();
        copy_dir(dir.path(), crashed.path());
        for _ in 0..2 {
            run(
                crashed.path(),
                Setup::default(),
                async |Broker { store, report }| {
                    assert!(report.refused.is_empty(), "{:?}", report.refused);
                    let log = open(&store).await;
                    let found = records(&store, &log, 0).await;
                    assert_eq!(table(&found), table(&written), "after {from}");
                    assert_eq!(log.end_offset(), written.last().unwrap().0 + 1);
                },
            );
        }
        for ending in [".swap", ".cleaned"] {
            let left = names(&crashed.path().join("topic7-0"), ending);
            assert!(left.is_empty(), "{left:?}");
        }
    }
}

/// Readers on all sides while rounds replace what they read.
#[test]
fn readers_never_see_a_half_cleaned_log() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store).await;
            let mut written = fill(&store, &log, 4, 100).await;
            settle().await;
            for turn in 0..6 {
                let expected = table(&written);
                let readers: Vec<_> = (0..8)
                    .map(|_| {
                        let (store, log) = (Rc::clone(&store), Rc::clone(&log));
                        tasks::spawn(async move { table(&records(&store, &log, 0).await) })
                    })
                    .collect();
                round(&store, &log, NOW, LIMITS).await;
                for reader in readers {
                    assert_eq!(reader.await, expected);
                }
                written.extend(fill(&store, &log, 50 + turn, 40).await);
                settle().await;
            }
        },
    );
}
