//! A batch while records are put into it, and after it is closed until it is acknowledged. Pure.

use bytes::Bytes;
use protocol::records::{BatchBuilder, BatchOptions, Header};

/// About what a record needs beside its key and value.
const RECORD_OVERHEAD_BYTES: usize = 24;

/// A record to send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewRecord<'a> {
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: &'a [Header<'a>],
    /// When it was due, in nanoseconds of the monotonic clock.
    pub(crate) intended: u64,
    pub(crate) timestamp_ms: i64,
    /// It carries a number, by which it is found again.
    pub(crate) numbered: bool,
}

impl NewRecord<'_> {
    pub(crate) fn size_bytes(&self) -> usize {
        let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        let headers = self.headers.iter();
        let headers: usize = headers.map(|h| h.key.len() + length(h.value) + 2).sum();
        length(self.key) + length(self.value) + headers + RECORD_OVERHEAD_BYTES
    }
}

#[derive(Debug)]
pub(crate) struct OpenBatch {
    builder: BatchBuilder,
    pub(crate) opened: u64,
    first_number: u64,
    numbered: u64,
    intended: Vec<u64>,
    value_bytes: u64,
}

/// A batch that is sent as it is, again if it must be.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) bytes: Bytes,
    /// When each of its records was due.
    pub(crate) intended: Vec<u64>,
    /// The number of its first record, by producer and partition, and how many have one.
    first_number: u64,
    numbered: u64,
    /// Of the values.
    pub(crate) value_bytes: u64,
}

impl OpenBatch {
    pub(crate) fn new(options: BatchOptions, opened: u64, first_number: u64) -> Self {
        Self {
            builder: BatchBuilder::new(options),
            opened,
            first_number,
            numbered: 0,
            intended: Vec::new(),
            value_bytes: 0,
        }
    }

    pub(crate) fn append(&mut self, record: &NewRecord<'_>) {
        let NewRecord { key, value, .. } = *record;
        self.builder
            .append(record.timestamp_ms, key, value, record.headers);
        self.intended.push(record.intended);
        self.numbered += u64::from(record.numbered);
        self.value_bytes += value.map_or(0, <[u8]>::len) as u64;
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.builder.size_bytes()
    }

    pub(crate) fn close(self) -> Batch {
        Batch {
            bytes: self.builder.build(),
            intended: self.intended,
            first_number: self.first_number,
            numbered: self.numbered,
            value_bytes: self.value_bytes,
        }
    }
}

impl Batch {
    pub(crate) fn records(&self) -> u64 {
        self.intended.len() as u64
    }

    /// The numbers of its records: first, and the one behind the last.
    pub(crate) fn numbers(&self) -> (u64, u64) {
        (self.first_number, self.first_number + self.numbered)
    }
}
