//! The settings of one log: plain values, named as Kafka names them. Pure.

use protocol::records::TimestampType;

use crate::log::retention::Retention;

/// See Kafka's topic and broker configuration of the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogConfig {
    pub segment_bytes: u64,
    pub segment_ms: i64,
    /// Bytes between two entries of the sparse index.
    pub index_interval_bytes: u64,
    /// `segment.index.bytes`.
    pub index_bytes_max: u64,
    pub max_message_bytes: usize,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `producer.id.expiration.ms`.
    pub producer_expiration_ms: i64,
    /// Idempotent producers remembered; beyond that the longest silent ones are forgotten.
    pub producers_max: usize,
    /// `retention.ms` and `retention.bytes`, where `cleanup.policy` has `delete`.
    pub retention: Retention,
    /// How long the files of deleted segments stay: `file.delete.delay.ms`.
    pub file_delete_delay_ms: u64,
    /// Appends go on while the disk is full, for as long as the journal has room.
    pub uses_reserve: bool,
}

impl Default for LogConfig {
    /// Kafka's defaults.
    fn default() -> Self {
        Self {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 60 * 60 * 1000,
            index_interval_bytes: 4096,
            index_bytes_max: 10 << 20,
            max_message_bytes: 1_048_588,
            timestamp_type: TimestampType::CreateTime,
            producer_expiration_ms: 24 * 60 * 60 * 1000,
            producers_max: 100_000,
            retention: Retention::default(),
            file_delete_delay_ms: 60_000,
            uses_reserve: false,
        }
    }
}
