//! Transactions in one log, against a model that is the list of what was appended: the last stable
//! offset and the aborted transactions of any range, through rolls, checkpoints, clean stops and
//! crashes.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use proptest::prelude::*;
use protocol::records::{BatchBuilder, BatchOptions};
use storage::log::transactions::{Marker, TransactionEnd};
use storage::log::{AppendError, Appended, Log, LogConfig};
use storage::store::Store;

use crate::harness::{Broker, Setup, id, run, small_segments, valid};

const PRODUCERS: i64 = 4;

#[derive(Debug, Clone, Copy)]
enum Step {
    Records { producer: i64, value_bytes: usize },
    Marker { producer: i64, committed: bool },
    NotTransactional,
    Look { from: u8, length: u8 },
    Stop { clean: bool },
}

/// What stands at an offset; every batch has one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Records { producer: i64 },
    Marker { producer: i64, committed: bool },
    NotTransactional,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..PRODUCERS, 1..3_000_usize)
            .prop_map(|(producer, value_bytes)| Step::Records { producer, value_bytes }),
        4 => (0..PRODUCERS, any::<bool>())
            .prop_map(|(producer, committed)| Step::Marker { producer, committed }),
        2 => Just(Step::NotTransactional),
        4 => (any::<u8>(), any::<u8>()).prop_map(|(from, length)| Step::Look { from, length }),
        1 => any::<bool>().prop_map(|clean| Step::Stop { clean }),
    ];
    prop::collection::vec(step, 1..150)
}

/// One record of a producer; each has its own sequence from 0 on.
fn batch(options: BatchOptions, value_bytes: usize) -> Vec<u8> {
    let mut builder = BatchBuilder::new(options);
    builder.append(4_000, None, Some(&vec![7; value_bytes]), &[]);
    builder.build().to_vec()
}

fn records_of(producer_id: i64, base_sequence: i32, value_bytes: usize) -> Vec<u8> {
    let options = BatchOptions {
        producer_id,
        producer_epoch: 0,
        base_sequence,
        is_transactional: true,
        ..BatchOptions::default()
    };
    batch(options, value_bytes)
}

fn marker(producer_id: i64, committed: bool) -> Marker {
    Marker {
        producer_id,
        producer_epoch: 0,
        end: TransactionEnd {
            committed,
            coordinator_epoch: 0,
        },
        bumps_epoch: false,
    }
}

/// Appends until the journal has room, and waits until it is durable.
async fn durably(
    store: &Store,
    log: &Log,
    append: impl Fn() -> Result<Appended, AppendError>,
) -> i64 {
    let appended = loop {
        match append() {
            Ok(appended) => break appended,
            Err(AppendError::JournalFull) => store.admit(100_000).await.unwrap(),
            Err(error) => panic!("{error}"),
        }
    };
    log.durable()
        .wait_for(appended.last_offset + 1)
        .await
        .unwrap();
    appended.last_offset
}

/// The offset before which everything is decided, and the aborted transactions with first and
/// marker offset.
fn truth(events: &[Event]) -> (i64, Vec<(i64, i64, i64)>) {
    let mut open = BTreeMap::new();
    let mut aborted = Vec::new();
    for (offset, event) in (0..).zip(events) {
        match event {
            Event::Records { producer } => {
                open.entry(*producer).or_insert(offset);
            }
            Event::Marker {
                producer,
                committed,
            } => {
                if let Some(first) = open.remove(producer)
                    && !committed
                {
                    aborted.push((first, offset, *producer));
                }
            }
            Event::NotTransactional => {}
        }
    }
    let end = i64::try_from(events.len()).unwrap();
    (open.values().min().copied().unwrap_or(end), aborted)
}

async fn look(log: &Log, events: &[Event], from: u8, length: u8) {
    let (stable, aborted) = truth(events);
    assert_eq!(log.last_stable().get(), stable);
    let from = i64::from(from).min(stable);
    let upto = (from + i64::from(length)).min(stable);
    let mut expected: Vec<_> = aborted
        .into_iter()
        .filter(|(first, last, _)| *last >= from && *first < upto)
        .collect();
    expected.sort_unstable();
    let found = log.aborted_transactions(from, upto).await.unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|aborted| {
            (
                aborted.first_offset,
                aborted.last_offset,
                aborted.producer_id,
            )
        })
        .collect();
    assert_eq!(found, expected, "{from}..{upto}");
}

/// Runs steps until the next stop; returns where it came.
fn run_until_stop(dir: &Path, config: LogConfig, events: &mut Vec<Event>, steps: &[Step]) -> usize {
    run(dir, Setup::default(), async |Broker { store, report }| {
        assert!(report.refused.is_empty(), "{:?}", report.refused);
        let log = Log::open(&store, id(0), config).await.unwrap();
        look(&log, events, 0, u8::MAX).await;
        for (at, step) in steps.iter().enumerate() {
            match *step {
                Step::Records {
                    producer,
                    value_bytes,
                } => {
                    let event = Event::Records { producer };
                    let sent = events.iter().filter(|known| **known == event).count();
                    let batch = records_of(producer, i32::try_from(sent).unwrap(), value_bytes);
                    let append = || log.append(&batch, &valid(&batch), 0, 5_000);
                    durably(&store, &log, append).await;
                    events.push(event);
                }
                Step::Marker {
                    producer,
                    committed,
                } => {
                    let marker = marker(producer, committed);
                    let append = || log.append_marker(&marker, 0, 5_000);
                    durably(&store, &log, append).await;
                    events.push(Event::Marker {
                        producer,
                        committed,
                    });
                }
                Step::NotTransactional => {
                    let batch = batch(BatchOptions::default(), 10);
                    let append = || log.append(&batch, &valid(&batch), 0, 5_000);
                    durably(&store, &log, append).await;
                    events.push(Event::NotTransactional);
                }
                Step::Look { from, length } => look(&log, events, from, length).await,
                Step::Stop { clean } => {
                    if clean {
                        store.close().await.unwrap();
                    }
                    return at + 1;
                }
            }
        }
        steps.len()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn readers_of_committed_records_see_what_the_model_says(steps in steps(), segment_kib in 4..60_u64) {
        let dir = tempfile::tempdir().unwrap();
        let config = small_segments(segment_kib << 10);
        let mut events = Vec::new();
        let mut at = 0;
        while at < steps.len() {
            at += run_until_stop(dir.path(), config, &mut events, &steps[at..]);
        }
        run_until_stop(dir.path(), config, &mut events, &[]);
    }
}

#[test]
fn a_marker_that_is_not_durable_decides_nothing() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), Setup::default(), async |broker| {
        let log = Log::create(&broker.store, id(0), LogConfig::default());
        let batch = records_of(5, 0, 10);
        let append = || log.append(&batch, &valid(&batch), 0, 5_000);
        durably(&broker.store, &log, append).await;
        let appended = log.append_marker(&marker(5, true), 0, 5_000).unwrap();
        assert_eq!(log.last_stable().get(), 0);
        let stable = log.last_stable().wait_for(appended.last_offset + 1);
        stable.await.unwrap();
        assert_eq!(log.durable().get(), 2);
    });
}

#[test]
fn epochs_and_open_transactions_survive_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let bumped = Marker {
        producer_epoch: 1,
        bumps_epoch: true,
        ..marker(5, false)
    };
    run(dir.path(), Setup::default(), async |broker| {
        let log = Log::create(&broker.store, id(0), LogConfig::default());
        let batch = records_of(5, 0, 10);
        let append = || log.append(&batch, &valid(&batch), 0, 5_000);
        durably(&broker.store, &log, append).await;
    });
    run(dir.path(), Setup::default(), async |broker| {
        let log = Log::open(&broker.store, id(0), LogConfig::default())
            .await
            .unwrap();
        assert_eq!(log.producer(5).unwrap().txn_first_offset, Some(0));
        let not_bumped = Marker {
            producer_epoch: 0,
            ..bumped
        };
        let refused = log.append_marker(&not_bumped, 0, 5_000);
        assert!(matches!(
            refused,
            Err(AppendError::InvalidProducerEpoch { .. })
        ));
        durably(&broker.store, &log, || log.append_marker(&bumped, 0, 5_000)).await;
    });
    run(dir.path(), Setup::default(), async |broker| {
        let log = Log::open(&broker.store, id(0), LogConfig::default())
            .await
            .unwrap();
        let producer = log.producer(5).unwrap();
        assert_eq!(
            (producer.producer_epoch, producer.txn_first_offset),
            (1, None)
        );
        let stale = records_of(5, 1, 10);
        let refused = log.append(&stale, &valid(&stale), 0, 5_000);
        assert!(matches!(
            refused,
            Err(AppendError::InvalidProducerEpoch { .. })
        ));
        assert_eq!(log.aborted_transactions(0, 1).await.unwrap().len(), 1);
    });
}

#[test]
fn a_list_of_aborted_transactions_is_read_again_when_its_segment_was_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let fill = async |store: &Store, log: &Rc<Log>| {
        for sequence in 0..20 {
            let batch = records_of(5, sequence, 2_000);
            durably(store, log, || log.append(&batch, &valid(&batch), 0, 5_000)).await;
            durably(store, log, || {
                log.append_marker(&marker(5, false), 0, 5_000)
            })
            .await;
        }
    };
    run(dir.path(), Setup::default(), async |broker| {
        let log = Log::create(&broker.store, id(0), small_segments(8 << 10));
        fill(&broker.store, &log).await;
        broker.store.close().await.unwrap();
    });
    run(dir.path(), Setup::default(), async |broker| {
        let log = Log::open(&broker.store, id(0), small_segments(8 << 10))
            .await
            .unwrap();
        assert_eq!(log.aborted_transactions(0, 40).await.unwrap().len(), 20);
        assert_eq!(log.aborted_transactions(11, 13).await.unwrap().len(), 2);
        assert_eq!(log.aborted_transactions(40, 40).await.unwrap().len(), 0);
    });
}
