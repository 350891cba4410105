//! The log against a model that is a list of record numbers: whatever the order of appends,
//! reads, rolls, checkpoints, clean stops and crashes, both hold the same.

use std::path::Path;
use std::rc::Rc;

use proptest::prelude::*;
use storage::log::{Log, LogConfig};
use storage::store::Store;

use crate::harness::{
    Broker, Setup, append, append_durably, batch, id, numbers, read_all, run, small_segments,
};

#[derive(Debug, Clone)]
enum Step {
    Append {
        partition: usize,
        records: u64,
        value_bytes: usize,
        wait: bool,
    },
    Read {
        partition: usize,
        from: prop::sample::Index,
        bytes_max: usize,
    },
    Timestamp {
        partition: usize,
        at: prop::sample::Index,
    },
    Stop {
        clean: bool,
        shard: u32,
    },
}

const PARTITIONS: usize = 3;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let partition = 0..PARTITIONS;
    let append = (partition.clone(), 1..20_u64, 8..6_000_usize, any::<bool>()).prop_map(
        |(partition, records, value_bytes, wait)| Step::Append {
            partition,
            records,
            value_bytes,
            wait,
        },
    );
    let read = (
        partition.clone(),
        any::<prop::sample::Index>(),
        1..200_000_usize,
    )
        .prop_map(|(partition, from, bytes_max)| Step::Read {
            partition,
            from,
            bytes_max,
        });
    let timestamp = (partition, any::<prop::sample::Index>())
        .prop_map(|(partition, at)| Step::Timestamp { partition, at });
    let stop = (any::<bool>(), 0..3_u32).prop_map(|(clean, shard)| Step::Stop { clean, shard });
    let step = prop_oneof![12 => append, 3 => read, 1 => timestamp, 1 => stop];
    prop::collection::vec(step, 1..120)
}

/// The records of each partition: what was appended, and how many were acknowledged.
#[derive(Debug, Default)]
struct Model {
    records: [Vec<u64>; PARTITIONS],
    acknowledged: [usize; PARTITIONS],
    next: u64,
}

/// Runs steps until the next stop; returns where it came.
fn run_until_stop(
    dir: &Path,
    shard: u32,
    config: LogConfig,
    model: &mut Model,
    steps: &[Step],
) -> usize {
    let setup = Setup {
        journal_bytes: 640 << 10,
        tail_bytes_max: 96 << 10,
        shard,
        ..Setup::default()
    };
    run(dir, setup, async |Broker { store, report }| {
        assert!(report.refused.is_empty(), "{:?}", report.refused);
        let logs = open_all(&store, config, model).await;
        for (at, step) in steps.iter().enumerate() {
            match step {
                Step::Append {
                    partition,
                    records,
                    value_bytes,
                    wait,
                } => {
                    let bytes = batch(model.next, *records, *value_bytes);
                    let log = &logs[*partition];
                    let appended = if *wait {
                        append_durably(&store, log, &bytes).await
                    } else {
                        append(&store, log, &bytes).await
                    };
                    let known = &mut model.records[*partition];
                    assert_eq!(usize::try_from(appended.base_offset).unwrap(), known.len());
                    known.extend(model.next..model.next + records);
                    model.next += records;
                }
                Step::Read {
                    partition,
                    from,
                    bytes_max,
                } => {
                    let known = &model.records[*partition];
                    let from = from.index(known.len() + 1);
                    let log = &logs[*partition];
                    let offset = i64::try_from(from).unwrap();
                    let bytes = read_all(&store, log, offset, *bytes_max).await;
                    assert!(numbers(&bytes).ends_with(&known[from..]));
                }
                Step::Timestamp { partition, at } => {
                    check_timestamp(&logs[*partition], &model.records[*partition], *at).await;
                }
                Step::Stop { clean, .. } => {
                    if *clean {
                        store.close().await.unwrap();
                    }
                    note_acknowledged(&logs, &mut model.acknowledged);
                    return at + 1;
                }
            }
            note_acknowledged(&logs, &mut model.acknowledged);
        }
        steps.len()
    })
}

/// Opens all partitions, which must hold what the model says, and then is what it says.
async fn open_all(store: &Rc<Store>, config: LogConfig, model: &mut Model) -> Vec<Rc<Log>> {
    let mut logs = Vec::new();
    for (partition, records) in model.records.iter_mut().enumerate() {
        let id = id(i32::try_from(partition).unwrap());
        let log = Log::open(store, id, config).await.unwrap();
        let end = usize::try_from(log.end_offset()).unwrap();
        assert!(
            end >= model.acknowledged[partition],
            "acknowledged records are there"
        );
        assert!(
            end <= records.len(),
            "nothing is there that was not appended"
        );
        records.truncate(end);
        model.acknowledged[partition] = end;
        let bytes = read_all(store, &log, 0, 50_000).await;
        assert_eq!(&numbers(&bytes), records);
        logs.push(log);
    }
    logs
}

fn note_acknowledged(logs: &[Rc<Log>], acknowledged: &mut [usize; PARTITIONS]) {
    for (partition, log) in logs.iter().enumerate() {
        acknowledged[partition] = usize::try_from(log.durable().get()).unwrap();
    }
}

/// Record `n` has the timestamp 1000 + n.
async fn check_timestamp(log: &Log, known: &[u64], at: prop::sample::Index) {
    if known.is_empty() {
        return;
    }
    let at = at.index(known.len());
    log.durable()
        .wait_for(i64::try_from(known.len()).unwrap())
        .await
        .unwrap();
    let timestamp = 1_000 + i64::try_from(known[at]).unwrap();
    let found = log.offset_for_timestamp(timestamp).await.unwrap().unwrap();
    assert_eq!(usize::try_from(found.offset).unwrap(), at);
    assert_eq!(found.timestamp, timestamp);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_log_holds_what_the_model_holds(steps in steps(), segment_kib in 20..400_u64) {
        let dir = tempfile::tempdir().unwrap();
        let config = small_segments(segment_kib << 10);
        let mut model = Model::default();
        let (mut at, mut shard) = (0, 0);
        while at < steps.len() {
            at += run_until_stop(dir.path(), shard, config, &mut model, &steps[at..]);
            if let Step::Stop { shard: next, .. } = &steps[at - 1] {
                shard = *next;
            }
        }
        run_until_stop(dir.path(), shard, config, &mut model, &[]);
    }
}
