//! Producers' batches sent twice, before and after stops.

use protocol::records::{BatchBuilder, BatchOptions};
use storage::log::{AppendError, Appended, Log, LogConfig};

use crate::harness::{Setup, id, run, valid};

fn batch_of(producer_epoch: i16, base_sequence: i32, count: u8) -> Vec<u8> {
    let options = BatchOptions {
        producer_id: 5,
        producer_epoch,
        base_sequence,
        ..Default::default()
    };
    let mut builder = BatchBuilder::new(options);
    for _ in 0..count {
        builder.append(4_000, None, Some(b"value"), &[]);
    }
    builder.build().to_vec()
}

async fn send(log: &std::rc::Rc<Log>, batch: &[u8]) -> Result<Appended, AppendError> {
    let appended = log.append(batch, &valid(batch), 0, 5_000)?;
    log.durable()
        .wait_for(appended.last_offset + 1)
        .await
        .unwrap();
    Ok(appended)
}

#[test]
fn duplicates_are_found_after_a_crash_and_after_a_clean_stop() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), Setup::default(), async |broker| {
        let log = Log::create(&broker.store, id(0), LogConfig::default());
        for sequence in 0..3 {
            send(&log, &batch_of(0, sequence * 2, 2)).await.unwrap();
        }
    });
    for clean in [true, false, true] {
        run(dir.path(), Setup::default(), async |broker| {
            let log = Log::open(&broker.store, id(0), LogConfig::default())
                .await
                .unwrap();
            let again = send(&log, &batch_of(0, 2, 2)).await.unwrap();
            assert!(again.duplicate);
            assert_eq!((again.base_offset, again.last_offset), (2, 3));
            assert_eq!(log.end_offset(), 6);
            assert!(matches!(
                send(&log, &batch_of(0, 7, 1)).await,
                Err(AppendError::OutOfOrderSequence {
                    expected: 6,
                    got: 7,
                    ..
                })
            ));
            if clean {
                broker.store.close().await.unwrap();
            }
        });
    }
    run(dir.path(), Setup::default(), async |broker| {
        let log = Log::open(&broker.store, id(0), LogConfig::default())
            .await
            .unwrap();
        assert_eq!(send(&log, &batch_of(0, 6, 1)).await.unwrap().base_offset, 6);
        assert_eq!(send(&log, &batch_of(1, 0, 1)).await.unwrap().base_offset, 7);
        assert!(matches!(
            send(&log, &batch_of(0, 7, 1)).await,
            Err(AppendError::InvalidProducerEpoch {
                current: 1,
                got: 0,
                ..
            })
        ));
    });
}

#[test]
fn leader_epochs_survive_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let append = |log: &std::rc::Rc<Log>, epoch| {
        let batch = crate::harness::batch(0, 2, 100);
        log.append(&batch, &valid(&batch), epoch, 5_000).unwrap()
    };
    run(dir.path(), Setup::default(), async |broker| {
        let log = Log::create(&broker.store, id(0), LogConfig::default());
        append(&log, 0);
        append(&log, 0);
        let last = append(&log, 4);
        log.durable().wait_for(last.last_offset + 1).await.unwrap();
    });
    run(dir.path(), Setup::default(), async |broker| {
        let log = Log::open(&broker.store, id(0), LogConfig::default())
            .await
            .unwrap();
        assert_eq!(log.latest_epoch(), Some(4));
        assert_eq!(log.end_offset_for_epoch(0), Some((0, 4)));
        assert_eq!(log.end_offset_for_epoch(2), Some((0, 4)));
        assert_eq!(log.end_offset_for_epoch(4), Some((4, 6)));
        assert_eq!(log.end_offset_for_epoch(5), None);
    });
}
