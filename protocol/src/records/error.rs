//! Why a batch is refused, with the answer that a Kafka broker gives. Pure.

use super::compression::CompressionError;
use super::record::RecordError;
use crate::error_code::ErrorCode;

/// Why a batch cannot be read or must not be appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    #[error("a partition's data must hold one record batch")]
    Empty,
    #[error("{trailing_bytes} bytes follow the one record batch that is allowed")]
    MoreThanOneBatch { trailing_bytes: usize },
    #[error("the batch needs {needed} bytes but {available} are there")]
    Truncated { needed: usize, available: usize },
    #[error("batch length {batch_length} leaves no room for the header")]
    LengthTooSmall { batch_length: i32 },
    #[error("message format {magic} is no longer supported")]
    OldFormat { magic: i8 },
    #[error("message format {magic} is unknown")]
    UnknownFormat { magic: i8 },
    #[error("the stored crc is {stored:#010x} but the bytes give {computed:#010x}")]
    WrongCrc { stored: u32, computed: u32 },
    #[error("the batch has {bytes} bytes, more than the {bytes_max} that are allowed")]
    TooLarge { bytes: usize, bytes_max: usize },
    #[error("compression type {id} is unknown")]
    UnknownCompression { id: i16 },
    #[error("produce version {version} does not allow zstd")]
    ZstdNotAllowed { version: i16 },
    #[error("the base offset of a produced batch must be 0 but is {base_offset}")]
    BaseOffset { base_offset: i64 },
    #[error("records count {records_count} disagrees with last offset delta {last_offset_delta}")]
    Count {
        records_count: i32,
        last_offset_delta: i32,
    },
    #[error("clients must not write control records")]
    ControlFromClient,
    #[error("producer id {producer_id} comes with base sequence {base_sequence}")]
    BadSequence {
        producer_id: i64,
        base_sequence: i32,
    },
    #[error("producer id {producer_id} comes with epoch {producer_epoch}")]
    BadProducerEpoch {
        producer_id: i64,
        producer_epoch: i16,
    },
    #[error("a transactional batch needs a producer id")]
    TransactionalWithoutProducerId,
    #[error("record {index} is malformed: {error}")]
    BadRecord { index: i32, error: RecordError },
    #[error("record {index} has offset delta {offset_delta}")]
    OffsetDelta { index: i32, offset_delta: i32 },
    #[error("the batch holds {found} records but its header says {records_count}")]
    RecordsMissing { records_count: i32, found: i32 },
    #[error("bytes are left over behind {records_count} records")]
    RecordsLeftOver { records_count: i32 },
    #[error("the records do not decompress: {0}")]
    Compression(#[from] CompressionError),
    #[error("{} of the records are not acceptable, first: {}", faults.len(), first_of(faults))]
    Refused { faults: Vec<RecordFault> },
}

/// A record that may not be appended; its batch is refused as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordFault {
    /// The record's place in the batch.
    pub index: i32,
    pub kind: RecordFaultKind,
}

/// What is wrong with one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordFaultKind {
    #[error("a compacted topic does not accept a record without a key")]
    NoKey,
    #[error("timestamp {timestamp} is not within {earliest} and {latest}")]
    TimestampOutOfRange {
        timestamp: i64,
        earliest: i64,
        latest: i64,
    },
    #[error("a producer must not set the timestamp type to log append time")]
    LogAppendTimeFromClient,
}

impl RecordFaultKind {
    fn is_about_time(self) -> bool {
        match self {
            Self::NoKey => false,
            Self::TimestampOutOfRange { .. } | Self::LogAppendTimeFromClient => true,
        }
    }
}

impl From<&BatchError> for ErrorCode {
    fn from(error: &BatchError) -> Self {
        match error {
            BatchError::LengthTooSmall { .. }
            | BatchError::UnknownFormat { .. }
            | BatchError::WrongCrc { .. } => Self::CorruptMessage,
            BatchError::TooLarge { .. }
            | BatchError::Compression(CompressionError::TooLarge { .. }) => Self::MessageTooLarge,
            BatchError::ZstdNotAllowed { .. } => Self::UnsupportedCompressionType,
            BatchError::BadProducerEpoch { .. } => Self::InvalidProducerEpoch,
            BatchError::Refused { .. } if error.is_about_time() => Self::InvalidTimestamp,
            // half a batch is none to Kafka, and there must be one
            BatchError::Truncated { .. }
            | BatchError::Empty
            | BatchError::MoreThanOneBatch { .. }
            | BatchError::OldFormat { .. }
            | BatchError::UnknownCompression { .. }
            | BatchError::BaseOffset { .. }
            | BatchError::Count { .. }
            | BatchError::ControlFromClient
            | BatchError::BadSequence { .. }
            | BatchError::TransactionalWithoutProducerId
            | BatchError::BadRecord { .. }
            | BatchError::OffsetDelta { .. }
            | BatchError::RecordsMissing { .. }
            | BatchError::RecordsLeftOver { .. }
            | BatchError::Compression(CompressionError::Malformed { .. })
            | BatchError::Refused { .. } => Self::InvalidRecord,
        }
    }
}

impl BatchError {
    /// What the producer is answered.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.into()
    }

    /// The records to name in the response (Produce v8+): empty unless single records are bad.
    #[must_use]
    pub fn faults(&self) -> &[RecordFault] {
        if let Self::Refused { faults } = self {
            return faults;
        }
        &[]
    }

    /// A record's timestamp is the reason.
    #[must_use]
    pub fn is_about_time(&self) -> bool {
        self.faults().iter().any(|fault| fault.kind.is_about_time())
    }
}

fn first_of(faults: &[RecordFault]) -> String {
    faults.first().map_or_else(String::new, |fault| {
        format!("record {}: {}", fault.index, fault.kind)
    })
}
