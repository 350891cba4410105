//! How appended bytes become durable: gathered into the shard's commit, or written straight to
//! the segment when there are many, and the watermark that rises when both are done. Shell.

use std::ops::Range;
use std::rc::Rc;

use crate::journal::format::EntryHeader;
use crate::journal::space::entry_bytes;
use crate::journal::staging::Staging;
use crate::log::Log;
use crate::log::segment::{PageWrite, Segment};
use crate::log::state::State;
use crate::log::units::page_floor;

/// So many whole pages are worth a write of their own.
pub(crate) const FLUSH_BYTES_MIN: u64 = 256 * 1024;

/// What a commit took from one log.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// Commits of the log of which the journal's write is a part.
    pub(crate) commits: Range<u64>,
    /// Nothing is left for the next commit.
    pub(crate) complete: bool,
    /// Journal bytes that are no longer pending.
    pub(crate) released: u64,
}

impl Log {
    /// Puts everything appended since the last commit into this one, as far as it has room.
    pub(crate) fn gather(self: &Rc<Self>, staging: &mut Staging) -> Gathered {
        let mut state = self.state.borrow_mut();
        let mut gathered = Gathered {
            commits: 0..0,
            complete: true,
            released: 0,
        };
        let first = state.segments.len() - state.unsealed().count();
        if self.deleted.get() || state.failed {
            gathered.released = discard_pending(&mut state, first);
            return gathered;
        }
        for at in first..state.segments.len() {
            let end_offset = state.end_of(at);
            let (append_offset, durable_offset) = (state.gathered_offset, state.committed_offset);
            let segment = &mut state.segments[at];
            if segment.pending() == 0 {
                continue;
            }
            let carried = carried_range(segment);
            if !staging.fits(carried.end - carried.start) {
                gathered.complete = false;
                break;
            }
            let header = EntryHeader {
                topic_id: self.id.topic_id,
                partition: self.id.partition,
                segment_base: segment.base_offset,
                append_position: segment.gathered,
                byte_position: carried.start,
                append_offset,
                end_offset,
                durable_offset,
                bytes: u32::try_from(carried.end - carried.start).unwrap_or(u32::MAX),
            };
            staging.add(&header, segment.tail.pieces(carried));
            gathered.released += entry_bytes(segment.pending());
            let direct = if segment.is_large() {
                segment.take_pages(segment.appended, 1)
            } else {
                None
            };
            segment.gathered = segment.appended;
            let segment_base = segment.base_offset;
            let flush = page_floor(segment.gathered) - segment.issued >= FLUSH_BYTES_MIN;
            state.gathered_offset = end_offset;
            let id = state
                .commits
                .begin(end_offset, if direct.is_some() { 2 } else { 1 });
            if gathered.commits.is_empty() {
                gathered.commits = id..id + 1;
            } else {
                gathered.commits.end = id + 1;
            }
            if let Some(write) = direct {
                self.start_direct(segment_base, write, id);
            }
            if flush && !std::mem::replace(&mut state.listed.flush, true) {
                self.store.list_for_flush(self);
            }
        }
        if gathered.complete {
            state.listed.pending = false;
            self.fill_capture(&mut state);
        }
        drop(state);
        self.changed.notify();
        gathered
    }

    /// The journal's write is durable.
    pub(crate) fn committed(&self, commits: Range<u64>) {
        for id in commits {
            self.part_done(id);
        }
    }

    fn part_done(&self, id: u64) {
        let mut state = self.state.borrow_mut();
        if state.failed {
            return;
        }
        let Some(end_offset) = state.commits.part_done(id) else {
            return;
        };
        state.committed_offset = end_offset;
        drop(state);
        self.advance_durable(end_offset);
        self.changed.notify();
    }

    /// Writes whole pages so that they are durable; a task of its own, because other partitions
    /// do not wait for it.
    fn start_direct(self: &Rc<Self>, segment_base: i64, write: PageWrite, commit: u64) {
        let log = Rc::clone(self);
        crate::tasks::spawn(async move {
            let sync = log.store.commit_sync();
            if log.write_pages(segment_base, &write, sync).await {
                log.part_done(commit);
            }
        })
        .detach();
    }

    /// Pages to write to the segments now, oldest first; at least `bytes_min` of a segment.
    pub(crate) fn take_flush(&self, bytes_min: u64) -> Option<(i64, PageWrite)> {
        let mut state = self.state.borrow_mut();
        let first = state.segments.len() - state.unsealed().count();
        if state.failed {
            state.listed.flush = false;
            return None;
        }
        for segment in state.segments.range_mut(first..) {
            if let Some(write) = segment.take_pages(segment.gathered, bytes_min) {
                return Some((segment.base_offset, write));
            }
        }
        state.listed.flush = false;
        None
    }

    /// Writes pages of a segment; an error fences the log. Says whether they were written.
    pub(crate) async fn write_pages(
        &self,
        segment_base: i64,
        write: &PageWrite,
        sync: crate::ring::WriteSync,
    ) -> bool {
        let writer = self.writer(segment_base);
        let written = writer.write_pages(&self.store, write, sync).await;
        match written {
            Ok(()) => {
                if let Some(segment) = self.state.borrow_mut().by_base_mut(segment_base) {
                    segment.pages_written(&write.range);
                }
                self.changed.notify();
                self.store.release_memory();
                true
            }
            Err(error) => {
                self.fail(&format!("write of segment {segment_base}: {error}"));
                false
            }
        }
    }

    /// The storage under this log is not to be trusted any more: nothing more is acknowledged.
    pub(crate) fn fail(&self, why: &str) {
        let failed = std::mem::replace(&mut self.state.borrow_mut().failed, true);
        if !failed && !self.deleted.get() {
            tracing::error!("{}: fenced, a restart is needed: {why}", self.id);
        }
        self.durable.fail();
        self.stable.fail();
        self.changed.notify();
    }

    /// A write or sync of one of its files failed: what its segments lack stays in the journal.
    pub(crate) fn is_fenced(&self) -> bool {
        self.state.borrow().failed && !self.deleted.get()
    }

    /// Whether a commit may still take something of this log.
    pub(crate) fn has_pending(&self) -> bool {
        self.state.borrow().has_pending()
    }
}

/// Nobody will acknowledge what is pending, and the files get nothing more. Returns what it was
/// counted for in the journal.
fn discard_pending(state: &mut State, first: usize) -> u64 {
    state.listed.pending = false;
    let segments = state.segments.range_mut(first..);
    segments
        .map(|segment| {
            let released = entry_bytes(segment.pending());
            segment.gathered = segment.appended;
            released
        })
        .sum()
}

/// The bytes that the journal carries: all pending ones, or only the partial last page.
fn carried_range(segment: &Segment) -> Range<u64> {
    if segment.is_large() {
        page_floor(segment.appended).max(segment.gathered)..segment.appended
    } else {
        segment.gathered..segment.appended
    }
}
