//! The log start offset moves forward for good: after a clean stop, after none, with the files
//! that it needs damaged or missing.

use std::path::Path;
use std::rc::Rc;

use storage::log::{Log, ReadError, StartOffsetError};
use storage::store::{Durability, Store};

use crate::harness::{
    Broker, Setup, append, append_durably, batch, id, numbers, read_all, run, small_segments,
};

const SEGMENT_BYTES: u64 = 4_096;

async fn open(store: &Rc<Store>) -> Rc<Log> {
    Log::open(store, id(0), small_segments(SEGMENT_BYTES))
        .await
        .unwrap()
}

/// Batches of ten records, until the log ends at `end`.
async fn fill(store: &Store, log: &Rc<Log>, end: u64) {
    let begin = log.end_offset().unsigned_abs();
    for first in (begin..end).step_by(10) {
        append_durably(store, log, &batch(first, 10, 100)).await;
    }
}

/// What the log holds from its start offset on, and that nothing before is readable.
async fn check(store: &Store, log: &Rc<Log>, start: i64, end: i64) {
    assert_eq!((log.start_offset(), log.end_offset()), (start, end));
    let bytes = read_all(store, log, start, 20_000).await;
    let numbers = numbers(&bytes);
    let kept: Vec<u64> = (start.unsigned_abs()..end.unsigned_abs()).collect();
    assert!(numbers.ends_with(&kept), "{start}..{end}: {numbers:?}");
    assert!(
        numbers.len() < kept.len() + 10,
        "at most the rest of a batch"
    );
    let below = log.read(start - 1, 100, i64::MAX, true).await;
    assert!(
        matches!(below, Err(ReadError::OutOfRange { .. })),
        "{below:?}"
    );
}

/// The base offsets of the segments that have files.
fn segments(dir: &Path) -> Vec<i64> {
    let entries = std::fs::read_dir(dir.join("topic7-0")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut bases: Vec<i64> = names
        .filter_map(|name| name.strip_suffix(".log").map(|base| base.parse().unwrap()))
        .collect();
    bases.sort_unstable();
    bases
}

#[test]
fn records_before_the_start_are_gone_for_good() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store).await;
            fill(&store, &log, 300).await;
            assert_eq!(log.advance_start_offset(155).await.unwrap(), 155);
            assert_eq!(log.advance_start_offset(20).await.unwrap(), 155);
            check(&store, &log, 155, 300).await;
            let found = log.offset_for_timestamp(1_000).await.unwrap().unwrap();
            assert_eq!(found.offset, 155);
        },
    );
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store).await;
            check(&store, &log, 155, 300).await;
            fill(&store, &log, 400).await;
            store.close().await.unwrap();
        },
    );
    assert!(segments(dir.path())[1] > 155, "segments below are removed");
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            check(&store, &open(&store).await, 155, 400).await;
        },
    );
}

#[test]
fn a_log_may_be_emptied() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..4_i64 {
        run(
            dir.path(),
            Setup::default(),
            async |Broker { store, .. }| {
                let log = open(&store).await;
                let end = round * 200;
                fill(&store, &log, end.unsigned_abs()).await;
                assert_eq!(log.advance_start_offset(end).await.unwrap(), end);
                assert!(log.read(end, 100, i64::MAX, true).await.unwrap().is_empty());
                assert!(log.offset_for_timestamp(0).await.unwrap().is_none());
                if round == 2 {
                    store.close().await.unwrap();
                }
            },
        );
        run(
            dir.path(),
            Setup::default(),
            async |Broker { store, .. }| {
                check(&store, &open(&store).await, round * 200, round * 200).await;
            },
        );
    }
}

#[test]
fn the_start_is_never_beyond_what_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store).await;
            fill(&store, &log, 30).await;
            append(&store, &log, &batch(30, 10, 100)).await;
            for offset in [-1, 31, 40, i64::MAX] {
                let refused = log.advance_start_offset(offset).await;
                let expected = StartOffsetError::OutOfRange { start: 0, end: 30 };
                assert_eq!(refused.unwrap_err().to_string(), expected.to_string());
            }
        },
    );
}

#[test]
fn leader_epochs_before_the_start_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store).await;
            for (epoch, first) in [(1, 0), (4, 10), (9, 20)] {
                let bytes = batch(first, 10, 100);
                log.append(&bytes, &crate::harness::valid(&bytes), epoch, 0)
                    .unwrap();
            }
            log.durable().wait_for(30).await.unwrap();
            assert_eq!(log.end_offset_for_epoch(1), Some((1, 10)));
            log.advance_start_offset(12).await.unwrap();
            assert_eq!(log.end_offset_for_epoch(1), Some((1, 12)));
            assert_eq!(log.end_offset_for_epoch(4), Some((4, 20)));
        },
    );
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store).await;
            assert_eq!(log.end_offset_for_epoch(4), Some((4, 20)));
            assert_eq!(log.latest_epoch(), Some(9));
        },
    );
}

/// Relaxed durability may lose the last records at a power cut, but not the start offset.
#[test]
fn a_log_that_ends_before_its_start_begins_again() {
    let dir = tempfile::tempdir().unwrap();
    let relaxed = Setup {
        durability: Durability::Relaxed,
        ..Setup::default()
    };
    run(dir.path(), relaxed, async |Broker { store, .. }| {
        let log = open(&store).await;
        fill(&store, &log, 300).await;
        log.advance_start_offset(290).await.unwrap();
        store.close().await.unwrap();
    });
    for entry in std::fs::read_dir(dir.path().join("topic7-0")).unwrap() {
        let path = entry.unwrap().path();
        let lost = ["log", "index", "snapshot"].map(Some);
        if lost.contains(&path.extension().and_then(|extension| extension.to_str())) {
            std::fs::remove_file(path).unwrap();
        }
    }
    for end in [290_u64, 310] {
        run(
            dir.path(),
            Setup::default(),
            async |Broker { store, .. }| {
                let log = open(&store).await;
                check(&store, &log, 290, i64::try_from(end).unwrap()).await;
                fill(&store, &log, 310).await;
            },
        );
    }
}

#[test]
fn a_damaged_offsets_file_brings_no_deleted_records_back() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store).await;
            fill(&store, &log, 100).await;
            log.advance_start_offset(55).await.unwrap();
        },
    );
    let path = dir.path().join("topic7-0/partition.offsets");
    let text = std::fs::read_to_string(&path).unwrap();
    for (found, damaged) in [("55", "95"), ("version: 0", "version: 9")] {
        std::fs::write(&path, text.replace(found, damaged)).unwrap();
        run(
            dir.path(),
            Setup::default(),
            async |Broker { store, .. }| {
                let refused = Log::open(&store, id(0), small_segments(SEGMENT_BYTES)).await;
                let refused = refused.unwrap_err().to_string();
                assert!(refused.contains("partition offsets"), "{refused}");
            },
        );
    }
    std::fs::write(&path, text).unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store).await;
            assert_eq!((log.start_offset(), log.end_offset()), (55, 100));
        },
    );
}
