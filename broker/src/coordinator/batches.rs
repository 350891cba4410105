//! Records of a decision as batches for the log. Pure.

use bytes::Bytes;
use protocol::records::{BATCH_HEADER_BYTES, BatchBuilder, BatchOptions};

use super::machine::EncodedRecord;

/// What a record takes beside key and value: lengths, deltas and an empty header list, at most.
const RECORD_OVERHEAD_BYTES: usize = 32;

/// Why records cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("records of {bytes} bytes that belong together do not fit a batch of {bytes_max}")]
pub(crate) struct TooLarge {
    bytes: usize,
    bytes_max: usize,
}

/// One batch, or as many as it takes when the records are divisible.
///
/// # Errors
/// What must stay together is larger than a batch may be.
pub(crate) fn batches(
    records: &[EncodedRecord],
    options: BatchOptions,
    timestamp: i64,
    bytes_max: usize,
    is_divisible: bool,
) -> Result<Vec<Bytes>, TooLarge> {
    let mut full = Vec::new();
    let mut builder = BatchBuilder::new(options);
    for record in records {
        let bytes = builder.size_bytes() + size_of(record);
        if bytes > bytes_max {
            let alone = BATCH_HEADER_BYTES + size_of(record);
            if !is_divisible || alone > bytes_max {
                return Err(TooLarge { bytes, bytes_max });
            }
            full.push(std::mem::replace(&mut builder, BatchBuilder::new(options)).build());
        }
        builder.append(timestamp, Some(&record.key), record.value.as_deref(), &[]);
    }
    full.push(builder.build());
    Ok(full)
}

fn size_of(record: &EncodedRecord) -> usize {
    let value = record.value.as_ref().map_or(0, Bytes::len);
    record.key.len() + value + RECORD_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use protocol::records::BatchIter;

    use super::*;

    fn records(count: usize, value_bytes: usize) -> Vec<EncodedRecord> {
        let record = |number: usize| EncodedRecord {
            key: number.to_string().into(),
            value: Some(vec![7; value_bytes].into()),
        };
        (0..count).map(record).collect()
    }

    fn split(count: usize, value_bytes: usize, is_divisible: bool) -> Result<Vec<Bytes>, TooLarge> {
        let records = records(count, value_bytes);
        batches(&records, BatchOptions::default(), 5, 1000, is_divisible)
    }

    #[test]
    fn what_fits_is_one_batch() {
        let one = split(3, 100, false).unwrap();
        assert_eq!(one.len(), 1);
        let (_, header, _) = BatchIter::new(&one[0]).next().unwrap();
        assert_eq!((header.records_count, header.max_timestamp), (3, 5));
    }

    #[test]
    fn divisible_records_fill_several_batches() {
        let several = split(30, 100, true).unwrap();
        assert!(several.len() > 1);
        assert!(several.iter().all(|batch| batch.len() <= 1000));
        let counts = several
            .iter()
            .map(|batch| BatchIter::new(batch).next().unwrap().1.records_count);
        assert_eq!(counts.sum::<i32>(), 30);
    }

    #[test]
    fn what_belongs_together_and_does_not_fit_is_refused() {
        assert!(split(30, 100, false).is_err());
        assert!(split(1, 2000, true).is_err());
    }
}
