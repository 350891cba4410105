//! A checkpoint of one log: everything that the journal holds of it gets into its segments,
//! synced, and a recovery point says so. Shell.
//!
//! What is written is captured at one moment at which no byte waits for a commit, so that the
//! producers, the offsets and the bytes belong together.

use std::io;
use std::path::Path;
use std::rc::Rc;

use crate::log::Log;
use crate::log::directory;
use crate::log::disk::{SegmentWriter, write_at, write_file};
use crate::log::segment::PageWrite;
use crate::log::snapshot::{self, RecoveryPoint};
use crate::log::state::State;
use crate::log::units::page_floor;
use crate::ring::{FileOptions, WriteSync};

/// Older recovery points are kept for the case that the newest one is damaged.
const SNAPSHOTS_KEPT: usize = 2;

/// A capture that somebody waits for.
#[derive(Debug, Default)]
pub(super) enum Capture {
    #[default]
    NotWanted,
    /// The next commit that leaves nothing pending makes it.
    Wanted,
    Ready(Box<Captured>),
}

/// What a checkpoint writes.
#[derive(Debug)]
pub(super) struct Captured {
    point: RecoveryPoint,
    snapshot: Vec<u8>,
    epochs: Option<String>,
    index: IndexPart,
    aborted: IndexPart,
    writer: Rc<SegmentWriter>,
    pages: Option<PageWrite>,
    last_page: Option<PageWrite>,
}

/// Entries that an index file lacks.
#[derive(Debug)]
pub(super) struct IndexPart {
    pub(super) position: u64,
    pub(super) bytes: Vec<u8>,
    /// What the file has afterwards.
    pub(super) entries_count: usize,
}

impl IndexPart {
    /// The file is made for it.
    pub(super) fn is_new(&self) -> bool {
        self.position == 0 && !self.bytes.is_empty()
    }
}

impl Log {
    /// Makes the segments hold, synced, everything that is in the journal by now.
    pub(crate) async fn checkpoint(self: &Rc<Self>) -> io::Result<()> {
        let _maintenance = self.maintenance.enter().await;
        if self.deleted.get() {
            return Ok(());
        }
        let Some(captured) = self.capture().await else {
            return if self.deleted.get() {
                Ok(())
            } else {
                Err(fenced())
            };
        };
        let saved = self.save(*captured).await;
        if saved.is_err() {
            self.state.borrow_mut().epochs_saved = false;
        }
        saved
    }

    /// A checkpoint of a log that stops: its file ends where its last batch does.
    pub(crate) async fn close(self: &Rc<Self>) -> io::Result<()> {
        if self.state.borrow().closed_at == Some(self.end_offset()) {
            return Ok(());
        }
        self.checkpoint().await?;
        let (base, bytes) = {
            let mut state = self.state.borrow_mut();
            let active = state.active();
            (active.base_offset, active.appended)
        };
        if self.deleted.get() || bytes == 0 {
            return Ok(());
        }
        self.writer(base).finish(&self.store, bytes).await?;
        let end_offset = self.end_offset();
        self.state.borrow_mut().closed_at = Some(end_offset);
        Ok(())
    }

    /// Waits for a moment at which nothing is pending, and captures it.
    async fn capture(&self) -> Option<Box<Captured>> {
        {
            let mut state = self.state.borrow_mut();
            if state.failed {
                return None;
            }
            if !state.has_pending() {
                return Some(Box::new(self.capture_now(&mut state)));
            }
            self.capture.replace(Capture::Wanted);
        }
        let ready =
            || matches!(*self.capture.borrow(), Capture::Ready(_)) || self.state.borrow().failed;
        self.changed.until(ready).await;
        match self.capture.take() {
            Capture::Ready(captured) => Some(captured),
            Capture::NotWanted | Capture::Wanted => None,
        }
    }

    /// A commit has taken everything: the moment to capture.
    pub(super) fn fill_capture(&self, state: &mut State) {
        let wanted = matches!(*self.capture.borrow(), Capture::Wanted);
        if wanted {
            let captured = Box::new(self.capture_now(state));
            self.capture.replace(Capture::Ready(captured));
        }
    }

    fn capture_now(&self, state: &mut State) -> Captured {
        state.listed.dirty = false;
        let point = RecoveryPoint {
            end_offset: state.end_offset,
            segment_base: state.active_base(),
            position: state.active().appended,
        };
        let snapshot = snapshot::encode(&point, &state.producers);
        let epochs = (!state.epochs_saved).then(|| state.epochs.to_text());
        state.epochs_saved = true;
        let writer = self.writer_in(state, point.segment_base);
        let active = state.active();
        let (index, aborted) = (active.unsaved_index(), active.unsaved_aborted());
        let pages = active.take_pages(active.appended, 1);
        let last_page = active.last_page(&self.store.pool);
        if last_page.is_some() {
            writer.begin_last_page();
        }
        Captured {
            point,
            snapshot,
            epochs,
            index,
            aborted,
            writer,
            pages,
            last_page,
        }
    }

    /// What was taken is written first, because it has been taken for good; everything after
    /// that may be tried again.
    async fn save(self: &Rc<Self>, captured: Captured) -> io::Result<()> {
        let Captured {
            point,
            snapshot,
            epochs,
            index,
            aborted,
            writer,
            pages,
            last_page,
        } = captured;
        let base = point.segment_base;
        self.write_out(base, point.position, &writer, (pages, last_page))
            .await?;
        self.seal_before(base).await?;
        let store = &self.store;
        if let Err(error) = writer.sync(store).await {
            self.fail(&format!("sync of segment {base}: {error}"));
            return Err(error);
        }
        self.save_index(base, &index, None).await?;
        self.save_aborted(base, &aborted).await?;
        let has_new_names = epochs.is_some() || index.is_new() || aborted.is_new();
        if let Some(text) = epochs {
            let path = self.dir.path.join(directory::EPOCHS_FILE);
            write_file(&store.ring, &store.pool, &path, text.as_bytes()).await?;
        }
        if has_new_names {
            // What a recovery point covers is not looked at again, so it must not come to be alone.
            store.ring.sync_dir(&self.dir.path).await?;
        }
        self.save_snapshot(point.end_offset, &snapshot).await
    }

    /// Writes what was taken of a segment and waits until the file has everything before `end`.
    pub(super) async fn write_out(
        &self,
        base: i64,
        end: u64,
        writer: &SegmentWriter,
        pages: (Option<PageWrite>, Option<PageWrite>),
    ) -> io::Result<()> {
        let (pages, last_page) = pages;
        if let Some(write) = &last_page
            && let Err(error) = writer.write_last_page(&self.store, write).await
        {
            self.fail(&format!("write of segment {base}: {error}"));
            return Err(error);
        }
        if let Some(write) = pages
            && !self.write_pages(base, &write, WriteSync::None).await
        {
            return Err(fenced());
        }
        let written = || {
            let state = self.state.borrow();
            let flushed = state.by_base(base).map_or(end, |segment| segment.flushed);
            state.failed || flushed >= page_floor(end)
        };
        self.changed.until(written).await;
        let mut state = self.state.borrow_mut();
        if state.failed {
            return Err(fenced());
        }
        if let Some(segment) = state.by_base_mut(base) {
            segment.flushed = segment.flushed.max(end);
        }
        drop(state);
        self.store.release_memory();
        Ok(())
    }

    /// Adds entries to a segment's index file; with `bytes` the file ends there.
    pub(super) async fn save_index(
        &self,
        base: i64,
        part: &IndexPart,
        file_bytes: Option<u64>,
    ) -> io::Result<()> {
        let path = directory::index_path(&self.dir.path, base);
        self.save_entries(&path, part, file_bytes).await?;
        if let Some(segment) = self.state.borrow_mut().by_base_mut(base) {
            segment.index_saved = part.entries_count;
        }
        Ok(())
    }

    /// Adds entries to the file of a segment's aborted transactions.
    pub(super) async fn save_aborted(&self, base: i64, part: &IndexPart) -> io::Result<()> {
        let path = directory::txn_index_path(&self.dir.path, base);
        self.save_entries(&path, part, None).await?;
        if let Some(segment) = self.state.borrow_mut().by_base_mut(base) {
            segment.aborted_saved = part.entries_count;
        }
        Ok(())
    }

    async fn save_entries(
        &self,
        path: &Path,
        part: &IndexPart,
        file_bytes: Option<u64>,
    ) -> io::Result<()> {
        if part.bytes.is_empty() && file_bytes.is_none() {
            return Ok(());
        }
        let store = &self.store;
        let options = FileOptions {
            write: true,
            create: true,
            ..Default::default()
        };
        let file = store.ring.open(path, options).await?;
        write_at(&store.ring, &store.pool, &file, &part.bytes, part.position).await?;
        if let Some(bytes) = file_bytes {
            store.ring.truncate(&file, bytes).await?;
        }
        store.ring.sync_data(&file).await
    }

    /// Writes a recovery point and forgets all but the newest ones.
    pub(super) async fn save_snapshot(&self, end_offset: i64, bytes: &[u8]) -> io::Result<()> {
        let store = &self.store;
        let path = directory::snapshot_path(&self.dir.path, end_offset);
        write_file(&store.ring, &store.pool, &path, bytes).await?;
        store.ring.sync_dir(&self.dir.path).await?;
        let mut offsets = Vec::new();
        for entry in store.ring.list_dir(&self.dir.path)? {
            offsets.extend(directory::offset_in(entry.name(), "snapshot"));
        }
        offsets.sort_unstable();
        let surplus = offsets.len().saturating_sub(SNAPSHOTS_KEPT);
        for old in offsets.into_iter().take(surplus) {
            store
                .ring
                .unlink(&directory::snapshot_path(&self.dir.path, old))
                .await?;
        }
        Ok(())
    }
}

/// The log failed before.
pub(super) fn fenced() -> io::Error {
    io::Error::other("the log is fenced")
}
