//! Places of sealed segments that the scrub found damaged: a read ends before such a place, and fails
//! when it would begin in it, so that its bytes are not sent to anybody. Shell only in that it is the
//! log's.

use std::ops::Range;

use crate::log::{Log, ReadError, directory};
use crate::offline::Hole;
use crate::scrub::ScrubJob;

/// Bytes that are not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DamagedPlace {
    pub(crate) positions: Range<u64>,
    /// The offset that was there first.
    pub(crate) first_offset: i64,
}

impl Log {
    /// Its sealed segments, oldest first.
    #[must_use]
    pub fn scrub_jobs(&self) -> Vec<ScrubJob> {
        let state = self.state.borrow();
        let segments = state.segments.iter().enumerate();
        let sealed = segments.filter(|(_, segment)| segment.is_sealed());
        sealed
            .map(|(at, segment)| ScrubJob {
                path: directory::segment_path(&self.dir.path, segment.base_offset),
                base_offset: segment.base_offset,
                end_offset: state.end_of(at),
                bytes: segment.appended,
                swaps: self.swaps.get(),
            })
            .collect()
    }

    /// Takes up what a check found: a read that would give these bytes fails from now on, one of what
    /// an earlier check found no more. Says whether it counts: the segment may have been replaced or
    /// deleted meanwhile.
    #[must_use]
    pub fn note_damage(&self, job: &ScrubJob, holes: &[Hole]) -> bool {
        if self.swaps.get() != job.swaps || self.swapping.get() {
            return false;
        }
        let mut state = self.state.borrow_mut();
        let Some(segment) = state.by_base_mut(job.base_offset) else {
            return false;
        };
        let places = holes.iter().map(|hole| DamagedPlace {
            positions: hole.position..hole.position + hole.bytes,
            first_offset: hole.first_offset,
        });
        segment.damaged = places.collect();
        true
    }

    /// The first damaged place within a range of a segment, which has something before it.
    pub(super) fn damage_within(
        &self,
        base: i64,
        range: &Range<u64>,
    ) -> Result<Option<DamagedPlace>, ReadError> {
        let state = self.state.borrow();
        let segment = state.by_base(base);
        let place = segment.and_then(|segment| first_within(&segment.damaged, range));
        match place {
            Some(place) if place.positions.start <= range.start => Err(ReadError::Damaged {
                segment_base: base,
                position: place.positions.start,
            }),
            place => Ok(place.cloned()),
        }
    }

    /// Whether a segment may have nothing between its last batch and the offset at which the next one
    /// begins: only compaction and repair leave offsets out, else a segment is missing.
    pub(super) fn check_gap(
        &self,
        base: i64,
        bytes: u64,
        end_offset: i64,
    ) -> Result<(), ReadError> {
        if end_offset <= self.state.borrow().gaps_below {
            return Ok(());
        }
        Err(ReadError::Damaged {
            segment_base: base,
            position: bytes,
        })
    }
}

fn first_within<'a>(places: &'a [DamagedPlace], range: &Range<u64>) -> Option<&'a DamagedPlace> {
    places
        .iter()
        .find(|place| place.positions.start < range.end && range.start < place.positions.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_meets_the_first_place_that_it_touches() {
        let place = |positions| DamagedPlace {
            positions,
            first_offset: 7,
        };
        let places = [place(100..200), place(500..600)];
        let start = |range| first_within(&places, &range).map(|place| place.positions.start);
        assert_eq!(start(0..1_000), Some(100));
        assert_eq!(start(200..1_000), Some(500));
        assert_eq!(start(200..500), None);
        assert_eq!(start(150..160), Some(100));
    }
}
