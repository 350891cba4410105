//! From a timestamp to an offset, through the segments' largest timestamps and their indexes to
//! the records of a batch. Shell.

use protocol::records::{BatchIter, first_at_or_after};

use crate::log::segment::Stage;
use crate::log::{Log, ReadError};

/// A batch is decompressed to look inside; no more than this of it.
const DECOMPRESSED_BYTES_MAX: usize = 64 * 1024 * 1024;
const READ_BYTES: usize = 64 * 1024;

/// A record found by its timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampOffset {
    pub offset: i64,
    pub timestamp: i64,
    pub leader_epoch: i32,
}

impl Log {
    /// The first durable record whose timestamp is at least `timestamp`.
    ///
    /// # Errors
    /// A file cannot be read or is damaged.
    pub async fn offset_for_timestamp(
        &self,
        timestamp: i64,
    ) -> Result<Option<TimestampOffset>, ReadError> {
        loop {
            let swaps = self.swaps.get();
            let found = self.search(timestamp).await;
            // Segments that were replaced meanwhile may have been passed over.
            if self.swaps.get() == swaps {
                return found;
            }
        }
    }

    async fn search(&self, timestamp: i64) -> Result<Option<TimestampOffset>, ReadError> {
        let mut after = None;
        while let Some(base) = self.next_segment(after) {
            if self
                .segment_max_timestamp(base)
                .await?
                .is_some_and(|max| max >= timestamp)
                && let Some(found) = self.search_segment(base, timestamp).await?
            {
                return Ok(Some(found));
            }
            after = Some(base);
        }
        Ok(None)
    }

    /// The first record that has the largest timestamp of the log.
    ///
    /// # Errors
    /// A file cannot be read or is damaged.
    pub async fn max_timestamp(&self) -> Result<Option<TimestampOffset>, ReadError> {
        let (mut max, mut after) = (None, None);
        while let Some(base) = self.next_segment(after) {
            max = max.max(self.segment_max_timestamp(base).await?);
            after = Some(base);
        }
        match max {
            Some(max) => self.offset_for_timestamp(max).await,
            None => Ok(None),
        }
    }

    /// The base offset of the first segment, or of the one after another.
    fn next_segment(&self, after: Option<i64>) -> Option<i64> {
        let state = self.state.borrow();
        let mut bases = state.segments.iter().map(|segment| segment.base_offset);
        bases.find(|base| after.is_none_or(|after| *base > after))
    }

    pub(super) async fn segment_max_timestamp(&self, base: i64) -> Result<Option<i64>, ReadError> {
        let known = {
            let state = self.state.borrow();
            match state
                .by_base(base)
                .map(|segment| (&segment.stage, &segment.index))
            {
                Some((Stage::Sealed { max_timestamp, .. }, _)) => *max_timestamp,
                Some((Stage::Open(_) | Stage::Closing { .. }, index)) => {
                    return Ok(index.max_timestamp());
                }
                None => return Ok(None),
            }
        };
        if known.is_some() {
            return Ok(known);
        }
        self.load_index(base).await?;
        let state = self.state.borrow();
        Ok(state
            .by_base(base)
            .and_then(|segment| segment.index.max_timestamp()))
    }

    /// Walks over the batches of a segment from the index's boundary on.
    async fn search_segment(
        &self,
        base: i64,
        timestamp: i64,
    ) -> Result<Option<TimestampOffset>, ReadError> {
        self.load_index(base).await?;
        let (mut offset, end) = {
            let state = self.state.borrow();
            let Some(segment) = state.by_base(base) else {
                return Ok(None);
            };
            let entry = segment.index.by_timestamp(timestamp);
            let end = state.end_of(state.segment_of(base)).min(self.durable.get());
            (base + i64::from(entry.offset_delta), end)
        };
        let start = self.start_offset();
        offset = offset.max(start);
        while offset < end {
            let slice = self.read(offset, READ_BYTES, end, true).await?;
            let bytes = slice.to_vec(&self.store.ring, &self.store.pool).await?;
            let before = offset;
            for (position, header, batch) in BatchIter::new(&bytes) {
                if header.max_timestamp >= timestamp {
                    let damaged = ReadError::Damaged {
                        segment_base: base,
                        position: position as u64,
                    };
                    let found = first_at_or_after(batch, timestamp, start, DECOMPRESSED_BYTES_MAX)
                        .map_err(|_| damaged)?;
                    if let Some(found) = found {
                        return Ok(Some(TimestampOffset {
                            offset: found.offset,
                            timestamp: found.timestamp,
                            leader_epoch: header.partition_leader_epoch,
                        }));
                    }
                }
                offset = header.next_offset();
            }
            if bytes.is_empty() {
                // Compaction left nothing up to the end of the segment.
                break;
            }
            if offset == before {
                return Err(ReadError::Damaged {
                    segment_base: base,
                    position: 0,
                });
            }
        }
        Ok(None)
    }
}
