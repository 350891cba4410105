//! How a batch enters a log: its final header, the roll of a segment, the copy into the tail.
//! No I/O: what the disk needs is gathered later, by the commit.

use std::rc::Rc;

use protocol::records::{
    BATCH_HEADER_BYTES, BatchHeader, NO_TIMESTAMP, TimestampRewrite, TimestampType, ValidBatch,
};

use crate::extent::ExtentPool;
use crate::log::config::LogConfig;
use crate::log::index::BatchPlace;
use crate::log::roll::{Arrival, RollLimits, SegmentAge, must_roll};
use crate::log::segment::{Segment, Stage};
use crate::log::state::State;

/// `attributes`, bit 3.
const LOG_APPEND_TIME_BIT: i16 = 1 << 3;
/// Where the checksum of a batch begins to cover.
const CRC_COVERS_FROM: usize = 21;

/// The header with which a batch enters the log.
pub(crate) fn place(
    batch: &[u8],
    header: &BatchHeader,
    state: &State,
    leader_epoch: i32,
    rewrite: Option<TimestampRewrite>,
) -> BatchHeader {
    let mut placed = BatchHeader {
        base_offset: state.end_offset,
        partition_leader_epoch: leader_epoch,
        ..*header
    };
    if let Some(rewrite) = rewrite {
        match rewrite.timestamp_type {
            TimestampType::CreateTime => placed.attributes &= !LOG_APPEND_TIME_BIT,
            TimestampType::LogAppendTime => placed.attributes |= LOG_APPEND_TIME_BIT,
        }
        placed.max_timestamp = rewrite.max_timestamp;
        let front = placed.to_bytes();
        let crc = crc32c::crc32c(&front[CRC_COVERS_FROM..]);
        placed.crc = crc32c::crc32c_append(crc, &batch[BATCH_HEADER_BYTES..]);
    }
    placed
}

/// The header of a batch that the broker made itself.
pub(crate) fn header_of(batch: &[u8]) -> BatchHeader {
    let Ok(header) = BatchHeader::parse(batch) else {
        panic!("a batch of our own has a header");
    };
    header
}

/// The broker's time, when the records are to carry it.
pub(crate) fn log_append_time(config: &LogConfig, now_ms: i64) -> Option<i64> {
    (config.timestamp_type == TimestampType::LogAppendTime).then_some(now_ms)
}

/// What the timestamps of the stored batch become: the broker's time where the log's
/// configuration says so, else what validation found.
pub(crate) fn rewrite_of(
    batch: &ValidBatch,
    config: &LogConfig,
    now_ms: i64,
) -> Option<TimestampRewrite> {
    match log_append_time(config, now_ms) {
        Some(max_timestamp) => Some(TimestampRewrite {
            timestamp_type: TimestampType::LogAppendTime,
            max_timestamp,
        }),
        None => batch.rewrite,
    }
}

/// The broker's time that the stored batch carries; -1 when it keeps the producer's.
pub(crate) fn log_append_time_of(rewrite: Option<TimestampRewrite>) -> i64 {
    rewrite
        .filter(|rewrite| rewrite.timestamp_type == TimestampType::LogAppendTime)
        .map_or(-1, |rewrite| rewrite.max_timestamp)
}

/// Begins a new segment when the batch must not enter the active one; says whether it did.
pub(crate) fn roll_if_due(
    state: &mut State,
    placed: &BatchHeader,
    config: &LogConfig,
    now_ms: i64,
) -> bool {
    let arrival = Arrival {
        bytes: placed.size_bytes() as u64,
        last_offset: placed.last_offset(),
        max_timestamp: placed.max_timestamp,
        now_ms,
    };
    let limits = RollLimits {
        segment_bytes: config.segment_bytes,
        segment_ms: config.segment_ms,
        index_bytes_max: config.index_bytes_max,
    };
    let active = state.active();
    let age = SegmentAge {
        base_offset: active.base_offset,
        bytes: active.appended,
        index_bytes: active.index.bytes(),
        first_timestamp: active.first_timestamp,
        created_ms: active.created_ms,
    };
    if !must_roll(&age, &arrival, &limits) {
        return false;
    }
    roll(state, placed.base_offset, now_ms);
    true
}

/// Completes the active segment and begins a new one.
pub(crate) fn roll(state: &mut State, base_offset: i64, now_ms: i64) {
    let producers = Box::new(state.producers.clone());
    let active = state.active();
    let writer = active.writer().cloned();
    active.stage = Stage::Closing { writer, producers };
    state.segments.push_back(Segment::new(base_offset, now_ms));
}

/// Copies the batch into the active segment and moves the end; returns the memory taken.
pub(crate) fn write(
    state: &mut State,
    pool: &ExtentPool,
    placed: &BatchHeader,
    batch: &[u8],
    config: &LogConfig,
) -> usize {
    let segment = state.active();
    if segment.appended == 0 {
        let timestamp = placed.max_timestamp;
        segment.first_timestamp = (timestamp != NO_TIMESTAMP).then_some(timestamp);
    }
    let offset_delta = (placed.base_offset - segment.base_offset).unsigned_abs();
    let place = BatchPlace {
        offset_delta,
        position: segment.appended,
        bytes: batch.len() as u64,
        max_timestamp: placed.max_timestamp,
    };
    let (front, records) = batch.split_at(BATCH_HEADER_BYTES);
    // The records first decide how large a block is taken.
    let mut taken = segment.tail.reserve(pool, segment.appended, batch.len());
    taken += segment
        .tail
        .append(pool, segment.appended, &placed.to_bytes());
    taken += segment
        .tail
        .append(pool, segment.appended + front.len() as u64, records);
    segment.appended += batch.len() as u64;
    Rc::make_mut(&mut segment.index).note(place, config.index_interval_bytes);
    state.end_offset = placed.next_offset();
    if state
        .epochs
        .assign(placed.partition_leader_epoch, placed.base_offset)
    {
        state.epochs_saved = false;
    }
    taken
}

#[cfg(test)]
mod tests {
    use protocol::records::{BatchBuilder, BatchOptions, check_crc};

    use super::*;

    /// One batch as it is stored, its checksum checked.
    fn stored(config: &LogConfig, rewrite: Option<TimestampRewrite>) -> BatchHeader {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        builder.append(1_000, None, Some(b"value"), &[]);
        let batch = builder.build();
        let header = BatchHeader::parse(&batch).unwrap();
        let mut state = State::new(Segment::new(40, 0));
        state.end_offset = 42;
        let rewrite = rewrite_of(&ValidBatch { header, rewrite }, config, 7_777);
        let placed = place(&batch, &header, &state, 3, rewrite);
        let bytes = [&placed.to_bytes()[..], &batch[BATCH_HEADER_BYTES..]].concat();
        check_crc(&bytes, &BatchHeader::parse(&bytes).unwrap()).unwrap();
        assert_eq!((placed.base_offset, placed.partition_leader_epoch), (42, 3));
        placed
    }

    #[test]
    fn log_append_time_enters_with_a_right_checksum() {
        let config = LogConfig {
            timestamp_type: TimestampType::LogAppendTime,
            ..LogConfig::default()
        };
        let placed = stored(&config, None);
        assert_eq!(
            (placed.max_timestamp, placed.timestamp_type()),
            (7_777, TimestampType::LogAppendTime)
        );
    }

    #[test]
    fn a_corrected_max_timestamp_enters_with_a_right_checksum() {
        let corrected = TimestampRewrite {
            timestamp_type: TimestampType::CreateTime,
            max_timestamp: 1_234,
        };
        let placed = stored(&LogConfig::default(), Some(corrected));
        assert_eq!(
            (placed.max_timestamp, placed.timestamp_type()),
            (1_234, TimestampType::CreateTime)
        );
        assert_eq!(log_append_time_of(Some(corrected)), -1);
    }
}
