//! The 61-byte header of a record batch and a walk over whole batches. Pure.
//! The CRC covers everything from the attributes to the end, so the base offset and the leader
//! epoch can be patched without touching it; nothing else can.

use super::compression::Compression;
use super::error::BatchError;

/// The fixed part of a batch, before its records.
pub const BATCH_HEADER_BYTES: usize = 61;
/// Base offset and length: what precedes the bytes that the batch length counts.
pub const LOG_OVERHEAD_BYTES: usize = 12;
/// The one record format that exists since Kafka 4.0.
pub const MAGIC: i8 = 2;
/// The timestamp of a record that carries none.
pub const NO_TIMESTAMP: i64 = -1;
/// The producer id of a batch from a producer that is not idempotent.
pub const NO_PRODUCER_ID: i64 = -1;
/// The base sequence of a batch from a producer that is not idempotent.
pub const NO_SEQUENCE: i32 = -1;

/// Where the fields lie in a header; all are big-endian.
mod at {
    pub(super) const BASE_OFFSET: usize = 0;
    pub(super) const BATCH_LENGTH: usize = 8;
    pub(super) const PARTITION_LEADER_EPOCH: usize = 12;
    pub(super) const MAGIC: usize = 16;
    pub(super) const CRC: usize = 17;
    pub(super) const ATTRIBUTES: usize = 21;
    pub(super) const LAST_OFFSET_DELTA: usize = 23;
    pub(super) const BASE_TIMESTAMP: usize = 27;
    pub(super) const MAX_TIMESTAMP: usize = 35;
    pub(super) const PRODUCER_ID: usize = 43;
    pub(super) const PRODUCER_EPOCH: usize = 51;
    pub(super) const BASE_SEQUENCE: usize = 53;
    pub(super) const RECORDS_COUNT: usize = 57;
}

pub(crate) const COMPRESSION_BITS: i16 = 0b111;
pub(crate) const LOG_APPEND_TIME_BIT: i16 = 1 << 3;
pub(crate) const TRANSACTIONAL_BIT: i16 = 1 << 4;
pub(crate) const CONTROL_BIT: i16 = 1 << 5;
pub(crate) const DELETE_HORIZON_BIT: i16 = 1 << 6;

/// Whose clock the timestamps of a batch come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's: each record has its own.
    CreateTime,
    /// The broker's: every record has the batch's max timestamp.
    LogAppendTime,
}

type RawHeader = [u8; BATCH_HEADER_BYTES];

/// A batch's header in host form. A parsed one has magic 2 and a length of at least the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    pub base_offset: i64,
    pub batch_length: i32,
    pub partition_leader_epoch: i32,
    pub magic: i8,
    pub crc: u32,
    pub attributes: i16,
    pub last_offset_delta: i32,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub records_count: i32,
}

impl BatchHeader {
    /// Reads the header at the front of `bytes`; the records behind it need not be there.
    ///
    /// # Errors
    /// Too few bytes, another format, or a length that leaves no room for the header.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        let truncated = BatchError::Truncated {
            needed: BATCH_HEADER_BYTES,
            available: bytes.len(),
        };
        let Some(&magic) = bytes.get(at::MAGIC) else {
            return Err(truncated);
        };
        match magic.cast_signed() {
            MAGIC => {}
            magic @ (0 | 1) => return Err(BatchError::OldFormat { magic }),
            magic => return Err(BatchError::UnknownFormat { magic }),
        }
        let Some(raw) = bytes.first_chunk() else {
            return Err(truncated);
        };
        let header = Self::from_bytes(raw);
        match usize::try_from(header.batch_length) {
            Ok(length) if length >= BATCH_HEADER_BYTES - LOG_OVERHEAD_BYTES => Ok(header),
            _ => Err(BatchError::LengthTooSmall {
                batch_length: header.batch_length,
            }),
        }
    }

    fn from_bytes(raw: &RawHeader) -> Self {
        Self {
            base_offset: i64::from_be_bytes(field(raw, at::BASE_OFFSET)),
            batch_length: i32::from_be_bytes(field(raw, at::BATCH_LENGTH)),
            partition_leader_epoch: i32::from_be_bytes(field(raw, at::PARTITION_LEADER_EPOCH)),
            magic: i8::from_be_bytes(field(raw, at::MAGIC)),
            crc: u32::from_be_bytes(field(raw, at::CRC)),
            attributes: i16::from_be_bytes(field(raw, at::ATTRIBUTES)),
            last_offset_delta: i32::from_be_bytes(field(raw, at::LAST_OFFSET_DELTA)),
            base_timestamp: i64::from_be_bytes(field(raw, at::BASE_TIMESTAMP)),
            max_timestamp: i64::from_be_bytes(field(raw, at::MAX_TIMESTAMP)),
            producer_id: i64::from_be_bytes(field(raw, at::PRODUCER_ID)),
            producer_epoch: i16::from_be_bytes(field(raw, at::PRODUCER_EPOCH)),
            base_sequence: i32::from_be_bytes(field(raw, at::BASE_SEQUENCE)),
            records_count: i32::from_be_bytes(field(raw, at::RECORDS_COUNT)),
        }
    }

    /// The 61 bytes of this header, with the CRC as the field says.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; BATCH_HEADER_BYTES] {
        let mut raw = [0; BATCH_HEADER_BYTES];
        set(&mut raw, at::BASE_OFFSET, self.base_offset.to_be_bytes());
        set(&mut raw, at::BATCH_LENGTH, self.batch_length.to_be_bytes());
        set(
            &mut raw,
            at::PARTITION_LEADER_EPOCH,
            self.partition_leader_epoch.to_be_bytes(),
        );
        set(&mut raw, at::MAGIC, self.magic.to_be_bytes());
        set(&mut raw, at::CRC, self.crc.to_be_bytes());
        set(&mut raw, at::ATTRIBUTES, self.attributes.to_be_bytes());
        set(
            &mut raw,
            at::LAST_OFFSET_DELTA,
            self.last_offset_delta.to_be_bytes(),
        );
        set(
            &mut raw,
            at::BASE_TIMESTAMP,
            self.base_timestamp.to_be_bytes(),
        );
        set(
            &mut raw,
            at::MAX_TIMESTAMP,
            self.max_timestamp.to_be_bytes(),
        );
        set(&mut raw, at::PRODUCER_ID, self.producer_id.to_be_bytes());
        set(
            &mut raw,
            at::PRODUCER_EPOCH,
            self.producer_epoch.to_be_bytes(),
        );
        set(
            &mut raw,
            at::BASE_SEQUENCE,
            self.base_sequence.to_be_bytes(),
        );
        set(
            &mut raw,
            at::RECORDS_COUNT,
            self.records_count.to_be_bytes(),
        );
        raw
    }

    /// The whole batch, header included.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        LOG_OVERHEAD_BYTES + usize::try_from(self.batch_length).unwrap_or(0)
    }

    /// The offset of the last record, which compaction may have removed.
    #[must_use]
    pub fn last_offset(&self) -> i64 {
        self.base_offset
            .saturating_add(i64::from(self.last_offset_delta))
    }

    /// The offset after this batch.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.last_offset().saturating_add(1)
    }

    /// How the records are compressed.
    ///
    /// # Errors
    /// The attributes name a codec that does not exist.
    pub fn compression(&self) -> Result<Compression, BatchError> {
        let id = self.attributes & COMPRESSION_BITS;
        Compression::from_id(id).ok_or(BatchError::UnknownCompression { id })
    }

    /// Whose clock the timestamps come from.
    #[must_use]
    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes & LOG_APPEND_TIME_BIT == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    /// Part of a transaction (a marker that ends one is too).
    #[must_use]
    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL_BIT != 0
    }

    /// Holds control records, which consumers do not see.
    #[must_use]
    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL_BIT != 0
    }

    /// The base timestamp is the delete horizon that compaction set.
    #[must_use]
    pub fn has_delete_horizon(&self) -> bool {
        self.attributes & DELETE_HORIZON_BIT != 0
    }

    /// Written by an idempotent or transactional producer.
    #[must_use]
    pub fn has_producer_id(&self) -> bool {
        self.producer_id > NO_PRODUCER_ID
    }

    /// The sequence of the last record; sequences wrap from 2^31 - 1 to 0.
    #[must_use]
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence == NO_SEQUENCE {
            return NO_SEQUENCE;
        }
        self.base_sequence.wrapping_add(self.last_offset_delta) & i32::MAX
    }
}

/// Computes the CRC of a whole batch and compares it with the stored one.
///
/// # Errors
/// They differ, or there are too few bytes for a header.
pub fn check_crc(batch: &[u8], header: &BatchHeader) -> Result<(), BatchError> {
    let Some(covered) = batch.get(at::ATTRIBUTES..) else {
        return Err(BatchError::Truncated {
            needed: BATCH_HEADER_BYTES,
            available: batch.len(),
        });
    };
    let computed = crc32c::crc32c(covered);
    if computed == header.crc {
        return Ok(());
    }
    Err(BatchError::WrongCrc {
        stored: header.crc,
        computed,
    })
}

/// Sets the two fields that the leader decides and the CRC does not cover.
///
/// # Panics
/// `batch` is shorter than a header.
pub fn patch_base_offset(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    let raw = raw_mut(batch);
    set(raw, at::BASE_OFFSET, base_offset.to_be_bytes());
    set(raw, at::PARTITION_LEADER_EPOCH, leader_epoch.to_be_bytes());
}

/// Sets whose clock the batch follows and its latest timestamp, and recomputes the CRC.
/// With [`TimestampType::LogAppendTime`] every record then has that timestamp.
///
/// # Panics
/// `batch` is shorter than a header.
pub fn set_max_timestamp(batch: &mut [u8], timestamp_type: TimestampType, max_timestamp: i64) {
    let raw = raw_mut(batch);
    let others = i16::from_be_bytes(field(raw, at::ATTRIBUTES)) & !LOG_APPEND_TIME_BIT;
    let attributes = match timestamp_type {
        TimestampType::CreateTime => others,
        TimestampType::LogAppendTime => others | LOG_APPEND_TIME_BIT,
    };
    set(raw, at::ATTRIBUTES, attributes.to_be_bytes());
    set(raw, at::MAX_TIMESTAMP, max_timestamp.to_be_bytes());
    seal(batch);
}

/// Writes the CRC of what follows it.
pub(crate) fn seal(batch: &mut [u8]) {
    let crc = crc32c::crc32c(batch.get(at::ATTRIBUTES..).unwrap_or_default());
    set(raw_mut(batch), at::CRC, crc.to_be_bytes());
}

fn raw_mut(batch: &mut [u8]) -> &mut RawHeader {
    let Some(raw) = batch.first_chunk_mut() else {
        panic!("a batch holds its whole header");
    };
    raw
}

#[inline]
fn field<const N: usize>(raw: &RawHeader, at: usize) -> [u8; N] {
    let mut value = [0; N];
    value.copy_from_slice(&raw[at..at + N]);
    value
}

#[inline]
fn set<const N: usize>(raw: &mut RawHeader, at: usize, value: [u8; N]) {
    raw[at..at + N].copy_from_slice(&value);
}

/// The whole batches of a piece of log, in order. Stops at the end, at a batch of which a part
/// is missing, or at bytes that are no batch; [`BatchIter::position`] tells where.
#[derive(Debug, Clone)]
pub struct BatchIter<'a> {
    log: &'a [u8],
    position: usize,
}

impl<'a> BatchIter<'a> {
    #[must_use]
    pub fn new(log: &'a [u8]) -> Self {
        Self { log, position: 0 }
    }

    /// Where the next batch begins, or where the walk stopped.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }
}

impl<'a> Iterator for BatchIter<'a> {
    /// Position in the log, header, and the whole batch.
    type Item = (usize, BatchHeader, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let position = self.position;
        let rest = self.log.get(position..)?;
        let header = BatchHeader::parse(rest).ok()?;
        let batch = rest.get(..header.size_bytes())?;
        self.position = position + batch.len();
        Some((position, header, batch))
    }
}

#[cfg(test)]
mod tests {
    use super::super::builder::{BatchBuilder, BatchOptions};
    use super::*;

    fn batch() -> Vec<u8> {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        builder.append(1_000, Some(b"key"), Some(b"value"), &[]);
        builder.append(2_000, None, Some(b"value"), &[]);
        builder.build().to_vec()
    }

    #[test]
    fn a_header_returns_as_it_was_written() {
        let bytes = batch();
        let header = BatchHeader::parse(&bytes).unwrap();
        assert_eq!(header.to_bytes(), bytes[..BATCH_HEADER_BYTES]);
        assert_eq!(header.size_bytes(), bytes.len());
        assert_eq!((header.records_count, header.last_offset_delta), (2, 1));
        assert_eq!(
            (header.base_timestamp, header.max_timestamp),
            (1_000, 2_000)
        );
    }

    #[test]
    fn patching_the_base_offset_keeps_the_crc_right() {
        let mut bytes = batch();
        patch_base_offset(&mut bytes, 7_000_000_000, 12);
        let header = BatchHeader::parse(&bytes).unwrap();
        assert_eq!(
            (header.base_offset, header.last_offset()),
            (7_000_000_000, 7_000_000_001)
        );
        assert_eq!(header.partition_leader_epoch, 12);
        check_crc(&bytes, &header).unwrap();
    }

    #[test]
    fn log_append_time_sets_the_attribute_the_timestamp_and_the_crc() {
        let mut bytes = batch();
        set_max_timestamp(&mut bytes, TimestampType::LogAppendTime, 5_555);
        let header = BatchHeader::parse(&bytes).unwrap();
        assert_eq!(header.timestamp_type(), TimestampType::LogAppendTime);
        assert_eq!(header.max_timestamp, 5_555);
        check_crc(&bytes, &header).unwrap();
        set_max_timestamp(&mut bytes, TimestampType::CreateTime, 2_000);
        assert_eq!(bytes, batch());
    }

    #[test]
    fn the_walk_stops_at_a_partial_batch() {
        let one = batch();
        let mut log = [one.clone(), one.clone(), one.clone()].concat();
        log.truncate(log.len() - 1);
        let mut walk = BatchIter::new(&log);
        let positions: Vec<usize> = walk.by_ref().map(|(position, _, _)| position).collect();
        assert_eq!(positions, [0, one.len()]);
        assert_eq!(walk.position(), 2 * one.len());
    }

    #[test]
    fn the_walk_stops_at_bytes_that_are_no_batch() {
        let log = [batch(), vec![0; 100]].concat();
        assert_eq!(BatchIter::new(&log).count(), 1);
        let mut negative = batch();
        negative[8..12].copy_from_slice(&(-1_i32).to_be_bytes());
        assert_eq!(BatchIter::new(&negative).count(), 0);
    }

    #[test]
    fn sequences_wrap_to_zero() {
        let mut header = BatchHeader::parse(&batch()).unwrap();
        assert_eq!(header.last_sequence(), NO_SEQUENCE);
        header.base_sequence = i32::MAX;
        assert_eq!(header.last_sequence(), 0);
        header.base_sequence = 5;
        assert_eq!(header.last_sequence(), 6);
    }
}
