//! A compacted segment takes the place of those that it was made of. Shell; may be interrupted
//! at every step.
//!
//! 1. The new files are synced, under names that an open removes (`.cleaned`).
//! 2. `partition.offsets` says that offsets may be missing from here on, and that the journal has
//!    nothing to add.
//! 3. They are renamed to `.swap`, the segment itself last: from then on they are what counts.
//! 4. The old segments are removed, and the new files get their final names, the segment last.
//!
//! [`complete`] does step 4, here and at an open that finds a `.swap`. Readers have the old files
//! or the new ones, never a mixture: whoever opens a file waits until step 4 is over.

use std::io;
use std::path::{Path, PathBuf};

use crate::compaction::clean::{CleanError, CleanedGroup};
use crate::log::Log;
use crate::log::aborted::AbortedIndex;
use crate::log::directory;
use crate::log::index::Index;
use crate::log::partition_dir::unlink_segment;
use crate::log::segment::{Segment, Stage};
use crate::log::state::State;
use crate::ring::Ring;

impl Log {
    /// Puts a compacted segment in the place of those that it was made of.
    ///
    /// # Errors
    /// The segments are not there any more, or a file cannot be renamed. An error after the point
    /// of no return fences the log: the next open completes it.
    pub async fn swap(&self, group: CleanedGroup) -> Result<(), CleanError> {
        let _maintenance = self.maintenance.enter().await;
        let base = group.bases[0];
        let dir = &self.dir.path;
        if !self.is_current(&group) {
            self.remove_cleaned().await?;
            return Err(CleanError::Superseded);
        }
        self.change_offsets(|offsets| {
            offsets.gaps_below = offsets.gaps_below.max(group.end_offset)
        })
        .await?;
        if let Err(error) = commit(&self.store.ring, dir, base).await {
            return Err(self.swap_failed(error));
        }
        self.swapping.set(true);
        let completed = complete(&self.store.ring, dir).await;
        if completed.is_ok() {
            let replaced = replace(&mut self.state.borrow_mut(), &group);
            let held = replaced.iter().map(|segment| segment.tail.memory_bytes());
            self.store.memory_given_back(held.sum());
        }
        self.swaps.set(self.swaps.get() + 1);
        self.swapping.set(false);
        self.changed.notify();
        completed.map_err(|error| self.swap_failed(error))
    }

    /// A round is over: everything before its end is compacted.
    ///
    /// # Errors
    /// The partition's offsets cannot be written.
    pub async fn note_cleaned(&self, end_offset: i64) -> io::Result<()> {
        self.change_offsets(|offsets| offsets.first_dirty = offsets.first_dirty.max(end_offset))
            .await
    }

    /// What a round left behind that ended early.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub async fn discard_cleaned(&self) -> io::Result<()> {
        let _maintenance = self.maintenance.enter().await;
        self.remove_cleaned().await
    }

    /// In a log that has failed a swap may be beyond its point of no return: the next open completes
    /// it, or removes what is left.
    async fn remove_cleaned(&self) -> io::Result<()> {
        if self.deleted.get() || self.state.borrow().failed || !self.dir.exists() {
            return Ok(());
        }
        remove_unfinished(&self.store.ring, &self.dir.path).await
    }

    /// Whether the log still has the segments that a group was made of.
    fn is_current(&self, group: &CleanedGroup) -> bool {
        let state = self.state.borrow();
        if state.failed || self.deleted.get() {
            return false;
        }
        let first = state.segment_of(group.bases[0]);
        let segments = state.segments.iter().skip(first).take(group.bases.len());
        let is_sealed = |segment: &Segment| matches!(segment.stage, Stage::Sealed { .. });
        segments.clone().all(is_sealed)
            && segments
                .map(|segment| segment.base_offset)
                .eq(group.bases.iter().copied())
    }

    fn swap_failed(&self, error: io::Error) -> CleanError {
        if !self.deleted.get() {
            self.fail(&format!("swap of compacted segments: {error}"));
        }
        CleanError::Io(error)
    }
}

/// Step 3. Each rename is durable before the next.
async fn commit(ring: &Ring, dir: &Path, base: i64) -> io::Result<()> {
    let [segment, index, aborted] = directory::segment_files(dir, base);
    for path in [index, aborted] {
        ring.rename(&directory::cleaned(&path), &directory::swap(&path))
            .await?;
    }
    ring.sync_dir(dir).await?;
    ring.rename(&directory::cleaned(&segment), &directory::swap(&segment))
        .await?;
    ring.sync_dir(dir).await
}

/// Step 4, for every segment that has come that far; then removes what has not.
pub(crate) async fn complete(ring: &Ring, dir: &Path) -> io::Result<()> {
    for (name, base) in swaps_in(ring, dir)? {
        let bytes = ring.file_info(&name)?.bytes;
        let [segment, index, aborted] = directory::segment_files(dir, base);
        let end_offset = end_of_swap(ring, &index, base, bytes)?;
        for old in bases_in(ring, dir)? {
            if base < old && old < end_offset {
                unlink_segment(ring, dir, old).await?;
            }
        }
        for path in [index, aborted] {
            match ring.rename(&directory::swap(&path), &path).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        ring.sync_dir(dir).await?;
        ring.rename(&name, &segment).await?;
        ring.sync_dir(dir).await?;
    }
    remove_unfinished(ring, dir).await
}

/// The segments that wait for step 4.
fn swaps_in(ring: &Ring, dir: &Path) -> io::Result<Vec<(PathBuf, i64)>> {
    let mut swaps = Vec::new();
    for entry in ring.list_dir(dir)? {
        let segment = entry.name().strip_suffix(".swap");
        if let Some(base) = segment.and_then(|name| directory::offset_in(name, "log")) {
            swaps.push((dir.join(&entry.name), base));
        }
    }
    Ok(swaps)
}

/// Where the segments end that a compacted one replaces: its index says it.
fn end_of_swap(ring: &Ring, index: &Path, base: i64, bytes: u64) -> io::Result<i64> {
    for path in [directory::swap(index), index.to_owned()] {
        let stored = match ring.read_file(&path) {
            Ok(stored) => stored,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if let Some(end_offset) = Index::sealed_end(&stored, base, bytes) {
            return Ok(end_offset);
        }
    }
    let damaged = "the index of a compacted segment is damaged";
    Err(io::Error::new(io::ErrorKind::InvalidData, damaged))
}

/// The base offsets of all segments that have any file.
fn bases_in(ring: &Ring, dir: &Path) -> io::Result<Vec<i64>> {
    let mut bases = Vec::new();
    for entry in ring.list_dir(dir)? {
        let name = entry.name();
        let extensions = ["log", "index", "txnindex"];
        bases.extend(
            extensions
                .iter()
                .find_map(|one| directory::offset_in(name, one)),
        );
    }
    bases.sort_unstable();
    bases.dedup();
    Ok(bases)
}

/// Removes what has not come as far as step 3.
async fn remove_unfinished(ring: &Ring, dir: &Path) -> io::Result<()> {
    for entry in ring.list_dir(dir)? {
        let name = entry.name();
        if name.ends_with(".cleaned") || name.ends_with(".swap") {
            ring.unlink(&dir.join(name)).await?;
        }
    }
    Ok(())
}

/// The log has the new segment instead of the old ones, which are returned.
fn replace(state: &mut State, group: &CleanedGroup) -> Vec<Segment> {
    let first = state.segment_of(group.bases[0]);
    let mut cleaned = Segment::sealed(group.bases[0], group.bytes);
    cleaned.aborted = AbortedIndex::unread();
    if let Stage::Sealed { max_timestamp, .. } = &mut cleaned.stage {
        *max_timestamp = group.max_timestamp;
    }
    let old: Vec<Segment> = state
        .segments
        .drain(first..first + group.bases.len())
        .collect();
    state.segments.insert(first, cleaned);
    old
}
