//! Record batches of format v2 (magic 2), the only one that Millrace reads and writes.
//! Pure: bytes in, values or bytes out. Nothing here trusts a number it reads.

mod batch;
mod builder;
mod compacted;
mod compression;
mod control;
mod error;
mod recompress;
mod record;
mod search;
mod stream;
mod validate;
mod varint;

pub use batch::{
    BATCH_HEADER_BYTES, BatchHeader, BatchIter, LOG_OVERHEAD_BYTES, MAGIC, NO_PRODUCER_ID,
    NO_SEQUENCE, NO_TIMESTAMP, TimestampType, check_crc, patch_base_offset, set_max_timestamp,
};
pub use builder::{BatchBuilder, BatchOptions};
pub use compacted::{write_compacted, write_emptied};
pub use compression::{
    Compression, CompressionError, DECOMPRESSED_BYTES_MAX, compress, decompress,
};
pub use control::{ControlRecord, ControlType};
pub use error::{BatchError, RecordFault, RecordFaultKind};
pub use recompress::recompress;
pub use record::{Header, Headers, Record, RecordError, RecordIter, records_of};
pub use search::{RecordTimestamp, first_at_or_after, max_timestamp_record};
pub use validate::{ProduceRules, TimestampRewrite, ValidBatch, validate_produced};
