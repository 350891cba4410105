//! One partition on the shard that owns it: its log under the leader's rules. Shell.
//!
//! Fourth step of both walks. A broker alone is leader and whole ISR of every partition, so what
//! is durable here is committed: the high watermark is the log's durable end.

pub(crate) mod config;
pub(crate) mod table;
mod transaction;

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::fetch::EpochEndOffset;
use protocol::records::ValidBatch;
use storage::log::aborted::AbortedTransaction;
use storage::log::transactions::Marker;
use storage::log::{
    AppendError, Appended, Log, LogSlice, ReadError, StartOffsetError, TimestampOffset,
};
use storage::watermark::Watermark;

pub(crate) use self::transaction::{Admission, Standing};

/// A partition that this broker leads.
#[derive(Debug)]
pub(crate) struct Partition {
    log: Rc<Log>,
    leader_epoch: i32,
}

/// What was appended, not durable yet, or why it was not.
pub(crate) type InLog = Result<(Rc<Partition>, Appended), ErrorCode>;

/// Waits until all of it is durable; what is not by then gets `KAFKA_STORAGE_ERROR`. Each with its
/// place in the request.
pub(crate) async fn wait_until_durable(
    mut all: Vec<(usize, InLog)>,
) -> Vec<(usize, Result<Appended, ErrorCode>)> {
    for (_, in_log) in &mut all {
        if let Ok((partition, appended)) = in_log {
            let durable = partition.high_watermark();
            if durable.wait_for(appended.last_offset + 1).await.is_err() {
                *in_log = Err(ErrorCode::KafkaStorageError);
            }
        }
    }
    let appended = |(place, in_log): (usize, InLog)| (place, in_log.map(|(_, appended)| appended));
    all.into_iter().map(appended).collect()
}

/// `isolation.level`: what a consumer wants to see of transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    ReadUncommitted,
    /// Nothing from the first open transaction on.
    ReadCommitted,
}

impl Isolation {
    /// As a request gives it.
    ///
    /// # Errors
    /// `UNKNOWN_SERVER_ERROR`, as Kafka answers another level than these two.
    pub(crate) fn from_level(level: i8) -> Result<Self, ErrorCode> {
        match level {
            0 => Ok(Self::ReadUncommitted),
            1 => Ok(Self::ReadCommitted),
            _ => Err(ErrorCode::UnknownServerError),
        }
    }
}

/// The offsets that consumers may read: from the log's start to before the high watermark, or to
/// before the last stable offset.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) high_watermark: i64,
    pub(crate) last_stable_offset: i64,
    pub(crate) log_start_offset: i64,
}

impl Bounds {
    /// First offset that is not to be read at this isolation level.
    pub(crate) fn readable_end(&self, isolation: Isolation) -> i64 {
        match isolation {
            Isolation::ReadUncommitted => self.high_watermark,
            Isolation::ReadCommitted => self.last_stable_offset,
        }
    }
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
        Bounds {
            high_watermark: self.high_watermark().get(),
            last_stable_offset: self.log.last_stable().get(),
            log_start_offset: self.log.start_offset(),
        }
    }

    /// First offset that is not to be read at this isolation level.
    pub(crate) fn readable_end(&self, isolation: Isolation) -> &Watermark {
        match isolation {
            Isolation::ReadUncommitted => self.high_watermark(),
            Isolation::ReadCommitted => self.log.last_stable(),
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

    /// Appends a marker, which ends a producer's transaction here; it counts when the high
    /// watermark has passed it.
    ///
    /// # Errors
    /// Kafka's code for what the log refused.
    pub(crate) fn append_marker(
        &self,
        marker: &Marker,
        now_ms: i64,
    ) -> Result<Appended, ErrorCode> {
        let appended = self.log.append_marker(marker, self.leader_epoch, now_ms);
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
        let upto = self.high_watermark().get();
        self.read_before(upto, offset, bytes_max, at_least_one)
            .await
    }

    /// The same for who reads committed records only: nothing that is not decided, and with it the
    /// aborted transactions, whose records the client passes over.
    ///
    /// # Errors
    /// As [`Partition::read`].
    pub(crate) async fn read_committed(
        &self,
        offset: i64,
        bytes_max: usize,
        at_least_one: bool,
    ) -> Result<(LogSlice, Vec<AbortedTransaction>), ErrorCode> {
        let upto = self.log.last_stable().get();
        let slice = self
            .read_before(upto, offset, bytes_max, at_least_one)
            .await?;
        if slice.is_empty() {
            return Ok((slice, Vec::new()));
        }
        let aborted = self
            .log
            .aborted_transactions(offset, slice.end_offset)
            .await;
        let aborted = aborted.map_err(|error| self.read_error(&error))?;
        Ok((slice, aborted))
    }

    async fn read_before(
        &self,
        upto: i64,
        offset: i64,
        bytes_max: usize,
        at_least_one: bool,
    ) -> Result<LogSlice, ErrorCode> {
        if offset > self.high_watermark().get() {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let read = self.log.read(offset, bytes_max, upto, at_least_one).await;
        read.map_err(|error| self.read_error(&error))
    }

    /// Deletes the records before an offset, durably; returns the log start offset as it is then.
    ///
    /// # Errors
    /// `OFFSET_OUT_OF_RANGE` beyond the high watermark, or `KAFKA_STORAGE_ERROR`.
    pub(crate) async fn delete_records(&self, before: i64) -> Result<i64, ErrorCode> {
        let advanced = self.log.advance_start_offset(before).await;
        advanced.map_err(|error| match error {
            StartOffsetError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            StartOffsetError::Io(_) | StartOffsetError::StorageFailed => {
                tracing::error!(partition = %self.log.id(), "records are not deleted: {error}");
                ErrorCode::KafkaStorageError
            }
        })
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

    /// The first readable record at or after `timestamp`.
    ///
    /// # Errors
    /// `KAFKA_STORAGE_ERROR`: the log cannot be read.
    pub(crate) async fn offset_for_timestamp(
        &self,
        timestamp: i64,
        isolation: Isolation,
    ) -> Result<Option<TimestampOffset>, ErrorCode> {
        let found = self.log.offset_for_timestamp(timestamp).await;
        self.readable(found, isolation)
    }

    /// The readable record with the largest timestamp.
    ///
    /// # Errors
    /// `KAFKA_STORAGE_ERROR`: the log cannot be read.
    pub(crate) async fn offset_of_max_timestamp(
        &self,
        isolation: Isolation,
    ) -> Result<Option<TimestampOffset>, ErrorCode> {
        let found = self.log.max_timestamp().await;
        self.readable(found, isolation)
    }

    fn readable(
        &self,
        found: Result<Option<TimestampOffset>, ReadError>,
        isolation: Isolation,
    ) -> Result<Option<TimestampOffset>, ErrorCode> {
        let end = self.readable_end(isolation).get();
        let found = found.map_err(|error| self.read_error(&error))?;
        Ok(found.filter(|found| found.offset < end))
    }

    fn read_error(&self, error: &ReadError) -> ErrorCode {
        match error {
            ReadError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            ReadError::Io(_) => {
                tracing::error!(partition = %self.log.id(), "read failed: {error}");
                ErrorCode::KafkaStorageError
            }
            // no retry will help, and clients give up for this code alone
            ReadError::Damaged { .. } => {
                tracing::error!(
                    partition = %self.log.id(),
                    "read failed: {error}; `millrace log verify` says what is lost, `millrace log repair` drops it"
                );
                ErrorCode::CorruptMessage
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
        AppendError::OutsideTransaction { .. } => ErrorCode::InvalidTxnState,
        AppendError::StaleCoordinator { .. } => ErrorCode::TransactionCoordinatorFenced,
        AppendError::BatchTooLarge { .. } => ErrorCode::MessageTooLarge,
        // both are retriable: room comes back
        AppendError::JournalFull | AppendError::DiskFull | AppendError::StorageFailed => {
            ErrorCode::KafkaStorageError
        }
    }
}
