//! The memory of one commit while it is gathered. Shell only in that it takes pool memory.

use super::format::{
    COMMIT_HEADER_BYTES, CommitHeader, ENTRY_HEADER_BYTES, EntryHeader, PAGE_BYTES,
};
use crate::extent::{ExtentPool, ExtentSlice, ExtentWriter};

/// A commit takes several blocks of this size when it is large.
const BLOCK_BYTES: usize = 64 * 1024;

/// Collects entries, then becomes the slices of one aligned write.
#[derive(Debug)]
pub(crate) struct Staging {
    pool: ExtentPool,
    blocks: Vec<ExtentWriter>,
    bytes: u64,
    bytes_max: u64,
    entries_count: u32,
}

impl Staging {
    pub(crate) fn new(pool: &ExtentPool, bytes_max: u64) -> Self {
        let mut staging = Self {
            pool: pool.clone(),
            blocks: Vec::new(),
            bytes: 0,
            bytes_max,
            entries_count: 0,
        };
        staging.push(&[0; COMMIT_HEADER_BYTES]);
        staging
    }

    /// Whether an entry that carries `bytes` still fits into this commit.
    pub(crate) fn fits(&self, bytes: u64) -> bool {
        self.bytes + bytes + ENTRY_HEADER_BYTES as u64 <= self.bytes_max
    }

    /// Adds an entry with the bytes that its header announces.
    pub(crate) fn add<'a>(&mut self, header: &EntryHeader, parts: impl Iterator<Item = &'a [u8]>) {
        self.push(&header.encode());
        let before = self.bytes;
        for part in parts {
            self.push(part);
        }
        assert_eq!(
            self.bytes - before,
            u64::from(header.bytes),
            "an entry carries what it says"
        );
        self.entries_count += 1;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries_count == 0
    }

    /// The space that the commit takes in the journal.
    pub(crate) fn padded_bytes(&self) -> u64 {
        self.bytes.next_multiple_of(PAGE_BYTES)
    }

    /// Writes the header over its place, with the checksum of everything.
    pub(crate) fn finish(mut self, incarnation: u64, sequence: u64) -> Vec<ExtentSlice> {
        let header = CommitHeader {
            incarnation,
            sequence,
            bytes: u32::try_from(self.bytes).unwrap_or(u32::MAX),
            entries_count: self.entries_count,
        };
        let mut front = COMMIT_HEADER_BYTES;
        let entries = self.blocks.iter().map(|block| {
            let from = std::mem::take(&mut front);
            &block.as_slice()[from..]
        });
        let encoded = header.encode(entries);
        if let Some(first) = self.blocks.first_mut() {
            first.as_mut_slice()[..COMMIT_HEADER_BYTES].copy_from_slice(&encoded);
        }
        if let Some(last) = self.blocks.last_mut() {
            last.zero_page_tail();
        }
        self.blocks
            .iter()
            .map(|block| block.padded_slice(0..block.len()))
            .collect()
    }

    fn push(&mut self, mut bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let full = self
                .blocks
                .last()
                .is_none_or(|block| block.remaining() == 0);
            if full {
                let block_bytes = if self.blocks.is_empty() {
                    BLOCK_BYTES / 4
                } else {
                    BLOCK_BYTES
                };
                self.blocks.push(self.pool.allocate(block_bytes));
            }
            if let Some(block) = self.blocks.last_mut() {
                let taken = block.append(bytes);
                bytes = &bytes[taken..];
            }
        }
    }
}
