//! The end of a segment's growth: its file gets everything, is cut to its size and synced; from
//! then on it is immutable and may be read through the page cache. Shell.

use std::io;
use std::rc::Rc;

use crate::log::Log;
use crate::log::checkpoint::{IndexPart, fenced};

use crate::log::producers::Producers;
use crate::log::segment::{PageWrite, Stage};
use crate::log::snapshot::{self, RecoveryPoint};

/// What sealing a segment writes.
struct Complete {
    writer: Rc<crate::log::disk::SegmentWriter>,
    bytes: u64,
    end_offset: i64,
    producers: Box<Producers>,
    index: IndexPart,
    aborted: IndexPart,
    pages: Option<PageWrite>,
    last_page: Option<PageWrite>,
}

impl Log {
    /// Seals the complete segments in a task of its own.
    pub(super) fn start_sealing(self: &Rc<Self>) {
        let log = Rc::clone(self);
        crate::tasks::spawn(async move {
            let _maintenance = log.maintenance.enter().await;
            log.state.borrow_mut().listed.sealing = false;
            let active = log.state.borrow().active_base();
            match log.seal_before(active).await {
                Err(error) if !log.deleted.get() => {
                    tracing::warn!("{}: the next checkpoint seals: {error}", log.id);
                }
                Ok(()) | Err(_) => {}
            }
        })
        .detach();
    }

    /// Seals every complete segment before `base`, oldest first.
    pub(super) async fn seal_before(self: &Rc<Self>, base: i64) -> io::Result<()> {
        while !self.deleted.get() {
            let next = {
                let state = self.state.borrow();
                let closing = state
                    .unsealed()
                    .filter(|segment| segment.base_offset < base);
                closing.last().map(|segment| segment.base_offset)
            };
            let Some(next) = next else { break };
            self.seal(next).await?;
        }
        Ok(())
    }

    async fn seal(&self, base: i64) -> io::Result<()> {
        let gathered = || {
            let state = self.state.borrow();
            state.failed
                || state
                    .by_base(base)
                    .is_none_or(|segment| segment.pending() == 0)
        };
        self.changed.until(gathered).await;
        let Some(complete) = self.take_complete(base) else {
            return Err(fenced());
        };
        let Complete {
            writer,
            bytes,
            end_offset,
            producers,
            index,
            aborted,
            pages,
            last_page,
        } = complete;
        self.write_out(base, bytes, &writer, (pages, last_page))
            .await?;
        if let Err(error) = writer.finish(&self.store, bytes).await {
            self.fail(&format!("sync of segment {base}: {error}"));
            return Err(error);
        }
        let index_bytes = index.position + index.bytes.len() as u64;
        self.save_index(base, &index, Some(index_bytes)).await?;
        self.save_aborted(base, &aborted).await?;
        if index.is_new() || aborted.is_new() {
            self.store.ring.sync_dir(&self.dir.path).await?;
        }
        let point = RecoveryPoint {
            end_offset,
            segment_base: end_offset,
            position: 0,
        };
        self.save_snapshot(end_offset, &snapshot::encode(&point, &producers))
            .await?;
        if let Some(segment) = self.state.borrow_mut().by_base_mut(base) {
            let max_timestamp = segment.index.max_timestamp();
            segment.stage = Stage::Sealed {
                file: None,
                index_loaded: true,
                max_timestamp,
            };
        }
        self.store.sealed_used(&self.this, base);
        self.store.release_memory();
        Ok(())
    }

    fn take_complete(&self, base: i64) -> Option<Complete> {
        let mut state = self.state.borrow_mut();
        if state.failed {
            return None;
        }
        let writer = self.writer_in(&mut state, base);
        let end_offset = state.end_of(state.segment_of(base));
        let segment = state.by_base_mut(base)?;
        let Stage::Closing { producers, .. } = &segment.stage else {
            return None;
        };
        let producers = producers.clone();
        let aborted = segment.unsaved_aborted();
        let mut index = segment.unsaved_index();
        index
            .bytes
            .extend(segment.index.encode_end(end_offset, base));
        let pages = segment.take_pages(segment.appended, 1);
        let last_page = segment.last_page(&self.store.pool);
        if last_page.is_some() {
            writer.begin_last_page();
        }
        let bytes = segment.appended;
        Some(Complete {
            writer,
            bytes,
            end_offset,
            producers,
            index,
            aborted,
            pages,
            last_page,
        })
    }
}
