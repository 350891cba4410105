//! Raft entries as record batches, the way Kafka's own metadata log holds them.
//! Owns the mapping and the judgement of what is found after a crash. Pure.
//! An entry's offset is its index less one, a batch's leader epoch is the term. A new leader's no-op is
//! Kafka's leader-change record. Whole batches carry a checksum, so a write that was cut is noticed.

use bytes::Bytes;
use protocol::records::{
    BatchBuilder, BatchHeader, BatchOptions, ControlRecord, RecordIter, check_crc,
};
use raft::{Entry, EntryKind};

/// Records of one batch at most, so that one batch stays well below the limit of its length.
const BATCH_RECORDS_MAX: usize = 10_000;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum EntryLogError {
    #[error("metadata log is damaged at byte {position}: a whole batch follows at byte {next}")]
    DamagedMiddle { position: usize, next: usize },
    #[error("metadata log has offset {found} at byte {position} instead of {expected}")]
    OffsetGap {
        position: usize,
        expected: i64,
        found: i64,
    },
    #[error("metadata log has a batch at byte {position} that holds no entries of this log")]
    ForeignBatch { position: usize },
}

/// What a log file holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DecodedLog {
    pub(crate) entries: Vec<Entry>,
    /// Length of the whole batches. What follows, if anything, is a write that a crash cut.
    pub(crate) valid_bytes: usize,
}

pub(crate) fn offset_of(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX) - 1
}

/// The batches of consecutive entries. `node_id` is the leader in a leader-change record.
pub(crate) fn encode(entries: &[Entry], node_id: i32, timestamp: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let same_batch = |left: &Entry, right: &Entry| {
        left.term == right.term && left.kind == EntryKind::Data && right.kind == EntryKind::Data
    };
    for run in entries.chunk_by(same_batch) {
        for chunk in run.chunks(BATCH_RECORDS_MAX) {
            bytes.extend_from_slice(&encode_batch(chunk, node_id, timestamp));
        }
    }
    bytes
}

fn encode_batch(entries: &[Entry], node_id: i32, timestamp: i64) -> Bytes {
    let Some(first) = entries.first() else {
        return Bytes::new();
    };
    let options = BatchOptions {
        base_offset: offset_of(first.index),
        partition_leader_epoch: i32::try_from(first.term).unwrap_or(i32::MAX),
        ..BatchOptions::default()
    };
    match first.kind {
        EntryKind::NoOp => ControlRecord::LeaderChange {
            leader_id: node_id,
            voters: vec![node_id],
            granting_voters: vec![node_id],
        }
        .to_batch(timestamp, options),
        EntryKind::Membership => ControlRecord::KraftVoters {
            value: first.payload.clone(),
        }
        .to_batch(timestamp, options),
        EntryKind::Data => {
            let mut builder = BatchBuilder::new(options);
            for entry in entries {
                builder.append(timestamp, None, Some(&entry.payload), &[]);
            }
            builder.build()
        }
    }
}

/// Reads a log file whose first entry has the index `first_index`.
pub(crate) fn decode(log: &Bytes, first_index: u64) -> Result<DecodedLog, EntryLogError> {
    let mut entries = Vec::new();
    let mut position = 0;
    let mut expected = offset_of(first_index);
    while position < log.len() {
        let Some(header) = whole_batch(&log[position..]) else {
            refuse_damage(log, position, expected)?;
            break;
        };
        if header.base_offset != expected {
            let found = header.base_offset;
            return Err(EntryLogError::OffsetGap {
                position,
                expected,
                found,
            });
        }
        let batch = log.slice(position..position + header.size_bytes());
        decode_batch(&batch, &header, position, &mut entries)?;
        expected = header.next_offset();
        position += header.size_bytes();
    }
    Ok(DecodedLog {
        entries,
        valid_bytes: position,
    })
}

fn whole_batch(bytes: &[u8]) -> Option<BatchHeader> {
    let header = BatchHeader::parse(bytes).ok()?;
    let batch = bytes.get(..header.size_bytes())?;
    check_crc(batch, &header).is_ok().then_some(header)
}

/// A crash cuts the end of a log, not its middle: behind a cut there is no later whole batch.
fn refuse_damage(log: &Bytes, position: usize, expected: i64) -> Result<(), EntryLogError> {
    let later = |start: &usize| {
        whole_batch(&log[*start..]).is_some_and(|header| header.base_offset > expected)
    };
    match (position + 1..log.len()).find(later) {
        Some(next) => Err(EntryLogError::DamagedMiddle { position, next }),
        None => Ok(()),
    }
}

fn decode_batch(
    batch: &Bytes,
    header: &BatchHeader,
    position: usize,
    entries: &mut Vec<Entry>,
) -> Result<(), EntryLogError> {
    let foreign = || EntryLogError::ForeignBatch { position };
    let term = u64::try_from(header.partition_leader_epoch).map_err(|_| foreign())?;
    let payload = batch
        .get(protocol::records::BATCH_HEADER_BYTES..)
        .unwrap_or_default();
    for (index, record) in (header.base_offset + 1..).zip(RecordIter::new(payload)) {
        let record = record.map_err(|_| foreign())?;
        let index = u64::try_from(index).map_err(|_| foreign())?;
        let (kind, payload) = if header.is_control() {
            match ControlRecord::from_record(&record) {
                Ok(Some(ControlRecord::LeaderChange { .. })) => (EntryKind::NoOp, Bytes::new()),
                Ok(Some(ControlRecord::KraftVoters { value })) => (EntryKind::Membership, value),
                _ => return Err(foreign()),
            }
        } else {
            (
                EntryKind::Data,
                batch.slice_ref(record.value.unwrap_or_default()),
            )
        };
        entries.push(Entry {
            index,
            term,
            kind,
            payload,
        });
    }
    let last = entries.last().map(|entry| offset_of(entry.index));
    if last == Some(header.last_offset()) {
        Ok(())
    } else {
        Err(foreign())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let entry = (0_u8..6, prop::collection::vec(any::<u8>(), 2..40));
        (1_u64..50, prop::collection::vec(entry, 1..40)).prop_map(|(first, parts)| {
            let mut term = 1;
            let entry = |(position, (kind, payload)): (usize, (u8, Vec<u8>))| {
                let kind = match kind {
                    0 => EntryKind::NoOp,
                    1 => EntryKind::Membership,
                    _ => EntryKind::Data,
                };
                term += u64::from(kind == EntryKind::NoOp);
                let payload = if kind == EntryKind::NoOp {
                    Bytes::new()
                } else {
                    Bytes::from(payload)
                };
                Entry {
                    index: first + position as u64,
                    term,
                    kind,
                    payload,
                }
            };
            parts.into_iter().enumerate().map(entry).collect()
        })
    }

    proptest! {
        #[test]
        fn entries_return_as_they_were_written(entries in entries()) {
            let bytes = Bytes::from(encode(&entries, 1, 1_000));
            let decoded = decode(&bytes, entries[0].index).unwrap();
            prop_assert_eq!(decoded.valid_bytes, bytes.len());
            prop_assert_eq!(decoded.entries, entries);
        }

        #[test]
        fn a_cut_log_keeps_its_whole_batches(entries in entries(), cut in any::<prop::sample::Index>()) {
            let bytes = Bytes::from(encode(&entries, 1, 1_000));
            let length = cut.index(bytes.len());
            let mut torn = bytes[..length].to_vec();
            torn.resize(length.next_multiple_of(4096), 0);
            let decoded = decode(&Bytes::from(torn), entries[0].index).unwrap();
            let whole = protocol::records::BatchIter::new(&bytes[..length]);
            let kept = whole.last().map_or(0, |(start, header, _)| start + header.size_bytes());
            prop_assert!(decoded.valid_bytes >= kept);
            prop_assert_eq!(&decoded.entries[..], &entries[..decoded.entries.len()]);
        }

        /// The leader epoch is outside the checksum, as in every batch; the node itself refuses a term
        /// that cannot be.
        #[test]
        fn damage_before_the_last_batch_is_refused(entries in entries(), at in any::<prop::sample::Index>()) {
            let mut bytes = encode(&entries, 1, 1_000);
            let starts: Vec<usize> = protocol::records::BatchIter::new(&bytes).map(|batch| batch.0).collect();
            let last = starts[starts.len() - 1];
            prop_assume!(last > 0);
            let at = at.index(last);
            let start = starts.iter().rev().find(|start| **start <= at).unwrap();
            prop_assume!(!(12..16).contains(&(at - start)));
            bytes[at] ^= 0x40;
            let refused = decode(&Bytes::from(bytes), entries[0].index).is_err();
            prop_assert!(refused);
        }
    }
}
