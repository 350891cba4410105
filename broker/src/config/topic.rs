//! The effective settings of one topic. Pure.
//!
//! Effective is the topic's own value, else the broker's synonyms in their order (dynamic before
//! static), else the default.

use std::collections::BTreeMap;

use super::layers::{Layer, Layers};
use super::rows::topic::{Unit, broker_synonyms};
use super::setting::{Setting, list_elements};
use super::table;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimestampType {
    CreateTime,
    LogAppendTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CleanupPolicy {
    pub(crate) delete: bool,
    pub(crate) compact: bool,
}

/// How batches are compressed in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CompressionType {
    /// As the producer sent them.
    Producer,
    Uncompressed,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// The effective settings of one topic.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TopicConfig {
    pub(crate) cleanup_policy: CleanupPolicy,
    pub(crate) compression_type: CompressionType,
    /// For the codec of `compression_type`; none is the codec's own default.
    pub(crate) compression_level: Option<i32>,
    pub(crate) delete_retention_ms: u64,
    pub(crate) file_delete_delay_ms: u64,
    pub(crate) index_interval_bytes: u32,
    pub(crate) index_bytes_max: u32,
    pub(crate) max_message_bytes: u32,
    pub(crate) min_cleanable_dirty_ratio: f64,
    pub(crate) min_compaction_lag_ms: u64,
    pub(crate) max_compaction_lag_ms: u64,
    pub(crate) min_insync_replicas: u32,
    /// None keeps records whatever their size.
    pub(crate) retention_bytes: Option<u64>,
    /// None keeps records for ever.
    pub(crate) retention_ms: Option<u64>,
    pub(crate) segment_bytes: u32,
    pub(crate) segment_ms: u64,
    pub(crate) segment_jitter_ms: u64,
    pub(crate) timestamp_type: TimestampType,
    /// How far a record's timestamp may lie before and after the broker's clock.
    pub(crate) timestamp_before_max_ms: u64,
    pub(crate) timestamp_after_max_ms: u64,
    pub(crate) unclean_leader_election: bool,
}

impl TopicConfig {
    /// The effective settings of a topic with these settings of its own.
    pub(crate) fn from_layers(overrides: &BTreeMap<String, String>, layers: &Layers) -> Self {
        let read = Reader { overrides, layers };
        let cleanup_policy = read.text("cleanup.policy");
        let has = |policy: &str| list_elements(&cleanup_policy).any(|element| element == policy);
        Self {
            cleanup_policy: CleanupPolicy {
                delete: has("delete"),
                compact: has("compact"),
            },
            compression_type: match read.text("compression.type").as_str() {
                "uncompressed" => CompressionType::Uncompressed,
                "gzip" => CompressionType::Gzip,
                "snappy" => CompressionType::Snappy,
                "lz4" => CompressionType::Lz4,
                "zstd" => CompressionType::Zstd,
                _ => CompressionType::Producer,
            },
            compression_level: read.compression_level(),
            delete_retention_ms: read.u64("delete.retention.ms"),
            file_delete_delay_ms: read.u64("file.delete.delay.ms"),
            index_interval_bytes: read.u32("index.interval.bytes"),
            index_bytes_max: read.u32("segment.index.bytes"),
            max_message_bytes: read.u32("max.message.bytes"),
            min_cleanable_dirty_ratio: read.double("min.cleanable.dirty.ratio"),
            min_compaction_lag_ms: read.u64("min.compaction.lag.ms"),
            max_compaction_lag_ms: read.u64("max.compaction.lag.ms"),
            min_insync_replicas: read.u32("min.insync.replicas"),
            retention_bytes: read.bounded("retention.bytes"),
            retention_ms: read.bounded("retention.ms"),
            segment_bytes: read.u32("segment.bytes"),
            segment_ms: read.u64("segment.ms"),
            segment_jitter_ms: read.u64("segment.jitter.ms"),
            timestamp_type: match read.text("message.timestamp.type").as_str() {
                "LogAppendTime" => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
            timestamp_before_max_ms: read.u64("message.timestamp.before.max.ms"),
            timestamp_after_max_ms: read.u64("message.timestamp.after.max.ms"),
            unclean_leader_election: read
                .text("unclean.leader.election.enable")
                .eq_ignore_ascii_case("true"),
        }
    }
}

/// Reads effective texts as numbers. Values in the metadata log were checked when they were set; one
/// that no longer passes (written by another version) counts as not set.
struct Reader<'a> {
    overrides: &'a BTreeMap<String, String>,
    layers: &'a Layers,
}

impl Reader<'_> {
    fn text(&self, name: &str) -> String {
        let own = self.overrides.get(name).map(|text| text.trim().to_owned());
        match (own, table::find_topic(name)) {
            (Some(own), Some(setting)) if setting.check(&own).is_ok() => own,
            (_, Some(setting)) => default_text(setting, self.layers).unwrap_or_default(),
            (_, None) => String::new(),
        }
    }

    fn long(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or(0)
    }

    fn u64(&self, name: &str) -> u64 {
        u64::try_from(self.long(name)).unwrap_or(0)
    }

    fn u32(&self, name: &str) -> u32 {
        u32::try_from(self.long(name)).unwrap_or(0)
    }

    /// Of the codec that batches are stored in, where it has levels; -1 of gzip is its default.
    fn compression_level(&self) -> Option<i32> {
        let level = match self.text("compression.type").as_str() {
            "gzip" => self.long("compression.gzip.level"),
            "zstd" => self.long("compression.zstd.level"),
            _ => return None,
        };
        let is_default = level == -1 && self.text("compression.type") == "gzip";
        i32::try_from(level).ok().filter(|_| !is_default)
    }

    /// Negative means no bound.
    fn bounded(&self, name: &str) -> Option<u64> {
        u64::try_from(self.long(name)).ok()
    }

    fn double(&self, name: &str) -> f64 {
        self.text(name).parse().unwrap_or(0.0)
    }
}

/// What a topic without a value of its own gets: the broker's synonyms, then the default.
pub(crate) fn default_text(setting: &Setting, layers: &Layers) -> Option<String> {
    let dynamic = [Layer::DynamicBroker, Layer::DynamicCluster];
    let synonyms = broker_synonyms(setting.name);
    let given = |layer: Option<Layer>| {
        synonyms.iter().find_map(|(name, unit)| {
            let given = layers.given(name).iter().find(|given| match layer {
                Some(layer) => given.layer == layer,
                None => given.layer < Layer::DynamicCluster,
            })?;
            convert(&given.text, *unit).filter(|text| setting.check(text).is_ok())
        })
    };
    dynamic
        .into_iter()
        .find_map(|layer| given(Some(layer)))
        .or_else(|| given(None))
        .or_else(|| setting.default.map(str::to_owned))
}

fn convert(text: &str, unit: Unit) -> Option<String> {
    let factor = match unit {
        Unit::Same => return Some(text.trim().to_owned()),
        Unit::MinutesToMs => 60_000,
        Unit::HoursToMs => 3_600_000,
    };
    let number: i64 = text.trim().parse().ok()?;
    // -1 hours is for ever, as -1 ms is.
    Some(
        if number < 0 {
            -1
        } else {
            number.saturating_mul(factor)
        }
        .to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::super::layers::Given;
    use super::super::problem::Place;
    use super::*;

    fn layers(values: &[(&str, &str)]) -> Layers {
        let mut layers = Layers::default();
        for (name, text) in values {
            let (layer, place) = (Layer::File, Place::CommandLine("--override"));
            layers.add(
                name,
                Given {
                    layer,
                    text: (*text).to_owned(),
                    place,
                },
            );
        }
        layers
    }

    fn topic(overrides: &[(&str, &str)], broker: &[(&str, &str)]) -> TopicConfig {
        let overrides: BTreeMap<_, _> = overrides
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        TopicConfig::from_layers(&overrides, &layers(broker))
    }

    #[test]
    fn defaults_are_those_of_kafka() {
        let config = topic(&[], &[]);
        assert_eq!(config.retention_ms, Some(604_800_000));
        assert_eq!(config.retention_bytes, None);
        assert_eq!(config.segment_bytes, 1 << 30);
        assert_eq!(config.segment_ms, 604_800_000);
        assert_eq!(config.max_message_bytes, 1_048_588);
        assert_eq!(
            config.cleanup_policy,
            CleanupPolicy {
                delete: true,
                compact: false
            }
        );
    }

    #[test]
    fn the_topic_beats_the_broker_and_ms_beats_minutes_beats_hours() {
        let broker = [("log.retention.hours", "2"), ("message.max.bytes", "5000")];
        assert_eq!(topic(&[], &broker).retention_ms, Some(7_200_000));
        assert_eq!(topic(&[], &broker).max_message_bytes, 5000);
        assert_eq!(
            topic(&[("retention.ms", "9")], &broker).retention_ms,
            Some(9)
        );
        let broker = [("log.retention.hours", "2"), ("log.retention.minutes", "3")];
        assert_eq!(topic(&[], &broker).retention_ms, Some(180_000));
        let broker = [("log.retention.minutes", "3"), ("log.retention.ms", "-1")];
        assert_eq!(topic(&[], &broker).retention_ms, None);
        assert_eq!(
            topic(&[], &[("log.retention.hours", "-1")]).retention_ms,
            None
        );
    }

    #[test]
    fn a_dynamic_hour_beats_a_static_millisecond() {
        let hours = BTreeMap::from([("log.retention.hours".to_owned(), "1".to_owned())]);
        let layers = layers(&[("log.retention.ms", "5")]).with_dynamic(&hours, &BTreeMap::new());
        let config = TopicConfig::from_layers(&BTreeMap::new(), &layers);
        assert_eq!(config.retention_ms, Some(3_600_000));
    }

    #[test]
    fn a_value_that_no_longer_passes_counts_as_not_set() {
        let config = topic(&[("segment.bytes", "12"), ("retention.ms", "soon")], &[]);
        assert_eq!(
            (config.segment_bytes, config.retention_ms),
            (1 << 30, Some(604_800_000))
        );
    }
}
