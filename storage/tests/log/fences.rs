//! One partition whose files cannot be used does not keep the others from being served, and loses
//! nothing that the journals have.

use std::path::Path;

use storage::log::{Log, LogConfig, OpenError};
use storage::store::Store;

use crate::harness::{Broker, Setup, append_durably, batch, id, numbers, read_all, run};

const TOPIC_ID: protocol::types::Uuid = protocol::types::Uuid::from_bytes([7; 16]);

async fn fill(store: &std::rc::Rc<Store>, partition: i32, count: u64) {
    let log = Log::open(store, id(partition), LogConfig::default())
        .await
        .unwrap();
    let first = log.end_offset().unsigned_abs();
    for number in first..first + count {
        append_durably(store, &log, &batch(number, 1, 300)).await;
    }
}

async fn records(broker: &Broker, partition: i32) -> Vec<u64> {
    let log = Log::open(&broker.store, id(partition), LogConfig::default())
        .await
        .unwrap();
    numbers(&read_all(&broker.store, &log, 0, 1 << 20).await)
}

fn first_segment(dir: &Path, partition: i32) -> std::path::PathBuf {
    dir.join(format!("topic7-{partition}/00000000000000000000.log"))
}

/// A segment that cannot be opened for writing: a directory has its name.
fn block(dir: &Path, partition: i32) {
    let segment = first_segment(dir, partition);
    std::fs::rename(&segment, segment.with_extension("away")).unwrap();
    std::fs::create_dir(&segment).unwrap();
}

fn unblock(dir: &Path, partition: i32) {
    let segment = first_segment(dir, partition);
    std::fs::remove_dir(&segment).unwrap();
    std::fs::rename(segment.with_extension("away"), &segment).unwrap();
}

#[test]
fn the_others_are_served_and_the_entries_wait_for_a_start_that_can_use_them() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), Setup::default(), async |broker| {
        for partition in 0..3 {
            fill(&broker.store, partition, 10).await;
        }
        broker.store.close().await.unwrap();
    });
    run(dir.path(), Setup::default(), async |broker| {
        for partition in 0..3 {
            fill(&broker.store, partition, 10).await;
        }
    });
    block(dir.path(), 1);
    for shard in [1, 0] {
        let setup = Setup {
            shard,
            ..Setup::default()
        };
        run(dir.path(), setup, async |broker| {
            assert_eq!(broker.report.fenced, [(TOPIC_ID, 1)]);
            assert!(matches!(broker.report.refused[0].1, OpenError::Io { .. }));
            assert_eq!(records(&broker, 0).await, (0..20).collect::<Vec<_>>());
            fill(&broker.store, 2, 1).await;
        });
    }
    unblock(dir.path(), 1);
    run(dir.path(), Setup::default(), async |broker| {
        assert!(broker.report.fenced.is_empty());
        assert_eq!(records(&broker, 1).await, (0..20).collect::<Vec<_>>());
        assert_eq!(records(&broker, 2).await, (0..22).collect::<Vec<_>>());
    });
    let names = std::fs::read_dir(dir.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.into_iter().any(|name| name.starts_with("salvage")));
}

#[test]
fn damaged_partition_offsets_fence_the_partition() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), Setup::default(), async |broker| {
        fill(&broker.store, 0, 10).await;
        fill(&broker.store, 1, 5).await;
        broker.store.close().await.unwrap();
    });
    run(dir.path(), Setup::default(), async |broker| {
        fill(&broker.store, 1, 5).await;
    });
    let offsets = dir.path().join("topic7-1/partition.offsets");
    for text in ["version: 0\ngarbage\n", "version: 9\n"] {
        std::fs::write(&offsets, text).unwrap();
        run(dir.path(), Setup::default(), async |broker| {
            assert_eq!(broker.report.fenced, [(TOPIC_ID, 1)]);
            assert_eq!(records(&broker, 0).await, (0..10).collect::<Vec<_>>());
            let opened = Log::open(&broker.store, id(1), LogConfig::default()).await;
            assert!(matches!(opened, Err(OpenError::Io { .. })));
        });
    }
    std::fs::remove_file(&offsets).unwrap();
    run(dir.path(), Setup::default(), async |broker| {
        assert_eq!(records(&broker, 1).await, (0..10).collect::<Vec<_>>());
    });
}

#[test]
fn a_directory_that_does_not_say_whose_it_is_is_not_removed() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), Setup::default(), async |broker| {
        fill(&broker.store, 0, 10).await;
        broker.store.close().await.unwrap();
    });
    run(dir.path(), Setup::default(), async |broker| {
        fill(&broker.store, 0, 5).await;
    });
    let metadata = dir.path().join("topic7-0/partition.metadata");
    let written = std::fs::read(&metadata).unwrap();
    let mut changed = written.clone();
    changed[25] ^= 1;
    for bytes in [Some(changed), None] {
        match bytes {
            Some(bytes) => std::fs::write(&metadata, bytes).unwrap(),
            None => std::fs::remove_file(&metadata).unwrap(),
        }
        run(dir.path(), Setup::default(), async |broker| {
            assert_eq!(broker.report.fenced, [(TOPIC_ID, 0)]);
            let opened = Log::open(&broker.store, id(0), LogConfig::default()).await;
            assert!(matches!(opened, Err(OpenError::Io { .. })));
            assert!(Log::exists(&broker.store, &id(0)));
        });
        assert!(first_segment(dir.path(), 0).exists());
    }
    std::fs::write(&metadata, written).unwrap();
    run(dir.path(), Setup::default(), async |broker| {
        assert_eq!(records(&broker, 0).await, (0..15).collect::<Vec<_>>());
    });
}

#[test]
fn a_directory_of_a_newer_format_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    storage::recovery::check_format(dir.path()).unwrap();
    let mark = dir.path().join("format.version");
    assert!(mark.exists());
    std::fs::write(&mark, "Millrace data directory\nformat: 2\n").unwrap();
    let refused = storage::recovery::check_format(dir.path()).unwrap_err();
    assert!(refused.to_string().contains("newer Millrace"), "{refused}");
}
