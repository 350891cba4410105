//! Walks over all batches of a segment, also over those behind a damaged place. Shell; what counts
//! as a batch is `tail_scan`'s rule.
//!
//! Behind a damaged place the next batch is looked for: first where the damaged one says that it
//! ends, then byte by byte. Only one with a right checksum and an offset that can follow counts, so
//! bytes of a client that look like a batch are not taken for one of the log.

use std::io;
use std::ops::Range;

use protocol::records::{BATCH_HEADER_BYTES, BatchHeader, MAGIC, check_crc};

use super::segment_bytes::SegmentBytes;
use crate::log::tail_scan::{EndReason, Found, TailScan};
use crate::log::units::to_usize;

const WINDOW_BYTES: usize = 1024 * 1024;
/// Where a batch's header has the number of its format.
const MAGIC_AT: usize = 16;

/// What stands next in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Batch { position: u64, header: BatchHeader },
    Hole(Hole),
}

/// Bytes that are no valid batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    pub position: u64,
    pub bytes: u64,
    /// The offset that should follow here.
    pub first_offset: i64,
    /// Base offset of the batch behind the hole; `None` when no batch follows in the segment.
    pub next_offset: Option<i64>,
    pub reason: EndReason,
}

/// See the module.
#[derive(Debug)]
pub struct SegmentWalk<'a> {
    bytes: SegmentBytes<'a>,
    end: u64,
    scan: TailScan,
    gaps_below: i64,
    /// No batch of the segment has this offset or a larger one.
    offsets_below: i64,
    window_start: u64,
    window: Vec<u8>,
    is_over: bool,
}

impl<'a> SegmentWalk<'a> {
    /// From the first batch on, which has offset `base_offset`, or a larger one below `gaps_below`.
    #[must_use]
    pub fn new(
        bytes: SegmentBytes<'a>,
        base_offset: i64,
        gaps_below: i64,
        offsets_below: i64,
    ) -> Self {
        Self {
            end: bytes.bytes(),
            bytes,
            scan: TailScan::new(0, base_offset, gaps_below),
            gaps_below,
            offsets_below,
            window_start: 0,
            window: Vec::new(),
            is_over: false,
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// A journal cannot be read. Pages of the segment itself that cannot be read are a hole.
    pub fn next_piece(&mut self) -> io::Result<Option<Piece>> {
        if self.is_over || self.scan.position() >= self.end {
            return Ok(None);
        }
        let mut needed = BATCH_HEADER_BYTES;
        loop {
            let (position, end) = (self.scan.position(), self.end);
            self.load(position, needed)?;
            let window = self.window.get(to_usize(position - self.window_start)..);
            let found = self.scan.step(window.unwrap_or_default(), end);
            match found {
                Found::Batch(header) => return Ok(Some(Piece::Batch { position, header })),
                Found::NeedsBytes(more) => needed = more,
                Found::End(reason) => return self.hole(position, reason).map(Some),
            }
        }
    }

    /// The bytes of a piece.
    ///
    /// # Errors
    /// A journal cannot be read.
    pub fn bytes_of(&mut self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let bytes = to_usize(range.end - range.start);
        self.load(range.start, bytes)?;
        let from = to_usize(range.start - self.window_start);
        let upto = (from + bytes).min(self.window.len());
        Ok(self.window[from..upto].to_vec())
    }

    /// Where the walk is.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.scan.position()
    }

    /// The offset after the last batch.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.scan.next_offset()
    }

    #[must_use]
    pub fn segment(&self) -> &SegmentBytes<'a> {
        &self.bytes
    }

    fn load(&mut self, position: u64, needed: usize) -> io::Result<()> {
        let needed = needed.min(to_usize(self.end.saturating_sub(position)));
        let window_end = self.window_start + self.window.len() as u64;
        let held = self.window_start <= position && position + needed as u64 <= window_end;
        if !held {
            self.window = self.bytes.read(position, needed.max(WINDOW_BYTES))?;
            self.window_start = position;
        }
        Ok(())
    }

    fn hole(&mut self, position: u64, reason: EndReason) -> io::Result<Piece> {
        let first_offset = self.scan.next_offset();
        let behind = self.batch_behind(position)?;
        let end = behind.map_or(self.end, |(position, _)| position);
        match behind {
            Some((position, header)) => {
                let gaps_below = self.gaps_below;
                self.scan = TailScan::new(position, header.base_offset, gaps_below);
            }
            None => self.is_over = true,
        }
        Ok(Piece::Hole(Hole {
            position,
            bytes: end - position,
            first_offset,
            next_offset: behind.map(|(_, header)| header.base_offset),
            reason,
        }))
    }

    /// The first valid batch behind a damaged place.
    fn batch_behind(&mut self, position: u64) -> io::Result<Option<(u64, BatchHeader)>> {
        self.load(position, BATCH_HEADER_BYTES)?;
        let front = self.window.get(to_usize(position - self.window_start)..);
        if let Ok(header) = BatchHeader::parse(front.unwrap_or_default()) {
            let behind = position + header.size_bytes() as u64;
            if let Some(header) = self.batch_at(behind)? {
                return Ok(Some((behind, header)));
            }
        }
        let mut at = position + 1;
        while at + (BATCH_HEADER_BYTES as u64) <= self.end {
            self.load(at, BATCH_HEADER_BYTES)?;
            let window = &self.window[to_usize(at - self.window_start)..];
            let is_magic = |byte: &u8| byte.cast_signed() == MAGIC;
            let Some(skipped) = window[MAGIC_AT..].iter().position(is_magic) else {
                at += (window.len() - MAGIC_AT) as u64;
                continue;
            };
            at += skipped as u64;
            if let Some(header) = self.batch_at(at)? {
                return Ok(Some((at, header)));
            }
            at += 1;
        }
        Ok(None)
    }

    /// A valid batch that begins here and can follow what was found so far.
    fn batch_at(&mut self, position: u64) -> io::Result<Option<BatchHeader>> {
        if position + BATCH_HEADER_BYTES as u64 > self.end {
            return Ok(None);
        }
        self.load(position, BATCH_HEADER_BYTES)?;
        let front = &self.window[to_usize(position - self.window_start)..];
        let Ok(header) = BatchHeader::parse(front) else {
            return Ok(None);
        };
        let follows = header.base_offset > self.scan.next_offset()
            && header.last_offset_delta >= 0
            && header.last_offset() < self.offsets_below;
        let end = position + header.size_bytes() as u64;
        if !follows || end > self.end {
            return Ok(None);
        }
        let batch = self.bytes_of(position..end)?;
        Ok(check_crc(&batch, &header).is_ok().then_some(header))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::log::tail_scan::tests::batch;

    fn walk(log: &[u8]) -> (Vec<i64>, Vec<Hole>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), log).unwrap();
        let bytes = SegmentBytes::open(file.path()).unwrap();
        let mut walk = SegmentWalk::new(bytes, 0, 0, i64::MAX);
        let (mut batches, mut holes) = (Vec::new(), Vec::new());
        while let Some(piece) = walk.next_piece().unwrap() {
            match piece {
                Piece::Batch { header, .. } => batches.push(header.base_offset),
                Piece::Hole(hole) => holes.push(hole),
            }
        }
        (batches, holes)
    }

    #[test]
    fn what_lies_behind_a_damaged_batch_is_found() {
        let whole: Vec<Vec<u8>> = (0..10).map(|offset| batch(offset, b"value")).collect();
        let bytes = whole[0].len();
        // a payload, a length, the format, the checksum, a base offset
        for at in [65, 9, 16, 18, 2] {
            let mut log = whole.concat();
            log[4 * bytes + at] ^= 0x41;
            let (batches, holes) = walk(&log);
            assert_eq!(batches, [0, 1, 2, 3, 5, 6, 7, 8, 9], "byte {at}");
            assert_eq!(holes.len(), 1);
            assert_eq!((holes[0].first_offset, holes[0].next_offset), (4, Some(5)));
            assert_eq!(holes[0].position, 4 * bytes as u64);
            assert_eq!(holes[0].bytes, bytes as u64);
        }
    }

    #[test]
    fn zeros_at_the_end_are_one_hole() {
        let (batches, holes) = walk(&[batch(0, b"a"), vec![0; 5_000]].concat());
        assert_eq!(batches, [0]);
        assert_eq!(
            (holes.len(), holes[0].bytes, holes[0].next_offset),
            (1, 5_000, None)
        );
        assert_eq!(holes[0].reason, EndReason::Zeros);
    }

    #[test]
    fn a_batch_inside_a_damaged_value_does_not_count() {
        let inner = batch(0, b"of another log");
        let mut log = [batch(0, &inner), batch(1, b"b")].concat();
        log[70] ^= 1;
        let (batches, holes) = walk(&log);
        assert_eq!(batches, [1]);
        assert_eq!(holes[0].next_offset, Some(1));
    }

    proptest! {
        /// A flipped bit costs one batch at most, and never shows bytes that were not written.
        #[test]
        fn a_flip_costs_one_batch(count in 1..8_i64, at: prop::sample::Index, flip in 1..=255_u8) {
            let batches: Vec<Vec<u8>> = (0..count).map(|offset| batch(offset, &[b'v'; 40])).collect();
            let mut log = batches.concat();
            let at = at.index(log.len());
            log[at] ^= flip;
            let (found, _) = walk(&log);
            let damaged = i64::try_from(at / batches[0].len()).unwrap();
            for offset in 0..count {
                prop_assert!(offset == damaged || found.contains(&offset));
            }
        }
    }
}
