//! The recovery point of a partition, `<end offset>.snapshot`: up to where its segments are
//! synced, and the producers at that point with their open transactions. Pure: bytes to values and back.
//!
//! Written at each checkpoint, roll and close; everything before it need not be scanned again.

use thiserror::Error;

use super::producer::{BATCHES_PER_PRODUCER, BatchMark, Producer};
use super::producers::Producers;

const MAGIC: u32 = u32::from_be_bytes(*b"MRPS");
const VERSION: u32 = 2;
const HEADER_BYTES: usize = 48;
const CRC_COVERS_FROM: usize = 8;
const PRODUCER_BYTES: usize = 31;
const MARK_BYTES: usize = 32;
/// Stands for no open transaction.
const NO_OFFSET: i64 = -1;

/// Why a snapshot file does not count; an older one is taken, or the log is scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SnapshotError {
    #[error("not a snapshot, or a damaged one")]
    Damaged,
    #[error("snapshot of format {version}, this version reads {VERSION}")]
    UnknownVersion { version: u32 },
}

/// A point up to which a log is safely in its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryPoint {
    /// First offset not covered.
    pub end_offset: i64,
    /// The segment that this offset belongs to.
    pub segment_base: i64,
    /// First byte of that segment not covered.
    pub position: u64,
}

/// The bytes of a snapshot file.
#[must_use]
pub fn encode(point: &RecoveryPoint, producers: &Producers) -> Vec<u8> {
    let mut bytes =
        Vec::with_capacity(HEADER_BYTES + producers.len() * (PRODUCER_BYTES + MARK_BYTES));
    bytes.extend_from_slice(&MAGIC.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    bytes.extend_from_slice(
        &u32::try_from(producers.len())
            .unwrap_or(u32::MAX)
            .to_be_bytes(),
    );
    bytes.extend_from_slice(&point.end_offset.to_be_bytes());
    bytes.extend_from_slice(&point.segment_base.to_be_bytes());
    bytes.extend_from_slice(&point.position.to_be_bytes());
    bytes.resize(HEADER_BYTES, 0);
    for (producer_id, producer) in producers.iter() {
        bytes.extend_from_slice(&producer_id.to_be_bytes());
        bytes.extend_from_slice(&producer.epoch.to_be_bytes());
        bytes.extend_from_slice(&producer.last_timestamp.to_be_bytes());
        bytes.extend_from_slice(&producer.coordinator_epoch.to_be_bytes());
        let txn_first_offset = producer.txn_first_offset.unwrap_or(NO_OFFSET);
        bytes.extend_from_slice(&txn_first_offset.to_be_bytes());
        let count = u8::try_from(producer.marks().len()).unwrap_or(0);
        bytes.push(count);
        for mark in producer.marks() {
            bytes.extend_from_slice(&mark.first_sequence.to_be_bytes());
            bytes.extend_from_slice(&mark.last_sequence.to_be_bytes());
            bytes.extend_from_slice(&mark.base_offset.to_be_bytes());
            bytes.extend_from_slice(&mark.last_offset.to_be_bytes());
            bytes.extend_from_slice(&mark.timestamp.to_be_bytes());
        }
    }
    let crc = crc32c::crc32c(&bytes[CRC_COVERS_FROM..]);
    bytes[4..8].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// Reads a snapshot file.
///
/// # Errors
/// The checksum is wrong or the format unknown.
pub fn decode(bytes: &[u8]) -> Result<(RecoveryPoint, Producers), SnapshotError> {
    let mut fields = Fields { rest: bytes };
    let magic = u32::from_be_bytes(fields.take()?);
    let crc = u32::from_be_bytes(fields.take()?);
    if magic != MAGIC || crc != crc32c::crc32c(fields.rest) {
        return Err(SnapshotError::Damaged);
    }
    let version = u32::from_be_bytes(fields.take()?);
    if version != VERSION {
        return Err(SnapshotError::UnknownVersion { version });
    }
    let producers_count = u32::from_be_bytes(fields.take()?);
    let point = RecoveryPoint {
        end_offset: i64::from_be_bytes(fields.take()?),
        segment_base: i64::from_be_bytes(fields.take()?),
        position: u64::from_be_bytes(fields.take()?),
    };
    let _reserved: [u8; 8] = fields.take()?;
    let mut producers = Producers::default();
    for _ in 0..producers_count {
        let producer_id = i64::from_be_bytes(fields.take()?);
        let epoch = i16::from_be_bytes(fields.take()?);
        let mut producer = Producer::new(epoch, i64::from_be_bytes(fields.take()?));
        producer.coordinator_epoch = i32::from_be_bytes(fields.take()?);
        let txn_first_offset = i64::from_be_bytes(fields.take()?);
        producer.txn_first_offset = (txn_first_offset != NO_OFFSET).then_some(txn_first_offset);
        let [marks_count] = fields.take()?;
        if usize::from(marks_count) > BATCHES_PER_PRODUCER {
            return Err(SnapshotError::Damaged);
        }
        for _ in 0..marks_count {
            producer.push(BatchMark {
                first_sequence: i32::from_be_bytes(fields.take()?),
                last_sequence: i32::from_be_bytes(fields.take()?),
                base_offset: i64::from_be_bytes(fields.take()?),
                last_offset: i64::from_be_bytes(fields.take()?),
                timestamp: i64::from_be_bytes(fields.take()?),
            });
        }
        producers.restore(producer_id, producer);
    }
    if point.end_offset < point.segment_base || point.segment_base < 0 {
        return Err(SnapshotError::Damaged);
    }
    Ok((point, producers))
}

struct Fields<'a> {
    rest: &'a [u8],
}

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let (field, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(SnapshotError::Damaged)?;
        self.rest = rest;
        Ok(*field)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn producers(marks: &[(i64, usize)]) -> Producers {
        let mut producers = Producers::default();
        for (producer_id, marks_count) in marks {
            let mut producer = Producer::new(3, 99);
            producer.coordinator_epoch = 8;
            producer.txn_first_offset = (producer_id % 2 == 0).then_some(*producer_id);
            for n in 0..i64::try_from(*marks_count).unwrap() {
                producer.push(BatchMark {
                    first_sequence: 1,
                    last_sequence: 2,
                    base_offset: n,
                    last_offset: n + 1,
                    timestamp: 5,
                });
            }
            producers.restore(*producer_id, producer);
        }
        producers
    }

    proptest! {
        #[test]
        fn snapshots_round_trip(marks in prop::collection::vec((0..1_000_i64, 0..=5_usize), 0..20), end_offset in 0..i64::MAX, position: u64) {
            let point = RecoveryPoint { end_offset, segment_base: end_offset / 2, position };
            let written = producers(&marks);
            let (read_point, read) = decode(&encode(&point, &written)).unwrap();
            prop_assert_eq!(read_point, point);
            prop_assert_eq!(read.len(), written.len());
            for (producer_id, producer) in written.iter() {
                let same = read.iter().find(|(id, _)| *id == producer_id).map(|(_, producer)| producer);
                prop_assert_eq!(same, Some(producer));
            }
        }

        #[test]
        fn a_damaged_snapshot_does_not_count(marks in prop::collection::vec((0..1_000_i64, 0..=5_usize), 0..5), at: prop::sample::Index, flip in 1..=255_u8) {
            let point = RecoveryPoint { end_offset: 10, segment_base: 0, position: 700 };
            let mut bytes = encode(&point, &producers(&marks));
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert!(decode(&bytes).is_err());
            prop_assert!(decode(&bytes[..at]).is_err());
        }
    }
}
