//! One of the clients that use a running engine at the same time: steps drawn from a seed.

use std::rc::Rc;
use std::time::Duration;

use protocol::records::{BatchHeader, BatchOptions, ValidBatch};
use storage::clock;
use storage::compaction::clean::{CleanError, CleanLimits, clean};
use storage::compaction::plan::Lags;
use storage::log::transactions::{Marker, TransactionEnd};
use storage::log::{AppendError, Appended, Log, RetentionError, StartOffsetError};
use storage::tasks;

use super::check::{self, LEADER_EPOCH};
use super::invariants::Violation;
use super::life::{Checked, Life, Trouble};
use super::model::{Batch, Keyed, Kind, build};
use super::random::Random;
use super::weather::Class;

const PRODUCERS: u64 = 3;
/// Producers from here on write transactions.
const TRANSACTIONAL: i64 = 100;
const KEYS: u64 = 20;

/// Takes steps until there are enough, or something has failed.
pub(crate) async fn run(life: Rc<Life>, mut random: Random, steps: u64) {
    for _ in 0..steps {
        if life.fenced.get() || life.world.is_over() {
            return;
        }
        match step(&life, &mut random).await {
            Ok(()) => {}
            Err(Trouble::Broken(violation)) => return life.world.report(violation),
            // What a failed operation left is seen by the next life.
            Err(Trouble::Failed(why)) => {
                tracing::info!("a client meets a failure: {why}");
                if life.history.class == Class::Damage {
                    life.fenced.set(true);
                }
            }
        }
        if random.chance(300) {
            tasks::sleep(Duration::from_millis(random.between((1, 40)))).await;
        }
    }
}

async fn step(life: &Rc<Life>, random: &mut Random) -> Checked {
    let count = life.history.configs.len() as u64;
    let at = usize::try_from(random.below(count)).unwrap();
    let Some(log) = life.log(at) else {
        return Ok(());
    };
    match random.below(100) {
        0..55 => append(life, at, random).await,
        55..62 => end_transaction(life, at, random),
        62..68 => send_again(life, at, &log, random),
        68..84 => read(life, at, &log, random).await,
        84..88 => delete_records(life, at, &log, random).await,
        88..92 => retain(life, at, &log).await,
        92..96 => compact(life, at, &log, random).await,
        96..97 => make_again(life, at, log).await,
        97..98 if life.history.class != Class::Damage => check::transactions(life, at, &log).await,
        _ => {
            tasks::sleep(Duration::from_millis(random.between((50, 1_500)))).await;
            Ok(())
        }
    }
}

/// Appends a batch, as soon as the journal has room; waits for it sometimes.
async fn append(life: &Rc<Life>, at: usize, random: &mut Random) -> Checked {
    let kind = draw_kind(life, at, random);
    let count = random.between((1, 5));
    let value_bytes = match random.below(20) {
        0 => random.between((20_000, 60_000)),
        1..6 => random.between((1_000, 6_000)),
        _ => random.between((8, 400)),
    };
    let value_bytes = usize::try_from(value_bytes).unwrap();
    let records: Vec<Keyed> = (0..count).map(|_| draw_record(life, random)).collect();
    loop {
        let Some(log) = life.log(at) else {
            return Ok(());
        };
        let bytes = build(
            options(life, at, kind),
            &records,
            value_bytes,
            clock::now_ms(),
        );
        let bytes_count = bytes.len();
        match log.append(&bytes, &valid(&bytes), LEADER_EPOCH, clock::now_ms()) {
            Ok(appended) => {
                let batch = Batch {
                    bytes,
                    last_offset: appended.last_offset,
                    kind,
                    records,
                };
                note(life, at, appended, batch)?;
                if random.chance(500) {
                    return Ok(());
                }
                let waited = log.durable().wait_for(appended.last_offset + 1).await;
                return match waited {
                    Ok(()) => Ok(()),
                    Err(_) => fenced(life, Some((at, &log))),
                };
            }
            Err(AppendError::JournalFull) => {
                let store = life.store(at);
                if store.admit(bytes_count).await.is_err() {
                    return fenced(life, None);
                }
            }
            Err(error) => return refused(life, at, &log, &error),
        }
    }
}

fn draw_kind(life: &Life, at: usize, random: &mut Random) -> Kind {
    let producer = i64::try_from(random.below(PRODUCERS)).unwrap();
    let compacted = life.history.models.borrow()[at].compacted;
    match random.below(10) {
        0..4 => Kind::Plain,
        4..8 => Kind::Sequenced {
            producer,
            transactional: false,
        },
        _ if compacted => Kind::Plain,
        _ => Kind::Sequenced {
            producer: TRANSACTIONAL + producer,
            transactional: true,
        },
    }
}

fn draw_record(life: &Life, random: &mut Random) -> Keyed {
    let number = life.history.number.get() + 1;
    life.history.number.set(number);
    Keyed {
        key: random.below(KEYS),
        value: (!random.chance(100)).then_some(number),
    }
}

fn options(life: &Life, at: usize, kind: Kind) -> BatchOptions {
    let Kind::Sequenced {
        producer,
        transactional,
    } = kind
    else {
        return BatchOptions::default();
    };
    let models = life.history.models.borrow();
    let known = models[at].producers.get(&producer);
    BatchOptions {
        producer_id: producer,
        producer_epoch: 0,
        base_sequence: known.map_or(0, |known| known.next_sequence),
        is_transactional: transactional,
        ..BatchOptions::default()
    }
}

fn valid(bytes: &[u8]) -> ValidBatch {
    ValidBatch {
        header: BatchHeader::parse(bytes).unwrap(),
        rewrite: None,
    }
}

fn note(life: &Life, at: usize, appended: Appended, batch: Batch) -> Checked {
    life.history.counts.borrow_mut().batches += 1;
    let (base, last) = (appended.base_offset, appended.last_offset);
    tracing::debug!("log {at} takes {base}..={last}, {:?}", batch.kind);
    let model = &mut life.history.models.borrow_mut()[at];
    if appended.duplicate {
        let detail = format!("{}: a new batch counts as sent again", model.topic());
        return Err(Violation::new("DuplicatesStayFound", detail).into());
    }
    Ok(model.appended(appended.base_offset, batch)?)
}

/// An append that was not taken: may that be?
fn refused(life: &Life, at: usize, log: &Rc<Log>, error: &AppendError) -> Checked {
    if matches!(error, AppendError::StorageFailed) {
        return fenced(life, Some((at, log)));
    }
    let allowed = match life.history.class {
        Class::Stops => false,
        Class::Failures => matches!(error, AppendError::DiskFull),
        // What a damaged recovery point told of producers is gone.
        Class::Damage => matches!(error, AppendError::OutOfOrderSequence { .. }),
    };
    if allowed {
        return Ok(());
    }
    let detail = format!("log {at}: {error}");
    Err(Violation::new("DuplicatesStayFound", detail).into())
}

/// A log, or a store, does not work any more: nothing stops without a reason.
fn fenced(life: &Life, log: Option<(usize, &Rc<Log>)>) -> Checked {
    let is_deleted = |(at, log): (usize, &Rc<Log>)| {
        let now = life.log(at);
        now.is_none_or(|now| !Rc::ptr_eq(&now, log))
    };
    if log.is_some_and(is_deleted) {
        return Ok(());
    }
    life.fenced.set(true);
    if life.history.class == Class::Stops && !life.world.is_over() {
        let detail = format!(
            "{:?} is fenced, and nothing has failed",
            log.map(|(at, _)| at)
        );
        return Err(Violation::new("LogsOpen", detail).into());
    }
    Ok(())
}

fn end_transaction(life: &Life, at: usize, random: &mut Random) -> Checked {
    let producer = TRANSACTIONAL + i64::try_from(random.below(PRODUCERS)).unwrap();
    let is_open = {
        let models = life.history.models.borrow();
        let known = models[at].producers.get(&producer);
        known.is_some_and(|known| known.open.is_some())
    };
    let Some(log) = life.log(at).filter(|_| is_open) else {
        return Ok(());
    };
    let committed = random.chance(500);
    let marker = Marker {
        producer_id: producer,
        producer_epoch: 0,
        end: TransactionEnd {
            committed,
            coordinator_epoch: 0,
        },
        bumps_epoch: false,
    };
    let now_ms = clock::now_ms();
    match log.append_marker(&marker, LEADER_EPOCH, now_ms) {
        Ok(appended) => {
            let batch = Batch {
                bytes: marker.to_batch(now_ms).to_vec(),
                last_offset: appended.last_offset,
                kind: Kind::Marker {
                    producer,
                    committed,
                },
                records: Vec::new(),
            };
            note(life, at, appended, batch)
        }
        Err(AppendError::JournalFull) => Ok(()),
        Err(error) => refused(life, at, &log, &error),
    }
}

/// Sends the last batch of a producer once more.
fn send_again(life: &Life, at: usize, log: &Rc<Log>, random: &mut Random) -> Checked {
    let producer = i64::try_from(random.below(PRODUCERS)).unwrap();
    let models = life.history.models.borrow();
    let model = &models[at];
    let last = model.producers.get(&producer).and_then(|known| known.last);
    let Some(base) = last else {
        return Ok(());
    };
    let batch = &model.batches[&base];
    if life.history.class == Class::Damage {
        return Ok(());
    }
    match log.append(
        &batch.bytes,
        &valid(&batch.bytes),
        LEADER_EPOCH,
        clock::now_ms(),
    ) {
        Ok(appended) if appended.duplicate && appended.base_offset == base => Ok(()),
        Err(AppendError::StorageFailed) => Ok(()),
        other => {
            let detail = format!("{}: the batch at {base} again: {other:?}", model.topic());
            Err(Violation::new("DuplicatesStayFound", detail).into())
        }
    }
}

async fn read(life: &Life, at: usize, log: &Log, random: &mut Random) -> Checked {
    let (start, upto) = (log.start_offset(), log.durable().get());
    if upto <= start {
        return Ok(());
    }
    let offset = start + i64::try_from(random.below((upto - start).unsigned_abs())).unwrap();
    let bytes_max = usize::try_from(random.between((1, 50_000))).unwrap();
    let store = life.store(at);
    check::piece(life, at, &store, log, (offset, bytes_max, upto))
        .await
        .map(drop)
}

async fn delete_records(life: &Life, at: usize, log: &Log, random: &mut Random) -> Checked {
    let (start, durable) = (log.start_offset(), log.durable().get());
    let offset = start + i64::try_from(random.below((durable - start).unsigned_abs() + 1)).unwrap();
    let generation = {
        let model = &mut life.history.models.borrow_mut()[at];
        if model.compacted {
            return Ok(());
        }
        model.start_asked = model.start_asked.max(offset);
        model.generation
    };
    let advanced = log.advance_start_offset(offset).await;
    moved(life, at, generation, advanced)
}

/// The start of a log was moved, or could not be.
fn moved(
    life: &Life,
    at: usize,
    generation: u8,
    advanced: Result<i64, StartOffsetError>,
) -> Checked {
    let model = &mut life.history.models.borrow_mut()[at];
    if model.generation != generation {
        return Ok(());
    }
    match advanced {
        Ok(start) => {
            model.start = model.start.max(start);
            model.start_asked = model.start_asked.max(start);
            Ok(())
        }
        Err(error) if life.history.class == Class::Stops && !life.world.is_over() => {
            let detail = format!("{}: {error}", model.topic());
            Err(Violation::new("StartOffsetNeverFallsBack", detail).into())
        }
        Err(_) => Ok(()),
    }
}

async fn retain(life: &Life, at: usize, log: &Rc<Log>) -> Checked {
    let generation = {
        let model = &mut life.history.models.borrow_mut()[at];
        // It decides itself how far it goes, meanwhile.
        model.start_asked = model.start_asked.max(model.end);
        model.generation
    };
    let retained = log.enforce_retention(clock::now_ms()).await;
    let advanced = match retained {
        Ok(_) => Ok(log.start_offset()),
        Err(RetentionError::StartOffset(error)) => Err(error),
        Err(RetentionError::Seal(error)) => Err(StartOffsetError::Io(error)),
        Err(RetentionError::Read(_)) if log.durable().is_failed() => return Ok(()),
        Err(RetentionError::Read(error)) => {
            return Err(Trouble::Failed(error.to_string()));
        }
    };
    moved(life, at, generation, advanced)
}

async fn compact(life: &Life, at: usize, log: &Rc<Log>, random: &mut Random) -> Checked {
    let generation = life.history.models.borrow()[at].generation;
    let is_compacted = life.history.models.borrow()[at].compacted;
    if !is_compacted || !life.compacting.borrow_mut().insert(at) {
        return Ok(());
    }
    let done = round(life, log, random).await;
    let checked = compacted(life, at, log, generation, done).await;
    // Another round would remove what the check still looks for.
    life.compacting.borrow_mut().remove(&at);
    checked
}

/// After a round everything that it must keep is there.
async fn compacted(
    life: &Life,
    at: usize,
    log: &Rc<Log>,
    generation: u8,
    done: Result<(), CleanError>,
) -> Checked {
    let again = life.history.models.borrow()[at].generation != generation;
    if again || life.world.is_over() {
        return Ok(());
    }
    match done {
        Ok(()) => {
            life.history.counts.borrow_mut().rounds += 1;
            let store = life.store(at);
            check::whole(life, at, &store, log).await
        }
        Err(CleanError::Superseded) => Ok(()),
        Err(error) if life.history.class == Class::Stops => {
            let detail = format!("log {at}: {error}");
            Err(Violation::new("LogsOpen", detail).into())
        }
        Err(error) => Err(Trouble::Failed(error.to_string())),
    }
}

async fn round(life: &Life, log: &Rc<Log>, random: &mut Random) -> Result<(), CleanError> {
    const LAGS: Lags = Lags {
        min_compaction_lag_ms: 0,
        max_compaction_lag_ms: i64::MAX,
        min_cleanable_dirty_ratio: 0.0,
    };
    let limits = CleanLimits {
        segment_bytes: random.between((8 << 10, 64 << 10)),
        index_interval_bytes: 1_024,
        index_bytes_max: 1 << 20,
        key_bytes_max: random.choose(&[24 * 12, 1 << 20]),
        key_load_factor: 0.9,
        bytes_per_second: f64::MAX,
    };
    let now_ms = clock::now_ms();
    let Some(cleanable) = log.cleanable(&LAGS, now_ms).await? else {
        return Ok(());
    };
    // Tombstones stay: what they delete would come back with a lost tail.
    let job = log
        .clean_job(&cleanable, limits, now_ms, i64::MAX / 4)
        .await?;
    let swap = async |group| log.swap(group).await;
    let cleaned = clean(&life.ring, &life.pool, &job, swap).await;
    match cleaned {
        Ok(round) => Ok(log.note_cleaned(round.end_offset).await?),
        Err(error) => {
            log.discard_cleaned().await?;
            Err(error)
        }
    }
}

/// The topic is deleted and made again.
async fn make_again(life: &Life, at: usize, log: Rc<Log>) -> Checked {
    life.history.models.borrow_mut()[at].made_again();
    life.logs.borrow_mut()[at] = None;
    let generation = life.history.models.borrow()[at].generation;
    let deleted = log.delete().await;
    if life.world.is_over() {
        return Ok(());
    }
    if let Err(error) = deleted {
        life.fenced.set(true);
        if life.history.class == Class::Stops {
            return Err(Violation::new("DeletedStaysDeleted", error.to_string()).into());
        }
        return Ok(());
    }
    let id = life.history.models.borrow()[at].id();
    assert_eq!(generation, life.history.models.borrow()[at].generation);
    let log = Log::create(&life.store(at), id, life.history.configs[at]);
    life.logs.borrow_mut()[at] = Some(log);
    Ok(())
}

/// A disk that has space again takes records again.
pub(crate) async fn space_returns(life: &Rc<Life>) -> Checked {
    life.world.no_more_failures();
    tasks::sleep(Duration::from_secs(5)).await;
    for at in 0..life.history.configs.len() {
        let Some(log) = life.log(at) else { continue };
        if life.store(at).is_disk_full() && !log.durable().is_failed() {
            let detail = format!("log {at} refuses records");
            return Err(Violation::new("SpaceReturns", detail).into());
        }
    }
    Ok(())
}
