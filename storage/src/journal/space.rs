//! How a journal's region is used as a circle, and how much may still be promised. Pure.
//!
//! Positions are logical: they only rise, and modulo the region they are places in it. A commit
//! never straddles the end of the region: what does not fit begins at the next lap.

use super::format::{COMMIT_HEADER_BYTES, ENTRY_HEADER_BYTES, PAGE_BYTES};

/// From this many pending bytes on, a segment's pages are written straight to its file and only
/// the partial last page goes through the journal.
pub const DIRECT_BYTES_MIN: u64 = 64 * 1024;
/// No commit is larger, unless the region is small.
const COMMIT_BYTES_MAX: u64 = 1024 * 1024;

/// The live part of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalSpace {
    region_bytes: u64,
    /// First commit that is still needed.
    live_start: u64,
    /// Where the next commit goes, before it is known whether it fits this lap.
    head: u64,
}

impl JournalSpace {
    /// An empty journal whose next commit goes to `start`.
    ///
    /// # Panics
    /// The region is too small to hold two commits, or not of whole pages.
    #[must_use]
    pub fn new(region_bytes: u64, start: u64) -> Self {
        assert!(
            region_bytes >= Self::REGION_BYTES_MIN,
            "region holds several commits"
        );
        assert_eq!(region_bytes % PAGE_BYTES, 0, "region is of whole pages");
        assert_eq!(start % PAGE_BYTES, 0, "commits begin at a page");
        Self {
            region_bytes,
            live_start: start,
            head: start,
        }
    }

    /// Below this a journal would be full after a single large commit.
    pub const REGION_BYTES_MIN: u64 = 8 * DIRECT_BYTES_MIN;

    /// Bytes that one commit may hold, padding included.
    #[must_use]
    pub fn commit_bytes_max(&self) -> u64 {
        let share = (self.region_bytes / 4) / PAGE_BYTES * PAGE_BYTES;
        share.min(COMMIT_BYTES_MAX)
    }

    /// Takes the place of a commit of `bytes` (padded) and returns its logical position.
    ///
    /// # Panics
    /// There is no room: the caller promised more than [`Self::fits`] allowed.
    pub fn place(&mut self, bytes: u64) -> u64 {
        assert!(bytes <= self.commit_bytes_max(), "a commit is bounded");
        let position = self.next_position(bytes);
        let end = position + bytes;
        assert!(
            end - self.live_start <= self.region_bytes,
            "live commits are never overwritten"
        );
        self.head = end;
        position
    }

    /// Where a commit of `bytes` would begin.
    #[must_use]
    pub fn next_position(&self, bytes: u64) -> u64 {
        let place = self.head % self.region_bytes;
        if place + bytes > self.region_bytes {
            self.head.next_multiple_of(self.region_bytes)
        } else {
            self.head
        }
    }

    /// Whether `pending` bytes of entries can be committed for sure, however they are cut into
    /// commits and wherever the lap ends.
    #[must_use]
    pub fn fits(&self, pending: u64) -> bool {
        let commits = pending / (self.commit_bytes_max() / 2) + 2;
        let overhead = commits * (PAGE_BYTES + COMMIT_HEADER_BYTES as u64);
        self.live_bytes() + pending + overhead + self.commit_bytes_max() <= self.region_bytes
    }

    /// Forgets everything before `position`.
    ///
    /// # Panics
    /// `position` is not between the live start and the head.
    pub fn release(&mut self, position: u64) {
        assert!(position >= self.live_start, "the live start only rises");
        assert!(position <= self.head, "nothing beyond the head is live");
        self.live_start = position;
    }

    /// Whether it is time to write the segments out and to release what they cover.
    #[must_use]
    pub fn wants_checkpoint(&self) -> bool {
        self.live_bytes() >= self.region_bytes / 2
    }

    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.head - self.live_start
    }

    #[must_use]
    pub fn head(&self) -> u64 {
        self.head
    }

    #[must_use]
    pub fn live_start(&self) -> u64 {
        self.live_start
    }

    #[must_use]
    pub fn region_bytes(&self) -> u64 {
        self.region_bytes
    }
}

/// What `pending` bytes of one segment will take in the journal, commit header and padding apart.
#[must_use]
pub fn entry_bytes(pending: u64) -> u64 {
    match pending {
        0 => 0,
        1..DIRECT_BYTES_MIN => pending + ENTRY_HEADER_BYTES as u64,
        _ => PAGE_BYTES + ENTRY_HEADER_BYTES as u64,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REGION: u64 = JournalSpace::REGION_BYTES_MIN;

    #[test]
    fn a_commit_that_does_not_fit_begins_the_next_lap() {
        let mut space = JournalSpace::new(REGION, REGION - PAGE_BYTES);
        assert_eq!(space.place(2 * PAGE_BYTES), REGION);
        assert_eq!(space.head(), REGION + 2 * PAGE_BYTES);
        assert_eq!(space.live_bytes(), 3 * PAGE_BYTES);
    }

    #[test]
    fn a_commit_that_just_fits_ends_the_lap() {
        let mut space = JournalSpace::new(REGION, REGION - PAGE_BYTES);
        assert_eq!(space.place(PAGE_BYTES), REGION - PAGE_BYTES);
        assert_eq!(space.place(PAGE_BYTES), REGION);
    }

    #[test]
    fn large_appends_take_one_page_of_journal() {
        assert_eq!(entry_bytes(0), 0);
        assert_eq!(entry_bytes(10), 90);
        assert_eq!(entry_bytes(DIRECT_BYTES_MIN - 1), DIRECT_BYTES_MIN - 1 + 80);
        assert_eq!(entry_bytes(1 << 30), PAGE_BYTES + 80);
    }

    proptest! {
        /// What `fits` admitted is always placed without touching a live commit, however the
        /// pending bytes are cut (each commit but the last at least half full).
        #[test]
        fn what_was_admitted_finds_a_place(
            start_pages in 0_u64..400,
            steps in prop::collection::vec((1_u64..300_000, any::<prop::sample::Index>(), any::<bool>()), 1..60),
        ) {
            let mut space = JournalSpace::new(REGION, start_pages * PAGE_BYTES);
            for (pending, cut, release) in steps {
                if space.fits(pending) {
                    let mut left = pending;
                    let max = space.commit_bytes_max() - COMMIT_HEADER_BYTES as u64;
                    while left > 0 {
                        let least = (max / 2).min(left);
                        let most = max.min(left);
                        let take = least + cut.index(usize::try_from(most - least + 1).unwrap()) as u64;
                        let padded = (take + COMMIT_HEADER_BYTES as u64).next_multiple_of(PAGE_BYTES);
                        let position = space.place(padded);
                        prop_assert!(position % REGION + padded <= REGION);
                        left -= take;
                    }
                }
                if release {
                    space.release(space.head());
                }
            }
        }

        #[test]
        fn an_empty_journal_has_room_until_half_of_it_is_live(pages in 0_u64..400) {
            let space = JournalSpace::new(REGION, pages * PAGE_BYTES);
            prop_assert!(space.fits(REGION / 4));
            prop_assert!(!space.fits(REGION));
        }
    }
}
