//! One segment as its log knows it: how far it is appended, gathered into the journal, written
//! to its file and durable; its index; its part of the tail. Holds no rule but the order of
//! these positions, and does no I/O.

use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use crate::extent::{ExtentPool, ExtentSlice};
use crate::journal::space::DIRECT_BYTES_MIN;
use crate::log::aborted::{self, AbortedIndex};
use crate::log::checkpoint::IndexPart;
use crate::log::damage::DamagedPlace;
use crate::log::disk::SegmentWriter;
use crate::log::index::{ENTRY_BYTES, Index};
use crate::log::producers::Producers;
use crate::log::slice::SegmentFile;
use crate::log::tail::Tail;
use crate::log::units::page_floor;

/// `gathered <= appended`; `flushed <= issued` (whole pages) `<= appended`.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) base_offset: i64,
    pub(crate) created_ms: i64,
    pub(crate) first_timestamp: Option<i64>,
    /// Bytes appended.
    pub(crate) appended: u64,
    /// Bytes that a journal entry or a direct write has taken charge of.
    pub(crate) gathered: u64,

    /// Start of the first page that no write to the file has taken yet.
    pub(crate) issued: u64,
    /// Writes to the file under way, in order: where each ends, and whether it is done.
    writes: VecDeque<(u64, bool)>,
    /// Bytes that are in the file, synced or not.
    pub(crate) flushed: u64,
    /// Shared with the reads under way of a sealed segment.
    pub(crate) index: Rc<Index>,
    /// Entries that the index file has already.
    pub(crate) index_saved: usize,
    /// Transactions that were aborted by a marker in this segment.
    pub(crate) aborted: AbortedIndex,
    /// Entries of it that the file has already.
    pub(crate) aborted_saved: usize,
    pub(crate) tail: Tail,
    /// What the scrub found in its file, in the order of the file.
    pub(crate) damaged: Vec<DamagedPlace>,
    pub(crate) stage: Stage,
}

/// The life of a segment.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Written to. The writer is made by the first flush.
    Open(Option<Rc<SegmentWriter>>),
    /// Complete, but its file is not. The producers are those at its end.
    Closing {
        writer: Option<Rc<SegmentWriter>>,
        producers: Box<Producers>,
    },
    /// The file is complete and synced; it is opened by the first read, and so is the index.
    Sealed {
        file: Option<Arc<SegmentFile>>,
        index_loaded: bool,
        max_timestamp: Option<i64>,
    },
}

/// Pages on their way to the segment's file.
#[derive(Debug)]
pub(crate) struct PageWrite {
    pub(crate) slices: Vec<ExtentSlice>,
    pub(crate) range: Range<u64>,
}

impl Segment {
    pub(crate) fn new(base_offset: i64, created_ms: i64) -> Self {
        Self {
            base_offset,
            created_ms,
            first_timestamp: None,
            appended: 0,
            gathered: 0,

            issued: 0,
            writes: VecDeque::new(),
            flushed: 0,
            index: Rc::default(),
            index_saved: 0,
            aborted: AbortedIndex::default(),
            aborted_saved: 0,
            tail: Tail::default(),
            damaged: Vec::new(),
            stage: Stage::Open(None),
        }
    }

    /// A segment whose file is complete.
    pub(crate) fn sealed(base_offset: i64, bytes: u64) -> Self {
        let mut segment = Self::new(base_offset, 0);
        segment.set_all_written(bytes);
        segment.stage = Stage::Sealed {
            file: None,
            index_loaded: false,
            max_timestamp: None,
        };
        segment
    }

    /// Says that `bytes` are in the file and synced.
    pub(crate) fn set_all_written(&mut self, bytes: u64) {
        self.appended = bytes;
        self.gathered = bytes;

        self.issued = page_floor(bytes);
        self.flushed = bytes;
    }

    pub(crate) fn has_memory(&self) -> bool {
        self.tail.start().is_some()
    }

    pub(crate) fn is_sealed(&self) -> bool {
        matches!(self.stage, Stage::Sealed { .. })
    }

    /// Bytes that no commit has taken yet.
    pub(crate) fn pending(&self) -> u64 {
        self.appended - self.gathered
    }

    /// Whether the pending pages go straight to the file.
    pub(crate) fn is_large(&self) -> bool {
        self.pending() >= DIRECT_BYTES_MIN
    }

    /// Takes the whole pages before `limit` that no write has taken yet, when there are at least
    /// `bytes_min`.
    pub(crate) fn take_pages(&mut self, limit: u64, bytes_min: u64) -> Option<PageWrite> {
        let end = page_floor(limit);
        if end <= self.issued || end - self.issued < bytes_min {
            return None;
        }
        let range = self.issued..end;
        self.issued = end;
        self.writes.push_back((end, false));
        Some(PageWrite {
            slices: self.tail.slices(range.clone()).collect(),
            range,
        })
    }

    /// A padded copy of the partial last page, when the file does not have all of it yet. All
    /// whole pages have been taken.
    pub(crate) fn last_page(&self, pool: &ExtentPool) -> Option<PageWrite> {
        if self.appended <= self.flushed || self.issued == self.appended {
            return None;
        }
        assert_eq!(
            self.issued,
            page_floor(self.appended),
            "whole pages go first"
        );
        let slices = vec![self.tail.last_page(pool, self.appended)];
        Some(PageWrite {
            slices,
            range: self.issued..self.appended,
        })
    }

    /// Notes that a write of whole pages is done.
    pub(crate) fn pages_written(&mut self, range: &Range<u64>) {
        if let Some(write) = self.writes.iter_mut().find(|(end, _)| *end == range.end) {
            write.1 = true;
        }
        while let Some((end, true)) = self.writes.front() {
            self.flushed = self.flushed.max(*end);
            self.writes.pop_front();
        }
    }

    /// The index entries that the file lacks.
    pub(crate) fn unsaved_index(&self) -> IndexPart {
        IndexPart {
            position: (self.index_saved * ENTRY_BYTES) as u64,
            bytes: self.index.encode_from(self.index_saved, self.base_offset),
            entries_count: self.index.entries_count(),
        }
    }

    /// The aborted transactions that the file lacks.
    pub(crate) fn unsaved_aborted(&self) -> IndexPart {
        IndexPart {
            position: (self.aborted_saved * aborted::ENTRY_BYTES) as u64,
            bytes: self.aborted.encode_from(self.aborted_saved),
            entries_count: self.aborted.entries_count(),
        }
    }

    pub(crate) fn writer(&self) -> Option<&Rc<SegmentWriter>> {
        match &self.stage {
            Stage::Open(writer) | Stage::Closing { writer, .. } => writer.as_ref(),
            Stage::Sealed { .. } => None,
        }
    }
}
