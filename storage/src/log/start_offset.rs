//! The log start offset moves forward: by `DeleteRecords`, by retention. Shell.

use std::io;

use thiserror::Error;

use crate::log::disk::{is_full, write_file};
use crate::log::partition_offsets::PartitionOffsets;
use crate::log::{Log, directory};

/// Why the log start offset stays where it is.
#[derive(Debug, Error)]
pub enum StartOffsetError {
    /// Kafka's `OFFSET_OUT_OF_RANGE`: the offset is beyond what is durable, or negative.
    #[error("offset outside {start}..={end}")]
    OutOfRange { start: i64, end: i64 },
    #[error("the partition's offsets cannot be written: {0}")]
    Io(#[from] io::Error),
    #[error("a write or sync failed, a restart is needed")]
    StorageFailed,
}

impl Log {
    /// Deletes all records before `offset`: makes it the log start offset, unless that is higher
    /// already, and returns the log start offset as it is then. This is `DeleteRecords`; the
    /// offset may be anything up to the high watermark (the durable end), the middle of a batch
    /// too.
    ///
    /// When this returns, the new start is durable: it outlives `kill -9` and a power cut, and
    /// [`Self::start_offset`] says it. Reads below it are out of range from then on; reads under
    /// way go on with what they have. Leader epochs that ended before it are forgotten; idempotent
    /// producers are remembered although their batches are gone, as Kafka does. Segments wholly
    /// below go with the next retention check, or at the next open.
    ///
    /// # Errors
    /// The offset is not in the log, or the new start could not be made durable. After an error
    /// other than a full disk the log is fenced, because it is not known which start is on disk.
    pub async fn advance_start_offset(&self, offset: i64) -> Result<i64, StartOffsetError> {
        let _saving = self.saving_offsets.enter().await;
        let (start, end) = (self.start_offset(), self.durable.get());
        if self.state.borrow().failed || self.store.is_failed() || self.deleted.get() {
            return Err(StartOffsetError::StorageFailed);
        }
        if offset < 0 || offset > end {
            return Err(StartOffsetError::OutOfRange { start, end });
        }
        if offset <= start {
            return Ok(start);
        }
        let mut offsets = self.offsets();
        offsets.log_start = offset;
        self.save_offsets(offsets).await?;
        let mut state = self.state.borrow_mut();
        state.start_offset = offset;
        state.epochs.truncate_from_start(offset);
        state.epochs_saved = false;
        drop(state);
        self.advance_durable(end);
        Ok(offset)
    }

    /// Changes what the partition says of compaction, durably.
    pub(super) async fn change_offsets(
        &self,
        change: impl FnOnce(&mut PartitionOffsets),
    ) -> io::Result<()> {
        let _saving = self.saving_offsets.enter().await;
        let mut offsets = self.offsets();
        change(&mut offsets);
        self.save_offsets(offsets).await?;
        let mut state = self.state.borrow_mut();
        state.first_dirty = offsets.first_dirty;
        state.gaps_below = offsets.gaps_below;
        Ok(())
    }

    fn offsets(&self) -> PartitionOffsets {
        let state = self.state.borrow();
        PartitionOffsets {
            log_start: state.start_offset,
            first_dirty: state.first_dirty,
            gaps_below: state.gaps_below,
        }
    }

    /// Makes the offsets durable; whoever calls this is the only one who does.
    async fn save_offsets(&self, offsets: PartitionOffsets) -> io::Result<()> {
        let mut saved = self.replace_offsets(offsets).await;
        if saved.as_ref().is_err_and(is_full) {
            self.store.give_up_last_reserve();
            saved = self.replace_offsets(offsets).await;
        }
        match &saved {
            Err(error) if !is_full(error) && !self.deleted.get() => {
                self.fail(&format!("write of {}: {error}", directory::OFFSETS_FILE));
            }
            Ok(()) | Err(_) => {}
        }
        saved
    }

    async fn replace_offsets(&self, offsets: PartitionOffsets) -> io::Result<()> {
        let _using = self.dir.enter()?;
        self.dir.ensure(&self.store).await?;
        let path = self.dir.path.join(directory::OFFSETS_FILE);
        let store = &self.store;
        write_file(
            &store.ring,
            &store.pool,
            &path,
            offsets.to_text().as_bytes(),
        )
        .await?;
        self.store.ring.sync_dir(&self.dir.path).await
    }
}
