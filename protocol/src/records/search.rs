//! Finding a record in a batch by time, for `ListOffsets`. Pure. Compressed batches are opened.

use super::batch::{BatchHeader, TimestampType};
use super::error::BatchError;
use super::record::{RecordIter, records_of};

/// Where a record is and when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordTimestamp {
    pub offset: i64,
    pub timestamp: i64,
}

/// The first record at `offset_min` or behind it whose timestamp is `timestamp` or later.
///
/// # Errors
/// The batch cannot be read, or holds more than `bytes_max` when decompressed.
pub fn first_at_or_after(
    batch: &[u8],
    timestamp: i64,
    offset_min: i64,
    bytes_max: usize,
) -> Result<Option<RecordTimestamp>, BatchError> {
    first_where(batch, bytes_max, |record| {
        record.timestamp >= timestamp && record.offset >= offset_min
    })
}

/// The first record that has the batch's max timestamp.
///
/// # Errors
/// The batch cannot be read, or holds more than `bytes_max` when decompressed.
pub fn max_timestamp_record(
    batch: &[u8],
    bytes_max: usize,
) -> Result<Option<RecordTimestamp>, BatchError> {
    let max_timestamp = BatchHeader::parse(batch)?.max_timestamp;
    first_where(batch, bytes_max, |record| record.timestamp == max_timestamp)
}

fn first_where(
    batch: &[u8],
    bytes_max: usize,
    is_wanted: impl Fn(RecordTimestamp) -> bool,
) -> Result<Option<RecordTimestamp>, BatchError> {
    let header = BatchHeader::parse(batch)?;
    let payload = records_of(batch, &header, bytes_max)?;
    for (index, record) in (0..).zip(RecordIter::new(&payload)) {
        let record = record.map_err(|error| BatchError::BadRecord { index, error })?;
        let offset_delta = i64::from(record.offset_delta);
        let found = RecordTimestamp {
            offset: header.base_offset.saturating_add(offset_delta),
            timestamp: match header.timestamp_type() {
                TimestampType::CreateTime => {
                    header.base_timestamp.saturating_add(record.timestamp_delta)
                }
                TimestampType::LogAppendTime => header.max_timestamp,
            },
        };
        if is_wanted(found) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::super::batch::set_max_timestamp;
    use super::super::builder::{BatchBuilder, BatchOptions};
    use super::super::compression::Compression;
    use super::*;

    const CAP: usize = 1 << 20;

    fn batch(compression: Compression) -> Vec<u8> {
        let mut builder = BatchBuilder::new(BatchOptions {
            base_offset: 100,
            compression,
            ..BatchOptions::default()
        });
        for timestamp in [50, 20, 90, 90, 10] {
            builder.append(timestamp, None, Some(b"value"), &[]);
        }
        builder.build().to_vec()
    }

    fn at(offset: i64, timestamp: i64) -> Option<RecordTimestamp> {
        Some(RecordTimestamp { offset, timestamp })
    }

    #[test]
    fn the_first_record_late_enough_is_found_in_every_codec() {
        for compression in Compression::ALL {
            let batch = batch(compression);
            let find = |time, offset_min| first_at_or_after(&batch, time, offset_min, CAP).unwrap();
            assert_eq!(find(0, 0), at(100, 50));
            assert_eq!(find(51, 0), at(102, 90));
            assert_eq!(find(20, 101), at(101, 20));
            assert_eq!(find(51, 103), at(103, 90));
            assert_eq!(find(91, 0), None);
            assert_eq!(find(0, 105), None);
            assert_eq!(max_timestamp_record(&batch, CAP).unwrap(), at(102, 90));
        }
    }

    #[test]
    fn with_log_append_time_every_record_has_the_batch_s() {
        let mut batch = batch(Compression::Lz4);
        set_max_timestamp(&mut batch, TimestampType::LogAppendTime, 1_000);
        assert_eq!(
            first_at_or_after(&batch, 1_000, 0, CAP).unwrap(),
            at(100, 1_000)
        );
        assert_eq!(first_at_or_after(&batch, 1_001, 0, CAP).unwrap(), None);
        assert_eq!(max_timestamp_record(&batch, CAP).unwrap(), at(100, 1_000));
    }

    #[test]
    fn a_batch_that_opens_too_wide_is_refused() {
        assert!(first_at_or_after(&batch(Compression::Zstd), 0, 0, 10).is_err());
    }
}
