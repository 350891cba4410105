//! What a producer may append: one batch of format 2 that is what its header says. Pure.
//! Records are walked once, here and nowhere else; those of a compressed batch while it is
//! decompressed, a window at a time, and they are stored as they came.

use super::batch::{
    BATCH_HEADER_BYTES, BatchHeader, NO_SEQUENCE, NO_TIMESTAMP, TimestampType, check_crc,
    set_max_timestamp,
};
use super::compression::{Compression, DECOMPRESSED_BYTES_MAX, with_decompressed};
use super::error::{BatchError, RecordFault, RecordFaultKind};
use super::record::{RecordFacts, RecordIter};

/// A client learns about this many bad records of a batch; the whole batch is refused anyway.
const FAULTS_MAX: usize = 1024;
const ZSTD_SINCE_VERSION: i16 = 7;

/// What a topic's configuration and the request's version demand.
#[derive(Debug, Clone)]
pub struct ProduceRules {
    /// `max.message.bytes`: of the whole batch, as sent.
    pub max_message_bytes: usize,
    /// `cleanup.policy` has `compact`: every record needs a key.
    pub is_compacted: bool,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`.
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`.
    pub timestamp_after_max_ms: i64,
    /// The wall clock.
    pub now_ms: i64,
    /// The Produce request's version.
    pub produce_version: i16,
    /// What a batch that must be decompressed may hold.
    pub decompressed_bytes_max: usize,
}

impl Default for ProduceRules {
    /// Kafka's defaults, for the newest request, at the epoch.
    fn default() -> Self {
        Self {
            max_message_bytes: 1_048_588,
            is_compacted: false,
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: 3_600_000,
            now_ms: 0,
            produce_version: 13,
            decompressed_bytes_max: DECOMPRESSED_BYTES_MAX,
        }
    }
}

/// A batch that may be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValidBatch {
    /// As sent; [`ValidBatch::rewrite`] has not been applied.
    pub header: BatchHeader,
    /// The header must change before the batch is stored, which costs a new CRC. `None` for
    /// create time unless the producer's max timestamp is not the records'.
    pub rewrite: Option<TimestampRewrite>,
}

impl ValidBatch {
    /// The latest timestamp that the stored batch will have.
    #[must_use]
    pub fn max_timestamp(&self) -> i64 {
        let rewritten = self.rewrite.map(|rewrite| rewrite.max_timestamp);
        rewritten.unwrap_or(self.header.max_timestamp)
    }
}

/// A change to the header of the stored copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampRewrite {
    pub timestamp_type: TimestampType,
    pub max_timestamp: i64,
}

impl TimestampRewrite {
    /// Changes a batch and recomputes its CRC.
    ///
    /// # Panics
    /// `batch` is shorter than a header.
    pub fn apply(self, batch: &mut [u8]) {
        set_max_timestamp(batch, self.timestamp_type, self.max_timestamp);
    }
}

/// Checks what a producer sent for one partition, in the order in which Kafka does.
///
/// # Errors
/// The first rule that is broken; for rules about single records, all of them.
pub fn validate_produced(records: &[u8], rules: &ProduceRules) -> Result<ValidBatch, BatchError> {
    let header = only_batch(records)?;
    let compression = header.compression()?;
    let version = rules.produce_version;
    if compression == Compression::Zstd && version < ZSTD_SINCE_VERSION {
        return Err(BatchError::ZstdNotAllowed { version });
    }
    let base_offset = header.base_offset;
    if base_offset != 0 {
        return Err(BatchError::BaseOffset { base_offset });
    }
    if records.len() > rules.max_message_bytes {
        return Err(BatchError::TooLarge {
            bytes: records.len(),
            bytes_max: rules.max_message_bytes,
        });
    }
    check_crc(records, &header)?;
    check_header(&header)?;
    refuse_log_append_time(&header)?;
    let payload = records.get(BATCH_HEADER_BYTES..).unwrap_or_default();
    let allowed = AllowedTimes::of(rules);
    let max_timestamp = if compression == Compression::None {
        let mut facts = facts_of(payload);
        check_records(&mut facts, &header, rules.is_compacted, &allowed)?
    } else {
        with_decompressed(
            compression,
            payload,
            rules.decompressed_bytes_max,
            |facts| check_records(facts, &header, rules.is_compacted, &allowed),
        )?
    };
    Ok(ValidBatch {
        header,
        rewrite: rewrite_of(&header, max_timestamp, rules),
    })
}

/// The header of the one batch that fills `records`.
fn only_batch(records: &[u8]) -> Result<BatchHeader, BatchError> {
    if records.is_empty() {
        return Err(BatchError::Empty);
    }
    let header = BatchHeader::parse(records)?;
    let needed = header.size_bytes();
    let available = records.len();
    if needed > available {
        return Err(BatchError::Truncated { needed, available });
    }
    if needed < available {
        return Err(BatchError::MoreThanOneBatch {
            trailing_bytes: available - needed,
        });
    }
    Ok(header)
}

fn check_header(header: &BatchHeader) -> Result<(), BatchError> {
    let BatchHeader {
        records_count,
        last_offset_delta,
        producer_id,
        producer_epoch,
        base_sequence,
        ..
    } = *header;
    if records_count <= 0 || records_count - 1 != last_offset_delta {
        return Err(BatchError::Count {
            records_count,
            last_offset_delta,
        });
    }
    if header.is_control() {
        return Err(BatchError::ControlFromClient);
    }
    if !header.has_producer_id() {
        if header.is_transactional() {
            return Err(BatchError::TransactionalWithoutProducerId);
        }
        return Ok(());
    }
    if base_sequence <= NO_SEQUENCE {
        return Err(BatchError::BadSequence {
            producer_id,
            base_sequence,
        });
    }
    if producer_epoch < 0 {
        return Err(BatchError::BadProducerEpoch {
            producer_id,
            producer_epoch,
        });
    }
    Ok(())
}

/// The attribute is the broker's to set; Kafka blames each record for it.
fn refuse_log_append_time(header: &BatchHeader) -> Result<(), BatchError> {
    if header.timestamp_type() == TimestampType::CreateTime {
        return Ok(());
    }
    let kind = RecordFaultKind::LogAppendTimeFromClient;
    let indexes = (0..header.records_count).take(FAULTS_MAX);
    let faults = indexes.map(|index| RecordFault { index, kind }).collect();
    Err(BatchError::Refused { faults })
}

/// The records of a payload that is not compressed.
fn facts_of(payload: &[u8]) -> impl Iterator<Item = Result<RecordFacts, BatchError>> {
    RecordIter::new(payload)
        .zip(0..)
        .map(|(record, index)| match record {
            Ok(record) => Ok(RecordFacts::of(&record)),
            Err(error) => Err(BatchError::BadRecord { index, error }),
        })
}

/// Walks the records and returns their latest timestamp.
fn check_records<I>(
    facts: &mut I,
    header: &BatchHeader,
    needs_keys: bool,
    allowed: &AllowedTimes,
) -> Result<i64, BatchError>
where
    I: Iterator<Item = Result<RecordFacts, BatchError>> + ?Sized,
{
    let records_count = header.records_count;
    let mut faults = Vec::new();
    let mut max_timestamp = NO_TIMESTAMP;
    let mut index = 0;
    for record in facts {
        let record = record?;
        if index == records_count {
            return Err(BatchError::RecordsLeftOver { records_count });
        }
        if record.offset_delta != index {
            return Err(BatchError::OffsetDelta {
                index,
                offset_delta: record.offset_delta,
            });
        }
        let timestamp = header.base_timestamp.saturating_add(record.timestamp_delta);
        max_timestamp = max_timestamp.max(timestamp);
        if needs_keys && !record.has_key {
            note(&mut faults, index, RecordFaultKind::NoKey);
        } else if !allowed.holds(timestamp) {
            note(&mut faults, index, allowed.fault_of(timestamp));
        }
        index += 1;
    }
    if index < records_count {
        let found = index;
        return Err(BatchError::RecordsMissing {
            records_count,
            found,
        });
    }
    if !faults.is_empty() {
        return Err(BatchError::Refused { faults });
    }
    Ok(max_timestamp)
}

#[cold]
fn note(faults: &mut Vec<RecordFault>, index: i32, kind: RecordFaultKind) {
    if faults.len() < FAULTS_MAX {
        faults.push(RecordFault { index, kind });
    }
}

/// Which timestamps records may have, both ends inclusive. `NO_TIMESTAMP` is always allowed.
struct AllowedTimes {
    earliest: i64,
    latest: i64,
}

impl AllowedTimes {
    fn of(rules: &ProduceRules) -> Self {
        if rules.timestamp_type == TimestampType::LogAppendTime {
            return Self {
                earliest: i64::MIN,
                latest: i64::MAX,
            };
        }
        let earliest = rules.now_ms.saturating_sub(rules.timestamp_before_max_ms);
        Self {
            earliest: earliest.max(0),
            latest: rules.now_ms.saturating_add(rules.timestamp_after_max_ms),
        }
    }

    #[inline]
    fn holds(&self, timestamp: i64) -> bool {
        (self.earliest <= timestamp && timestamp <= self.latest) || timestamp == NO_TIMESTAMP
    }

    fn fault_of(&self, timestamp: i64) -> RecordFaultKind {
        RecordFaultKind::TimestampOutOfRange {
            timestamp,
            earliest: self.earliest,
            latest: self.latest,
        }
    }
}

/// What the header must say about time, where it does not say it yet.
fn rewrite_of(
    header: &BatchHeader,
    max_timestamp: i64,
    rules: &ProduceRules,
) -> Option<TimestampRewrite> {
    let timestamp_type = rules.timestamp_type;
    match timestamp_type {
        TimestampType::CreateTime if header.max_timestamp == max_timestamp => None,
        TimestampType::CreateTime => Some(TimestampRewrite {
            timestamp_type,
            max_timestamp,
        }),
        TimestampType::LogAppendTime => Some(TimestampRewrite {
            timestamp_type,
            max_timestamp: rules.now_ms,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::seal;
    use super::super::builder::{BatchBuilder, BatchOptions};
    use super::super::record::RecordError;
    use super::*;
    use crate::error_code::ErrorCode;

    const NOW: i64 = 1_700_000_000_000;

    fn rules() -> ProduceRules {
        ProduceRules {
            now_ms: NOW,
            ..ProduceRules::default()
        }
    }

    fn batch(options: BatchOptions, timestamps: &[i64]) -> Vec<u8> {
        let mut builder = BatchBuilder::new(options);
        for timestamp in timestamps {
            builder.append(*timestamp, Some(b"key"), Some(b"value"), &[]);
        }
        builder.build().to_vec()
    }

    fn with(compression: Compression) -> BatchOptions {
        BatchOptions {
            compression,
            ..BatchOptions::default()
        }
    }

    fn plain() -> Vec<u8> {
        batch(BatchOptions::default(), &[NOW, NOW + 5, NOW + 3])
    }

    fn changed(at: usize, bytes: &[u8]) -> Vec<u8> {
        let mut batch = plain();
        batch[at..at + bytes.len()].copy_from_slice(bytes);
        seal(&mut batch);
        batch
    }

    fn refused(records: &[u8], rules: &ProduceRules) -> (BatchError, ErrorCode) {
        let error = validate_produced(records, rules).unwrap_err();
        let code = error.code();
        (error, code)
    }

    fn code(records: &[u8]) -> ErrorCode {
        refused(records, &rules()).1
    }

    #[test]
    fn a_proper_batch_is_accepted_as_it_is() {
        for compression in Compression::ALL {
            let bytes = batch(with(compression), &[NOW, NOW + 5, NOW + 3]);
            let valid = validate_produced(&bytes, &rules()).unwrap();
            assert_eq!(valid.header.records_count, 3);
            assert_eq!(valid.rewrite, None);
        }
    }

    #[test]
    fn log_append_time_is_a_rewrite_with_the_clock() {
        let rules = ProduceRules {
            timestamp_type: TimestampType::LogAppendTime,
            ..rules()
        };
        let mut bytes = batch(BatchOptions::default(), &[0, -5, i64::MAX]);
        let valid = validate_produced(&bytes, &rules).unwrap();
        assert_eq!(valid.max_timestamp(), NOW);
        valid.rewrite.unwrap().apply(&mut bytes);
        let header = BatchHeader::parse(&bytes).unwrap();
        assert_eq!(header.max_timestamp, NOW);
        check_crc(&bytes, &header).unwrap();
        // and it is not a producer's to set
        let (error, code) = refused(&bytes, &rules);
        assert_eq!(
            (error.faults().len(), code),
            (3, ErrorCode::InvalidTimestamp)
        );
    }

    #[test]
    fn a_wrong_max_timestamp_is_corrected() {
        let bytes = changed(35, &(NOW + 500).to_be_bytes());
        let rewrite = validate_produced(&bytes, &rules())
            .unwrap()
            .rewrite
            .unwrap();
        assert_eq!(rewrite.max_timestamp, NOW + 5);
        assert_eq!(rewrite.timestamp_type, TimestampType::CreateTime);
    }

    #[test]
    fn only_one_whole_batch_is_accepted() {
        let one = plain();
        assert_eq!(code(&[]), ErrorCode::InvalidRecord);
        assert_eq!(
            code(&[one.clone(), one.clone()].concat()),
            ErrorCode::InvalidRecord
        );
        assert_eq!(
            code(&[one.as_slice(), &one[..20]].concat()),
            ErrorCode::InvalidRecord
        );
        for length in 1..one.len() {
            assert_eq!(
                code(&one[..length]),
                ErrorCode::InvalidRecord,
                "cut at {length}"
            );
        }
    }

    #[test]
    fn a_wrong_length_or_crc_is_corrupt() {
        for length in [i32::MIN, -1, 0, 48] {
            assert_eq!(
                code(&changed(8, &length.to_be_bytes())),
                ErrorCode::CorruptMessage
            );
        }
        for length in [1_000_000, i32::MAX] {
            assert_eq!(
                code(&changed(8, &length.to_be_bytes())),
                ErrorCode::InvalidRecord
            );
        }
        let mut bytes = plain();
        bytes[70] ^= 1;
        assert!(matches!(
            refused(&bytes, &rules()).0,
            BatchError::WrongCrc { .. }
        ));
        assert_eq!(code(&bytes), ErrorCode::CorruptMessage);
    }

    #[test]
    fn other_formats_are_refused() {
        for (magic, expected) in [
            (0, ErrorCode::InvalidRecord),
            (1, ErrorCode::InvalidRecord),
            (3, ErrorCode::CorruptMessage),
            (127, ErrorCode::CorruptMessage),
            (-1, ErrorCode::CorruptMessage),
        ] {
            assert_eq!(
                code(&changed(16, &i8::to_be_bytes(magic))),
                expected,
                "magic {magic}"
            );
        }
    }

    #[test]
    fn counts_must_agree_with_each_other_and_with_the_records() {
        for count in [-1, 0, 2, 4, i32::MAX, i32::MIN] {
            assert_eq!(
                code(&changed(57, &i32::to_be_bytes(count))),
                ErrorCode::InvalidRecord
            );
        }
        for count in [2_i32, 4, i32::MAX] {
            let mut bytes = changed(57, &count.to_be_bytes());
            bytes[23..27].copy_from_slice(&(count - 1).to_be_bytes());
            seal(&mut bytes);
            let (error, code) = refused(&bytes, &rules());
            assert_eq!(code, ErrorCode::InvalidRecord);
            assert!(matches!(
                error,
                BatchError::RecordsMissing { .. } | BatchError::RecordsLeftOver { .. }
            ));
        }
    }

    #[test]
    fn malformed_records_are_refused() {
        let (error, code) = refused(&changed(61, &[0]), &rules());
        assert_eq!(
            error,
            BatchError::BadRecord {
                index: 0,
                error: RecordError::Truncated
            }
        );
        assert_eq!(code, ErrorCode::InvalidRecord);
        // the first record's offset delta
        let (error, code) = refused(&changed(64, &[2]), &rules());
        assert_eq!(
            error,
            BatchError::OffsetDelta {
                index: 0,
                offset_delta: 1
            }
        );
        assert_eq!(code, ErrorCode::InvalidRecord);
    }

    #[test]
    fn producers_must_identify_themselves_wholly() {
        let of = |producer_id, producer_epoch, base_sequence, is_transactional| {
            let options = BatchOptions {
                producer_id,
                producer_epoch,
                base_sequence,
                is_transactional,
                ..BatchOptions::default()
            };
            batch(options, &[NOW])
        };
        assert!(validate_produced(&of(7, 0, 0, true), &rules()).is_ok());
        assert_eq!(code(&of(7, 0, -1, false)), ErrorCode::InvalidRecord);
        assert_eq!(code(&of(7, -1, 0, false)), ErrorCode::InvalidProducerEpoch);
        assert_eq!(code(&of(-1, -1, -1, true)), ErrorCode::InvalidRecord);
    }

    #[test]
    fn control_batches_and_other_base_offsets_are_refused() {
        let control = BatchOptions {
            is_control: true,
            ..BatchOptions::default()
        };
        assert_eq!(code(&batch(control, &[NOW])), ErrorCode::InvalidRecord);
        assert_eq!(
            code(&changed(0, &1_i64.to_be_bytes())),
            ErrorCode::InvalidRecord
        );
    }

    #[test]
    fn compression_must_exist_and_suit_the_version() {
        for id in 5..=7 {
            assert_eq!(
                code(&changed(21, &i16::to_be_bytes(id))),
                ErrorCode::InvalidRecord
            );
        }
        let old = ProduceRules {
            produce_version: 6,
            ..rules()
        };
        let zstd = batch(with(Compression::Zstd), &[NOW]);
        assert_eq!(
            refused(&zstd, &old).1,
            ErrorCode::UnsupportedCompressionType
        );
        let lz4 = batch(with(Compression::Lz4), &[NOW]);
        assert!(validate_produced(&lz4, &old).is_ok());
    }

    #[test]
    fn the_size_limit_is_inclusive() {
        let bytes = plain();
        let of = |max_message_bytes| ProduceRules {
            max_message_bytes,
            ..rules()
        };
        assert!(validate_produced(&bytes, &of(bytes.len())).is_ok());
        assert_eq!(
            refused(&bytes, &of(bytes.len() - 1)).1,
            ErrorCode::MessageTooLarge
        );
    }

    #[test]
    fn timestamps_out_of_range_name_their_records() {
        let hour = 3_600_000;
        for compression in Compression::ALL {
            let times = [NOW, NOW + hour, NOW + hour + 1, -1, -2, 0, i64::MAX];
            let (error, code) = refused(&batch(with(compression), &times), &rules());
            let indexes: Vec<i32> = error.faults().iter().map(|fault| fault.index).collect();
            assert_eq!(
                (indexes.as_slice(), code),
                ([2, 4, 6].as_slice(), ErrorCode::InvalidTimestamp)
            );
        }
        let strict = ProduceRules {
            timestamp_before_max_ms: 1_000,
            ..rules()
        };
        let (error, _) = refused(
            &batch(BatchOptions::default(), &[NOW, NOW - 1_001]),
            &strict,
        );
        assert_eq!(error.faults().len(), 1);
    }

    #[test]
    fn a_compacted_topic_needs_keys() {
        let compacted = ProduceRules {
            is_compacted: true,
            ..rules()
        };
        for compression in Compression::ALL {
            let mut builder = BatchBuilder::new(with(compression));
            builder.append(NOW, Some(b""), None, &[]);
            builder.append(NOW, None, Some(b"value"), &[]);
            let bytes = builder.build();
            let (error, code) = refused(&bytes, &compacted);
            assert_eq!(
                error.faults(),
                [RecordFault {
                    index: 1,
                    kind: RecordFaultKind::NoKey
                }]
            );
            assert_eq!(code, ErrorCode::InvalidRecord);
            assert!(validate_produced(&bytes, &rules()).is_ok());
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_has_gone_off() {
        let mut builder = BatchBuilder::new(with(Compression::Zstd));
        builder.append(NOW, Some(b"key"), Some(&vec![0; 64 << 20]), &[]);
        let bomb = builder.build();
        assert!(bomb.len() < 100_000);
        assert!(validate_produced(&bomb, &rules()).is_ok());
        let careful = ProduceRules {
            decompressed_bytes_max: 1 << 20,
            ..rules()
        };
        assert_eq!(refused(&bomb, &careful).1, ErrorCode::MessageTooLarge);
    }
}
