//! Named workloads, for published figures and for what users ask most. Pure.
//! Every one has a size for two cores, and the size it was published with where there is one.

use super::Workload;

struct Preset {
    name: &'static str,
    about: &'static str,
    yaml: &'static str,
    /// What differs at full size.
    full: &'static str,
}

const PRESETS: &[Preset] = &[
    Preset {
        name: "quick",
        about: "1 KiB records, 4 producers and 4 consumers, 5,000 records/s for 15 s",
        yaml: "
topics: 1
partitionsPerTopic: 16
producersPerTopic: 4
subscriptionsPerTopic: 1
consumerPerSubscription: 4
producerRate: 5000
testDurationMinutes: 0.25
warmupDurationMinutes: 0.05
producerConfig: {linger.ms: '1'}
",
        full: "",
    },
    Preset {
        name: "small-batches",
        about: "100 B records in 16 KiB batches, 8 producers, as fast as it goes",
        yaml: "
partitionsPerTopic: 16
producersPerTopic: 8
arrivals: closed
messageSize: 100
records: 4000000
",
        full: "{records: 50000000}",
    },
    Preset {
        name: "large-batches",
        about: "1 KiB records in 1 MiB batches, 4 producers, as fast as it goes",
        yaml: "
partitionsPerTopic: 16
producersPerTopic: 4
arrivals: closed
records: 1000000
producerConfig: {batch.size: '1048576', linger.ms: '10', max.request.size: '1100000'}
",
        full: "{records: 20000000}",
    },
    Preset {
        name: "singles",
        about: "one 1 KiB record a request, 500 producers, 100 partitions",
        yaml: "
partitionsPerTopic: 100
producersPerTopic: 500
arrivals: closed
records: 300000
producerConfig: {batch.size: '0', linger.ms: '0', max.in.flight.requests.per.connection: '1', enable.idempotence: 'false'}
",
        full: "{records: 10000000}",
    },
    Preset {
        name: "fixed-rate-latency",
        about: "1 KiB, 100 producers, 100 partitions, 10,000 records/s",
        yaml: "
partitionsPerTopic: 100
producersPerTopic: 100
producerRate: 10000
testDurationMinutes: 0.4
warmupDurationMinutes: 0.1
producerConfig: {linger.ms: '0'}
",
        full: "{producerRate: 100000, testDurationMinutes: 15, warmupDurationMinutes: 1}",
    },
    Preset {
        name: "one-in-flight",
        about: "end-to-end latency with a single record under way",
        yaml: "
partitionsPerTopic: 1
producersPerTopic: 1
subscriptionsPerTopic: 1
consumerPerSubscription: 1
arrivals: closed
outstanding: 1
testDurationMinutes: 0.25
warmupDurationMinutes: 0.05
producerConfig: {batch.size: '0', linger.ms: '0', max.in.flight.requests.per.connection: '1'}
",
        full: "{testDurationMinutes: 5}",
    },
    Preset {
        name: "fan-out",
        about: "one topic to 5 groups that each read all of it",
        yaml: "
partitionsPerTopic: 16
producersPerTopic: 2
subscriptionsPerTopic: 5
consumerPerSubscription: 1
producerRate: 20000
testDurationMinutes: 0.4
warmupDurationMinutes: 0.1
",
        full: "{subscriptionsPerTopic: 20, producerRate: 100000, testDurationMinutes: 15}",
    },
    Preset {
        name: "catch-up",
        about: "consumers begin behind a backlog while producing goes on",
        yaml: "
partitionsPerTopic: 16
producersPerTopic: 4
subscriptionsPerTopic: 1
consumerPerSubscription: 4
producerRate: 50000
consumerBacklogSizeGB: 1
testDurationMinutes: 0.5
",
        full: "{consumerBacklogSizeGB: 100, producerRate: 200000, testDurationMinutes: 15}",
    },
    Preset {
        name: "many-partitions",
        about: "16 KiB batches over 10,000 partitions",
        yaml: "
topics: 10
partitionsPerTopic: 1000
producersPerTopic: 1
arrivals: closed
messageSize: 1024
records: 1000000
",
        full: "{records: 20000000}",
    },
    Preset {
        name: "compacted-updates",
        about: "keyed updates and tombstones of a compacted topic",
        yaml: "
partitionsPerTopic: 16
topicConfig: {cleanup.policy: compact}
producersPerTopic: 4
producerRate: 20000
keyDistributor: zipf 1.1 100000
tombstoneRatio: 0.01
testDurationMinutes: 0.5
",
        full: "{producerRate: 200000, testDurationMinutes: 30}",
    },
    Preset {
        name: "transactions",
        about: "transactions of 100 records, committed readers",
        yaml: "
partitionsPerTopic: 16
producersPerTopic: 4
subscriptionsPerTopic: 1
consumerPerSubscription: 2
arrivals: closed
transactionRecords: 100
testDurationMinutes: 0.25
producerConfig: {transactional.id: bench, linger.ms: '0'}
consumerConfig: {isolation.level: read_committed}
",
        full: "{producersPerTopic: 16, testDurationMinutes: 5}",
    },
    Preset {
        name: "groups",
        about: "a consumer group of 100 that commits every second",
        yaml: "
partitionsPerTopic: 100
producersPerTopic: 4
subscriptionsPerTopic: 1
consumerPerSubscription: 100
groups: true
producerRate: 10000
testDurationMinutes: 0.4
warmupDurationMinutes: 0.1
consumerConfig: {auto.commit.interval.ms: '1000'}
",
        full: "{testDurationMinutes: 5}",
    },
    Preset {
        name: "connections",
        about: "1,000 active producers among 10,000 idle connections",
        yaml: "
partitionsPerTopic: 100
producersPerTopic: 1000
idleConnections: 10000
producerRate: 5000
testDurationMinutes: 0.4
warmupDurationMinutes: 0.1
producerConfig: {linger.ms: '0'}
",
        full: "",
    },
    Preset {
        name: "linkedin-2014",
        about: "100 B records, one producer, acks=1, 6 partitions (Kreps 2014: 821,557 records/s without replicas)",
        yaml: "
partitionsPerTopic: 6
producersPerTopic: 1
arrivals: closed
outstanding: 50
messageSize: 100
records: 5000000
producerConfig: {acks: '1', batch.size: '8196', linger.ms: '0'}
",
        full: "{records: 50000000}",
    },
    Preset {
        name: "confluent-2020-throughput",
        about: "1 KB, 100 partitions, 4 producers, 4 consumers, 1 MiB batches (2020: 619,000 records/s on 3 brokers)",
        yaml: "
partitionsPerTopic: 100
messageSize: 1024
producersPerTopic: 4
subscriptionsPerTopic: 1
consumerPerSubscription: 4
producerRate: 100000
testDurationMinutes: 0.4
warmupDurationMinutes: 0.1
producerConfig: {linger.ms: '1', batch.size: '1048576', max.request.size: '1100000'}
",
        full: "{producerRate: 1000000, testDurationMinutes: 15, warmupDurationMinutes: 1}",
    },
    Preset {
        name: "confluent-2020-latency",
        about: "the same at a fifth of the rate (2020: p50 2.1 ms, p99 4.3 ms, p99.9 17.4 ms)",
        yaml: "
partitionsPerTopic: 100
messageSize: 1024
producersPerTopic: 4
subscriptionsPerTopic: 1
consumerPerSubscription: 4
producerRate: 20000
testDurationMinutes: 0.4
warmupDurationMinutes: 0.1
producerConfig: {linger.ms: '1', batch.size: '1048576', max.request.size: '1100000'}
",
        full: "{producerRate: 200000, testDurationMinutes: 15, warmupDurationMinutes: 1}",
    },
    Preset {
        name: "redpanda-2022",
        about: "1 KB half random, 144 partitions, synced by both (flush.messages=1)",
        yaml: "
partitionsPerTopic: 144
messageSize: 1024
content: ratio 0.5
topicConfig: {flush.messages: '1', flush.ms: '0'}
producersPerTopic: 4
subscriptionsPerTopic: 1
consumerPerSubscription: 4
producerRate: 20000
testDurationMinutes: 0.4
warmupDurationMinutes: 0.1
producerConfig: {linger.ms: '1', batch.size: '131072'}
",
        full: "{producerRate: 500000, testDurationMinutes: 15, warmupDurationMinutes: 1}",
    },
    Preset {
        name: "vanlightly-2023",
        about: "the same with 50 producers and keys, so that batches stay small",
        yaml: "
partitionsPerTopic: 144
messageSize: 1024
content: ratio 0.5
keyDistributor: KEY_ROUND_ROBIN
producersPerTopic: 50
subscriptionsPerTopic: 1
consumerPerSubscription: 4
producerRate: 20000
testDurationMinutes: 0.4
warmupDurationMinutes: 0.1
producerConfig: {linger.ms: '1', batch.size: '131072'}
",
        full: "{producerRate: 500000, testDurationMinutes: 60, warmupDurationMinutes: 1}",
    },
];

/// Names and what they are, in order.
pub(crate) fn list() -> impl Iterator<Item = (&'static str, &'static str)> {
    PRESETS.iter().map(|preset| (preset.name, preset.about))
}

/// A workload by its name, for two cores or at the published size.
pub(crate) fn find(name: &str, full: bool) -> Result<Workload, String> {
    let preset = PRESETS.iter().find(|preset| preset.name == name);
    let preset = preset.ok_or_else(|| format!("there is no preset '{name}': see `list`"))?;
    let mut workload = Workload::parse(preset.yaml)?;
    if full && !preset.full.is_empty() {
        overlay(preset.full, &mut workload)?;
    }
    workload.name = preset.name.to_owned();
    Ok(workload)
}

/// Puts what a second text says over a workload.
fn overlay(text: &str, workload: &mut Workload) -> Result<(), String> {
    let texts = [workload.to_yaml().as_str(), text].map(|yaml| {
        let read = serde_saphyr::from_str::<serde_json::Map<String, serde_json::Value>>(yaml);
        read.map_err(|error| error.to_string())
    });
    let [below, above] = texts;
    let mut fields = below?;
    fields.extend(above?);
    let read = serde_json::from_value(serde_json::Value::Object(fields));
    *workload = read.map_err(|error| error.to_string())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_a_workload_in_both_sizes() {
        for (name, _) in list() {
            for full in [false, true] {
                let workload = find(name, full).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(workload.check(), Ok(()), "{name}");
                assert_eq!(workload.name, name);
            }
        }
        assert!(find("none", false).unwrap_err().contains("list"));
    }

    #[test]
    fn the_full_size_changes_only_what_it_says() {
        let (small, full) = (
            find("catch-up", false).unwrap(),
            find("catch-up", true).unwrap(),
        );
        assert_eq!(full.consumer_backlog_size_gb, 100.0);
        assert_eq!(full.partitions_per_topic, small.partitions_per_topic);
    }
}
