//! The options that say what a load is. Pure, but for reading the files they name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::workload::arrivals::{Arrivals, Profile};
use crate::workload::content::Content;
use crate::workload::keys::Keys;
use crate::workload::sizes::Sizes;
use crate::workload::units::{self, Rate};
use crate::workload::{Settings, Workload, driver, knobs, presets};

#[derive(Args, Clone, Debug)]
pub(crate) struct LoadArguments {
    /// A preset (see `list`) or a workload file, also of the OpenMessaging Benchmark
    #[arg(value_name = "PRESET|FILE")]
    pub(crate) workload: Option<String>,
    /// A driver file of the OpenMessaging Benchmark: client settings
    #[arg(long, value_name = "FILE")]
    pub(crate) driver: Option<PathBuf>,
    /// The preset at its published size instead of one for two cores
    #[arg(long)]
    pub(crate) full: bool,

    /// New topics
    #[arg(long, value_name = "N", help_heading = "Topology")]
    pub(crate) topics: Option<u32>,
    /// A topic that exists, instead of new ones
    #[arg(long, value_name = "NAME", help_heading = "Topology")]
    pub(crate) topic: Vec<String>,
    /// Partitions of each new topic
    #[arg(long, value_name = "N", help_heading = "Topology")]
    pub(crate) partitions: Option<u32>,
    #[arg(long, value_name = "N", help_heading = "Topology")]
    pub(crate) replication_factor: Option<i16>,
    /// A setting of the new topics
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair, help_heading = "Topology")]
    pub(crate) topic_config: Vec<(String, String)>,
    /// Producers of each topic, each with a connection of its own
    #[arg(long, value_name = "N", help_heading = "Topology")]
    pub(crate) producers: Option<u32>,
    /// Consumers of each subscription
    #[arg(long, value_name = "N", help_heading = "Topology")]
    pub(crate) consumers: Option<u32>,
    /// Subscriptions of each topic: each reads everything
    #[arg(long, value_name = "N", help_heading = "Topology")]
    pub(crate) subscriptions: Option<u32>,
    /// Consumers are members of groups and commit; else partitions are dealt out
    #[arg(long, help_heading = "Topology")]
    pub(crate) groups: bool,
    /// Connections beside the load that only say that they are there
    #[arg(long, value_name = "N", help_heading = "Topology")]
    pub(crate) idle_connections: Option<u32>,

    /// Records or bytes a second of the whole load: 200k/s, 500MB/s
    #[arg(long, value_name = "RATE", value_parser = units::rate, conflicts_with = "closed", help_heading = "Load")]
    pub(crate) rate: Option<Rate>,
    /// No schedule: an answer makes room for the next batch
    #[arg(long, help_heading = "Load")]
    pub(crate) closed: bool,
    /// Gaps between records: fixed or poisson
    #[arg(
        long,
        value_name = "KIND",
        conflicts_with = "closed",
        help_heading = "Load"
    )]
    pub(crate) arrivals: Option<Arrivals>,
    /// How the rate changes: 'ramp 0.5..2', 'steps 1,2,4', 'sine 0.5 10'
    #[arg(long, value_name = "PROFILE", help_heading = "Load")]
    pub(crate) profile: Option<Profile>,
    /// Unanswered batches of a producer in a closed load
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub(crate) outstanding: Option<u32>,
    /// End after so many records instead of a time
    #[arg(long, value_name = "N", value_parser = units::whole, help_heading = "Load")]
    pub(crate) records: Option<u64>,
    #[arg(long, value_name = "TIME", value_parser = units::duration, help_heading = "Load")]
    pub(crate) duration: Option<Duration>,
    /// The load before anything is measured
    #[arg(long, value_name = "TIME", value_parser = units::duration, help_heading = "Load")]
    pub(crate) warm_up: Option<Duration>,
    /// What is written before consumers begin: 10GB
    #[arg(long, value_name = "BYTES", value_parser = units::quantity, help_heading = "Load")]
    pub(crate) backlog: Option<f64>,

    /// Bytes of a value: 1024, 'uniform 100..2000', 'normal 1000 50', 'lognormal 500 0.5'
    #[arg(long, value_name = "SIZES", help_heading = "Data")]
    pub(crate) record_size: Option<Sizes>,
    /// random, zeros, text or 'ratio 0.5' (that part random)
    #[arg(long, value_name = "KIND", help_heading = "Data")]
    pub(crate) content: Option<Content>,
    /// The value of every record
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    pub(crate) payload_file: Option<PathBuf>,
    /// none, 'round-robin N', 'uniform N', 'zipf S N' or sequential
    #[arg(long, value_name = "KEYS", help_heading = "Data")]
    pub(crate) keys: Option<Keys>,
    /// This part of the records has no value
    #[arg(long, value_name = "RATIO", help_heading = "Data")]
    pub(crate) tombstones: Option<f64>,
    /// Headers of each record
    #[arg(long, value_name = "N", help_heading = "Data")]
    pub(crate) headers: Option<u32>,
    /// Decides all that is random
    #[arg(long, value_name = "N", help_heading = "Data")]
    pub(crate) seed: Option<u64>,

    /// A producer setting under its Java name: batch.size, linger.ms, acks, compression.type,
    /// enable.idempotence, max.in.flight.requests.per.connection, transactional.id, ...
    #[arg(short = 'P', long, value_name = "NAME=VALUE", value_parser = pair, help_heading = "Clients")]
    pub(crate) producer_config: Vec<(String, String)>,
    /// A consumer setting under its Java name: fetch.min.bytes, isolation.level, ...
    #[arg(short = 'C', long, value_name = "NAME=VALUE", value_parser = pair, help_heading = "Clients")]
    pub(crate) consumer_config: Vec<(String, String)>,
    /// Records of a transaction, with a transactional.id
    #[arg(long, value_name = "N", help_heading = "Clients")]
    pub(crate) transaction_records: Option<u32>,
    /// This part of the transactions is aborted
    #[arg(long, value_name = "RATIO", help_heading = "Clients")]
    pub(crate) abort_ratio: Option<f64>,
}

impl LoadArguments {
    /// The workload, and the brokers that a driver file names. The options change the workload
    /// that is named, or else `base`.
    pub(crate) fn workload(&self, base: Workload) -> Result<(Workload, Option<String>), String> {
        let mut workload = self.named(base)?;
        let mut bootstrap = None;
        if let Some(driver) = &self.driver {
            bootstrap = driver::apply(driver, &mut workload)?;
        }
        self.put_topology(&mut workload);
        self.put_data(&mut workload);
        self.put_load(&mut workload);
        put_all(&mut workload.producer_config, &self.producer_config);
        put_all(&mut workload.consumer_config, &self.consumer_config);
        put(&mut workload.transaction_records, self.transaction_records);
        put(&mut workload.abort_ratio, self.abort_ratio);
        if knobs::ProducerKnobs::new(&workload.producer_config)?
            .transactional_id
            .is_some()
        {
            workload.arrivals = Arrivals::Closed;
        }
        workload.check()?;
        Ok((workload, bootstrap))
    }

    fn named(&self, base: Workload) -> Result<Workload, String> {
        let Some(name) = &self.workload else {
            return Ok(base);
        };
        let path = Path::new(name);
        if path.extension().is_some() || path.exists() {
            return Workload::read(path);
        }
        presets::find(name, self.full)
    }

    fn put_topology(&self, workload: &mut Workload) {
        put(&mut workload.topics, self.topics);
        if !self.topic.is_empty() {
            workload.existing_topics.clone_from(&self.topic);
        }
        put(&mut workload.partitions_per_topic, self.partitions);
        if self.replication_factor.is_some() {
            workload.replication_factor = self.replication_factor;
        }
        put_all(&mut workload.topic_config, &self.topic_config);
        put(&mut workload.producers_per_topic, self.producers);
        if self.consumers.is_some_and(|consumers| consumers > 0) {
            workload.subscriptions_per_topic = workload.subscriptions_per_topic.max(1);
        }
        if self.consumers == Some(0) {
            workload.subscriptions_per_topic = 0;
        }
        put(&mut workload.consumer_per_subscription, self.consumers);
        put(&mut workload.subscriptions_per_topic, self.subscriptions);
        workload.groups |= self.groups;
        put(&mut workload.idle_connections, self.idle_connections);
    }

    fn put_data(&self, workload: &mut Workload) {
        if self.record_size.is_some() {
            workload.message_sizes = self.record_size;
            workload.payload_file = None;
        }
        put(&mut workload.content, self.content);
        if self.payload_file.is_some() {
            workload.payload_file.clone_from(&self.payload_file);
        }
        put(&mut workload.key_distributor, self.keys);
        put(&mut workload.tombstone_ratio, self.tombstones);
        put(&mut workload.headers, self.headers);
        put(&mut workload.seed, self.seed);
    }

    fn put_load(&self, workload: &mut Workload) {
        put(&mut workload.arrivals, self.arrivals);
        if self.closed {
            workload.arrivals = Arrivals::Closed;
        }
        if let Some(rate) = self.rate {
            workload.producer_rate = rate.records(crate::load::sample(workload).mean_bytes);
            if workload.is_closed() {
                workload.arrivals = Arrivals::Fixed;
                workload.records = None;
            }
        }
        put(&mut workload.profile, self.profile.clone());
        if self.outstanding.is_some() {
            workload.outstanding = self.outstanding;
        }
        if self.duration.is_some() {
            workload.records = None;
        }
        if self.records.is_some() {
            workload.records = self.records;
        }
        let minutes = |duration: Duration| duration.as_secs_f64() / 60.0;
        put(
            &mut workload.test_duration_minutes,
            self.duration.map(minutes),
        );
        put(
            &mut workload.warmup_duration_minutes,
            self.warm_up.map(minutes),
        );
        let gigabytes = self.backlog.map(|bytes| bytes / 1e9);
        put(&mut workload.consumer_backlog_size_gb, gigabytes);
    }
}

fn put<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn put_all(settings: &mut Settings, pairs: &[(String, String)]) {
    settings.extend(pairs.iter().cloned());
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
