//! Append, read, roll, reopen, after a clean stop and after none.

use std::rc::Rc;

use storage::log::{Log, LogConfig, LogPart, ReadError};

use crate::harness::{
    Broker, Setup, append, append_durably, batch, id, numbers, read_all, run, small_segments,
};

#[test]
fn appended_records_are_durable_and_read_from_memory() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), Setup::default(), async |broker| {
        let log = Log::create(&broker.store, id(0), LogConfig::default());
        let first = append_durably(&broker.store, &log, &batch(0, 10, 100)).await;
        let second = append_durably(&broker.store, &log, &batch(10, 1, 100)).await;
        assert_eq!((first.base_offset, first.last_offset), (0, 9));
        assert_eq!((second.base_offset, second.last_offset), (10, 10));
        assert_eq!(log.durable().get(), 11);
        let slice = log.read(10, 1 << 20, i64::MAX, true).await.unwrap();
        assert!(matches!(slice.parts[..], [LogPart::Memory(_)]));
        let bytes = slice
            .to_vec(broker.store.ring(), broker.store.pool())
            .await
            .unwrap();
        assert_eq!(numbers(&bytes), [10]);
        assert!(matches!(
            log.read(12, 1, i64::MAX, true).await,
            Err(ReadError::OutOfRange { start: 0, end: 11 })
        ));
        assert!(log.read(11, 1, i64::MAX, true).await.unwrap().is_empty());
        assert!(log.read(0, 1, 10, false).await.unwrap().is_empty());
        assert!(log.read(3, 1 << 20, 9, true).await.unwrap().is_empty());
    });
}

#[test]
fn an_empty_partition_touches_no_disk() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), Setup::default(), async |broker| {
        let logs: Vec<Rc<Log>> = (0..100)
            .map(|partition| Log::create(&broker.store, id(partition), LogConfig::default()))
            .collect();
        assert_eq!(broker.store.tail_bytes(), 0);
        assert!(logs.iter().all(|log| log.size_bytes() == 0));
        broker.store.close().await.unwrap();
        assert!(!dir.path().join("topic7-0").exists());
    });
}

#[test]
fn a_crash_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), Setup::default(), async |broker| {
        let log = Log::create(&broker.store, id(0), LogConfig::default());
        for number in 0..50 {
            append_durably(&broker.store, &log, &batch(number, 1, 300)).await;
        }
    });
    run(dir.path(), Setup::default(), async |broker| {
        assert_eq!((broker.report.journals, broker.report.partitions), (1, 1));
        let log = Log::open(&broker.store, id(0), LogConfig::default())
            .await
            .unwrap();
        assert_eq!(log.end_offset(), 50);
        let bytes = read_all(&broker.store, &log, 0, 4_000).await;
        assert_eq!(numbers(&bytes), (0..50).collect::<Vec<_>>());
        append_durably(&broker.store, &log, &batch(50, 1, 300)).await;
    });
    run(dir.path(), Setup::default(), async |broker| {
        let log = Log::open(&broker.store, id(0), LogConfig::default())
            .await
            .unwrap();
        let bytes = read_all(&broker.store, &log, 0, 1 << 20).await;
        assert_eq!(numbers(&bytes), (0..51).collect::<Vec<_>>());
    });
}

#[test]
fn a_clean_stop_leaves_an_empty_journal_and_exact_files() {
    let dir = tempfile::tempdir().unwrap();
    let size = run(dir.path(), Setup::default(), async |broker| {
        let log = Log::create(&broker.store, id(0), LogConfig::default());
        for number in 0..50 {
            append(&broker.store, &log, &batch(number, 1, 300)).await;
        }
        broker.store.close().await.unwrap();
        assert_eq!(log.durable().get(), 50);
        log.size_bytes()
    });
    let file = dir.path().join("topic7-0/00000000000000000000.log");
    assert_eq!(std::fs::metadata(file).unwrap().len(), size);
    run(dir.path(), Setup::default(), async |broker| {
        assert_eq!((broker.report.commits, broker.report.partitions), (0, 0));
        let log = Log::open(&broker.store, id(0), LogConfig::default())
            .await
            .unwrap();
        let bytes = read_all(&broker.store, &log, 0, 1 << 20).await;
        assert_eq!(numbers(&bytes), (0..50).collect::<Vec<_>>());
    });
}

#[test]
fn large_appends_go_to_the_segment_and_survive_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("topic7-0/00000000000000000000.log");
    let file_bytes = || std::fs::metadata(&file).unwrap().len();
    let size = run(dir.path(), Setup::default(), async |broker| {
        let log = Log::create(&broker.store, id(0), small_segments(1 << 30));
        for number in 0..20 {
            let count = if number % 3 == 0 { 1 } else { 200 };
            append_durably(&broker.store, &log, &batch(number * 1_000, count, 1_000)).await;
        }
        log.size_bytes()
    });
    assert!(file_bytes() > size, "space is reserved ahead");
    run(dir.path(), Setup::default(), async |broker| {
        assert!(
            broker.report.bytes < 1 << 20,
            "only page tails are in the journal"
        );
        assert_eq!(file_bytes(), size, "recovery cuts what was reserved");
        let log = Log::open(&broker.store, id(0), small_segments(1 << 30))
            .await
            .unwrap();
        let bytes = read_all(&broker.store, &log, 0, 300_000).await;
        let count = numbers(&bytes).len();
        assert_eq!(i64::try_from(count).unwrap(), log.end_offset());
        assert_eq!(count, 7 + 13 * 200);
    });
}

#[test]
fn segments_roll_and_are_read_when_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup {
        tail_bytes_max: 256 << 10,
        ..Setup::default()
    };
    let config = small_segments(100_000);
    run(dir.path(), setup, async |broker| {
        let log = Log::create(&broker.store, id(0), config);
        for number in 0..1_000 {
            append(&broker.store, &log, &batch(number, 1, 3_000)).await;
        }
        log.durable().wait_for(1_000).await.unwrap();
        let bytes = read_all(&broker.store, &log, 0, 64 << 10).await;
        assert_eq!(numbers(&bytes), (0..1_000).collect::<Vec<_>>());
        broker.store.close().await.unwrap();
        assert!(
            broker.store.tail_bytes() <= setup.tail_bytes_max,
            "{}",
            broker.store.tail_bytes()
        );
    });
    run(dir.path(), setup, async |broker| {
        let log = Log::open(&broker.store, id(0), config).await.unwrap();
        let slice = log.read(40, 64 << 10, i64::MAX, true).await.unwrap();
        assert!(matches!(slice.parts[..], [LogPart::File(_)]));
        let bytes = read_all(&broker.store, &log, 0, 64 << 10).await;
        assert_eq!(numbers(&bytes), (0..1_000).collect::<Vec<_>>());
    });
}

#[test]
fn timestamps_lead_to_offsets_in_memory_and_in_files() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup {
        tail_bytes_max: 128 << 10,
        ..Setup::default()
    };
    let config = small_segments(50_000);
    let check = async |log: &Log| {
        for offset in [0, 1, 99, 100, 250, 399] {
            let found = log
                .offset_for_timestamp(1_000 + offset)
                .await
                .unwrap()
                .unwrap();
            assert_eq!((found.offset, found.timestamp), (offset, 1_000 + offset));
        }
        assert_eq!(
            log.offset_for_timestamp(0).await.unwrap().unwrap().offset,
            0
        );
        assert_eq!(log.offset_for_timestamp(1_400).await.unwrap(), None);
        assert_eq!(log.max_timestamp().await.unwrap().unwrap().offset, 399);
    };
    run(dir.path(), setup, async |broker| {
        let log = Log::create(&broker.store, id(0), config);
        for number in 0..200 {
            append(&broker.store, &log, &batch(number * 2, 2, 800)).await;
        }
        log.durable().wait_for(400).await.unwrap();
        check(&log).await;
        broker.store.close().await.unwrap();
    });
    run(dir.path(), setup, async |broker| {
        let log = Log::open(&broker.store, id(0), config).await.unwrap();
        check(&log).await;
    });
}

#[test]
fn a_deleted_log_frees_its_name() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), Setup::default(), async |broker| {
        let log = Log::create(&broker.store, id(0), small_segments(50_000));
        for number in 0..100 {
            append(&broker.store, &log, &batch(number, 1, 3_000)).await;
        }
        log.durable().wait_for(100).await.unwrap();
        log.delete().await.unwrap();
        let mut other = id(0);
        other.topic_id = protocol::types::Uuid::from_bytes([8; 16]);
        let log = Log::create(&broker.store, other, LogConfig::default());
        append_durably(&broker.store, &log, &batch(0, 1, 100)).await;
        broker.store.close().await.unwrap();
        assert_eq!(log.end_offset(), 1);
    });
}

#[test]
fn a_log_that_nobody_holds_any_more_is_closed_with_its_store() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = Log::create(&store, id(0), LogConfig::default());
            append_durably(&store, &log, &batch(0, 10, 500)).await;
            drop(log);
            store.close().await.unwrap();
        },
    );
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = Log::open(&store, id(0), LogConfig::default()).await;
            assert_eq!(log.unwrap().end_offset(), 10);
        },
    );
}

#[test]
fn memory_is_used_again_once_the_tails_are_full() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup {
        tail_bytes_max: 2 << 20,
        ..Setup::default()
    };
    run(dir.path(), setup, async |Broker { store, .. }| {
        let log = Log::create(&store, id(0), LogConfig::default());
        let mut memory = [0; 4];
        for (round, memory) in (0..).zip(&mut memory) {
            for number in 0..100 {
                let first = (round * 100 + number) * 10;
                append_durably(&store, &log, &batch(first, 10, 8_000)).await;
            }
            *memory = store.pool().allocated_bytes();
        }
        assert!(memory[0] < 12 << 20, "{memory:?}");
        assert_eq!(memory[1], memory[3], "{memory:?}");
    });
}
