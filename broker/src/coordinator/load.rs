//! Reads a coordinator partition's log from its start and replays it. Shell.
//!
//! A piece at a time, so neither the memory nor the turn of other tasks grows with the log.

use std::borrow::Cow;
use std::rc::Rc;

use bytes::Bytes;
use protocol::error_code::ErrorCode;
use protocol::records::{
    BatchHeader, BatchIter, ControlRecord, ControlType, RecordIter, records_of,
};
use thiserror::Error;

use super::machine::{Machine, Replay, Transaction};
use super::running::end_of_log;
use crate::partition::Partition;
use crate::shard::Shard;

/// Read and replayed at a time, before other tasks have their turn.
const PIECE_BYTES: usize = 1 << 20;

/// Why a partition cannot be loaded.
#[derive(Debug, Error)]
pub(super) enum LoadError {
    #[error("its log cannot be read: {0:?}")]
    Read(ErrorCode),
    #[error("its log cannot be read: {0}")]
    Io(#[from] std::io::Error),
    #[error("the batch at offset {0} is damaged")]
    Damaged(i64),
}

/// Replays everything that is committed.
///
/// # Errors
/// The log cannot be read or is damaged. A record of an unknown kind is passed over.
pub(super) async fn load<M: Machine>(
    shard: &Rc<Shard>,
    partition: &Rc<Partition>,
) -> Result<M, LoadError> {
    let mut machine = M::new(&shard.settings);
    let bytes_max = shard.settings.limits.decompressed_bytes_max as usize;
    // what an earlier coordinator of this partition has appended is to be read as well
    let end = end_of_log(shard, partition).await;
    let durable = partition.high_watermark().wait_for(end).await;
    durable.map_err(|_| LoadError::Read(ErrorCode::KafkaStorageError))?;
    let mut offset = partition.bounds().log_start_offset;
    while offset < partition.high_watermark().get() {
        let read = partition.read(offset, PIECE_BYTES, true).await;
        let slice = read.map_err(LoadError::Read)?;
        let piece = Bytes::from(slice.to_vec(&shard.ring, &shard.pool).await?);
        let before = offset;
        for (_, header, batch) in BatchIter::new(&piece) {
            if header.next_offset() > offset {
                let batch = piece.slice_ref(batch);
                replay_batch(&mut machine, &header, &batch, bytes_max)
                    .ok_or(LoadError::Damaged(header.base_offset))?;
                offset = header.next_offset();
            }
        }
        if offset == before {
            return Err(LoadError::Damaged(offset));
        }
        storage::tasks::yield_now().await;
    }
    Ok(machine)
}

/// `None` when the batch is damaged.
fn replay_batch<M: Machine>(
    machine: &mut M,
    header: &BatchHeader,
    batch: &Bytes,
    bytes_max: usize,
) -> Option<()> {
    let payload = match records_of(batch, header, bytes_max).ok()? {
        Cow::Borrowed(payload) => batch.slice_ref(payload),
        Cow::Owned(payload) => payload.into(),
    };
    let producer = Transaction {
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
    };
    for record in RecordIter::new(&payload) {
        let record = record.ok()?;
        if header.is_control() {
            let control = ControlRecord::from_record(&record).ok()?;
            match control.map(|control| control.control_type()) {
                Some(ControlType::Commit) => machine.end_transaction(producer, true),
                Some(ControlType::Abort) => machine.end_transaction(producer, false),
                Some(_) | None => {}
            }
            continue;
        }
        let key = payload.slice_ref(record.key?);
        let value = record.value.map(|value| payload.slice_ref(value));
        match M::decode(&key, value.as_ref()) {
            Ok(Some(record)) => {
                let transaction = header.is_transactional().then_some(producer);
                machine.replay(record, transaction, Replay::Load);
            }
            Ok(None) => {}
            Err(error) => {
                let offset = header.base_offset + i64::from(record.offset_delta);
                tracing::warn!(offset, "a coordinator's record cannot be read: {error}");
            }
        }
    }
    Some(())
}
