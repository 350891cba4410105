//! Reads of one segment: from the tail when it is in memory, else from the file. Shell.
//!
//! A sealed segment is answered with a file range; an unsealed one is read past the page cache,
//! because its file still changes.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use protocol::records::{BATCH_HEADER_BYTES, BatchHeader};

use crate::compaction::scan::SegmentScan;
use crate::extent::{ExtentSlice, PAGE_BYTES};
use crate::log::aborted::AbortedIndex;
use crate::log::index::{BatchPlace, Index, IndexEntry};
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

/// What a read of a sealed segment came to.
enum Sealed {
    Read(LogSlice),
    /// There is no batch from the wanted offset to before this one.
    NothingBefore(i64),
    /// The segment is not in the log any more.
    Replaced,
}

/// Where the bytes of a segment come from.
#[derive(Clone, Copy)]
enum Source<'a> {
    Sealed(&'a File),
    Unsealed(&'a File),
}

/// The bounds of the segment that is read.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    base_offset: i64,
    end_offset: i64,
    /// Bytes in the segment.
    bytes: u64,
}

impl Bounds {
    fn holds(&self, batch: &BatchHeader) -> bool {
        self.base_offset <= batch.base_offset
            && batch.base_offset <= batch.last_offset()
            && batch.last_offset() < self.end_offset
    }
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
    pub(super) async fn read_files(&self, mut want: Want) -> Result<LogSlice, ReadError> {
        loop {
            let (bounds, sealed) = {
                let state = self.state.borrow();
                if want.offset < state.start_offset {
                    return Err(out_of_range(&state));
                }
                if want.offset >= want.upto.min(state.end_offset) {
                    return Ok(LogSlice::default());
                }
                let at = state.segment_of(want.offset);
                (bounds_of(&state, at), state.segments[at].is_sealed())
            };
            if !sealed {
                return self.read_unsealed(bounds, want).await;
            }
            match self.read_sealed(bounds.base_offset, want).await? {
                Sealed::Read(slice) => return Ok(slice),
                // Compaction left nothing from the offset on: the next segment has what follows.
                Sealed::NothingBefore(offset) => want.offset = offset,
                Sealed::Replaced => {}
            }
        }
    }

    async fn read_sealed(&self, base: i64, want: Want) -> Result<Sealed, ReadError> {
        let Some((bounds, file, index)) = self.sealed_parts(base).await? else {
            return Ok(Sealed::Replaced);
        };
        let start = index
            .by_offset((want.offset - base).unsigned_abs())
            .position;
        let from = u64::from(start)..bounds.bytes;
        let first = self
            .find_in_file(bounds, Source::Sealed(file.file()), from, want.offset)
            .await?;
        let Some(first) = first else {
            self.check_gap(base, bounds.bytes, bounds.end_offset)?;
            return Ok(Sealed::NothingBefore(bounds.end_offset));
        };
        let mut end = find_end(&index, &first, &want, bounds, |_| None);
        if let Some(place) = self.damage_within(base, &(first.position..end.position))? {
            end.position = place.positions.start;
            end.offset = place.first_offset;
        }
        let bytes = end.position - first.position;
        if bytes == 0 {
            return Ok(Sealed::Read(LogSlice::default()));
        }
        let range = FileRange {
            file,
            position: first.position,
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
        };
        Ok(Sealed::Read(LogSlice {
            parts: vec![LogPart::File(range)],
            bytes: to_usize(bytes),
            end_offset: end.offset,
        }))
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
        let first = self
            .find_in_file(bounds, Source::Unsealed(&file), from.clone(), want.offset)
            .await?;
        let first = first.ok_or(ReadError::Damaged {
            segment_base: base,
            position: from.end,
        })?;
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

    /// Walks over the headers of a segment from a boundary to the batch that holds `offset`, or the
    /// first one behind it. `None` when there is none. Batches of other offsets than the segment
    /// has, or a gap that compaction did not make, are damage.
    async fn find_in_file(
        &self,
        bounds: Bounds,
        source: Source<'_>,
        within: Range<u64>,
        offset: i64,
    ) -> Result<Option<First>, ReadError> {
        let base = bounds.base_offset;
        let may_be_missing = offset < self.state.borrow().gaps_below;
        let mut position = within.start;
        loop {
            let damaged = |position| ReadError::Damaged {
                segment_base: base,
                position,
            };
            if position == within.end {
                return if may_be_missing {
                    Ok(None)
                } else {
                    Err(damaged(position))
                };
            }
            let end = within.end.min(position + WINDOW_BYTES);
            if end < position + BATCH_HEADER_BYTES as u64 {
                return Err(damaged(position));
            }
            let start = position;
            let pieces = match source {
                Source::Sealed(file) => vec![self.load_direct(file, start..end).await?],
                Source::Unsealed(file) => self.load(base, file, start..end).await?,
            };
            let window: Vec<u8> = pieces
                .iter()
                .flat_map(|piece| piece.iter().copied())
                .collect();
            // A header that the window cuts is read again at the front of the next one.
            while let Some(front) = window.get(to_usize(position - start)..)
                && front.len() >= BATCH_HEADER_BYTES
            {
                let header = BatchHeader::parse(front).map_err(|_| damaged(position))?;
                let first = First { position, header };
                if !bounds.holds(&header) {
                    return Err(damaged(position));
                }
                if header.last_offset() >= offset {
                    let is_there = header.base_offset <= offset || may_be_missing;
                    return if is_there {
                        Ok(Some(first))
                    } else {
                        Err(damaged(position))
                    };
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

    /// The file and the index of a sealed segment that belong together; `None` when the segment is
    /// no longer in the log.
    async fn sealed_parts(
        &self,
        base: i64,
    ) -> Result<Option<(Bounds, Arc<SegmentFile>, Rc<Index>)>, ReadError> {
        loop {
            self.load_index(base).await?;
            self.open_sealed(base).await?;
            let state = self.state.borrow();
            let Some(segment) = state.by_base(base) else {
                return Ok(None);
            };
            if let Stage::Sealed {
                file: Some(file),
                index_loaded: true,
                ..
            } = &segment.stage
            {
                let bounds = bounds_of(&state, state.segment_of(base));
                return Ok(Some((bounds, Arc::clone(file), Rc::clone(&segment.index))));
            }
        }
    }

    /// Resolves when no segment is being replaced; returns how often that has happened. Whoever
    /// opens a file looks again afterwards: what it has may be of a segment that is gone.
    async fn not_swapping(&self) -> u64 {
        self.changed.until(|| !self.swapping.get()).await;
        self.swaps.get()
    }

    fn is_unswapped(&self, swaps: u64) -> bool {
        !self.swapping.get() && self.swaps.get() == swaps
    }

    /// Reads the index of a sealed segment when it is not in memory.
    pub(super) async fn load_index(&self, base: i64) -> Result<(), ReadError> {
        loop {
            let swaps = self.not_swapping().await;
            let (loaded, bytes) = {
                let state = self.state.borrow();
                let Some(segment) = state.by_base(base) else {
                    return Ok(());
                };
                (segment.has_index(), segment.appended)
            };
            if loaded {
                return Ok(());
            }
            let read = self.read_index(base, bytes).await;
            if !self.is_unswapped(swaps) {
                continue;
            }
            let (index, aborted) = match read {
                Ok(read) => read,
                Err(error) => return self.unreadable(base, error),
            };
            self.set_index(base, index, aborted);
            self.store.sealed_used(&self.this, base);
            return Ok(());
        }
    }

    async fn read_index(
        &self,
        base: i64,
        bytes: u64,
    ) -> Result<(Index, Option<AbortedIndex>), ReadError> {
        let path = directory::index_path(&self.dir.path, base);
        let stored = match self.read_small(&path).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let index = match Index::decode_sealed(&stored, base, bytes) {
            Some(index) => index,
            None => self.rebuild_index(base, bytes).await?,
        };
        Ok((index, self.read_aborted(base).await?))
    }

    /// An index that is damaged or missing is made again, in memory, from the batches of its segment.
    async fn rebuild_index(&self, base: i64, bytes: u64) -> Result<Index, ReadError> {
        tracing::error!("{}: the index of segment {base} is damaged", self.id);
        let path = directory::segment_path(&self.dir.path, base);
        let _using = self.dir.enter()?;
        let (ring, pool) = (&self.store.ring, &self.store.pool);
        let mut scan = SegmentScan::open(ring, pool, &path, base, bytes).await?;
        let mut index = Index::default();
        let interval_bytes = self.config.get().index_interval_bytes;
        loop {
            let Some((header, _)) = scan.next().await? else {
                return Ok(index);
            };
            let place = BatchPlace {
                offset_delta: (header.base_offset - base).unsigned_abs(),
                position: index.end_position(),
                bytes: header.size_bytes() as u64,
                max_timestamp: header.max_timestamp,
            };
            index.note(place, interval_bytes);
        }
    }

    fn set_index(&self, base: i64, index: Index, aborted: Option<AbortedIndex>) {
        let mut state = self.state.borrow_mut();
        let Some(segment) = state.by_base_mut(base) else {
            return;
        };
        let largest = index.max_timestamp();
        segment.index = Rc::new(index);
        if let Some(aborted) = aborted {
            segment.aborted = aborted;
        }
        if let Stage::Sealed {
            index_loaded,
            max_timestamp,
            ..
        } = &mut segment.stage
        {
            *index_loaded = true;
            *max_timestamp = largest;
        }
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
        AbortedIndex::decode(&stored)
            .map(Some)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, damaged))
    }

    /// Opens the file of a sealed segment when it is not open.
    async fn open_sealed(&self, base: i64) -> Result<(), ReadError> {
        loop {
            let swaps = self.not_swapping().await;
            let is_open = {
                let state = self.state.borrow();
                match state.by_base(base).map(|segment| &segment.stage) {
                    Some(Stage::Sealed { file, .. }) => file.is_some(),
                    Some(Stage::Open(_) | Stage::Closing { .. }) | None => true,
                }
            };
            if is_open {
                return Ok(());
            }
            let path = directory::segment_path(&self.dir.path, base);
            let opened = self.open_by_name(&path).await;
            if !self.is_unswapped(swaps) {
                continue;
            }
            let opened = match opened {
                Ok(opened) => opened,
                Err(error) => return self.unreadable(base, error.into()),
            };
            if let Some(segment) = self.state.borrow_mut().by_base_mut(base)
                && let Stage::Sealed { file, .. } = &mut segment.stage
            {
                *file = Some(SegmentFile::new(opened, path));
            }
            self.store.sealed_used(&self.this, base);
            return Ok(());
        }
    }

    /// A file of a segment cannot be read: no error when the segment is not in the log any more.
    fn unreadable(&self, base: i64, error: ReadError) -> Result<(), ReadError> {
        match self.state.borrow().by_base(base) {
            Some(_) => Err(error),
            None => Ok(()),
        }
    }

    async fn open_by_name(&self, path: &Path) -> io::Result<File> {
        let _using = self.dir.enter()?;
        let options = FileOptions {
            read: true,
            ..Default::default()
        };
        self.store.ring.open(path, options).await
    }

    async fn read_small(&self, path: &Path) -> io::Result<Vec<u8>> {
        let ring = &self.store.ring;
        let file = self.open_by_name(path).await?;
        let bytes = to_usize(ring.file_len(&file)?).max(PAGE_BYTES);
        let block = ring
            .read_at(&file, self.store.pool.allocate(bytes), bytes, 0)
            .await?;
        Ok(block.as_slice().to_vec())
    }
}
