//! The log against its model: what a start finds, and what reads return.

use std::collections::BTreeSet;
use std::rc::Rc;

use protocol::records::{
    BATCH_HEADER_BYTES, BatchHeader, BatchIter, RecordIter, check_crc, patch_base_offset,
};
use storage::log::{Log, ReadError};
use storage::store::Store;

use super::invariants::Violation;
use super::life::{Checked, Life, Trouble};
use super::model::{Keyed, LogModel};
use super::weather::Class;

pub(crate) const LEADER_EPOCH: i32 = 3;

/// A start has opened a log.
pub(crate) async fn opened(life: &Life, at: usize, store: &Store, log: &Rc<Log>) -> Checked {
    {
        let model = &mut life.history.models.borrow_mut()[at];
        let acknowledged = model.acknowledged;
        model.cut(log.end_offset())?;
        if life.history.class == Class::Damage {
            model.start = log.start_offset();
        } else {
            model.begins(log.start_offset(), acknowledged)?;
        }
        model.start_asked = model.start;
    }
    whole(life, at, store, log).await?;
    if life.history.class == Class::Damage {
        // Without a recovery point, what deleted segments told of producers is gone.
        return Ok(());
    }
    transactions(life, at, log).await?;
    let models = life.history.models.borrow();
    producers(&models[at], log)
}

/// Reads all of a log that is durable.
pub(crate) async fn whole(life: &Life, at: usize, store: &Store, log: &Log) -> Checked {
    let upto = log.durable().get();
    let mut offset = log.start_offset();
    let mut found = BTreeSet::new();
    while offset < upto {
        match piece(life, at, store, log, (offset, 40_000, upto)).await? {
            Some(read) if read.next_offset > offset => {
                found.extend(read.offsets);
                offset = read.next_offset;
            }
            // Nothing but gaps is left.
            Some(_) if life.history.models.borrow()[at].compacted => break,
            Some(_) => {
                let detail = format!("nothing is at {offset}, {upto} are durable");
                return Err(Violation::new("NothingAcknowledgedIsLost", detail).into());
            }
            None => return Ok(()),
        }
    }
    let model = &life.history.models.borrow()[at];
    if model.compacted {
        latest_of_each_key(model, &found, upto)?;
    }
    Ok(())
}

/// What a read returned, when it was as it must be.
pub(crate) struct Piece {
    pub(crate) next_offset: i64,
    offsets: Vec<i64>,
}

/// Reads from an offset; `None` when the log moved on, so that nothing can be said.
pub(crate) async fn piece(
    life: &Life,
    at: usize,
    store: &Store,
    log: &Log,
    (offset, bytes_max, upto): (i64, usize, i64),
) -> Result<Option<Piece>, Trouble> {
    let generation = life.history.models.borrow()[at].generation;
    let read = async {
        let slice = log.read(offset, bytes_max, upto, true).await?;
        let bytes = slice.to_vec(store.ring(), store.pool()).await?;
        Ok(bytes)
    };
    let bytes: Result<Vec<u8>, ReadError> = read.await;
    let model = &life.history.models.borrow()[at];
    if model.generation != generation || life.world.is_over() {
        return Ok(None);
    }
    life.history.counts.borrow_mut().reads += 1;
    match bytes {
        Ok(bytes) => match judge(model, &bytes, offset, upto) {
            Err(violation) => Err(judge_damage(life, &bytes, violation)),
            Ok(piece) => Ok(Some(piece)),
        },
        Err(ReadError::OutOfRange { start, .. }) if offset < start => Ok(None),
        Err(error) => Err(trouble(life, log, at, &error)),
    }
}

/// A read that failed: may that be?
fn trouble(life: &Life, log: &Log, at: usize, error: &ReadError) -> Trouble {
    let allowed = match life.history.class {
        Class::Stops => false,
        Class::Failures => matches!(error, ReadError::Io(_)),
        Class::Damage => true,
    };
    let detail = format!(
        "read of log {at}, {}..{}: {error}",
        log.start_offset(),
        log.end_offset()
    );
    if allowed {
        Trouble::Failed(detail)
    } else {
        Violation::new("NothingAcknowledgedIsLost", detail).into()
    }
}

/// Bytes that are not what they must be, where the medium may have changed them: a client that
/// checks the batches must see it. Sealed segments go out unread, and Kafka's checksum does not
/// cover a batch's offset, which does not follow the one before then, or is in a gap that compaction
/// made, nor its leader epoch.
fn judge_damage(life: &Life, bytes: &[u8], violation: Violation) -> Trouble {
    if life.history.class != Class::Damage {
        return violation.into();
    }
    let mut batches = BatchIter::new(bytes);
    let uncovered = [
        "OffsetsAreContiguous",
        "ReadersSeeOnlyDurable",
        "LeaderEpochsStay",
    ];
    let covered = !uncovered.contains(&violation.name);
    let sound = batches
        .by_ref()
        .all(|(_, header, batch)| check_crc(batch, &header).is_ok());
    if sound && covered && batches.position() == bytes.len() && !bytes.is_empty() {
        let detail = format!("{}: {}", violation.name, violation.detail);
        Violation::new("DamageIsNamedNotServed", detail).into()
    } else {
        Trouble::Failed("a batch fails its checksum, or does not follow".into())
    }
}

/// Whether bytes are what the log must hold from `offset` on, below `upto`.
fn judge(model: &LogModel, bytes: &[u8], offset: i64, upto: i64) -> Result<Piece, Violation> {
    let broken =
        |name, detail: String| Err(Violation::new(name, format!("{}: {detail}", model.topic())));
    let mut piece = Piece {
        next_offset: offset,
        offsets: Vec::new(),
    };
    let mut batches = BatchIter::new(bytes);
    let mut is_first = true;
    for (_, header, batch) in batches.by_ref() {
        let base = header.base_offset;
        let follows = if is_first && !model.compacted {
            base <= offset && offset <= header.last_offset()
        } else if model.compacted {
            base >= piece.next_offset || is_first && header.last_offset() >= offset
        } else {
            base == piece.next_offset
        };
        if !follows {
            return broken(
                "OffsetsAreContiguous",
                format!("{base} follows {}", piece.next_offset),
            );
        }
        if header.next_offset() > upto {
            return broken(
                "ReadersSeeOnlyDurable",
                format!("{base} is read below {upto}"),
            );
        }
        if model.compacted {
            records(model, &header, batch, &mut piece.offsets)?;
        } else {
            exactly(model, &header, batch)?;
        }
        piece.next_offset = header.next_offset();
        is_first = false;
    }
    if batches.position() != bytes.len() {
        return broken("ReadersSeeWholeBatches", format!("from {offset}"));
    }
    Ok(piece)
}

/// A batch is the one that was appended there.
fn exactly(model: &LogModel, header: &BatchHeader, batch: &[u8]) -> Result<(), Violation> {
    let base = header.base_offset;
    let Some(known) = model.batches.get(&base) else {
        let detail = format!("{}: no batch was appended at {base}", model.topic());
        return Err(Violation::new("NothingIsInvented", detail));
    };
    let mut expected = known.bytes.clone();
    patch_base_offset(&mut expected, base, LEADER_EPOCH);
    let broken = |name, what: &str| {
        let detail = format!("{}: the batch at {base} {what}", model.topic());
        Err(Violation::new(name, detail))
    };
    if expected == batch {
        return Ok(());
    }
    patch_base_offset(&mut expected, base, header.partition_leader_epoch);
    if expected == batch {
        return broken("LeaderEpochsStay", "has another leader epoch");
    }
    broken("NothingAcknowledgedIsLost", "is another")
}

/// The records of a batch are among those that were appended.
fn records(
    model: &LogModel,
    header: &BatchHeader,
    batch: &[u8],
    offsets: &mut Vec<i64>,
) -> Result<(), Violation> {
    let broken = |detail: String| {
        Violation::new("NothingIsInvented", format!("{}: {detail}", model.topic()))
    };
    check_crc(batch, header).map_err(|error| broken(format!("{}: {error}", header.base_offset)))?;
    if header.is_control() {
        return Ok(());
    }
    for record in RecordIter::new(&batch[BATCH_HEADER_BYTES..]) {
        let record = record.map_err(|error| broken(error.to_string()))?;
        let offset = header.base_offset + i64::from(record.offset_delta);
        let number = |bytes: &[u8]| u64::from_be_bytes(bytes[..8].try_into().unwrap());
        let found = Keyed {
            key: record.key.map_or(0, number),
            value: record.value.map(number),
        };
        let appended = model
            .batch_at(offset)
            .and_then(|(base, batch)| batch.records.get(usize::try_from(offset - base).unwrap()));
        if appended != Some(&found) {
            return Err(broken(format!("the record at {offset} is another")));
        }
        offsets.push(offset);
    }
    Ok(())
}

/// Of each key the latest record is there.
fn latest_of_each_key(model: &LogModel, found: &BTreeSet<i64>, upto: i64) -> Result<(), Violation> {
    let mut latest = std::collections::BTreeMap::new();
    for (offset, record) in model.records().range(model.start..upto) {
        latest.insert(record.key, (*offset, record.value));
    }
    for (key, (offset, _)) in latest {
        if !found.contains(&offset) {
            let detail = format!("{}: record {offset} of key {key} is gone", model.topic());
            return Err(Violation::new("LatestOfEachKeyStays", detail));
        }
    }
    Ok(())
}

/// The last stable offset and the aborted transactions.
pub(crate) async fn transactions(life: &Life, at: usize, log: &Log) -> Checked {
    let (from, upto) = (log.start_offset(), log.durable().get());
    let generation = life.history.models.borrow()[at].generation;
    let (stable, aborted) = life.history.models.borrow()[at].decided(upto);
    // Records of an open transaction may have been deleted.
    let stable = stable.max(from);
    if log.durable().get() == upto && log.last_stable().get() != stable {
        let detail = format!("log {at}: {} instead of {stable}", log.last_stable().get());
        return Err(Violation::new("StableOffsetIsRight", detail).into());
    }
    let listed = log.aborted_transactions(from, upto).await;
    let model = &life.history.models.borrow()[at];
    if model.generation != generation || model.compacted || life.world.is_over() {
        return Ok(());
    }
    let listed = listed.map_err(|error| trouble(life, log, at, &error))?;
    let first = log.start_offset();
    let touches = |first_offset: i64, marker: i64| marker >= first && first_offset < upto;
    let listed: BTreeSet<_> = listed
        .iter()
        .map(|one| (one.producer_id, one.first_offset, one.last_offset))
        // A marker that is not durable yet counts for nothing.
        .filter(|(_, begin, marker)| touches(*begin, *marker) && *marker < upto)
        .collect();
    let mut expected: BTreeSet<_> = aborted.into_iter().collect();
    expected.retain(|(_, begin, marker)| touches(*begin, *marker));
    if listed != expected && life.history.class != Class::Damage {
        let detail = format!("log {at}: {listed:?} instead of {expected:?}");
        return Err(Violation::new("AbortedAreListed", detail).into());
    }
    Ok(())
}

/// What is known of the producers.
fn producers(model: &LogModel, log: &Log) -> Checked {
    for (id, producer) in &model.producers {
        if producer.last.is_none() {
            continue;
        }
        let known = log.producer(*id).map(|state| state.last_sequence);
        if known != Some(producer.next_sequence - 1) {
            let topic = model.topic();
            let detail = format!(
                "{topic}: {known:?} of producer {id}, not {}",
                producer.next_sequence - 1
            );
            return Err(Violation::new("DuplicatesStayFound", detail).into());
        }
    }
    Ok(())
}
