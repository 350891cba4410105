//! One partition on the shard that owns it: its log under the leader's rules. Shell.
//!
//! Fourth step of both walks. A broker alone is leader and whole ISR of every partition, so what
//! is durable here is committed: the high watermark is the log's durable end.

pub(crate) mod config;
pub(crate) mod table;

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::fetch::EpochEndOffset;
use protocol::records::ValidBatch;
use storage::log::{AppendError, Appended, Log, LogSlice, ReadError, TimestampOffset};
use storage::watermark::Watermark;

/// A partition that this broker leads.
#[derive(Debug)]
pub(crate) struct Partition {
    log: Rc<Log>,
    leader_epoch: i32,
}

/// The offsets that consumers may read: from the log's start to before the high watermark.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) high_watermark: i64,
    pub(crate) log_start_offset: i64,
}

impl Partition {
    pub(crate) fn new(log: Rc<Log>, leader_epoch: i32) -> Self {
        Self { log, leader_epoch }
    }

    pub(crate) fn log(&self) -> &Rc<Log> {
        &self.log
    }

    /// First offset that consumers may not read yet.
    pub(crate) fn high_watermark(&self) -> &Watermark {
        self.log.durable()
    }

    pub(crate) fn bounds(&self) -> Bounds {
        let high_watermark = self.high_watermark().get();
        Bounds {
            high_watermark,
            log_start_offset: self.log.start_offset(),
        }
    }

    /// Appends one validated batch; it is acknowledged when the high watermark has passed it.
    ///
    /// # Errors
    /// Kafka's code for what the log refused.
    pub(crate) fn append(
        &self,
        records: &[u8],
        batch: &ValidBatch,
        now_ms: i64,
    ) -> Result<Appended, ErrorCode> {
        let appended = self.log.append(records, batch, self.leader_epoch, now_ms);
        appended.map_err(|error| append_error(&error))
    }

    /// Whole committed batches from the one that holds `offset` on.
    ///
    /// # Errors
    /// `OFFSET_OUT_OF_RANGE`, or `KAFKA_STORAGE_ERROR` for a log out of service.
    pub(crate) async fn read(
        &self,
        offset: i64,
        bytes_max: usize,
        at_least_one: bool,
    ) -> Result<LogSlice, ErrorCode> {
        let high_watermark = self.high_watermark().get();
        if offset > high_watermark {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let read = self
            .log
            .read(offset, bytes_max, high_watermark, at_least_one)
            .await;
        read.map_err(|error| self.read_error(&error))
    }

    /// Where our log leaves the client's (KIP-595): it has `offset` after records of `epoch`, but
    /// here that epoch ended before. `-1` says nothing of an epoch.
    ///
    /// # Errors
    /// `OFFSET_OUT_OF_RANGE`: nothing is known of that epoch.
    pub(crate) fn divergence(
        &self,
        epoch: i32,
        offset: i64,
    ) -> Result<Option<EpochEndOffset>, ErrorCode> {
        if epoch < 0 {
            return Ok(None);
        }
        let found = self
            .end_offset_for_epoch(epoch)
            .ok_or(ErrorCode::OffsetOutOfRange)?;
        let (found, end_offset) = found;
        let diverges = found < epoch || end_offset < offset;
        Ok(diverges.then_some(EpochEndOffset {
            epoch: found,
            end_offset,
        }))
    }

    /// KIP-320: the client's idea of the leader epoch against ours.
    ///
    /// # Errors
    /// `FENCED_LEADER_EPOCH` for an older one, `UNKNOWN_LEADER_EPOCH` for a newer one.
    pub(crate) fn check_leader_epoch(&self, claimed: i32) -> Result<(), ErrorCode> {
        check_epoch(claimed, self.leader_epoch)
    }

    pub(crate) fn leader_epoch(&self) -> i32 {
        self.leader_epoch
    }

    /// The first committed record at or after `timestamp`.
    ///
    /// # Errors
    /// `KAFKA_STORAGE_ERROR`: the log cannot be read.
    pub(crate) async fn offset_for_timestamp(
        &self,
        timestamp: i64,
    ) -> Result<Option<TimestampOffset>, ErrorCode> {
        let found = self.log.offset_for_timestamp(timestamp).await;
        self.committed(found)
    }

    /// The committed record with the largest timestamp.
    ///
    /// # Errors
    /// `KAFKA_STORAGE_ERROR`: the log cannot be read.
    pub(crate) async fn offset_of_max_timestamp(
        &self,
    ) -> Result<Option<TimestampOffset>, ErrorCode> {
        let found = self.log.max_timestamp().await;
        self.committed(found)
    }

    fn committed(
        &self,
        found: Result<Option<TimestampOffset>, ReadError>,
    ) -> Result<Option<TimestampOffset>, ErrorCode> {
        let high_watermark = self.high_watermark().get();
        let found = found.map_err(|error| self.read_error(&error))?;
        Ok(found.filter(|found| found.offset < high_watermark))
    }

    fn read_error(&self, error: &ReadError) -> ErrorCode {
        match error {
            ReadError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            ReadError::Io(_) | ReadError::Damaged { .. } => {
                tracing::error!(partition = %self.log.id(), "read failed: {error}");
                ErrorCode::KafkaStorageError
            }
        }
    }

    /// The largest epoch not above `epoch` and the offset at which it ended (KIP-101).
    pub(crate) fn end_offset_for_epoch(&self, epoch: i32) -> Option<(i32, i64)> {
        if epoch == self.leader_epoch {
            return Some((epoch, self.high_watermark().get()));
        }
        self.log.end_offset_for_epoch(epoch)
    }
}

/// The rule of [`Partition::check_leader_epoch`]; `-1` claims nothing.
fn check_epoch(claimed: i32, current: i32) -> Result<(), ErrorCode> {
    match claimed {
        -1 => Ok(()),
        _ if claimed < current => Err(ErrorCode::FencedLeaderEpoch),
        _ if claimed > current => Err(ErrorCode::UnknownLeaderEpoch),
        _ => Ok(()),
    }
}

/// Kafka's code for what the log refused.
fn append_error(error: &AppendError) -> ErrorCode {
    match error {
        AppendError::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
        AppendError::InvalidProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
        AppendError::BatchTooLarge { .. } => ErrorCode::MessageTooLarge,
        // both are retriable: room comes back
        AppendError::JournalFull | AppendError::DiskFull | AppendError::StorageFailed => {
            ErrorCode::KafkaStorageError
        }
    }
}
