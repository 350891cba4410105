//! Journals and segments that were damaged between two starts: what a crash can do is repaired,
//! what it cannot do is refused.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use storage::extent::{ExtentPool, PoolOptions};
use storage::journal::format::{CommitHeader, PAGE_BYTES, SUPERBLOCKS_BYTES, Superblock};
use storage::log::{Log, LogConfig, OpenError};
use storage::recovery::{RecoveryError, recover};
use storage::ring::{Ring, RingOptions};
use storage::tasks::block_on;

use crate::harness::{Setup, append_durably, batch, id, numbers, read_all, run};

/// Appends batches one by one, so that each has a commit of its own, and crashes.
fn crash_after(dir: &Path, batches: u64) {
    run(dir, Setup::default(), async |broker| {
        let log = Log::open(&broker.store, id(0), LogConfig::default())
            .await
            .unwrap();
        let first = log.end_offset().unsigned_abs();
        for number in first..first + batches {
            append_durably(&broker.store, &log, &batch(number, 1, 500)).await;
        }
    });
}

pub(crate) fn journal(dir: &Path) -> PathBuf {
    dir.join("journal-0")
}

/// Bytes of the journal's file at which commits begin, and their sequences.
pub(crate) fn commits(path: &Path) -> Vec<(u64, u64)> {
    let bytes = std::fs::read(path).unwrap();
    let superblock = Superblock::newest(&bytes[..8192]).unwrap();
    let mut found = Vec::new();
    let pages = bytes.len() as u64 / PAGE_BYTES;
    for at in (SUPERBLOCKS_BYTES / PAGE_BYTES..pages).map(|page| page * PAGE_BYTES) {
        let page = &bytes[usize::try_from(at).unwrap()..];
        if let Some(header) = CommitHeader::parse(page, superblock.incarnation) {
            found.push((at, header.sequence));
        }
    }
    found.sort_by_key(|(_, sequence)| *sequence);
    found
}

pub(crate) fn damage(path: &Path, at: u64) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0xff], at).unwrap();
    file.sync_all().unwrap();
}

fn recover_only(dir: &Path) -> Result<(), RecoveryError> {
    let ring = Ring::new(&RingOptions {
        entries: 32,
        small_buffers: 1,
        ..Default::default()
    });
    let ring = ring.unwrap();
    let pool = ExtentPool::new(PoolOptions {
        idle_bytes_max: 1 << 20,
    });
    block_on(&ring.clone(), async {
        recover(&ring, &pool, dir, &|_| Some("topic7".to_owned()))
            .await
            .map(drop)
    })
}

fn records(dir: &Path) -> Vec<u64> {
    run(dir, Setup::default(), async |broker| {
        let log = Log::open(&broker.store, id(0), LogConfig::default())
            .await
            .unwrap();
        numbers(&read_all(&broker.store, &log, 0, 1 << 20).await)
    })
}

#[test]
fn a_torn_last_commit_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    crash_after(dir.path(), 10);
    let (last, _) = *commits(&journal(dir.path())).last().unwrap();
    damage(&journal(dir.path()), last + 300);
    assert_eq!(records(dir.path()), (0..9).collect::<Vec<_>>());
    // What follows takes its place.
    crash_after(dir.path(), 3);
    assert_eq!(records(dir.path()), (0..12).collect::<Vec<_>>());
}

#[test]
fn a_damaged_commit_in_the_middle_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    crash_after(dir.path(), 10);
    let (middle, damaged) = commits(&journal(dir.path()))[4];
    damage(&journal(dir.path()), middle + 300);
    for _ in 0..2 {
        match recover_only(dir.path()) {
            Err(RecoveryError::DamagedJournal { sequence, .. }) => assert_eq!(sequence, damaged),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_torn_superblock_leaves_the_older_one_in_charge() {
    let dir = tempfile::tempdir().unwrap();
    crash_after(dir.path(), 10);
    assert_eq!(records(dir.path()).len(), 10);
    let bytes = std::fs::read(journal(dir.path())).unwrap();
    let newest = Superblock::newest(&bytes[..8192]).unwrap();
    damage(&journal(dir.path()), newest.file_position() + 40);
    assert_eq!(records(dir.path()), (0..10).collect::<Vec<_>>());
}

#[test]
fn damage_to_acknowledged_records_refuses_the_partition() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), Setup::default(), async |broker| {
        let log = Log::create(&broker.store, id(0), LogConfig::default());
        for number in 0..10 {
            append_durably(&broker.store, &log, &batch(number, 1, 500)).await;
        }
        broker.store.close().await.unwrap();
    });
    crash_after(dir.path(), 5);
    // Below what the journal has, so that replaying it does not repair it.
    std::fs::remove_file(dir.path().join("topic7-0/00000000000000000000.index")).unwrap();
    damage(&dir.path().join("topic7-0/00000000000000000000.log"), 2_000);
    let refused = run(dir.path(), Setup::default(), async |broker| {
        assert_eq!(broker.report.refused.len(), 1);
        assert!(matches!(
            broker.report.refused[0].1,
            OpenError::Damaged { .. }
        ));
        let opened = Log::open(&broker.store, id(0), LogConfig::default()).await;
        opened.map(|_| "opened")
    });
    assert!(
        matches!(refused, Err(OpenError::Refused { .. })),
        "{refused:?}"
    );
    let length = std::fs::metadata(dir.path().join("topic7-0/00000000000000000000.log"));
    assert!(length.unwrap().len() > 5_000, "nothing was cut");
}

#[test]
fn a_lost_snapshot_and_index_are_rebuilt_from_the_log() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), Setup::default(), async |broker| {
        let log = Log::create(&broker.store, id(0), LogConfig::default());
        for number in 0..100 {
            append_durably(&broker.store, &log, &batch(number, 1, 500)).await;
        }
        broker.store.close().await.unwrap();
    });
    for entry in std::fs::read_dir(dir.path().join("topic7-0")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "index" || extension == "snapshot")
        {
            std::fs::write(path, b"garbage").unwrap();
        }
    }
    assert_eq!(records(dir.path()), (0..100).collect::<Vec<_>>());
    assert_eq!(records(dir.path()), (0..100).collect::<Vec<_>>());
}

#[test]
fn entries_of_an_unknown_topic_are_skipped() {
    let dir = tempfile::tempdir().unwrap();
    crash_after(dir.path(), 5);
    let ring = Ring::new(&RingOptions {
        entries: 32,
        small_buffers: 1,
        ..Default::default()
    });
    let ring = ring.unwrap();
    let pool = ExtentPool::new(PoolOptions {
        idle_bytes_max: 1 << 20,
    });
    let report = block_on(&ring.clone(), async {
        recover(&ring, &pool, dir.path(), &|_| None).await.unwrap()
    });
    assert_eq!((report.skipped_entries, report.partitions), (5, 0));
}
