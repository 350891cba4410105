//! Bit rot in sealed segments: the scrub finds it, and what it found is not read any more.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use storage::budget::Budget;
use storage::log::{Log, LogConfig, ReadError};
use storage::scrub::{Scrubbed, scrub};
use storage::store::Store;
use storage::tasks::sleep;

use crate::harness::{
    Broker, Setup, append_durably, batch, id, numbers, read_all, run, small_segments,
};

const BATCHES: u64 = 40;

fn config() -> LogConfig {
    small_segments(4_096)
}

/// A log with sealed segments alone on disk: of each batch of ten records.
async fn filled(store: &Rc<Store>) -> Rc<Log> {
    let log = Log::create(store, id(0), config());
    for number in 0..BATCHES {
        append_durably(store, &log, &batch(number * 10, 10, 100)).await;
    }
    while log.scrub_jobs().len() < 5 {
        sleep(Duration::from_millis(5)).await;
    }
    log
}

/// Runs a test of such a log.
fn in_filled_log(test: impl AsyncFnOnce(Rc<Store>, Rc<Log>) + Send) {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = filled(&store).await;
            test(store, log).await;
        },
    );
}

async fn check_all(store: &Store, log: &Log) -> Vec<Scrubbed> {
    let mut found = Vec::new();
    for job in log.scrub_jobs() {
        let mut budget = Budget::new(1e9);
        let result = scrub(store.ring(), store.pool(), &job, &mut budget).await;
        if let Scrubbed::Damaged(holes) = &result {
            assert!(log.note_damage(&job, holes));
        }
        found.push(result);
    }
    found
}

fn flip(path: &Path, position: u64) {
    let file = fs::OpenOptions::new().read(true).write(true).open(path);
    let file = file.unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, position).unwrap();
    file.write_all_at(&[byte[0] ^ 1], position).unwrap();
    file.sync_all().unwrap();
}

#[test]
fn sound_segments_are_found_sound() {
    in_filled_log(async |store, log| {
        let found = check_all(&store, &log).await;
        assert!(
            found.iter().all(|found| matches!(found, Scrubbed::Sound)),
            "{found:?}"
        );
        store.close().await.unwrap();
    });
}

#[test]
fn what_is_damaged_is_not_read_and_all_the_rest_is() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            filled(&store).await;
            store.close().await.unwrap();
        },
    );
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = Log::open(&store, id(0), config()).await.unwrap();
            let jobs = log.scrub_jobs();
            let size = batch(0, 10, 100).len() as u64;
            // the second batch of the second segment
            flip(&jobs[1].path, size + 200);
            let damaged = jobs[1].base_offset + 10;
            let found = check_all(&store, &log).await;
            let Scrubbed::Damaged(holes) = &found[1] else {
                panic!("{found:?}");
            };
            assert_eq!(holes.len(), 1);
            assert_eq!((holes[0].position, holes[0].bytes), (size, size));
            assert_eq!(holes[0].first_offset, damaged);
            let others = found.iter().enumerate().filter(|(at, _)| *at != 1);
            assert!(
                others
                    .into_iter()
                    .all(|(_, found)| matches!(found, Scrubbed::Sound))
            );
            let before = log.read(jobs[1].base_offset, 1 << 20, i64::MAX, true).await;
            let before = before.unwrap();
            assert_eq!(before.end_offset, damaged, "a read ends before the damage");
            assert_eq!(before.bytes as u64, size);
            for offset in [damaged, damaged + 9] {
                let read = log.read(offset, 1 << 20, i64::MAX, true).await;
                assert!(
                    matches!(read, Err(ReadError::Damaged { position, .. }) if position == size)
                );
            }
            let behind = read_all(&store, &log, damaged + 10, 1 << 20).await;
            let first = damaged.unsigned_abs() + 10;
            assert_eq!(numbers(&behind), (first..BATCHES * 10).collect::<Vec<_>>());
            store.close().await.unwrap();
        },
    );
}

#[test]
fn a_segment_that_was_cut_is_damaged_at_its_end() {
    in_filled_log(async |store, log| {
        let job = log.scrub_jobs().remove(0);
        let size = batch(0, 10, 100).len() as u64;
        let file = fs::OpenOptions::new().write(true).open(&job.path).unwrap();
        file.set_len(size).unwrap();
        let found = check_all(&store, &log).await;
        let Scrubbed::Damaged(holes) = &found[0] else {
            panic!("{found:?}");
        };
        assert_eq!((holes[0].position, holes[0].first_offset), (size, 10));
        assert_eq!(holes[0].bytes, job.bytes() - size);
        store.close().await.unwrap();
    });
}

#[test]
fn a_segment_that_was_deleted_meanwhile_is_gone() {
    in_filled_log(async |store, log| {
        let job = log.scrub_jobs().remove(0);
        log.delete().await.unwrap();
        let mut budget = Budget::new(1e9);
        let found = scrub(store.ring(), store.pool(), &job, &mut budget).await;
        assert!(matches!(found, Scrubbed::Gone), "{found:?}");
    });
}

#[test]
fn offsets_of_a_segment_that_is_missing_are_not_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let missing = run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = filled(&store).await;
            let jobs = log.scrub_jobs();
            store.close().await.unwrap();
            (jobs[1].clone(), jobs[2].base_offset)
        },
    );
    let (job, next) = missing;
    fs::remove_file(&job.path).unwrap();
    fs::remove_file(job.path.with_extension("index")).unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = Log::open(&store, id(0), config()).await.unwrap();
            let read = log.read(job.base_offset, 1 << 20, i64::MAX, true).await;
            assert!(matches!(read, Err(ReadError::Damaged { .. })), "{read:?}");
            let behind = numbers(&read_all(&store, &log, next, 1 << 20).await);
            let first = next.unsigned_abs();
            assert_eq!(behind, (first..BATCHES * 10).collect::<Vec<_>>());
            store.close().await.unwrap();
        },
    );
}
