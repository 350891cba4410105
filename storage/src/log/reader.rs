//! Reads of one segment: from the tail when it is in memory, else from the file. Shell.
//!
//! A sealed segment is answered with a file range; an unsealed one is read past the page cache,
//! because its file still changes.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use protocol::records::{BATCH_HEADER_BYTES, BatchHeader};

use crate::extent::{ExtentSlice, PAGE_BYTES};
use crate::log::aborted::AbortedIndex;
use crate::log::index::{Index, IndexEntry};
use crate::log::segment::{Segment, Stage};
use crate::log::slice::{FileRange, LogPart, LogSlice, SegmentFile};
use crate::log::state::State;
use crate::log::units::{page_ceil, page_floor, to_usize};
use crate::log::{Log, ReadError, directory};
use crate::ring::{File, FileOptions};

/// How much is read at once in search of a batch.
const WINDOW_BYTES: u64 = 16 * 1024;

/// What a read asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Want {
    pub(super) offset: i64,
    pub(super) bytes_max: usize,
    /// Exclusive.
    pub(super) upto: i64,
    pub(super) at_least_one: bool,
}

/// The batch that a read begins with.
#[derive(Debug, Clone, Copy)]
struct First {
    position: u64,
    header: BatchHeader,
}

impl First {
    fn end(&self) -> u64 {
        self.position + self.header.size_bytes() as u64
    }
}

/// The bounds of the segment that is read.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    base_offset: i64,
    end_offset: i64,
    /// Bytes in the segment.
    bytes: u64,
}

/// The answer when the tail has all of it.
pub(super) fn from_memory(state: &State, want: &Want) -> Option<LogSlice> {
    let at = state.segment_of(want.offset);
    let segment = &state.segments[at];
    let start = segment.tail.start()?;
    if !segment.has_index() {
        return None;
    }
    let entry = segment
        .index
        .by_offset((want.offset - segment.base_offset).unsigned_abs());
    if u64::from(entry.position) < start {
        return None;
    }
    let header_at = |position| header_in_tail(segment, position);
    let first = find_first(u64::from(entry.position), want.offset, header_at)?;
    let bounds = bounds_of(state, at);
    let end = find_end(&segment.index, &first, want, bounds, header_at);
    let range = first.position..end.position;
    Some(LogSlice::from_memory(
        segment.tail.slices(range),
        end.offset,
    ))
}

fn header_in_tail(segment: &Segment, position: u64) -> Option<BatchHeader> {
    let mut front = [0; BATCH_HEADER_BYTES];
    let copied = segment.tail.copy(position, &mut front);
    BatchHeader::parse(&front[..copied]).ok()
}

fn bounds_of(state: &State, at: usize) -> Bounds {
    let segment = &state.segments[at];
    Bounds {
        base_offset: segment.base_offset,
        end_offset: state.end_of(at),
        bytes: segment.appended,
    }
}

/// Walks from a boundary to the batch that holds `offset`.
fn find_first(
    mut position: u64,
    offset: i64,
    header_at: impl Fn(u64) -> Option<BatchHeader>,
) -> Option<First> {
    loop {
        let header = header_at(position)?;
        let first = First { position, header };
        if header.last_offset() >= offset {
            return Some(first);
        }
        position = first.end();
    }
}

/// A boundary between batches.
#[derive(Debug, Clone, Copy)]
struct End {
    position: u64,
    /// All batches before have lower offsets.
    offset: i64,
}

/// The last boundary within all limits. `header_at` may know no header: then the index decides.
fn find_end(
    index: &Index,
    first: &First,
    want: &Want,
    bounds: Bounds,
    header_at: impl Fn(u64) -> Option<BatchHeader>,
) -> End {
    let end_at = |position, offset| End { position, offset };
    let limit = first.position.saturating_add(want.bytes_max as u64);
    if first.header.next_offset() > want.upto {
        return end_at(first.position, first.header.base_offset);
    }
    if bounds.bytes <= limit && bounds.end_offset <= want.upto {
        return end_at(bounds.bytes, bounds.end_offset);
    }
    let offsets = want.upto.min(bounds.end_offset) - bounds.base_offset;
    let entry: IndexEntry = index.by_position(limit, offsets.unsigned_abs());
    let mut end = if u64::from(entry.position) > first.position {
        let offset = bounds.base_offset + i64::from(entry.offset_delta);
        end_at(u64::from(entry.position), offset)
    } else {
        end_at(first.position, first.header.base_offset)
    };
    while let Some(header) = header_at(end.position) {
        let next = end.position + header.size_bytes() as u64;
        if next > limit || header.next_offset() > want.upto {
            break;
        }
        end = end_at(next, header.next_offset());
    }
    if end.position == first.position && (want.at_least_one || first.end() <= limit) {
        return end_at(first.end(), first.header.next_offset());
    }
    end
}

/// The segment is not in the log any more.
fn out_of_range(state: &State) -> ReadError {
    ReadError::OutOfRange {
        start: state.start_offset,
        end: state.end_offset,
    }
}

impl Segment {
    fn has_index(&self) -> bool {
        match &self.stage {
            Stage::Open(_) | Stage::Closing { .. } => true,
            Stage::Sealed { index_loaded, .. } => *index_loaded,
        }
    }
}

impl Log {
    /// The answer when a part of it is no longer in memory.
    pub(super) async fn read_files(&self, want: Want) -> Result<LogSlice, ReadError> {
        let (bounds, sealed) = {
            let state = self.state.borrow();
            let at = state.segment_of(want.offset);
            (bounds_of(&state, at), state.segments[at].is_sealed())
        };
        if sealed {
            self.read_sealed(bounds, want).await
        } else {
            self.read_unsealed(bounds, want).await
        }
    }

    async fn read_sealed(&self, bounds: Bounds, want: Want) -> Result<LogSlice, ReadError> {
        let base = bounds.base_offset;
        self.load_index(base).await?;
        let file = self.sealed_file(base).await?;
        let start = self.with_index(base, |index| {
            index
                .by_offset((want.offset - base).unsigned_abs())
                .position
        });
        let from = u64::from(start)..bounds.bytes;
        let first = self
            .find_in_file(base, file.file(), from, want.offset)
            .await?;
        let end = self.with_index(base, |index| {
            find_end(index, &first, &want, bounds, |_| None)
        });
        let bytes = end.position - first.position;
        if bytes == 0 {
            return Ok(LogSlice::default());
        }
        let range = FileRange {
            file,
            position: first.position,
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
        };
        Ok(LogSlice {
            parts: vec![LogPart::File(range)],
            bytes: to_usize(bytes),
            end_offset: end.offset,
        })
    }

    async fn read_unsealed(&self, bounds: Bounds, want: Want) -> Result<LogSlice, ReadError> {
        let base = bounds.base_offset;
        let writer = self.writer(base);
        let file = writer.file(&self.store).await?;
        let start = self.with_index(base, |index| {
            index
                .by_offset((want.offset - base).unsigned_abs())
                .position
        });
        let from = u64::from(start)..bounds.bytes;
        let first = self.find_in_file(base, &file, from, want.offset).await?;
        let end = self.with_index(base, |index| {
            find_end(index, &first, &want, bounds, |_| None)
        });
        let range = first.position..end.position;
        let slices = self.load(base, &file, range).await?;
        Ok(LogSlice::from_memory(slices.into_iter(), end.offset))
    }

    /// A range of a segment: from memory what is there, from the file what precedes it. What is in
    /// memory is taken before the wait, because only what is in the file is ever dropped.
    async fn load(
        &self,
        base: i64,
        file: &File,
        range: Range<u64>,
    ) -> Result<Vec<ExtentSlice>, ReadError> {
        let (memory, in_file) = {
            let state = self.state.borrow();
            let segment = state.by_base(base).ok_or_else(|| out_of_range(&state))?;
            let start = segment
                .tail
                .start()
                .map_or(range.end, |start| start.max(range.start));
            let from = start.min(range.end);
            let memory: Vec<ExtentSlice> = segment.tail.slices(from..range.end).collect();
            (memory, range.start..from)
        };
        let mut slices = Vec::new();
        if !in_file.is_empty() {
            slices.push(self.load_direct(file, in_file).await?);
        }
        slices.extend(memory);
        Ok(slices)
    }

    /// Reads a range of a file, with the pages around it.
    async fn load_direct(&self, file: &File, range: Range<u64>) -> Result<ExtentSlice, ReadError> {
        let start = page_floor(range.start);
        let bytes = to_usize(page_ceil(range.end) - start);
        let block = self.store.pool.allocate(bytes);
        let block = self.store.ring.read_at(file, block, bytes, start).await?;
        let wanted = to_usize(range.start - start)..to_usize(range.end - start);
        if block.len() < wanted.end {
            return Err(ReadError::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(block.freeze().slice(wanted))
    }

    /// Walks over the headers of a segment from a boundary to the batch that holds `offset`.
    async fn find_in_file(
        &self,
        base: i64,
        file: &File,
        within: Range<u64>,
        offset: i64,
    ) -> Result<First, ReadError> {
        let mut position = within.start;
        loop {
            let end = within.end.min(position + WINDOW_BYTES);
            if end < position + BATCH_HEADER_BYTES as u64 {
                return Err(ReadError::Damaged {
                    segment_base: base,
                    position,
                });
            }
            let start = position;
            let pieces = self.load(base, file, start..end).await?;
            let window: Vec<u8> = pieces
                .iter()
                .flat_map(|piece| piece.iter().copied())
                .collect();
            // A header that the window cuts is read again at the front of the next one.
            while let Some(front) = window.get(to_usize(position - start)..)
                && front.len() >= BATCH_HEADER_BYTES
            {
                let damaged = ReadError::Damaged {
                    segment_base: base,
                    position,
                };
                let header = BatchHeader::parse(front).map_err(|_| damaged)?;
                let first = First { position, header };
                if header.last_offset() >= offset {
                    return Ok(first);
                }
                position = first.end();
            }
        }
    }

    fn with_index<T>(&self, base: i64, read: impl FnOnce(&Index) -> T) -> T {
        let state = self.state.borrow();
        match state.by_base(base) {
            Some(segment) => read(&segment.index),
            None => read(&Index::default()),
        }
    }

    /// Reads the index of a sealed segment when it is not in memory.
    pub(super) async fn load_index(&self, base: i64) -> Result<(), ReadError> {
        let (loaded, bytes) = {
            let state = self.state.borrow();
            let segment = state.by_base(base).ok_or_else(|| out_of_range(&state))?;
            (segment.has_index(), segment.appended)
        };
        if loaded {
            return Ok(());
        }
        let path = directory::index_path(&self.dir.path, base);
        let stored = match self.read_small(&path).await {
            Ok(stored) => stored,
            Err(error) => return Err(self.unreadable(base, error)),
        };
        let index = Index::decode_sealed(&stored, base, bytes)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "damaged index"))?;
        let aborted = self.read_aborted(base).await?;
        if let Some(segment) = self.state.borrow_mut().by_base_mut(base) {
            let max_timestamp = index.max_timestamp();
            segment.index = index;
            if let Some(aborted) = aborted {
                segment.aborted = aborted;
            }
            if let Stage::Sealed {
                index_loaded,
                max_timestamp: known,
                ..
            } = &mut segment.stage
            {
                *index_loaded = true;
                *known = max_timestamp;
            }
        }
        self.store.sealed_used(&self.this, base);
        Ok(())
    }

    /// The aborted transactions of a sealed segment, when its file is to be read.
    async fn read_aborted(&self, base: i64) -> io::Result<Option<AbortedIndex>> {
        let has_some = {
            let state = self.state.borrow();
            let segment = state.by_base(base);
            segment.is_some_and(|segment| segment.aborted.may_begin_before(i64::MAX))
        };
        if !has_some {
            return Ok(None);
        }
        let path = directory::txn_index_path(&self.dir.path, base);
        let stored = self.read_small(&path).await?;
        let damaged = "damaged list of aborted transactions";
        AbortedIndex::decode(&stored, i64::MAX)
            .map(Some)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, damaged))
    }

    async fn sealed_file(&self, base: i64) -> Result<Arc<SegmentFile>, ReadError> {
        let open = {
            let state = self.state.borrow();
            match state.by_base(base).map(|segment| &segment.stage) {
                Some(Stage::Sealed { file, .. }) => file.clone(),
                Some(Stage::Open(_) | Stage::Closing { .. }) | None => None,
            }
        };
        if let Some(file) = open {
            return Ok(file);
        }
        let path = directory::segment_path(&self.dir.path, base);
        let options = FileOptions {
            read: true,
            ..Default::default()
        };
        let opened = match self.store.ring.open(&path, options).await {
            Ok(file) => SegmentFile::new(file),
            Err(error) => return Err(self.unreadable(base, error)),
        };
        if let Some(segment) = self.state.borrow_mut().by_base_mut(base)
            && let Stage::Sealed { file, .. } = &mut segment.stage
        {
            *file = Some(Arc::clone(&opened));
        }
        self.store.sealed_used(&self.this, base);
        Ok(opened)
    }

    /// A file of a segment cannot be opened: retention may have deleted it meanwhile.
    fn unreadable(&self, base: i64, error: io::Error) -> ReadError {
        let state = self.state.borrow();
        match state.by_base(base) {
            Some(_) => ReadError::Io(error),
            None => out_of_range(&state),
        }
    }

    async fn read_small(&self, path: &std::path::Path) -> io::Result<Vec<u8>> {
        let ring = &self.store.ring;
        let options = FileOptions {
            read: true,
            ..Default::default()
        };
        let file = ring.open(path, options).await?;
        let bytes = to_usize(ring.file_len(&file).await?).max(PAGE_BYTES);
        let block = ring
            .read_at(&file, self.store.pool.allocate(bytes), bytes, 0)
            .await?;
        Ok(block.as_slice().to_vec())
    }
}
