//! The effective configuration: typed values, checked one by one and against each other. Pure.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::groups::GroupSettings;
use super::internal_topics::InternalTopic;
use super::layers::{Layers, Value};
use super::listeners::{Endpoint, SecurityProtocol};
use super::notices;
use super::problem::{Notice, Problem};
use super::relations;
use super::setting::parse_integer;
use super::table;
use super::topic::TopicConfig;
use super::transactions::TransactionSettings;

/// What the configuration has to know about the machine.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// Cores that this process may use; at least 1.
    pub(crate) cores: u32,
    /// What clients are told when a listener is on every interface and nothing is advertised.
    pub(crate) host_name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// On disk before the acknowledgement.
    Durable,
    /// In memory only.
    Relaxed,
}

impl Durability {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Durable => "durable",
            Self::Relaxed => "relaxed",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// A listener to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) endpoint: Endpoint,
    pub(crate) protocol: SecurityProtocol,
    /// Serves the controller's requests, not clients'.
    pub(crate) controller: bool,
    /// What clients are told to connect to; port 0 stands for the port that was bound.
    pub(crate) advertised_host: String,
    pub(crate) advertised_port: u16,
}

/// Bounds; every one is a row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) request_bytes_max: u32,
    /// Over all shards, as the next two.
    pub(crate) request_memory_bytes: u64,
    pub(crate) tail_bytes: u64,
    pub(crate) producers_max: u64,
    /// Of each shard.
    pub(crate) journal_bytes: u64,
    pub(crate) mailbox_messages: u32,
    pub(crate) connections_max: u32,
    pub(crate) connections_per_ip_max: u32,
    pub(crate) connections_per_ip_overrides: Vec<(String, u32)>,
    pub(crate) connection_requests_max: u32,
    /// None never closes a silent connection.
    pub(crate) connection_idle_max: Option<Duration>,
    pub(crate) fetch_bytes_max: u32,
    pub(crate) fetch_sessions_max: u32,
    pub(crate) describe_partitions_max: u32,
    /// Of one message of client metrics.
    pub(crate) telemetry_bytes_max: u32,
    pub(crate) decompressed_bytes_max: u32,
    pub(crate) topics_max: u32,
    pub(crate) partitions_max: u32,
    pub(crate) partitions_per_topic_max: u32,
    pub(crate) disk_reserve_bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SocketSettings {
    /// None leaves it to the kernel.
    pub(crate) send_buffer_bytes: Option<u32>,
    pub(crate) receive_buffer_bytes: Option<u32>,
    pub(crate) backlog: i32,
}

/// What is done for topics, beyond the settings of single ones.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TopicSettings {
    pub(crate) auto_create: bool,
    pub(crate) delete_enabled: bool,
    pub(crate) partitions_default: i32,
    pub(crate) replication_factor_default: i16,
    /// Of a topic that sets nothing itself.
    pub(crate) defaults: TopicConfig,
}

/// How logs are compacted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CleanerSettings {
    pub(crate) enabled: bool,
    /// Wait when no log is due.
    pub(crate) backoff: Duration,
    pub(crate) key_bytes_max: usize,
    pub(crate) key_load_factor: f64,
    pub(crate) bytes_per_second: f64,
}

/// How sealed segments are checked for bit rot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ScrubSettings {
    /// 0 switches it off.
    pub(crate) bytes_per_second: f64,
    /// From the beginning of a look at everything to that of the next.
    pub(crate) interval: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MetadataLogSettings {
    pub(crate) snapshot_after_bytes: u64,
}

/// Everything the program reads. `layers` has the texts and where they came from.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) node_id: i32,
    pub(crate) cluster_id: Option<String>,
    pub(crate) rack: Option<String>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) data_dir: PathBuf,
    pub(crate) metadata_dir: PathBuf,
    pub(crate) shards: u32,
    pub(crate) pin_cores: bool,
    pub(crate) durability: Durability,
    pub(crate) limits: Limits,
    pub(crate) sockets: SocketSettings,
    pub(crate) topics: TopicSettings,
    pub(crate) metadata_log: MetadataLogSettings,
    pub(crate) cleaner: CleanerSettings,
    pub(crate) scrub: ScrubSettings,
    pub(crate) groups: GroupSettings,
    pub(crate) group_offsets_topic: InternalTopic,
    pub(crate) transaction_state_topic: InternalTopic,
    pub(crate) transactions: TransactionSettings,
    pub(crate) producer_id_expiration: Duration,
    pub(crate) retention_check_interval: Duration,
    /// Before the first look at retention.
    pub(crate) initial_task_delay: Duration,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) log_filter: String,
    pub(crate) log_format: LogFormat,
    machine: Machine,
    layers: Layers,
}

impl Settings {
    /// Checks all values and reads them.
    ///
    /// # Errors
    /// Every problem found, in the order of names.
    pub(crate) fn resolve(
        layers: Layers,
        machine: &Machine,
    ) -> Result<(Self, Vec<Notice>), Vec<Problem>> {
        let mut problems = notices::problems(&layers);
        if !problems.is_empty() {
            return Err(problems);
        }
        let listeners = relations::listeners(&layers, machine, &mut problems);
        relations::check(&layers, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let notices = notices::notices(&layers);
        Ok((Self::read(layers, machine.clone(), listeners), notices))
    }

    /// The settings of a running broker after its dynamic configuration changed.
    ///
    /// # Errors
    /// Every problem found; the settings in use stay as they are.
    pub(crate) fn with_dynamic(
        &self,
        cluster: &BTreeMap<String, String>,
        broker: &BTreeMap<String, String>,
    ) -> Result<Self, Vec<Problem>> {
        let layers = self.layers.with_dynamic(cluster, broker);
        Self::resolve(layers, &self.machine).map(|(settings, _)| settings)
    }

    /// The text of a broker setting that counts, its source and its place.
    pub(crate) fn value_of(&self, name: &str) -> Option<Value<'_>> {
        self.layers.value_of(name)
    }

    pub(crate) fn layers(&self) -> &Layers {
        &self.layers
    }

    /// Listeners for clients, in the order given.
    pub(crate) fn client_listeners(&self) -> impl Iterator<Item = &Listener> {
        self.listeners
            .iter()
            .filter(|listener| !listener.controller)
    }

    /// The part that each shard has of an amount for the whole broker.
    pub(crate) fn per_shard(&self, amount: u64) -> usize {
        usize::try_from(amount / u64::from(self.shards)).unwrap_or(usize::MAX)
    }

    fn read(layers: Layers, machine: Machine, listeners: Vec<Listener>) -> Self {
        let read = Reader { layers: &layers };
        let data_dir = PathBuf::from(read.data_dir());
        let shards = match read.u32("millrace.shards") {
            0 => machine.cores.max(1),
            count => count,
        };
        let node_id = if layers.is_given("node.id") || read.long("broker.id") < 0 {
            read.i32("node.id")
        } else {
            read.i32("broker.id")
        };
        Self {
            node_id,
            cluster_id: read.optional("cluster.id"),
            rack: read.optional("broker.rack"),
            listeners,
            metadata_dir: read
                .optional("metadata.log.dir")
                .map_or_else(|| data_dir.clone(), PathBuf::from),
            data_dir,
            shards,
            pin_cores: read.bool("millrace.pin.cores"),
            durability: match read.text("millrace.durability") {
                "relaxed" => Durability::Relaxed,
                _ => Durability::Durable,
            },
            limits: read.limits(),
            sockets: SocketSettings {
                send_buffer_bytes: read.positive("socket.send.buffer.bytes"),
                receive_buffer_bytes: read.positive("socket.receive.buffer.bytes"),
                backlog: read.i32("socket.listen.backlog.size"),
            },
            topics: TopicSettings {
                auto_create: read.bool("auto.create.topics.enable"),
                delete_enabled: read.bool("delete.topic.enable"),
                partitions_default: read.i32("num.partitions"),
                replication_factor_default: i16::try_from(read.long("default.replication.factor"))
                    .unwrap_or(i16::MAX),
                defaults: TopicConfig::from_layers(&BTreeMap::new(), &layers),
            },
            metadata_log: MetadataLogSettings {
                snapshot_after_bytes: read.u64("metadata.log.max.record.bytes.between.snapshots"),
            },
            groups: GroupSettings::read(&read),
            group_offsets_topic: InternalTopic::group_offsets(&read),
            transaction_state_topic: InternalTopic::transaction_state(&read),
            transactions: TransactionSettings::read(&read),
            cleaner: read.cleaner(),
            scrub: ScrubSettings {
                bytes_per_second: read.double("millrace.scrub.bytes.per.second"),
                interval: read.duration("millrace.scrub.interval.ms"),
            },
            producer_id_expiration: read.duration("producer.id.expiration.ms"),
            retention_check_interval: read.duration("log.retention.check.interval.ms"),
            initial_task_delay: read.duration("log.initial.task.delay.ms"),
            shutdown_timeout: read.duration("millrace.shutdown.timeout.ms"),
            log_filter: read.text("millrace.log.level").to_owned(),
            log_format: match read.text("millrace.log.format") {
                "json" => LogFormat::Json,
                _ => LogFormat::Text,
            },
            machine,
            layers,
        }
    }
}

/// Reads checked texts; a text that has passed its check always reads.
pub(crate) struct Reader<'a> {
    pub(crate) layers: &'a Layers,
}

impl<'a> Reader<'a> {
    pub(crate) fn text(&self, name: &str) -> &'a str {
        self.layers
            .value_of(name)
            .map_or("", |value| value.text.trim())
    }

    /// None when there is no value, or an empty one.
    pub(crate) fn optional(&self, name: &str) -> Option<String> {
        Some(self.text(name))
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    }

    pub(crate) fn long(&self, name: &str) -> i64 {
        let number = table::find_broker(name).and_then(|row| parse_integer(row, self.text(name)));
        debug_assert!(number.is_some(), "{name} is a number in the table");
        number.unwrap_or(0)
    }

    /// The one data directory: log.dirs goes before log.dir.
    pub(crate) fn data_dir(&self) -> &'a str {
        match self.text("log.dirs") {
            "" => self.text("log.dir"),
            dirs => dirs,
        }
    }

    pub(crate) fn bool(&self, name: &str) -> bool {
        self.text(name).eq_ignore_ascii_case("true")
    }

    pub(crate) fn i32(&self, name: &str) -> i32 {
        i32::try_from(self.long(name)).unwrap_or(i32::MAX)
    }

    fn u32(&self, name: &str) -> u32 {
        u32::try_from(self.long(name)).unwrap_or(0)
    }

    pub(crate) fn u64(&self, name: &str) -> u64 {
        u64::try_from(self.long(name)).unwrap_or(0)
    }

    fn positive(&self, name: &str) -> Option<u32> {
        u32::try_from(self.long(name))
            .ok()
            .filter(|number| *number > 0)
    }

    pub(crate) fn duration(&self, name: &str) -> Duration {
        Duration::from_millis(self.u64(name))
    }

    fn double(&self, name: &str) -> f64 {
        self.text(name).parse().unwrap_or(0.0)
    }

    fn cleaner(&self) -> CleanerSettings {
        let key_bytes_max = self.u64("log.cleaner.dedupe.buffer.size");
        CleanerSettings {
            enabled: self.bool("log.cleaner.enable"),
            backoff: self.duration("log.cleaner.backoff.ms"),
            key_bytes_max: usize::try_from(key_bytes_max).unwrap_or(usize::MAX),
            key_load_factor: self.double("log.cleaner.io.buffer.load.factor"),
            bytes_per_second: self.double("log.cleaner.io.max.bytes.per.second"),
        }
    }

    fn limits(&self) -> Limits {
        let queued = u64::try_from(self.long("queued.max.request.bytes")).ok();
        Limits {
            request_bytes_max: self.u32("socket.request.max.bytes"),
            request_memory_bytes: queued
                .filter(|bytes| *bytes > 0)
                .unwrap_or_else(|| self.u64("millrace.request.memory.bytes")),
            tail_bytes: self.u64("millrace.tail.bytes"),
            producers_max: self.u64("millrace.producers.max"),
            journal_bytes: self.u64("millrace.journal.bytes"),
            mailbox_messages: self.u32("millrace.mailbox.messages"),
            connections_max: self.u32("max.connections"),
            connections_per_ip_max: self.u32("max.connections.per.ip"),
            connections_per_ip_overrides: relations::per_ip_overrides(
                self.text("max.connections.per.ip.overrides"),
            )
            .unwrap_or_default(),
            connection_requests_max: self.u32("millrace.connection.requests.max"),
            connection_idle_max: u64::try_from(self.long("connections.max.idle.ms"))
                .ok()
                .map(Duration::from_millis),
            fetch_bytes_max: self.u32("fetch.max.bytes"),
            fetch_sessions_max: self.u32("max.incremental.fetch.session.cache.slots"),
            describe_partitions_max: self.u32("max.request.partition.size.limit"),
            telemetry_bytes_max: self.u32("telemetry.max.bytes"),
            decompressed_bytes_max: self.u32("millrace.decompressed.bytes.max"),
            topics_max: self.u32("millrace.topics.max"),
            partitions_max: self.u32("millrace.partitions.max"),
            partitions_per_topic_max: self.u32("millrace.partitions.per.topic.max"),
            disk_reserve_bytes: self.u64("millrace.disk.reserve.bytes"),
        }
    }
}
