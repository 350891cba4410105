//! What a run does: topology, rate, data and settings. One format for all sources: the keys of
//! an OpenMessaging Benchmark workload file keep their names and meaning, ours stand beside them,
//! and the command line sets the same fields. Pure, but for reading files.

pub(crate) mod arrivals;
mod check;
pub(crate) mod content;
pub(crate) mod driver;
pub(crate) mod keys;
pub(crate) mod knobs;
pub(crate) mod presets;
pub(crate) mod sizes;
pub(crate) mod units;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use arrivals::{Arrivals, Profile};
use content::Content;
use keys::Keys;
use sizes::Sizes;

pub(crate) type Settings = BTreeMap<String, String>;

/// Everything about a load except where it goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) topics: u32,
    pub(crate) partitions_per_topic: u32,
    /// Topics that exist and are used as they are, instead of new ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) existing_topics: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replication_factor: Option<i16>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) topic_config: Settings,

    pub(crate) producers_per_topic: u32,
    pub(crate) subscriptions_per_topic: u32,
    pub(crate) consumer_per_subscription: u32,
    /// Subscriptions are consumer groups with members; else the partitions are dealt out.
    pub(crate) groups: bool,
    /// Connections beside the load that do nothing.
    pub(crate) idle_connections: u32,

    /// Records a second of all producers; 0 asks for the highest rate there is.
    pub(crate) producer_rate: f64,
    pub(crate) arrivals: Arrivals,
    pub(crate) profile: Profile,
    /// Batches of a producer that may be unanswered in a closed load; without it as many as
    /// requests may be in flight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outstanding: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) records: Option<u64>,
    pub(crate) test_duration_minutes: f64,
    pub(crate) warmup_duration_minutes: f64,
    /// Producers write this much before consumers begin.
    #[serde(rename = "consumerBacklogSizeGB")]
    pub(crate) consumer_backlog_size_gb: f64,
    /// Part of the backlog that must be read before a run with one ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backlog_drain_ratio: Option<f64>,

    pub(crate) message_size: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_sizes: Option<Sizes>,
    pub(crate) content: Content,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payload_file: Option<PathBuf>,
    pub(crate) use_randomized_payloads: bool,
    pub(crate) random_bytes_ratio: f64,
    pub(crate) randomized_payload_pool_size: u32,
    pub(crate) key_distributor: Keys,
    pub(crate) tombstone_ratio: f64,
    pub(crate) headers: u32,
    pub(crate) seed: u64,

    /// Records of a transaction; the producers' transactional.id makes them transactional.
    pub(crate) transaction_records: u32,
    pub(crate) abort_ratio: f64,

    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) producer_config: Settings,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) consumer_config: Settings,
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            name: "unnamed".to_owned(),
            topics: 1,
            partitions_per_topic: 16,
            existing_topics: Vec::new(),
            replication_factor: None,
            topic_config: Settings::new(),
            producers_per_topic: 1,
            subscriptions_per_topic: 0,
            consumer_per_subscription: 1,
            groups: false,
            idle_connections: 0,
            producer_rate: 0.0,
            arrivals: Arrivals::Fixed,
            profile: Profile::Constant,
            outstanding: None,
            records: None,
            test_duration_minutes: 1.0,
            warmup_duration_minutes: 0.0,
            consumer_backlog_size_gb: 0.0,
            backlog_drain_ratio: None,
            message_size: 1024,
            message_sizes: None,
            content: Content::Random,
            payload_file: None,
            use_randomized_payloads: false,
            random_bytes_ratio: 1.0,
            randomized_payload_pool_size: 1000,
            key_distributor: Keys::None,
            tombstone_ratio: 0.0,
            headers: 0,
            seed: 1,
            transaction_records: 100,
            abort_ratio: 0.0,
            producer_config: Settings::new(),
            consumer_config: Settings::new(),
        }
    }
}

impl Workload {
    /// Reads a workload file, ours or the OpenMessaging Benchmark's. A payload file is looked for
    /// beside it and one folder above, where that benchmark has them.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
        let mut workload =
            Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let here = path.parent().unwrap_or_else(|| Path::new(""));
        if let Some(file) = &mut workload.payload_file
            && !file.exists()
        {
            let mut places = [here.join(&file), here.join("..").join(&file)].into_iter();
            if let Some(found) = places.find(|place| place.exists()) {
                *file = found;
            }
        }
        Ok(workload)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut workload: Self = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        if workload.use_randomized_payloads {
            workload.content = Content::Ratio(workload.random_bytes_ratio);
        }
        Ok(workload)
    }

    pub(crate) fn to_yaml(&self) -> String {
        serde_saphyr::to_string(self).unwrap_or_else(|error| format!("# {error}\n"))
    }

    pub(crate) fn sizes(&self) -> Sizes {
        self.message_sizes
            .unwrap_or(Sizes::Fixed(self.message_size))
    }

    /// All producers, of all topics.
    pub(crate) fn producers(&self) -> u32 {
        self.topics().saturating_mul(self.producers_per_topic)
    }

    pub(crate) fn topics(&self) -> u32 {
        if self.existing_topics.is_empty() {
            return self.topics;
        }
        u32::try_from(self.existing_topics.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn duration(&self) -> Duration {
        minutes(self.test_duration_minutes)
    }

    pub(crate) fn warm_up(&self) -> Duration {
        minutes(self.warmup_duration_minutes)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.arrivals == Arrivals::Closed
    }
}

pub(crate) fn minutes(minutes: f64) -> Duration {
    Duration::try_from_secs_f64(minutes * 60.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the form of that benchmark's own files, with all keys that it has.
    const OPEN_MESSAGING: &str = "
name: 4 producers / 4 consumers

topics: 2
partitionsPerTopic: 10
keyDistributor: \"NO_KEY\"
messageSize: 1024
useRandomizedPayloads: true
randomBytesRatio: 0.5
randomizedPayloadPoolSize: 100
payloadFile: \"payload/payload-1Kb.data\"
subscriptionsPerTopic: 1
consumerPerSubscription: 4
producersPerTopic: 4
producerRate: 50000
consumerBacklogSizeGB: 0
backlogDrainRatio: 1.0
testDurationMinutes: 15
warmupDurationMinutes: 1
";

    #[test]
    fn open_messaging_workloads_are_read_as_they_are() {
        let workload = Workload::parse(OPEN_MESSAGING).unwrap();
        assert_eq!(
            (workload.producers(), workload.partitions_per_topic),
            (8, 10)
        );
        assert_eq!(workload.producer_rate, 50_000.0);
        assert_eq!(workload.duration(), Duration::from_secs(900));
        assert_eq!(workload.content, Content::Ratio(0.5));
        assert_eq!(workload.key_distributor, Keys::None);
        assert!(workload.check().is_ok());
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut workload = Workload::parse(OPEN_MESSAGING).unwrap();
        workload.message_sizes = Some(Sizes::Uniform(10, 20));
        workload.profile = Profile::Steps(vec![1.0, 2.0]);
        workload.producer_config = [("acks".to_owned(), "1".to_owned())].into();
        let yaml = workload.to_yaml();
        assert_eq!(Workload::parse(&yaml).unwrap(), workload, "{yaml}");
    }

    #[test]
    fn a_key_that_does_not_exist_is_named() {
        let error = Workload::parse("topics: 1\nproducerrate: 5\n").unwrap_err();
        assert!(error.contains("producerrate"), "{error}");
        assert!(Workload::parse("topics: many").is_err());
    }
}
