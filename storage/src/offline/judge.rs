//! What a damaged place of a log costs, and whether the files beside it agree with it. Pure.

use std::ops::Range;

use foldhash::HashMap;
use protocol::records::BatchHeader;

use super::finding::Effect;
use super::segment_walk::Hole;
use crate::log::aborted::AbortedIndex;
use crate::log::index::IndexEntry;
use crate::log::transactions::TransactionEnd;

/// What the rest of the log says about a segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    /// Base offset of the segment behind it.
    pub(super) next_base: Option<i64>,
    /// Everything before this offset was durable.
    pub(super) durable: i64,
}

/// What a hole costs. Behind the durable end of the log a crash may leave anything, and a start
/// cuts it; a hole anywhere else was a batch.
pub(super) fn cost_of(hole: &Hole, around: Around) -> Effect {
    let behind = hole.next_offset.or(around.next_base);
    if around.next_base.is_none() && hole.first_offset >= around.durable {
        return Effect::Ordinary;
    }
    let end = behind.unwrap_or(around.durable);
    Effect::Lost(hole.first_offset..end.max(hole.first_offset))
}

/// Offsets that no segment has between two of them.
pub(super) fn missing_between(end: i64, next_base: i64, gaps_below: i64) -> Option<Range<i64>> {
    (end < next_base && next_base > gaps_below).then_some(end..next_base)
}

/// Compares a stored index with the batches of its segment.
#[derive(Debug)]
pub(super) struct IndexCheck {
    base_offset: i64,
    entries: Vec<IndexEntry>,
    next: usize,
    max_timestamp: i64,
    /// A batch was not seen: timestamps cannot be compared any more.
    has_gap: bool,
    wrong: Option<u64>,
}

impl IndexCheck {
    pub(super) fn new(base_offset: i64, entries: &[IndexEntry]) -> Self {
        Self {
            base_offset,
            entries: entries.to_vec(),
            next: 0,
            max_timestamp: IndexEntry::START.max_timestamp,
            has_gap: false,
            wrong: None,
        }
    }

    pub(super) fn note_batch(&mut self, position: u64, header: &BatchHeader) {
        if let Some(entry) = self.entries.get(self.next)
            && u64::from(entry.position) <= position
        {
            let delta = (header.base_offset - self.base_offset).unsigned_abs();
            let agrees = u64::from(entry.position) == position
                && u64::from(entry.offset_delta) == delta
                && (self.has_gap || entry.max_timestamp == self.max_timestamp);
            if !agrees && self.wrong.is_none() {
                self.wrong = Some(u64::from(entry.position));
            }
            self.next += 1;
        }
        self.max_timestamp = self.max_timestamp.max(header.max_timestamp);
    }

    pub(super) fn note_hole(&mut self, range: Range<u64>) {
        self.has_gap = true;
        while let Some(entry) = self.entries.get(self.next)
            && u64::from(entry.position) < range.end
        {
            self.next += 1;
        }
    }

    /// The byte of the segment at which the index says something else than the log.
    pub(super) fn finish(self) -> Option<u64> {
        let beyond = self.entries.get(self.next);
        self.wrong
            .or_else(|| beyond.map(|entry| u64::from(entry.position)))
    }
}

/// Which aborted transactions the batches of a log show.
#[derive(Debug, Default)]
pub(super) struct AbortedCheck {
    open: HashMap<i64, i64>,
    /// Producer and offset of the marker, of the segment that is walked.
    seen: Vec<(i64, i64)>,
}

impl AbortedCheck {
    pub(super) fn note_data(&mut self, header: &BatchHeader) {
        if header.is_transactional() && !header.is_control() {
            self.open
                .entry(header.producer_id)
                .or_insert(header.base_offset);
        }
    }

    pub(super) fn note_marker(&mut self, header: &BatchHeader, end: TransactionEnd) {
        let had_data = self.open.remove(&header.producer_id).is_some();
        if had_data && !end.committed {
            self.seen.push((header.producer_id, header.base_offset));
        }
    }

    /// Markers that the list of the segment lacks; the next segment begins.
    pub(super) fn missing_in(&mut self, listed: Option<&AbortedIndex>) -> usize {
        let seen = std::mem::take(&mut self.seen);
        let is_listed = |(producer_id, marker): &(i64, i64)| {
            let mut entries = listed.into_iter().flat_map(AbortedIndex::entries);
            entries.any(|entry| entry.producer_id == *producer_id && entry.last_offset == *marker)
        };
        seen.iter().filter(|marker| !is_listed(marker)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tail_scan::EndReason;

    fn hole(first_offset: i64, next_offset: Option<i64>) -> Hole {
        Hole {
            position: 700,
            bytes: 80,
            first_offset,
            next_offset,
            reason: EndReason::Zeros,
        }
    }

    #[test]
    fn only_what_lies_behind_the_durable_end_is_ordinary() {
        let last = |durable| Around {
            next_base: None,
            durable,
        };
        assert_eq!(cost_of(&hole(10, None), last(10)), Effect::Ordinary);
        assert_eq!(cost_of(&hole(10, Some(12)), last(10)), Effect::Ordinary);
        assert_eq!(cost_of(&hole(10, None), last(15)), Effect::Lost(10..15));
        assert_eq!(cost_of(&hole(10, Some(12)), last(15)), Effect::Lost(10..12));
        let middle = Around {
            next_base: Some(20),
            durable: 0,
        };
        assert_eq!(cost_of(&hole(10, None), middle), Effect::Lost(10..20));
        assert_eq!(cost_of(&hole(20, None), middle), Effect::Lost(20..20));
    }

    #[test]
    fn compaction_may_leave_out_what_lies_between_segments() {
        assert_eq!(missing_between(5, 5, 0), None);
        assert_eq!(missing_between(5, 9, 0), Some(5..9));
        assert_eq!(missing_between(5, 9, 9), None);
    }
}
