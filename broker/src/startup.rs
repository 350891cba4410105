//! From settings to a serving broker, and back down again. Shell; runs on the main thread.
//!
//! Order of a start: limits, data directory, listening sockets (a port in use is known before
//! anything is touched), rings, metadata, recovery of the journals, shards. Order of a stop:
//! connections drained, logs flushed, then the control thread.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::JoinHandle;

use anyhow::{Context, bail};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use storage::clock;
use storage::extent::{ExtentPool, PoolOptions};
use storage::ring::{Notifier, Ring, RingOptions};
use storage::store::{self, StoreOptions};

use crate::cleaner::Cleaner;
use crate::cli::banner::{self, Started};
use crate::config::Settings;
use crate::config::effective::{Durability, Listener};
use crate::control::{Control, ControlHandle, ControlOptions};
use crate::controller::{ControllerSettings, TopicLimits};
use crate::limits::directory::DirectoryLock;
use crate::limits::{self, Resource, cores};
use crate::logging;
use crate::metadata::config_catalog::ConfigCatalog;
use crate::metadata::delta::ImageChange;
use crate::metadata::image::{BrokerEndpoint, ClusterImage};
use crate::net::listener;
use crate::partition::table::PartitionId;
use crate::scrubber::Scrubber;
use crate::shard::Shard;
use crate::shard::mailbox::Lanes;
use crate::shard::run::{self, Assembly, ShardStart, StartReport};

/// Memory that recovery may keep pooled; it is given back before the shards start.
const RECOVERY_POOL_BYTES: usize = 16 << 20;

/// Runs the broker until it is told to stop.
///
/// # Errors
/// What kept it from starting, with the cure where there is one.
pub(crate) fn run(mut settings: Settings) -> anyhow::Result<()> {
    clock::monotonic(); // the start of its time
    let signals = Signals::new([SIGTERM, SIGINT]).context("cannot wait for signals")?;
    raise_limits(&settings);
    let lock = DirectoryLock::take(&settings.data_dir)?;
    let _metadata_lock = (settings.metadata_dir != settings.data_dir)
        .then(|| DirectoryLock::take(&settings.metadata_dir))
        .transpose()?;
    storage::recovery::check_format(&settings.data_dir)?;
    let listeners = bind(&mut settings)?;
    let ports = settings
        .listeners
        .iter()
        .map(|listener| listener.endpoint.port)
        .collect();
    let settings = Arc::new(settings);
    let cores = shard_cores(&settings);
    let shards = Shards::spawn(&settings, cores.as_deref(), &lock)?;
    let control = start_control(&settings, &shards.lanes)?;
    let fenced = recover(&settings, control.first_image())?;
    let (io, lanes) = (shards.io.clone(), Arc::clone(&shards.lanes));
    let background = Background::start(&settings, &lock)?;
    let threads = shards.serve(&control.handle(), &background, fenced, listeners)?;
    drop(background); // the shards have it: its threads end with them
    logging::ready(settings.node_id);
    banner::show(
        &settings,
        &Started {
            ports,
            cores,
            io,
            took: clock::monotonic(),
        },
    );
    wait(signals);
    stop(&lanes, threads);
    control.stop();
    tracing::info!("stopped");
    Ok(())
}

/// Raises what may be raised. What is missing is told loudly only where it limits this broker; and
/// whether it is fatal shows when a ring or a socket is made.
fn raise_limits(settings: &Settings) {
    let descriptors_least = match settings.limits.connections_max {
        // Kafka's default: not bounded
        count if count == i32::MAX.unsigned_abs() => limits::DESCRIPTORS_LEAST,
        count => limits::DESCRIPTORS_LEAST.max(u64::from(count) + limits::DESCRIPTORS_OF_FILES),
    };
    let wanted = [
        (
            Resource::Descriptors,
            limits::DESCRIPTORS_WANTED.max(descriptors_least),
            descriptors_least,
        ),
        (
            Resource::LockedMemory,
            limits::LOCKED_MEMORY_WANTED,
            limits::LOCKED_MEMORY_LEAST,
        ),
    ];
    for (resource, wanted, least) in wanted {
        match limits::raise(resource, wanted) {
            Ok(allowance) => match allowance.shortage(wanted) {
                Some(shortage) if allowance.shortage(least).is_some() => {
                    tracing::warn!("{shortage}");
                }
                Some(shortage) => tracing::debug!("{shortage}"),
                None => {}
            },
            Err(error) => tracing::warn!("cannot read the limits of this process: {error}"),
        }
    }
}

/// Binds every listener for clients; port 0 becomes the port that was bound.
fn bind(settings: &mut Settings) -> anyhow::Result<Vec<TcpListener>> {
    let mut bound = Vec::new();
    let sockets = settings.sockets;
    settings.listeners.retain(|listener| !listener.controller);
    for listener in &mut settings.listeners {
        let endpoint = &mut listener.endpoint;
        let socket = listener::bind(&endpoint.host, endpoint.port, &sockets)?;
        endpoint.port = socket.local_addr()?.port();
        if listener.advertised_port == 0 {
            listener.advertised_port = endpoint.port;
        }
        bound.push(socket);
    }
    Ok(bound)
}

/// The core of each shard, or `None` where they are not tied to cores.
fn shard_cores(settings: &Settings) -> Option<Vec<usize>> {
    if !settings.pin_cores {
        return None;
    }
    cores::placement(&cores::allowed().ok()?, cores::count(), settings.shards)
}

fn ring_options(settings: &Settings) -> RingOptions {
    RingOptions {
        fallback: settings.ring_fallback(),
        ..RingOptions::default()
    }
}

/// The threads that work for all shards; their rings are small, each does one thing at a time.
struct Background {
    cleaner: Option<Cleaner>,
    scrubber: Option<Scrubber>,
}

impl Background {
    fn start(settings: &Settings, lock: &DirectoryLock) -> anyhow::Result<Self> {
        let ring = RingOptions {
            entries: 64,
            small_buffers: 4,
            ..ring_options(settings)
        };
        let cleaner = settings.cleaner.enabled;
        let cleaner = cleaner.then(|| Cleaner::start(ring.clone(), lock.file().try_clone()?));
        let rate = settings.scrub.bytes_per_second;
        let scrubber = (rate > 0.0).then(|| Scrubber::start(ring, lock.file().try_clone()?, rate));
        Ok(Self {
            cleaner: cleaner.transpose()?,
            scrubber: scrubber.transpose()?,
        })
    }
}

/// The shards' threads with their rings, before they serve.
struct Shards {
    lanes: Arc<Lanes<Shard>>,
    /// The I/O backend in words, for the banner.
    io: String,
    threads: Vec<JoinHandle<()>>,
    assemblies: Vec<SyncSender<Assembly>>,
    reports: Receiver<StartReport>,
}

impl Shards {
    fn spawn(
        settings: &Arc<Settings>,
        cores: Option<&[usize]>,
        lock: &DirectoryLock,
    ) -> anyhow::Result<Self> {
        let (report, reports) = mpsc::sync_channel(settings.shards as usize * 2);
        let (mut threads, mut assemblies) = (Vec::new(), Vec::new());
        for shard in 0..settings.shards {
            let (assemble, assembly) = mpsc::sync_channel(1);
            assemblies.push(assemble);
            let index = shard as usize;
            let start = ShardStart {
                index,
                settings: Arc::clone(settings),
                ring: ring_options(settings),
                store: store_options(settings, shard),
                lock: lock.file().try_clone()?,
                reports: report.clone(),
                assembly,
            };
            threads.push(spawn(index, cores.map(|cores| cores[index]), start)?);
        }
        let (notifiers, io) = rings(&reports, threads.len())?;
        let lanes = Lanes::new(notifiers, settings.limits.mailbox_messages as usize);
        Ok(Self {
            lanes,
            io,
            threads,
            assemblies,
            reports,
        })
    }

    fn serve(
        self,
        control: &ControlHandle,
        background: &Background,
        fenced: Vec<PartitionId>,
        listeners: Vec<TcpListener>,
    ) -> anyhow::Result<Vec<JoinHandle<()>>> {
        let mut listeners = Some(listeners);
        let fenced: Arc<[PartitionId]> = fenced.into();
        for assemble in &self.assemblies {
            let assembly = Assembly {
                lanes: Arc::clone(&self.lanes),
                control: control.clone(),
                cleaner: background.cleaner.clone(),
                scrubber: background.scrubber.clone(),
                fenced: Arc::clone(&fenced),
                listeners: listeners.take().unwrap_or_default(),
            };
            assemble
                .send(assembly)
                .context("a shard ended while it started")?;
        }
        for _ in &self.threads {
            match self
                .reports
                .recv()
                .context("a shard ended while it started")?
            {
                StartReport::Serving => {}
                StartReport::Failed(error) => return Err(error),
                StartReport::Ring { index, .. } => bail!("shard {index} started twice"),
            }
        }
        Ok(self.threads)
    }
}

fn spawn(index: usize, core: Option<usize>, start: ShardStart) -> anyhow::Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new()
        .name(format!("shard-{index}"))
        .spawn(move || {
            if let Some(core) = core
                && let Err(error) = limits::pin_to_core(core)
            {
                tracing::warn!("shard {index} is not tied to core {core}: {error}");
            }
            run::run(start);
        });
    thread.with_context(|| format!("cannot start the thread of shard {index}"))
}

fn store_options(settings: &Settings, shard: u32) -> StoreOptions {
    StoreOptions {
        data_dir: settings.data_dir.clone(),
        journal_bytes: settings.limits.journal_bytes,
        tail_bytes_max: settings.per_shard(settings.limits.tail_bytes),
        durability: match settings.durability {
            Durability::Durable => store::Durability::Durable,
            Durability::Relaxed => store::Durability::Relaxed,
        },
        shard,
    }
}

/// Waits for every shard's ring.
fn rings(
    reports: &Receiver<StartReport>,
    shards: usize,
) -> anyhow::Result<(Vec<Notifier>, String)> {
    let mut notifiers = vec![None; shards];
    let mut io_text = String::new();
    for _ in 0..shards {
        match reports.recv().context("a shard ended while it started")? {
            StartReport::Ring {
                index,
                notifier,
                io,
            } => {
                notifiers[index] = Some(notifier);
                io_text = io;
            }
            StartReport::Failed(error) => return Err(error),
            StartReport::Serving => bail!("a shard serves before it was assembled"),
        }
    }
    Ok((notifiers.into_iter().flatten().collect(), io_text))
}

fn start_control(settings: &Settings, lanes: &Arc<Lanes<Shard>>) -> anyhow::Result<Control> {
    let endpoint = |listener: &Listener| BrokerEndpoint {
        listener: listener.endpoint.name.clone(),
        host: listener.advertised_host.clone(),
        port: listener.advertised_port,
        security_protocol: listener.protocol.wire_code(),
    };
    let options = ControlOptions {
        data_dir: settings.metadata_dir.clone(),
        cluster_id: settings.cluster_id.clone(),
        endpoints: settings.listeners.iter().map(endpoint).collect(),
        rack: settings.rack.clone(),
        settings: ControllerSettings {
            node_id: settings.node_id,
            num_partitions: settings.topics.partitions_default,
            default_replication_factor: settings.topics.replication_factor_default,
            delete_topic_enable: settings.topics.delete_enabled,
            limits: TopicLimits {
                topics_max: settings.limits.topics_max as usize,
                partitions_max: settings.limits.partitions_max as usize,
                partitions_per_topic_max: settings.limits.partitions_per_topic_max as usize,
            },
            catalog: ConfigCatalog::new(settings.layers().clone()),
        },
        snapshot_bytes: settings.metadata_log.snapshot_after_bytes,
    };
    let lanes = Arc::clone(lanes);
    let publish = move |image: Arc<ClusterImage>, change: Arc<ImageChange>| {
        for shard in 0..lanes.shards() {
            let (image, change) = (Arc::clone(&image), Arc::clone(&change));
            lanes.tell(shard, move |shard| shard.apply_image(image, &change));
        }
    };
    Ok(Control::start(options, Box::new(publish))?)
}

/// Brings the segments up to what the journals hold, before any log is opened; returns the partitions
/// that nobody may open.
fn recover(settings: &Settings, image: &ClusterImage) -> anyhow::Result<Vec<PartitionId>> {
    let ring = Ring::new(&ring_options(settings))?;
    let pool = ExtentPool::new(PoolOptions {
        idle_bytes_max: RECOVERY_POOL_BYTES,
    });
    let known = |id| image.topic_by_id(id).map(|topic| topic.name.to_string());
    let data_dir: &Path = &settings.data_dir;
    let recovering = storage::recovery::recover(&ring, &pool, data_dir, &known);
    let report = storage::tasks::block_on(&ring, recovering)?;
    if report.commits > 0 {
        tracing::info!(
            "recovered {} partitions from {} journals: {} commits, {} bytes",
            report.partitions,
            report.journals,
            report.commits,
            report.bytes,
        );
    }
    Ok(report.fenced)
}

fn wait(mut signals: Signals) {
    let signal = signals.forever().next();
    let name = if signal == Some(SIGINT) {
        "SIGINT"
    } else {
        "SIGTERM"
    };
    tracing::info!("{name}: stopping");
}

fn stop(lanes: &Arc<Lanes<Shard>>, threads: Vec<JoinHandle<()>>) {
    for shard in 0..lanes.shards() {
        lanes.tell(shard, |shard| shard.stop.request());
    }
    for thread in threads {
        let name = thread.thread().name().unwrap_or("shard").to_owned();
        if thread.join().is_err() {
            tracing::error!("{name} ended by a panic");
        }
    }
}
