//! What a round of compaction is told about a log. Shell; `compaction::plan` decides.

use foldhash::HashMap;

use crate::compaction::clean::{CleanError, CleanJob, CleanLimits};
use crate::compaction::plan::{self, Candidate, Cleanable, Lags};
use crate::compaction::retain::LastWritten;
use crate::log::index::ENTRY_BYTES;
use crate::log::{Log, ReadError};

impl Log {
    /// What could be compacted now.
    ///
    /// # Errors
    /// An index cannot be read.
    pub async fn cleanable(
        &self,
        lags: &Lags,
        now_ms: i64,
    ) -> Result<Option<Cleanable>, ReadError> {
        let mut sealed = self.sealed_segments();
        let by_age = lags.min_compaction_lag_ms > 0 || lags.max_compaction_lag_ms < i64::MAX;
        let first_dirty = self.state.borrow().first_dirty;
        if by_age {
            let is_dirty = |segment: &&mut Candidate| segment.end_offset > first_dirty;
            for segment in sealed.iter_mut().filter(is_dirty) {
                segment.max_timestamp = self.last_written(segment.base_offset).await?;
            }
        }
        let stable = self.stable.get();
        Ok(plan::cleanable(&sealed, first_dirty, stable, lags, now_ms))
    }

    /// The round that compacts it.
    ///
    /// # Errors
    /// A list of aborted transactions cannot be read, or the log changed meanwhile.
    pub async fn clean_job(
        &self,
        cleanable: &Cleanable,
        limits: CleanLimits,
        now_ms: i64,
        delete_retention_ms: i64,
    ) -> Result<CleanJob, CleanError> {
        let mut segments = self.sealed_segments();
        segments.truncate(cleanable.segments_count);
        let (Some(first), Some(last)) = (segments.first(), segments.last()) else {
            return Err(CleanError::Superseded);
        };
        if last.end_offset != cleanable.end_offset {
            return Err(CleanError::Superseded);
        }
        let aborted = self.aborted_transactions(first.base_offset, last.end_offset);
        Ok(CleanJob {
            dir: self.dir.path.clone(),
            aborted: aborted.await?,
            segments,
            first_dirty: cleanable.first_dirty,
            last_written: self.last_written_by_producers(),
            limits,
            now_ms,
            delete_retention_ms,
        })
    }

    /// Every sealed segment before the first that is not, without its timestamps.
    fn sealed_segments(&self) -> Vec<Candidate> {
        let state = self.state.borrow();
        let interval = self.config.get().index_interval_bytes.max(1);
        let sealed = state.segments.iter().enumerate();
        let sealed = sealed.take_while(|(_, segment)| segment.is_sealed());
        sealed
            .map(|(at, segment)| Candidate {
                base_offset: segment.base_offset,
                end_offset: state.end_of(at),
                bytes: segment.appended,
                index_bytes: segment.appended / interval * ENTRY_BYTES as u64,
                max_timestamp: 0,
            })
            .collect()
    }

    fn last_written_by_producers(&self) -> HashMap<i64, LastWritten> {
        let state = self.state.borrow();
        let producers = state.producers.iter();
        producers
            .map(|(producer_id, producer)| {
                let last = LastWritten {
                    last_data_offset: producer.marks().last().map(|mark| mark.last_offset),
                    producer_epoch: producer.epoch,
                };
                (producer_id, last)
            })
            .collect()
    }
}
