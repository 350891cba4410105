//! Retention at work: the log start offset moves behind what is no longer kept, durably, then
//! the segments before it leave the log, and their files the disk. Shell; `retention` decides.
//!
//! Reads under way keep the files that they have: a file is renamed, later unlinked, never cut.

use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use thiserror::Error;

use crate::log::retention::{OldSegment, RetentionCheck, Verdict};
use crate::log::segment::{Segment, Stage};
use crate::log::start_offset::StartOffsetError;
use crate::log::state::State;
use crate::log::{Log, ReadError, directory, writer};
use crate::ring::Ring;
use crate::tasks;

/// Segments that one check deletes; the next goes on. Bounds the check's memory.
const SEGMENTS_PER_CHECK: usize = 1_000;

/// Why retention does not get further.
#[derive(Debug, Error)]
pub enum RetentionError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    StartOffset(#[from] StartOffsetError),
    #[error("the rolled segment cannot be sealed: {0}")]
    Seal(#[from] io::Error),
}

impl Log {
    /// Deletes what `retention.ms`, `retention.bytes` and the log start offset no longer keep;
    /// returns how many segments that were. An active segment that is due is rolled first, as
    /// Kafka does.
    ///
    /// # Errors
    /// An index cannot be read, or the new start could not be made durable; nothing is deleted
    /// then.
    pub async fn enforce_retention(self: &Rc<Self>, now_ms: i64) -> Result<usize, RetentionError> {
        let Some(end_offset) = self.kept_from(now_ms).await? else {
            return Ok(0);
        };
        if end_offset == self.end_offset() && self.roll_at(end_offset, now_ms) {
            self.seal_rolled().await?;
        }
        self.advance_start_offset(end_offset).await?;
        Ok(self.drop_deleted().await)
    }

    /// The offset after the last segment that is no longer kept.
    async fn kept_from(&self, now_ms: i64) -> Result<Option<i64>, ReadError> {
        let retention = self.config.get().retention;
        let mut check = RetentionCheck::new(
            retention,
            self.size_bytes(),
            self.start_offset(),
            self.durable.get(),
            now_ms,
        );
        let mut end_offset = None;
        for _ in 0..SEGMENTS_PER_CHECK {
            let Some((base, segment)) = self.old_segment(end_offset) else {
                break;
            };
            let deleted = match check.judge(segment) {
                Verdict::Delete => true,
                Verdict::DeleteIfBefore(oldest) => self.last_written(base).await? < oldest,
                Verdict::Keep => false,
            };
            if !deleted {
                break;
            }
            check.note_deleted(segment);
            end_offset = Some(segment.end_offset);
        }
        Ok(end_offset)
    }

    /// The first segment from an offset on.
    fn old_segment(&self, from: Option<i64>) -> Option<(i64, OldSegment)> {
        let state = self.state.borrow();
        let at = from.map_or(0, |from| {
            let before = |segment: &Segment| segment.base_offset < from;
            state.segments.partition_point(before)
        });
        let segment = state.segments.get(at)?;
        let old = OldSegment {
            end_offset: state.end_of(at),
            bytes: segment.appended,
        };
        Some((segment.base_offset, old))
    }

    /// The largest timestamp of a segment; of one without timestamps, when its file was written.
    pub(super) async fn last_written(&self, base: i64) -> Result<i64, ReadError> {
        if let Some(max) = self.segment_max_timestamp(base).await?
            && max >= 0
        {
            return Ok(max);
        }
        let path = directory::segment_path(&self.dir.path, base);
        let file = self.store.ring.file_info(&path);
        Ok(file.map_or_else(|_| self.created_ms(base), |file| file.modified_ms))
    }

    fn created_ms(&self, base: i64) -> i64 {
        let state = self.state.borrow();
        state.by_base(base).map_or(0, |segment| segment.created_ms)
    }

    /// Begins a new segment at the end of the log, if that is still where it was.
    fn roll_at(&self, end_offset: i64, now_ms: i64) -> bool {
        let mut state = self.state.borrow_mut();
        let rolls = state.end_offset == end_offset && !state.failed && state.active().appended > 0;
        if rolls {
            writer::roll(&mut state, end_offset, now_ms);
        }
        rolls
    }

    async fn seal_rolled(self: &Rc<Self>) -> io::Result<()> {
        let _maintenance = self.maintenance.enter().await;
        let active = self.state.borrow().active_base();
        self.seal_before(active).await
    }

    /// Takes the segments before the log start offset out of the log; their files go later.
    async fn drop_deleted(&self) -> usize {
        let dropped = take_deleted(&mut self.state.borrow_mut());
        let held = dropped.iter().map(|segment| segment.tail.memory_bytes());
        self.store.memory_given_back(held.sum());
        let mut files = Vec::new();
        let Ok(_using) = self.dir.enter() else {
            return dropped.len();
        };
        for segment in &dropped {
            for path in directory::segment_files(&self.dir.path, segment.base_offset) {
                let deleted = directory::deleted_file(&path);
                match self.store.ring.rename(&path, &deleted).await {
                    Ok(()) => files.push(deleted),
                    // Not every segment has every file.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    // The next open removes it.
                    Err(error) => tracing::warn!("cannot rename {}: {error}", path.display()),
                }
            }
        }
        let delay_ms = self.config.get().file_delete_delay_ms;
        let delay = Duration::from_millis(delay_ms);
        tasks::spawn(unlink_later(self.store.ring.clone(), files, delay)).detach();
        dropped.len()
    }
}

/// `file.delete.delay.ms`. A stop meanwhile leaves the files to the next open.
async fn unlink_later(ring: Ring, files: Vec<PathBuf>, delay: Duration) {
    if !delay.is_zero() {
        tasks::sleep(delay).await;
    }
    for path in files {
        match ring.unlink(&path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!("cannot remove {}: {error}", path.display());
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// The sealed segments that lie wholly before the log start offset; the active one stays.
fn take_deleted(state: &mut State) -> Vec<Segment> {
    let mut deleted = Vec::new();
    while state.segments.len() > 1 && state.end_of(0) <= state.start_offset {
        let sealed = |segment: &mut Segment| matches!(segment.stage, Stage::Sealed { .. });
        let Some(segment) = state.segments.pop_front_if(sealed) else {
            break;
        };
        deleted.push(segment);
    }
    deleted
}
