//! Building one batch: what the broker itself writes (markers, coordinators' records, compacted
//! batches) and what tests and load generators send. Pure.

use bytes::Bytes;

use super::batch::{
    BATCH_HEADER_BYTES, BatchHeader, CONTROL_BIT, LOG_APPEND_TIME_BIT, LOG_OVERHEAD_BYTES, MAGIC,
    NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP, TRANSACTIONAL_BIT, TimestampType, seal,
};
use super::compression::{Compression, compress};
use super::record::Header;
use super::varint::{put_varint, put_varlong};

/// What a batch says about itself, apart from its records.
#[derive(Debug, Clone, Copy)]
pub struct BatchOptions {
    pub base_offset: i64,
    pub partition_leader_epoch: i32,
    pub compression: Compression,
    /// For gzip and zstd; `None` is the codec's default.
    pub compression_level: Option<i32>,
    pub timestamp_type: TimestampType,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub is_transactional: bool,
    pub is_control: bool,
    /// Set when compaction keeps some records of a batch: the batch must still end where it did.
    pub last_offset_delta: Option<i32>,
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self {
            base_offset: 0,
            partition_leader_epoch: -1,
            compression: Compression::None,
            compression_level: None,
            timestamp_type: TimestampType::CreateTime,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: -1,
            base_sequence: NO_SEQUENCE,
            is_transactional: false,
            is_control: false,
            last_offset_delta: None,
        }
    }
}

/// Collects records, then yields the batch.
#[derive(Debug)]
pub struct BatchBuilder {
    options: BatchOptions,
    /// Room for the header, then the records, not yet compressed.
    batch: Vec<u8>,
    /// One record's fields, to learn their length.
    body: Vec<u8>,
    base_timestamp: Option<i64>,
    max_timestamp: i64,
    records_count: i32,
    last_offset_delta: i32,
}

impl BatchBuilder {
    #[must_use]
    pub fn new(options: BatchOptions) -> Self {
        Self {
            options,
            batch: vec![0; BATCH_HEADER_BYTES],
            body: Vec::new(),
            base_timestamp: None,
            max_timestamp: NO_TIMESTAMP,
            records_count: 0,
            last_offset_delta: -1,
        }
    }

    /// Appends a record at the next offset and returns its offset delta.
    pub fn append(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) -> i32 {
        let offset_delta = self.last_offset_delta + 1;
        self.append_at(offset_delta, timestamp, key, value, headers);
        offset_delta
    }

    /// Appends a record at a given offset: compaction leaves gaps.
    ///
    /// # Panics
    /// The offset is not behind the last one, or a field has more than 2 GiB.
    pub fn append_at(
        &mut self,
        offset_delta: i32,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) {
        assert!(
            offset_delta > self.last_offset_delta,
            "offsets rise within a batch"
        );
        let base_timestamp = *self.base_timestamp.get_or_insert(timestamp);
        self.body.clear();
        self.body.push(0);
        put_varlong(&mut self.body, timestamp.wrapping_sub(base_timestamp));
        put_varint(&mut self.body, offset_delta);
        put_nullable(&mut self.body, key);
        put_nullable(&mut self.body, value);
        put_varint(&mut self.body, length_of(headers.len()));
        for header in headers {
            put_nullable(&mut self.body, Some(header.key));
            put_nullable(&mut self.body, header.value);
        }
        put_varint(&mut self.batch, length_of(self.body.len()));
        self.batch.extend_from_slice(&self.body);
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.last_offset_delta = offset_delta;
        self.records_count += 1;
    }

    #[must_use]
    pub fn records_count(&self) -> i32 {
        self.records_count
    }

    /// Header and records as they would be without compression.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.batch.len()
    }

    /// Compresses, fills the header in and computes the CRC. A batch may be empty.
    ///
    /// # Panics
    /// The compression level does not exist, or the batch has more than 2 GiB.
    #[must_use]
    pub fn build(mut self) -> Bytes {
        if self.options.compression != Compression::None {
            self.compress_records();
        }
        let header = self.header();
        if let Some(front) = self.batch.first_chunk_mut() {
            *front = header.to_bytes();
        }
        seal(&mut self.batch);
        self.batch.into()
    }

    fn compress_records(&mut self) {
        let plain = self.batch.split_off(BATCH_HEADER_BYTES);
        let (codec, level) = (self.options.compression, self.options.compression_level);
        if let Err(error) = compress(codec, level, &plain, &mut self.batch) {
            panic!("compression into memory does not fail: {error}");
        }
    }

    fn header(&self) -> BatchHeader {
        let options = &self.options;
        let bit = |is_set: bool, bit: i16| if is_set { bit } else { 0 };
        let is_log_append = options.timestamp_type == TimestampType::LogAppendTime;
        BatchHeader {
            base_offset: options.base_offset,
            batch_length: length_of(self.batch.len() - LOG_OVERHEAD_BYTES),
            partition_leader_epoch: options.partition_leader_epoch,
            magic: MAGIC,
            crc: 0,
            attributes: options.compression.id()
                | bit(is_log_append, LOG_APPEND_TIME_BIT)
                | bit(options.is_transactional, TRANSACTIONAL_BIT)
                | bit(options.is_control, CONTROL_BIT),
            last_offset_delta: options.last_offset_delta.unwrap_or(self.last_offset_delta),
            base_timestamp: self.base_timestamp.unwrap_or(NO_TIMESTAMP),
            max_timestamp: self.max_timestamp,
            producer_id: options.producer_id,
            producer_epoch: options.producer_epoch,
            base_sequence: options.base_sequence,
            records_count: self.records_count,
        }
    }
}

fn put_nullable(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => put_varint(out, -1),
        Some(bytes) => {
            put_varint(out, length_of(bytes.len()));
            out.extend_from_slice(bytes);
        }
    }
}

fn length_of(bytes: usize) -> i32 {
    let length = i32::try_from(bytes);
    assert!(length.is_ok(), "a batch and its parts have less than 2 GiB");
    length.unwrap_or(i32::MAX)
}
