//! `durability=relaxed`: acknowledged from memory. A clean stop keeps everything, a crash a
//! prefix, and what comes after a hole never returns.

use std::path::Path;
use std::time::Duration;

use storage::journal::format::Superblock;
use storage::log::{Log, LogConfig};
use storage::store::Durability;
use storage::tasks::sleep;

use crate::faults::{commits, damage, journal};
use crate::harness::{Broker, Setup, append, batch, id, numbers, read_all, run};

fn relaxed() -> Setup {
    Setup {
        durability: Durability::Relaxed,
        ..Setup::default()
    }
}

/// Long enough for a commit to be written, also on a busy machine.
const COMMIT_TIME: Duration = Duration::from_millis(50);

/// Appends batches of one record, each in a commit of its own.
fn append_slowly(dir: &Path, setup: Setup, records: std::ops::Range<u64>) {
    run(dir, setup, async |Broker { store, .. }| {
        let log = Log::open(&store, id(0), LogConfig::default()).await;
        let log = log.unwrap();
        for number in records {
            let appended = append(&store, &log, &batch(number, 1, 500)).await;
            if store.is_relaxed() {
                assert_eq!(log.durable().get(), appended.last_offset + 1);
            }
            sleep(COMMIT_TIME).await;
        }
    });
}

/// Makes a journal that is not overwritten with zeros any more. Appends one record.
fn finish_first_lap(dir: &Path) {
    run(dir, relaxed(), async |Broker { store, .. }| {
        let log = Log::create(&store, id(0), LogConfig::default());
        append(&store, &log, &batch(0, 1, 500)).await;
        sleep(Duration::from_millis(300)).await;
        store.close().await.unwrap();
    });
    let bytes = std::fs::read(journal(dir)).unwrap();
    assert!(Superblock::newest(&bytes[..8192]).unwrap().prewritten);
}

fn records(dir: &Path, setup: Setup) -> Vec<u64> {
    run(dir, setup, async |Broker { store, report }| {
        assert!(report.refused.is_empty(), "{:?}", report.refused);
        let log = Log::open(&store, id(0), LogConfig::default()).await;
        numbers(&read_all(&store, &log.unwrap(), 0, 1 << 20).await)
    })
}

#[test]
fn a_clean_stop_keeps_everything() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), relaxed(), async |Broker { store, .. }| {
        let log = Log::create(&store, id(0), LogConfig::default());
        for number in 0..2_000 {
            append(&store, &log, &batch(number, 1, 2_000)).await;
            assert_eq!(log.durable().get(), log.end_offset());
        }
        append(&store, &log, &batch(2_000, 100, 2_000)).await;
        store.close().await.unwrap();
    });
    assert_eq!(
        records(dir.path(), relaxed()),
        (0..2_100).collect::<Vec<_>>()
    );
}

#[test]
fn a_crash_leaves_a_prefix() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), relaxed(), async |Broker { store, .. }| {
        let log = Log::create(&store, id(0), LogConfig::default());
        for number in 0..2_000 {
            append(&store, &log, &batch(number, 1, 2_000)).await;
            if number % 100 == 99 {
                sleep(Duration::from_millis(2)).await;
            }
        }
    });
    let found = records(dir.path(), relaxed());
    assert!(found.len() > 100, "only {} records", found.len());
    assert_eq!(found, (0..found.len() as u64).collect::<Vec<_>>());
}

#[test]
fn what_follows_a_lost_commit_never_returns() {
    for after in [Durability::Relaxed, Durability::Durable] {
        let dir = tempfile::tempdir().unwrap();
        finish_first_lap(dir.path());
        append_slowly(dir.path(), relaxed(), 1..10);
        let written = commits(&journal(dir.path()));
        assert!(written.len() == 9, "{written:?}");
        damage(&journal(dir.path()), written[3].0 + 300);
        let setup = Setup {
            durability: after,
            ..Setup::default()
        };
        // Takes the place of the lost one, in the log and in the journal.
        append_slowly(dir.path(), setup, 100..101);
        assert_eq!(records(dir.path(), setup), [0, 1, 2, 3, 100]);
        append_slowly(dir.path(), setup, 101..103);
        assert_eq!(records(dir.path(), setup), [0, 1, 2, 3, 100, 101, 102]);
    }
}

#[test]
fn a_lost_first_commit_leaves_the_others_behind() {
    let dir = tempfile::tempdir().unwrap();
    finish_first_lap(dir.path());
    append_slowly(dir.path(), relaxed(), 1..5);
    let first = commits(&journal(dir.path()))[0].0;
    damage(&journal(dir.path()), first + 300);
    append_slowly(dir.path(), Setup::default(), 100..101);
    assert_eq!(records(dir.path(), Setup::default()), [0, 100]);
}
