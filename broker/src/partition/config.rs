//! What a topic's settings mean for its logs and for what producers may append. Pure.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use protocol::records::{Compression, ProduceRules, TimestampType};
use storage::log::LogConfig;
use storage::log::retention::Retention;

use crate::config::Settings;
use crate::config::topic::{self, CompressionType, TopicConfig};
use crate::partition::table::PartitionId;

/// The settings of the log of one partition of a topic.
pub(crate) fn log_config(
    topic: &TopicConfig,
    settings: &Settings,
    id: PartitionId,
    is_internal: bool,
) -> LogConfig {
    LogConfig {
        segment_bytes: u64::from(topic.segment_bytes),
        segment_ms: signed(segment_ms(topic) - jitter(topic, id)),
        index_interval_bytes: u64::from(topic.index_interval_bytes),
        index_bytes_max: u64::from(topic.index_bytes_max),
        max_message_bytes: topic.max_message_bytes as usize,
        timestamp_type: timestamp_type(topic),
        producer_expiration_ms: millis(settings.producer_id_expiration),
        producers_max: usize::try_from(settings.limits.producers_max).unwrap_or(usize::MAX),
        retention: retention(topic),
        file_delete_delay_ms: topic.file_delete_delay_ms,
        uses_reserve: is_internal,
    }
}

/// Only what has been rolled is compacted: a record must not wait longer than it may.
fn segment_ms(topic: &TopicConfig) -> u64 {
    if topic.cleanup_policy.compact && topic.max_compaction_lag_ms > 0 {
        topic.segment_ms.min(topic.max_compaction_lag_ms)
    } else {
        topic.segment_ms
    }
}

/// A log that is only compacted keeps its records whatever their age.
fn retention(topic: &TopicConfig) -> Retention {
    if !topic.cleanup_policy.delete {
        return Retention::default();
    }
    Retention {
        ms: topic.retention_ms.map(signed),
        bytes: topic.retention_bytes,
    }
}

/// What a partition's segments are younger than `segment.ms` when they are rolled: the same for all
/// segments of a partition, spread over the partitions.
fn jitter(topic: &TopicConfig, id: PartitionId) -> u64 {
    let most = topic
        .segment_jitter_ms
        .min(segment_ms(topic).saturating_sub(1));
    if most == 0 {
        return 0;
    }
    FixedState::default().hash_one((id.0.as_bytes(), id.1)) % most.saturating_add(1)
}

/// What a batch appended to a topic must keep to; the request adds its version and the time.
pub(crate) fn produce_rules(topic: &TopicConfig, settings: &Settings) -> ProduceRules {
    ProduceRules {
        max_message_bytes: topic.max_message_bytes as usize,
        is_compacted: topic.cleanup_policy.compact,
        timestamp_type: timestamp_type(topic),
        timestamp_before_max_ms: signed(topic.timestamp_before_max_ms),
        timestamp_after_max_ms: signed(topic.timestamp_after_max_ms),
        decompressed_bytes_max: settings.limits.decompressed_bytes_max as usize,
        ..ProduceRules::default()
    }
}

/// The codec that batches of a topic are stored in; none keeps that of the producer.
pub(crate) fn stored_codec(topic: &TopicConfig) -> Option<Compression> {
    match topic.compression_type {
        CompressionType::Producer => None,
        CompressionType::Uncompressed => Some(Compression::None),
        CompressionType::Gzip => Some(Compression::Gzip),
        CompressionType::Snappy => Some(Compression::Snappy),
        CompressionType::Lz4 => Some(Compression::Lz4),
        CompressionType::Zstd => Some(Compression::Zstd),
    }
}

fn timestamp_type(topic: &TopicConfig) -> TimestampType {
    match topic.timestamp_type {
        topic::TimestampType::CreateTime => TimestampType::CreateTime,
        topic::TimestampType::LogAppendTime => TimestampType::LogAppendTime,
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
