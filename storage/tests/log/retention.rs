//! Segments leave the log by age, by size and by the start offset: for good, with their files,
//! and without a reader noticing.

use std::path::Path;
use std::rc::Rc;

use storage::log::retention::Retention;
use storage::log::{Log, LogConfig, LogPart, ReadError};
use storage::store::Store;

use crate::harness::{
    Broker, Setup, append_durably, batch, id, numbers, read_all, run, settle, small_segments,
};

/// Record `n` of [`batch`] has this timestamp.
fn time_of(number: i64) -> i64 {
    1_000 + number
}

fn config(retention: Retention) -> LogConfig {
    LogConfig {
        retention,
        file_delete_delay_ms: 0,
        ..small_segments(4_096)
    }
}

fn by_age(ms: i64) -> LogConfig {
    config(Retention {
        ms: Some(ms),
        bytes: None,
    })
}

async fn open(store: &Rc<Store>, config: LogConfig) -> Rc<Log> {
    Log::open(store, id(0), config).await.unwrap()
}

async fn fill(store: &Store, log: &Rc<Log>, end: u64) {
    for first in (log.end_offset().unsigned_abs()..end).step_by(10) {
        append_durably(store, log, &batch(first, 10, 100)).await;
    }
}

async fn check(store: &Store, log: &Rc<Log>, end: u64) {
    let start = log.start_offset();
    let bytes = read_all(store, log, start, 20_000).await;
    let kept: Vec<u64> = (start.unsigned_abs()..end).collect();
    assert_eq!(numbers(&bytes), kept);
}

fn files(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir.join("topic7-0")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn old_segments_go_and_stay_gone() {
    let dir = tempfile::tempdir().unwrap();
    let start = run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store, by_age(100)).await;
            fill(&store, &log, 300).await;
            settle().await;
            assert_eq!(log.enforce_retention(time_of(100)).await.unwrap(), 0);
            let size = log.size_bytes();
            let deleted = log.enforce_retention(time_of(250)).await.unwrap();
            assert!(deleted >= 4, "{deleted}");
            let start = log.start_offset();
            assert!((120..=150).contains(&start), "{start}");
            assert!(log.size_bytes() < size);
            check(&store, &log, 300).await;
            let below = log.read(start - 1, 100, i64::MAX, true).await;
            assert!(matches!(below, Err(ReadError::OutOfRange { .. })));
            assert_eq!(log.enforce_retention(time_of(250)).await.unwrap(), 0);
            settle().await;
            start
        },
    );
    let segment_files = files(dir.path());
    let bases = segment_files
        .iter()
        .filter_map(|name| name.strip_suffix(".log"));
    assert!(
        bases
            .into_iter()
            .all(|base| base.parse::<i64>().unwrap() >= start)
    );
    assert!(!segment_files.iter().any(|name| name.ends_with(".deleted")));
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store, by_age(100)).await;
            assert_eq!(log.start_offset(), start);
            check(&store, &log, 300).await;
        },
    );
}

#[test]
fn an_active_segment_that_is_due_is_rolled_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store, by_age(100)).await;
            fill(&store, &log, 50).await;
            settle().await;
            assert!(log.enforce_retention(time_of(50 + 101)).await.unwrap() >= 1);
            assert_eq!((log.start_offset(), log.end_offset()), (50, 50));
            assert_eq!(log.size_bytes(), 0);
            assert_eq!(log.enforce_retention(i64::MAX).await.unwrap(), 0);
        },
    );
    for end in [50, 90] {
        run(
            dir.path(),
            Setup::default(),
            async |Broker { store, .. }| {
                let log = open(&store, by_age(100)).await;
                assert_eq!((log.start_offset(), log.end_offset()), (50, end));
                fill(&store, &log, 90).await;
                check(&store, &log, 90).await;
            },
        );
    }
}

#[test]
fn a_log_is_cut_back_to_its_size() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let bytes = 10_000;
            let retention = Retention {
                ms: None,
                bytes: Some(bytes),
            };
            let log = open(&store, config(retention)).await;
            fill(&store, &log, 500).await;
            settle().await;
            log.enforce_retention(0).await.unwrap();
            let size = log.size_bytes();
            assert!((bytes..bytes + 4_096).contains(&size), "{size}");
            check(&store, &log, 500).await;
        },
    );
}

#[test]
fn what_delete_records_left_behind_goes_too() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store, config(Retention::default())).await;
            fill(&store, &log, 300).await;
            settle().await;
            log.advance_start_offset(155).await.unwrap();
            assert!(log.enforce_retention(0).await.unwrap() >= 4);
            assert_eq!(log.start_offset(), 155);
            log.advance_start_offset(300).await.unwrap();
            log.enforce_retention(0).await.unwrap();
            assert_eq!((log.start_offset(), log.end_offset()), (300, 300));
            fill(&store, &log, 310).await;
            check(&store, &log, 310).await;
        },
    );
}

#[test]
fn a_reader_keeps_the_file_that_it_has() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            fill(&store, &open(&store, by_age(100)).await, 300).await;
            store.close().await.unwrap();
        },
    );
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store, by_age(100)).await;
            let slice = log.read(0, 1_000, i64::MAX, true).await.unwrap();
            assert!(matches!(slice.parts[..], [LogPart::File(_)]));
            log.enforce_retention(i64::MAX).await.unwrap();
            settle().await;
            assert_eq!(log.start_offset(), 300);
            let bytes = slice.to_vec(store.ring(), store.pool()).await.unwrap();
            assert!(numbers(&bytes).starts_with(&[0, 1, 2]));
        },
    );
}

#[test]
fn files_wait_for_their_delay_or_for_the_next_open() {
    let dir = tempfile::tempdir().unwrap();
    let delayed = LogConfig {
        file_delete_delay_ms: 60_000,
        ..by_age(100)
    };
    let waiting = |dir: &Path| {
        let names = files(dir);
        names
            .iter()
            .filter(|name| name.ends_with(".deleted"))
            .count()
    };
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store, delayed).await;
            fill(&store, &log, 300).await;
            settle().await;
            log.enforce_retention(time_of(250)).await.unwrap();
            assert!(waiting(dir.path()) >= 8);
        },
    );
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store, delayed).await;
            assert_eq!(waiting(dir.path()), 0);
            check(&store, &log, 300).await;
        },
    );
}

#[test]
fn a_damaged_index_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            fill(&store, &open(&store, by_age(100)).await, 300).await;
            store.close().await.unwrap();
        },
    );
    for name in files(dir.path())
        .iter()
        .filter(|name| name.ends_with(".index"))
    {
        let path = dir.path().join("topic7-0").join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        if let Some(last) = bytes.last_mut() {
            *last ^= 0x40;
        }
        std::fs::write(&path, bytes).unwrap();
    }
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store, by_age(100)).await;
            check(&store, &log, 300).await;
            assert!(log.enforce_retention(time_of(250)).await.unwrap() >= 4);
            check(&store, &log, 300).await;
        },
    );
}
