//! What changes in a log: its segments, offsets, producers, epochs, and the commits under way.
//! Pure but for the pool memory of the tail.

use std::collections::VecDeque;

use protocol::records::BatchHeader;

use crate::log::leader_epochs::LeaderEpochs;
use crate::log::producers::Producers;
use crate::log::segment::Segment;
use crate::log::transactions::{TransactionEnd, Unsettled};

#[derive(Debug)]
pub(crate) struct State {
    /// Oldest first; the last one is written to. Never empty.
    pub(crate) segments: VecDeque<Segment>,
    pub(crate) start_offset: i64,
    /// Up to here the log has been compacted.
    pub(crate) first_dirty: i64,
    /// Before this offset others may be missing.
    pub(crate) gaps_below: i64,
    pub(crate) end_offset: i64,
    /// What commits have taken ends here.
    pub(crate) gathered_offset: i64,
    /// What is durable ends here.
    pub(crate) committed_offset: i64,
    pub(crate) producers: Producers,
    pub(crate) unsettled: Unsettled,
    pub(crate) epochs: LeaderEpochs,
    /// The epochs' file has what `epochs` has.
    pub(crate) epochs_saved: bool,
    pub(crate) commits: Commits,
    /// Which of the store's lists hold this log.
    pub(crate) listed: Listed,
    /// The end offset at which the files were left as a clean stop leaves them.
    pub(crate) closed_at: Option<i64>,
    /// A write or sync failed: nothing is appended any more.
    pub(crate) failed: bool,
}

#[derive(Debug, Default, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one per list, independent of each other"
)]
pub(crate) struct Listed {
    pub(crate) pending: bool,
    pub(crate) dirty: bool,
    pub(crate) flush: bool,
    pub(crate) sealing: bool,
}

impl State {
    pub(crate) fn new(segment: Segment) -> Self {
        let base_offset = segment.base_offset;
        Self {
            segments: VecDeque::from([segment]),
            start_offset: base_offset,
            first_dirty: 0,
            gaps_below: 0,
            end_offset: base_offset,
            gathered_offset: base_offset,
            committed_offset: base_offset,
            producers: Producers::default(),
            unsettled: Unsettled::default(),
            epochs: LeaderEpochs::default(),
            epochs_saved: true,
            commits: Commits::default(),
            listed: Listed::default(),
            closed_at: Some(base_offset),
            failed: false,
        }
    }

    /// Remembers the producer of a batch that is in the active segment now; `end` is what it says
    /// when it is a marker.
    pub(crate) fn note_producer(
        &mut self,
        header: &BatchHeader,
        end: Option<TransactionEnd>,
        now_ms: i64,
        producers_max: usize,
    ) {
        let Some(end) = end else {
            self.producers.record(header, now_ms, producers_max);
            return;
        };
        let ended = self
            .producers
            .record_marker(header, end, now_ms, producers_max);
        let Some(ended) = ended else { return };
        self.unsettled.note(ended);
        let open = self.producers.first_open_offset();
        let stable = open.unwrap_or(self.end_offset).min(self.end_offset);
        self.active().aborted.note(&ended, stable);
    }

    /// First offset that is not yet decided, for what is durable up to `durable_end`.
    pub(crate) fn last_stable_offset(&mut self, durable_end: i64) -> i64 {
        let open = self.producers.first_open_offset();
        let stable = self.unsettled.last_stable_offset(open, durable_end);
        // records of an open transaction may have been deleted
        stable.max(self.start_offset.min(durable_end))
    }

    /// The segment that is written to.
    pub(crate) fn active(&mut self) -> &mut Segment {
        let last = self.segments.len() - 1;
        &mut self.segments[last]
    }

    pub(crate) fn active_base(&self) -> i64 {
        self.segments
            .back()
            .map_or(0, |segment| segment.base_offset)
    }

    /// The position of the segment that holds `offset`, or would.
    pub(crate) fn segment_of(&self, offset: i64) -> usize {
        self.segments
            .partition_point(|segment| segment.base_offset <= offset)
            .saturating_sub(1)
    }

    pub(crate) fn by_base(&self, base_offset: i64) -> Option<&Segment> {
        let at = self.segment_of(base_offset);
        self.segments
            .get(at)
            .filter(|segment| segment.base_offset == base_offset)
    }

    pub(crate) fn by_base_mut(&mut self, base_offset: i64) -> Option<&mut Segment> {
        let at = self.segment_of(base_offset);
        self.segments
            .get_mut(at)
            .filter(|segment| segment.base_offset == base_offset)
    }

    /// The offset after the last one of a segment.
    pub(crate) fn end_of(&self, at: usize) -> i64 {
        self.segments
            .get(at + 1)
            .map_or(self.end_offset, |next| next.base_offset)
    }

    /// Segments that have bytes which no commit has taken.
    pub(crate) fn has_pending(&self) -> bool {
        self.unsealed().any(|segment| segment.pending() > 0)
    }

    /// From the active segment backwards.
    pub(crate) fn unsealed(&self) -> impl Iterator<Item = &Segment> {
        self.segments
            .iter()
            .rev()
            .take_while(|segment| !segment.is_sealed())
    }
}

/// The commits of one log that are under way, in the order of their offsets. A commit counts
/// when all its parts are durable and so are all commits before it.
#[derive(Debug, Default)]
pub(crate) struct Commits {
    under_way: VecDeque<Commit>,
    first_id: u64,
}

#[derive(Debug)]
struct Commit {
    end_offset: i64,
    parts_left: u8,
}

impl Commits {
    /// Begins a commit of so many parts, of what ends at an offset; returns its id.
    pub(crate) fn begin(&mut self, end_offset: i64, parts: u8) -> u64 {
        self.under_way.push_back(Commit {
            end_offset,
            parts_left: parts,
        });
        self.first_id + self.under_way.len() as u64 - 1
    }

    /// Notes that a part is durable; returns up to which offset everything is because of that.
    pub(crate) fn part_done(&mut self, id: u64) -> Option<i64> {
        let at = crate::log::units::to_usize(id - self.first_id);
        if let Some(commit) = self.under_way.get_mut(at) {
            commit.parts_left -= 1;
        }
        let mut durable = None;
        while let Some(first) = self.under_way.pop_front_if(|first| first.parts_left == 0) {
            self.first_id += 1;
            durable = Some(first.end_offset);
        }
        durable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_waits_for_those_before_it() {
        let mut commits = Commits::default();
        let first = commits.begin(10, 2);
        let second = commits.begin(20, 1);
        assert_eq!(commits.part_done(second), None);
        assert_eq!(commits.part_done(first), None);
        assert_eq!(commits.part_done(first), Some(20));
        let third = commits.begin(30, 1);
        assert_eq!(commits.part_done(third), Some(30));
    }
}
