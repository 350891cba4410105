//! Which part of a new journal is overwritten with zeros next, and that no commit and no zeros
//! are ever written to the same page at once. Pure but for the wait.
//!
//! Zeros go where no entry has ever been: only during the first lap, only ahead of the head.

use std::cell::Cell;
use std::ops::Range;

use super::format::Superblock;
use crate::store::event::Event;

/// How far ahead of the head zeros are written: a broker that is hardly used writes no more.
const AHEAD_BYTES: u64 = 16 * 1024 * 1024;
const WRITE_BYTES_MAX: u64 = 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Prewriter {
    region_bytes: u64,
    /// Everything of the region before this has been written.
    done_to: Cell<u64>,
    /// The write under way.
    writing: Cell<Option<(u64, u64)>>,
    idle: Event,
}

impl Prewriter {
    pub(crate) fn new(superblock: &Superblock) -> Self {
        let first_lap = !superblock.prewritten && superblock.live_start < superblock.region_bytes;
        let done_to = if first_lap {
            superblock.live_start
        } else {
            superblock.region_bytes
        };
        Self {
            region_bytes: superblock.region_bytes,
            done_to: Cell::new(done_to),
            writing: Cell::default(),
            idle: Event::default(),
        }
    }

    /// The next range to write; the caller reports back with [`Self::written`].
    pub(crate) fn next(&self, head: u64) -> Option<Range<u64>> {
        if !self.wants_more(head) {
            return None;
        }
        let start = self.done_to.get().max(head);
        let end = self.region_bytes.min(start + WRITE_BYTES_MAX);
        self.writing.set(Some((start, end)));
        Some(start..end)
    }

    pub(crate) fn written(&self) {
        if let Some((_, end)) = self.writing.take() {
            self.done_to.set(end);
        }
        self.idle.notify();
    }

    /// Waits until no zeros are on their way to `range`.
    pub(crate) async fn stay_out_of(&self, range: Range<u64>) {
        let overlaps = |(start, end): (u64, u64)| start < range.end && range.start < end;
        self.idle
            .until(|| !self.writing.get().is_some_and(overlaps))
            .await;
    }

    pub(crate) fn wants_more(&self, head: u64) -> bool {
        let start = self.done_to.get().max(head);
        start < self.region_bytes && start < head + AHEAD_BYTES
    }

    /// Every page of the region has been written.
    pub(crate) fn is_done(&self) -> bool {
        self.done_to.get() >= self.region_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGION: u64 = 40 * 1024 * 1024;

    fn prewriter(live_start: u64, prewritten: bool) -> Prewriter {
        Prewriter::new(&Superblock {
            generation: 1,
            incarnation: 1,
            region_bytes: REGION,
            live_start,
            next_sequence: 1,
            relaxed: false,
            prewritten,
        })
    }

    #[test]
    fn zeros_stay_ahead_of_the_head_and_within_bounds() {
        let prewriter = prewriter(0, false);
        let mut head = 0;
        let mut before = 0;
        while let Some(range) = prewriter.next(head) {
            assert!(range.start >= head.max(before) && range.end <= REGION);
            assert!(range.start < head + AHEAD_BYTES);
            before = range.end;
            prewriter.written();
            head += 300_000 / 4096 * 4096;
        }
        assert!(before >= AHEAD_BYTES);
    }

    #[test]
    fn nothing_is_written_after_the_first_lap() {
        assert!(prewriter(REGION, false).next(REGION).is_none());
        assert!(prewriter(0, true).next(0).is_none());
        assert!(prewriter(0, true).is_done());
        let first_lap = prewriter(0, false);
        assert!(first_lap.next(REGION + 4096).is_none());
        assert!(!first_lap.is_done());
    }

    #[test]
    fn a_region_written_to_its_end_is_done() {
        let prewriter = prewriter(REGION - 4096, false);
        assert_eq!(prewriter.next(REGION - 4096), Some(REGION - 4096..REGION));
        prewriter.written();
        assert!(prewriter.is_done());
        assert!(!prewriter.wants_more(REGION));
    }
}
