//! The part of a segment that is in memory: blocks aligned to positions of the file. What is
//! appended is copied in once; readers, the journal and the segment writes use the same memory.
//! Shell only in that it takes pool memory.

use std::collections::VecDeque;
use std::ops::Range;

use crate::extent::{ExtentPool, ExtentSlice, ExtentWriter};
use crate::log::units::{page_floor, to_usize};

/// A block is at least twice as large as the one before, up to this; a large batch takes one
/// that holds it.
const GROWN_BYTES_MAX: usize = 256 * 1024;
const BLOCK_BYTES_MAX: usize = 1024 * 1024;
const PAGE_BYTES: usize = 4096;

/// The blocks of one segment, without gaps, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    extents: VecDeque<TailExtent>,
}

#[derive(Debug)]
struct TailExtent {
    /// Byte of the segment at which the block begins; a multiple of 4096.
    position: u64,
    block: ExtentWriter,
}

impl TailExtent {
    fn end(&self) -> u64 {
        self.position + self.block.len() as u64
    }
}

impl Tail {
    /// A tail that begins with the partial page at the end of an existing file.
    pub(crate) fn from_page(position: u64, page: ExtentWriter) -> Self {
        let extents = VecDeque::from([TailExtent {
            position,
            block: page,
        }]);
        Self { extents }
    }

    /// Appends at `position`, the segment's end. Returns how much memory was taken for it.
    pub(crate) fn append(&mut self, pool: &ExtentPool, position: u64, mut bytes: &[u8]) -> usize {
        let mut taken = 0;
        let mut position = position;
        while !bytes.is_empty() {
            taken += self.reserve(pool, position, bytes.len());
            if let Some(extent) = self.extents.back_mut() {
                assert_eq!(extent.end(), position, "appends are at the end");
                let count = extent.block.append(bytes);
                position += count as u64;
                bytes = &bytes[count..];
            }
        }
        taken
    }

    /// Takes a block for `bytes` to come when the last one is full; returns its size.
    pub(crate) fn reserve(&mut self, pool: &ExtentPool, position: u64, bytes: usize) -> usize {
        let last = self.extents.back().map(|extent| &extent.block);
        if last.is_some_and(|block| block.remaining() > 0) {
            return 0;
        }
        assert_eq!(position, page_floor(position), "blocks begin at a page");
        let grown = last
            .map_or(0, |block| block.capacity() * 2)
            .clamp(PAGE_BYTES, GROWN_BYTES_MAX);
        let block = pool.allocate(grown.max(bytes).min(BLOCK_BYTES_MAX));
        let taken = block.capacity();
        self.extents.push_back(TailExtent { position, block });
        taken
    }

    /// The first byte in memory; `None` when there is none.
    pub(crate) fn start(&self) -> Option<u64> {
        self.extents.front().map(|extent| extent.position)
    }

    pub(crate) fn holds(&self, range: &Range<u64>) -> bool {
        self.start().is_some_and(|start| start <= range.start)
            && self
                .extents
                .back()
                .is_some_and(|last| range.end <= last.end())
    }

    /// The bytes of `range` in pieces.
    ///
    /// Panics when a part of the range is not in memory.
    pub(crate) fn pieces(&self, range: Range<u64>) -> impl Iterator<Item = &[u8]> {
        self.spans(range)
            .map(|(extent, span)| &extent.block.as_slice()[span])
    }

    /// The same as slices that keep the memory alive.
    pub(crate) fn slices(&self, range: Range<u64>) -> impl Iterator<Item = ExtentSlice> {
        self.spans(range)
            .map(|(extent, span)| extent.block.slice(span))
    }

    fn spans(&self, range: Range<u64>) -> impl Iterator<Item = (&TailExtent, Range<usize>)> {
        assert!(
            range.is_empty() || self.holds(&range),
            "{range:?} is in memory"
        );
        let first = self
            .extents
            .partition_point(|extent| extent.end() <= range.start);
        self.extents.range(first..).map_while(move |extent| {
            if extent.position >= range.end {
                return None;
            }
            let from = range.start.max(extent.position) - extent.position;
            let to = range.end.min(extent.end()) - extent.position;
            Some((extent, to_usize(from)..to_usize(to)))
        })
    }

    /// Copies as much as there is from `position` on; returns how much.
    pub(crate) fn copy(&self, position: u64, into: &mut [u8]) -> usize {
        let end = self.extents.back().map_or(0, TailExtent::end);
        let range = position..end.min(position + into.len() as u64);
        if range.is_empty() || !self.holds(&range) {
            return 0;
        }
        let mut copied = 0;
        for piece in self.pieces(range) {
            into[copied..copied + piece.len()].copy_from_slice(piece);
            copied += piece.len();
        }
        copied
    }

    /// A copy of the partial page at `end`, padded with zeros: the page itself goes on changing
    /// while the write is under way.
    pub(crate) fn last_page(&self, pool: &ExtentPool, end: u64) -> ExtentSlice {
        let mut page = pool.allocate(PAGE_BYTES);
        for piece in self.pieces(page_floor(end)..end) {
            let _all = page.append(piece);
        }
        page.zero_page_tail();
        page.padded_slice(0..page.len())
    }

    /// Drops the oldest block when the segment's file has all of it and it is not the one that
    /// is written to. Returns the memory given back.
    pub(crate) fn drop_oldest(&mut self, flushed: u64, growing: bool) -> Option<usize> {
        let oldest = self.extents.front()?;
        let last = self.extents.len() == 1;
        if oldest.end() > flushed || (last && growing) {
            return None;
        }
        self.extents
            .pop_front()
            .map(|extent| extent.block.capacity())
    }

    /// Replaces the only block, when its whole pages are in the file, by a copy of its last page.
    /// Returns the memory given back.
    pub(crate) fn shrink(&mut self, pool: &ExtentPool, flushed: u64) -> Option<usize> {
        let [only] = self.extents.make_contiguous() else {
            return None;
        };
        let end = only.end();
        let page = page_floor(end);
        if only.block.capacity() <= PAGE_BYTES || flushed < page {
            return None;
        }
        let given_back = only.block.capacity();
        let mut block = pool.allocate(PAGE_BYTES);
        let _all = block.append(&only.block.as_slice()[to_usize(page - only.position)..]);
        let kept = block.capacity();
        self.extents = if block.is_empty() {
            VecDeque::new()
        } else {
            VecDeque::from([TailExtent {
                position: page,
                block,
            }])
        };
        Some(given_back - if self.extents.is_empty() { 0 } else { kept })
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.extents
            .iter()
            .map(|extent| extent.block.capacity())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::extent::PoolOptions;

    proptest! {
        /// Whatever is appended and dropped, what is in memory are the bytes of those positions.
        #[test]
        fn memory_holds_the_bytes_of_its_positions(steps in prop::collection::vec((1..20_000_usize, 0..4_u8), 1..60)) {
            let pool = ExtentPool::new(PoolOptions { idle_bytes_max: 1 << 20 });
            let mut tail = Tail::default();
            let mut model: Vec<u8> = Vec::new();
            let mut memory = 0;
            for (count, action) in steps {
                let bytes: Vec<u8> = (model.len()..model.len() + count).map(|at| u8::try_from(at % 251).unwrap()).collect();
                memory += tail.append(&pool, model.len() as u64, &bytes);
                model.extend_from_slice(&bytes);
                let flushed = page_floor(model.len() as u64);
                match action {
                    0 => memory -= tail.drop_oldest(flushed, true).unwrap_or(0),
                    1 => memory -= tail.shrink(&pool, flushed).unwrap_or(0),
                    _ => {}
                }
                prop_assert_eq!(memory, tail.memory_bytes());
                if let Some(start) = tail.start() {
                    let held: Vec<u8> = tail.pieces(start..model.len() as u64).flatten().copied().collect();
                    prop_assert_eq!(&held, &model[usize::try_from(start).unwrap()..]);
                    let page = tail.last_page(&pool, model.len() as u64);
                    prop_assert_eq!(&*page, &model[usize::try_from(flushed).unwrap()..]);
                }
            }
        }
    }
}
