//! Who does what: the producers and consumers of a run, dealt out to threads, and what all
//! threads know. Pure.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::client::cluster::Topic;
use crate::workload::Workload;
use crate::workload::knobs::{ConsumerKnobs, ProducerKnobs};

/// What does not change during a run.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) workload: Workload,
    pub(crate) producer: ProducerKnobs,
    pub(crate) consumer: ConsumerKnobs,
    pub(crate) bootstrap: String,
    pub(crate) topics: Vec<Topic>,
    /// Where consumers begin, and where the logs ended, by topic and partition.
    pub(crate) starts: Vec<Vec<i64>>,
    pub(crate) ends: Vec<Vec<i64>>,
    /// Tells this run's records from others.
    pub(crate) run: u32,
    /// Nanoseconds since the epoch at 0 of the monotonic clock.
    pub(crate) epoch: u64,
    /// How long a broker may be away before the run does without it.
    pub(crate) give_up: Duration,
    /// Consumers end at `ends`.
    pub(crate) stop_at_ends: bool,
}

impl Setup {
    /// The place of a partition among all of the run.
    pub(crate) fn place(&self, topic: usize, partition: i32) -> usize {
        let before = self.topics[..topic].iter().map(|topic| topic.leaders.len());
        before.sum::<usize>() + usize::try_from(partition).unwrap_or(0)
    }
}

/// What the conductor of the run tells the threads.
#[derive(Debug)]
pub(crate) struct Control {
    /// When the run begins, in nanoseconds of the monotonic clock; 0 until that is known.
    pub(crate) begin: AtomicU64,
    /// What is measured, and when producers end.
    pub(crate) measure_from: AtomicU64,
    pub(crate) measure_until: AtomicU64,
    /// Consumers may read.
    pub(crate) released: AtomicBool,
    pub(crate) producers_stop: AtomicBool,
    pub(crate) consumers_stop: AtomicBool,
    /// So far: records that every subscription is to read, bytes acknowledged, and records read
    /// by all subscriptions.
    pub(crate) owed: AtomicU64,
    pub(crate) acked_bytes: AtomicU64,
    pub(crate) received: AtomicU64,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            begin: AtomicU64::new(0),
            measure_from: AtomicU64::new(0),
            measure_until: AtomicU64::new(u64::MAX),
            released: AtomicBool::new(false),
            producers_stop: AtomicBool::new(false),
            consumers_stop: AtomicBool::new(false),
            owed: AtomicU64::new(0),
            acked_bytes: AtomicU64::new(0),
            received: AtomicU64::new(0),
        }
    }
}

impl Control {
    pub(crate) fn is_measured(&self, at: u64) -> bool {
        let from = self.measure_from.load(Ordering::Relaxed);
        from <= at && at < self.measure_until.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProducerPlan {
    pub(crate) number: u32,
    pub(crate) topic: usize,
    /// Records a second, or a closed load.
    pub(crate) rate: Option<f64>,
    /// Where in the first gap it begins, so that producers alternate.
    pub(crate) phase: f64,
    pub(crate) records: Option<u64>,
}

/// A broker, and the partitions that are read there.
pub(crate) type Led = (SocketAddr, Vec<i32>);

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConsumerPlan {
    pub(crate) number: usize,
    pub(crate) subscription: u32,
    pub(crate) topic: usize,
    pub(crate) reading: Reading,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reading {
    /// These partitions, by leader.
    Assigned(Vec<Led>),
    /// What the group gives it.
    Group(String),
}

/// One thread's part.
#[derive(Debug, Default)]
pub(crate) struct Share {
    pub(crate) producers: Vec<ProducerPlan>,
    pub(crate) consumers: Vec<ConsumerPlan>,
    pub(crate) idle: u32,
}

/// The run dealt out to threads.
pub(crate) fn shares(setup: &Setup, threads: usize) -> Vec<Share> {
    let mut shares: Vec<Share> = (0..threads).map(|_| Share::default()).collect();
    for (number, producer) in producers(setup).into_iter().enumerate() {
        shares[number % threads].producers.push(producer);
    }
    for (number, consumer) in consumers(setup).into_iter().enumerate() {
        // From the other end, so that a producer and its readers are seldom on one thread.
        shares[threads - 1 - number % threads]
            .consumers
            .push(consumer);
    }
    for number in 0..setup.workload.idle_connections {
        shares[number as usize % threads].idle += 1;
    }
    shares
}

fn producers(setup: &Setup) -> Vec<ProducerPlan> {
    let workload = &setup.workload;
    let count = workload.producers();
    let each = |number: u32| ProducerPlan {
        number,
        topic: number as usize % setup.topics.len(),
        rate: (!workload.is_closed()).then(|| workload.producer_rate / f64::from(count)),
        phase: (f64::from(number) + 0.5) / f64::from(count),
        records: workload.records.map(|records| {
            let (even, more) = (records / u64::from(count), records % u64::from(count));
            even + u64::from(u64::from(number) < more)
        }),
    };
    (0..count).map(each).collect()
}

fn consumers(setup: &Setup) -> Vec<ConsumerPlan> {
    let workload = &setup.workload;
    let mut consumers = Vec::new();
    for (topic, described) in setup.topics.iter().enumerate() {
        for subscription in 0..workload.subscriptions_per_topic {
            let group = format!("bench-{:08x}-{topic}-{subscription}", setup.run);
            for number in 0..workload.consumer_per_subscription {
                let reading = if workload.groups {
                    Reading::Group(group.clone())
                } else {
                    let of = workload.consumer_per_subscription as usize;
                    Reading::Assigned(dealt(&described.leaders, number as usize, of))
                };
                consumers.push(ConsumerPlan {
                    number: consumers.len(),
                    subscription,
                    topic,
                    reading,
                });
            }
        }
    }
    consumers
}

/// The partitions of the `number`-th of so many readers.
fn dealt(leaders: &[SocketAddr], number: usize, of: usize) -> Vec<Led> {
    let own = (0..).zip(leaders).skip(number).step_by(of);
    by_leader(own.map(|(partition, leader)| (partition, *leader)))
}

/// Partitions gathered under their leaders.
pub(crate) fn by_leader(partitions: impl Iterator<Item = (i32, SocketAddr)>) -> Vec<Led> {
    let mut led: Vec<Led> = Vec::new();
    for (partition, leader) in partitions {
        match led.iter_mut().find(|(address, _)| *address == leader) {
            Some((_, partitions)) => partitions.push(partition),
            None => led.push((leader, vec![partition])),
        }
    }
    led
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use protocol::types::Uuid;

    use super::*;

    fn setup(yaml: &str) -> Setup {
        let workload = Workload::parse(yaml).unwrap();
        let partitions = u16::try_from(workload.partitions_per_topic).unwrap();
        let topic = |number: u32| Topic {
            name: number.to_string(),
            id: Uuid::ZERO,
            leaders: (0..partitions)
                .map(|p| ([127, 0, 0, 1], 9000 + p % 3).into())
                .collect(),
        };
        Setup {
            producer: ProducerKnobs::new(&BTreeMap::new()).unwrap(),
            consumer: ConsumerKnobs::new(&BTreeMap::new()).unwrap(),
            bootstrap: String::new(),
            topics: (0..workload.topics).map(topic).collect(),
            starts: Vec::new(),
            ends: Vec::new(),
            run: 1,
            epoch: 0,
            give_up: Duration::ZERO,
            stop_at_ends: false,
            workload,
        }
    }

    #[test]
    fn records_and_rate_are_shared_out_completely() {
        let setup = setup("{topics: 2, producersPerTopic: 3, producerRate: 600, records: 100}");
        let shares = shares(&setup, 4);
        let producers = shares.iter().flat_map(|share| &share.producers);
        let producers: Vec<_> = producers.collect();
        assert_eq!(producers.len(), 6);
        let records: u64 = producers.iter().filter_map(|own| own.records).sum();
        let rate: f64 = producers.iter().filter_map(|own| own.rate).sum();
        assert_eq!((records, rate), (100, 600.0));
    }

    #[test]
    fn every_subscription_reads_every_partition_once() {
        let setup = setup(
            "{topics: 2, partitionsPerTopic: 7, subscriptionsPerTopic: 2, consumerPerSubscription: 3}",
        );
        let mut read = BTreeMap::new();
        for consumer in shares(&setup, 2).iter().flat_map(|share| &share.consumers) {
            let Reading::Assigned(led) = &consumer.reading else {
                panic!("no groups were asked for");
            };
            for partition in led.iter().flat_map(|(_, partitions)| partitions) {
                let route = (
                    consumer.subscription,
                    setup.place(consumer.topic, *partition),
                );
                *read.entry(route).or_insert(0) += 1;
            }
        }
        assert_eq!(read.len(), 2 * 14);
        assert!(read.values().all(|count| *count == 1));
    }
}
