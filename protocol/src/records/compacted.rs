//! What compaction leaves of a batch: some of its records, or only its header. Pure.
//!
//! Offsets, sequences and the end of the batch stay what they were. Records are copied as they
//! lie; only a new delete horizon (KIP-534), which takes the place of the base timestamp, makes
//! each record's timestamp delta another one.

use super::batch::{
    BATCH_HEADER_BYTES, BatchHeader, COMPRESSION_BITS, DELETE_HORIZON_BIT, LOG_OVERHEAD_BYTES,
    NO_TIMESTAMP, TimestampType, seal,
};
use super::compression::{Compression, compress};
use super::error::BatchError;
use super::record::Record;
use super::varint::{put_varint, put_varlong, take_varint, take_varlong};

/// The length of a batch has 31 bits.
const BYTES_MAX: usize = i32::MAX as usize;

impl BatchHeader {
    /// From when on compaction may drop the batch's tombstones, or the marker that it is.
    #[must_use]
    pub fn delete_horizon(&self) -> Option<i64> {
        self.has_delete_horizon().then_some(self.base_timestamp)
    }
}

/// Appends the batch with only these records to `out`, compressed as it was. `delete_horizon`
/// is a new one; an old one stays.
///
/// # Errors
/// The codec is unknown, or the batch would have more than 2 GiB.
pub fn write_compacted(
    header: &BatchHeader,
    records: &[Record<'_>],
    delete_horizon: Option<i64>,
    out: &mut Vec<u8>,
) -> Result<(), BatchError> {
    let codec = header.compression()?;
    let mut compacted = BatchHeader {
        records_count: i32::try_from(records.len()).unwrap_or(i32::MAX),
        ..*header
    };
    if header.timestamp_type() == TimestampType::CreateTime {
        let timestamps = records.iter().map(|record| timestamp_of(header, record));
        compacted.max_timestamp = timestamps.max().unwrap_or(NO_TIMESTAMP);
    }
    let mut payload = Vec::new();
    match delete_horizon {
        None => payload.extend(records.iter().flat_map(|record| record.bytes)),
        Some(horizon) => {
            compacted.attributes |= DELETE_HORIZON_BIT;
            compacted.base_timestamp = horizon;
            for record in records {
                put_rebased(header, record, horizon, &mut payload);
            }
        }
    }
    let begin = out.len();
    out.resize(begin + BATCH_HEADER_BYTES, 0);
    if codec == Compression::None {
        out.extend_from_slice(&payload);
    } else {
        compress(codec, None, &payload, out)?;
    }
    finish(compacted, begin, out)
}

/// Appends the batch without any record to `out`: it says what its producer wrote last, or where
/// the log has been.
///
/// # Errors
/// None in fact: a header is small.
pub fn write_emptied(header: &BatchHeader, out: &mut Vec<u8>) -> Result<(), BatchError> {
    let emptied = BatchHeader {
        attributes: header.attributes & !COMPRESSION_BITS & !DELETE_HORIZON_BIT,
        base_timestamp: NO_TIMESTAMP,
        records_count: 0,
        ..*header
    };
    let begin = out.len();
    out.resize(begin + BATCH_HEADER_BYTES, 0);
    finish(emptied, begin, out)
}

fn finish(mut header: BatchHeader, begin: usize, out: &mut [u8]) -> Result<(), BatchError> {
    let batch = out.get_mut(begin..).unwrap_or_default();
    let bytes = batch.len() - LOG_OVERHEAD_BYTES;
    header.batch_length = i32::try_from(bytes).map_err(|_| BatchError::TooLarge {
        bytes,
        bytes_max: BYTES_MAX,
    })?;
    if let Some(front) = batch.first_chunk_mut() {
        *front = header.to_bytes();
    }
    seal(batch);
    Ok(())
}

/// When a record was made, by the clock that its batch follows.
fn timestamp_of(header: &BatchHeader, record: &Record<'_>) -> i64 {
    match header.timestamp_type() {
        TimestampType::CreateTime => header.base_timestamp.saturating_add(record.timestamp_delta),
        TimestampType::LogAppendTime => header.max_timestamp,
    }
}

/// Appends a record with its timestamp relative to another base.
fn put_rebased(header: &BatchHeader, record: &Record<'_>, base: i64, out: &mut Vec<u8>) {
    let mut rest = record.bytes;
    let _length = take_varint(&mut rest);
    let (attributes, mut rest) = rest.split_at_checked(1).unwrap_or_default();
    let _delta = take_varlong(&mut rest);
    let timestamp = header.base_timestamp.wrapping_add(record.timestamp_delta);
    let mut front = attributes.to_vec();
    put_varlong(&mut front, timestamp.wrapping_sub(base));
    let length = i32::try_from(front.len() + rest.len()).unwrap_or(i32::MAX);
    put_varint(out, length);
    out.extend_from_slice(&front);
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::batch::check_crc;
    use super::super::builder::{BatchBuilder, BatchOptions};
    use super::super::record::{RecordIter, records_of};
    use super::*;

    const CAP: usize = 1 << 20;

    fn batch(codec: Compression, timestamps: &[i64]) -> Vec<u8> {
        let mut builder = BatchBuilder::new(BatchOptions {
            base_offset: 700,
            compression: codec,
            producer_id: 9,
            producer_epoch: 2,
            base_sequence: 40,
            ..BatchOptions::default()
        });
        for (key, timestamp) in (0_u8..).zip(timestamps) {
            builder.append(*timestamp, Some(&[key]), Some(&[key; 30]), &[]);
        }
        builder.build().to_vec()
    }

    /// Key and timestamp of each record.
    fn contents(bytes: &[u8]) -> (BatchHeader, Vec<(u8, i64, i32)>) {
        let header = BatchHeader::parse(bytes).unwrap();
        assert_eq!(header.size_bytes(), bytes.len());
        check_crc(bytes, &header).unwrap();
        let payload = records_of(bytes, &header, CAP).unwrap();
        let records = RecordIter::new(&payload).map(|record| {
            let record = record.unwrap();
            assert_eq!(record.value, Some(&[record.key.unwrap()[0]; 30][..]));
            let key = record.key.unwrap()[0];
            (key, timestamp_of(&header, &record), record.offset_delta)
        });
        let records: Vec<_> = records.collect();
        assert_eq!(
            records.len(),
            usize::try_from(header.records_count).unwrap()
        );
        (header, records)
    }

    proptest! {
        #[test]
        fn kept_records_are_what_they_were(
            timestamps in prop::collection::vec(0..1_000_000_i64, 1..40),
            keep: u64,
            codec in prop::sample::select(Compression::ALL.to_vec()),
            horizon in prop::option::of(-5..2_000_000_i64),
        ) {
            let before = batch(codec, &timestamps);
            let (header, all) = contents(&before);
            let payload = records_of(&before, &header, CAP).unwrap();
            let is_kept = |record: &Record<'_>| keep >> (record.offset_delta % 64) & 1 == 1;
            let kept: Vec<Record<'_>> = RecordIter::new(&payload).map(Result::unwrap).filter(is_kept).collect();
            let mut out = vec![1, 2, 3];
            write_compacted(&header, &kept, horizon, &mut out).unwrap();
            let (after, records) = contents(&out[3..]);
            let expected: Vec<_> = all.into_iter().filter(|(_, _, delta)| keep >> (delta % 64) & 1 == 1).collect();
            prop_assert_eq!(after.max_timestamp, expected.iter().map(|(_, timestamp, _)| *timestamp).max().unwrap_or(-1));
            prop_assert_eq!(records, expected);
            prop_assert_eq!(after.delete_horizon(), horizon);
            prop_assert_eq!((after.base_offset, after.last_offset()), (header.base_offset, header.last_offset()));
            prop_assert_eq!(after.last_sequence(), header.last_sequence());
            prop_assert_eq!(after.compression(), header.compression());
        }
    }

    #[test]
    fn an_emptied_batch_keeps_its_offsets_and_sequences() {
        let header = BatchHeader::parse(&batch(Compression::Lz4, &[5, 6, 7])).unwrap();
        let mut out = Vec::new();
        write_emptied(&header, &mut out).unwrap();
        let (after, records) = contents(&out);
        assert_eq!((out.len(), records.len()), (BATCH_HEADER_BYTES, 0));
        assert_eq!((after.base_offset, after.last_offset()), (700, 702));
        assert_eq!((after.base_sequence, after.last_sequence()), (40, 42));
        assert_eq!(
            (after.max_timestamp, after.base_timestamp),
            (7, NO_TIMESTAMP)
        );
        assert_eq!(after.compression(), Ok(Compression::None));
    }
}
