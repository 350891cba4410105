//! A shard: everything that one core owns.
//!
//! Its thread is the only one that ever touches these fields. What crosses to another thread goes
//! through the mailbox, or is immutable (the cluster image, the settings), or is a plain counter.

pub(crate) mod append_order;
pub(crate) mod budget;
pub(crate) mod compaction;
pub(crate) mod connection_counts;
pub(crate) mod disk_space;
pub(crate) mod mailbox;
pub(crate) mod owners;
pub(crate) mod placement;
pub(crate) mod request_memory;
pub(crate) mod retention;
pub(crate) mod run;
pub(crate) mod scrub;
pub(crate) mod topic_configs;
pub(crate) mod wall_clock;
pub(crate) mod watches;

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use protocol::error_code::ErrorCode;
use slab::Slab;
use storage::extent::ExtentPool;
use storage::log::{Log, LogId};
use storage::ring::Ring;
use storage::store::Store;

use crate::api::fetch_session::FetchSessions;
use crate::api::init_producer_id::ProducerIds;
use crate::config::Settings;
use crate::config::topic::TopicConfig;
use crate::control::startup::random_source;
use crate::control::{ControlHandle, ControlRequest, ControlResponse};
use crate::coordinator::parked::ParkedAnswers;
use crate::coordinator::{self, Coordinators};
use crate::group::Groups;
use crate::limits::directory::volume;
use crate::loggers::Loggers;
use crate::metadata::config_catalog::ConfigCatalog;
use crate::metadata::delta::ImageChange;
use crate::metadata::image::{ClusterImage, ConfigResource, ResourceType, TopicImage};
use crate::net::connection::Connection;
use crate::partition::Partition;
use crate::partition::config::log_config;
use crate::partition::table::{PartitionId, PartitionTable};
use crate::shard::append_order::AppendOrder;
use crate::shard::connection_counts::{ConnectionCounts, ConnectionLimits};
use crate::shard::disk_space::{DiskSpace, SpaceChange};
use crate::shard::mailbox::{HasMailbox, Mailbox};
use crate::shard::request_memory::RequestMemory;
use crate::shard::run::Stop;
use crate::shard::topic_configs::TopicConfigs;
use crate::shard::watches::Watches;
use crate::telemetry::Telemetry;
use crate::txn::completions::Completions;
use crate::txn::transactions::Transactions;

/// The shard that accepts connections, for all.
const ACCEPTOR: usize = 0;
/// The shard that changes the levels of loggers, for all.
pub(crate) const LOGGERS_OWNER: usize = 0;

/// What one core owns.
pub(crate) struct Shard {
    pub(crate) index: usize,
    pub(crate) settings: Arc<Settings>,
    pub(crate) ring: Ring,
    pub(crate) pool: ExtentPool,
    pub(crate) store: Rc<Store>,
    pub(crate) mailbox: Rc<Mailbox<Self>>,
    pub(crate) append_order: AppendOrder,
    pub(crate) request_memory: RequestMemory,
    pub(crate) connections: RefCell<Slab<Rc<Connection>>>,
    pub(crate) connection_counts: ConnectionCounts,
    pub(crate) sessions: RefCell<FetchSessions>,
    pub(crate) partitions: PartitionTable,
    /// Recovery could not bring them up to date: they stay closed until the next start.
    pub(crate) fenced: Arc<[PartitionId]>,
    pub(crate) topic_configs: TopicConfigs,
    pub(crate) producer_ids: ProducerIds,
    pub(crate) watches: Watches,
    pub(crate) telemetry: Telemetry,
    /// Those of one shard count: see [`LOGGERS_OWNER`].
    pub(crate) loggers: RefCell<Loggers>,
    pub(crate) group_coordinators: Coordinators<Groups>,
    pub(crate) transaction_coordinators: Coordinators<Transactions>,
    pub(crate) completions: Completions,
    pub(crate) parked_answers: ParkedAnswers,
    pub(crate) control: ControlHandle,
    pub(crate) catalog: ConfigCatalog,
    pub(crate) image: RefCell<Arc<ClusterImage>>,
    /// The settings with what was changed at run time.
    pub(crate) settings_now: RefCell<Arc<Settings>>,
    disk_space: DiskSpace,
    /// Numbers that no one can guess.
    pub(crate) random_source: RefCell<Box<dyn FnMut() -> u64>>,
    pub(crate) stop: Stop,
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

impl HasMailbox for Shard {
    fn mailbox(&self) -> &Rc<Mailbox<Self>> {
        &self.mailbox
    }
}

/// What a shard is made of that has a life of its own.
pub(crate) struct Parts {
    pub(crate) ring: Ring,
    pub(crate) pool: ExtentPool,
    pub(crate) store: Rc<Store>,
    pub(crate) mailbox: Rc<Mailbox<Shard>>,
    pub(crate) control: ControlHandle,
    pub(crate) fenced: Arc<[PartitionId]>,
}

impl Shard {
    /// A shard that knows no cluster yet.
    pub(crate) fn new(index: usize, settings: Arc<Settings>, parts: Parts) -> Self {
        let limits = &settings.limits;
        let request_memory = settings.per_shard(limits.request_memory_bytes);
        let connection_limits = ConnectionLimits::new(limits);
        let shards = parts.mailbox.lanes().shards();
        // every shard keeps its part of all sessions
        let sessions_max = limits.fetch_sessions_max as usize / shards + 1;
        Self {
            index,
            ring: parts.ring,
            pool: parts.pool,
            store: parts.store,
            mailbox: parts.mailbox,
            append_order: Default::default(),
            request_memory: RequestMemory::new(request_memory),
            connections: RefCell::default(),
            connection_counts: ConnectionCounts::new(shards, connection_limits),
            sessions: RefCell::new(FetchSessions::new(sessions_max, index, shards)),
            partitions: Default::default(),
            fenced: parts.fenced,
            topic_configs: Default::default(),
            producer_ids: Default::default(),
            watches: Default::default(),
            telemetry: Default::default(),
            loggers: RefCell::new(Loggers::read(&settings.log_filter)),
            group_coordinators: Default::default(),
            transaction_coordinators: Default::default(),
            completions: Default::default(),
            parked_answers: Default::default(),
            control: parts.control,
            catalog: ConfigCatalog::new(settings.layers().clone()),
            image: RefCell::new(Arc::new(ClusterImage::empty("".into()))),
            disk_space: DiskSpace::new(limits.disk_reserve_bytes, settings.shards),
            random_source: RefCell::new(Box::new(random_source())),
            stop: Stop::default(),
            settings_now: RefCell::new(Arc::clone(&settings)),
            settings,
        }
    }

    /// The cluster as this shard knows it now.
    pub(crate) fn image(&self) -> Arc<ClusterImage> {
        Arc::clone(&self.image.borrow())
    }

    /// A number that no one can guess.
    pub(crate) fn random(&self) -> u64 {
        (self.random_source.borrow_mut())()
    }

    /// The shard that owns a partition.
    pub(crate) fn owner_of(&self, (topic, partition): PartitionId) -> usize {
        placement::owner_of(topic, partition, self.mailbox.lanes().shards())
    }

    /// The partitions of a topic that this shard owns.
    pub(crate) fn owned_of(&self, topic: &TopicImage) -> impl Iterator<Item = PartitionId> {
        let topic_id = topic.id;
        let all = (0..topic.partition_count()).map(move |index| (topic_id, index));
        all.filter(|id| self.owner_of(*id) == self.index)
    }

    /// Whether a batch may be appended without touching the reserve of the disk.
    pub(crate) fn has_space_for(&self, bytes: usize) -> bool {
        if self.disk_space.wants_look(bytes) {
            self.look_at_disk();
        }
        !self.disk_space.is_short()
    }

    /// Takes up how much is free: with less than is to be kept, produce requests are refused.
    pub(crate) fn look_at_disk(&self) {
        let data_dir = &self.settings.data_dir;
        let Ok(volume) = volume(data_dir) else {
            return;
        };
        let free = volume.usable_bytes;
        match self.disk_space.note_free(free) {
            Some(SpaceChange::Short) => tracing::error!(
                "shard {}: only {free} bytes are free below {}, less than millrace.disk.reserve.bytes = {}; \
                 produce requests are refused until there is more",
                self.index,
                data_dir.display(),
                self.settings.limits.disk_reserve_bytes
            ),
            Some(SpaceChange::Enough) => tracing::info!(
                "shard {}: there is space again: produce requests are accepted",
                self.index
            ),
            None => {}
        }
    }

    /// Runs `call` on the shard that owns what it is about: here at once, elsewhere by one hop.
    pub(crate) async fn ask<R, F, Fut>(self: &Rc<Self>, owner: usize, call: F) -> R
    where
        R: Send + 'static,
        F: FnOnce(Rc<Self>) -> Fut + Send + 'static,
        Fut: Future<Output = R> + 'static,
    {
        if owner == self.index {
            return call(Rc::clone(self)).await;
        }
        self.mailbox.send(owner, call).await.await
    }

    /// Has the controller do something, and waits for its response.
    pub(crate) async fn ask_controller(&self, request: ControlRequest) -> ControlResponse {
        let lanes = Arc::clone(self.mailbox.lanes());
        let (shard, control) = (self.index, lanes.shards());
        let (slot, reply) = self.mailbox.open_slot(control).await;
        let answer = Box::new(move |response: ControlResponse| {
            lanes.reply_from_control(shard, slot, Box::new(response));
        });
        if let Err(full) = self.control.submit(request, answer) {
            // the controller has more to do than it can queue
            (full.reply)(ControlResponse::Unavailable);
        }
        reply.await
    }

    /// A partition that this shard owns, opened if need be.
    ///
    /// # Errors
    /// Unknown to the image, led by another broker, or not to be opened.
    pub(crate) async fn partition(
        self: &Rc<Self>,
        id: PartitionId,
    ) -> Result<Rc<Partition>, ErrorCode> {
        if let Some(partition) = self.partitions.get(id) {
            return Ok(partition);
        }
        let (topic_id, index) = id;
        let image = self.image();
        let topic = image
            .topic_by_id(topic_id)
            .ok_or(ErrorCode::UnknownTopicId)?;
        let placed = topic
            .partition(index)
            .ok_or(ErrorCode::UnknownTopicOrPartition)?;
        if placed.leader != self.settings.node_id {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        if self.partitions.begin_opening(id) {
            let leader_epoch = placed.leader_epoch;
            let (shard, topic) = (Rc::clone(self), Arc::clone(topic));
            // a task of its own: whoever asked first may be gone before it is open
            storage::tasks::spawn(async move {
                let log = shard.open_log(&topic, index).await;
                shard
                    .partitions
                    .settle(id, log.map(|log| Partition::new(log, leader_epoch)));
            })
            .detach();
        }
        self.partitions.opened(id).await
    }

    async fn open_log(&self, topic: &TopicImage, partition: i32) -> Option<Rc<Log>> {
        if self.fenced.contains(&(topic.id, partition)) {
            return None;
        }
        let id = LogId {
            topic_id: topic.id,
            topic: Arc::clone(&topic.name),
            partition,
        };
        let config = self.topic_config(&self.image(), topic);
        let config = {
            let id = (topic.id, partition);
            log_config(&config, &self.settings_now.borrow(), id, topic.internal)
        };
        match Log::open(&self.store, id, config).await {
            Ok(log) => Some(log),
            Err(error) => {
                let topic = &topic.name;
                tracing::error!(%topic, partition, "partition stays out of service: {error}");
                None
            }
        }
    }

    /// Makes sure that the owner has a partition open, so that an append sent to it runs at once.
    ///
    /// # Errors
    /// As [`Shard::partition`].
    pub(crate) async fn ensure_open(self: &Rc<Self>, id: PartitionId) -> Result<(), ErrorCode> {
        let owner = self.owner_of(id);
        if owner == self.index {
            return self.partition(id).await.map(|_| ());
        }
        if self.partitions.is_known_open(id) {
            return Ok(());
        }
        let open = move |shard: Rc<Self>| async move { shard.partition(id).await.map(|_| ()) };
        self.ask(owner, open).await?;
        self.partitions.note_open(id);
        Ok(())
    }

    /// A connection that this shard served is gone.
    pub(crate) fn release_connection(self: &Rc<Self>, address: IpAddr) {
        let (shard, served_by) = (Rc::clone(self), self.index);
        let release = move |acceptor: Rc<Self>| {
            acceptor.connection_counts.release(served_by, address);
            std::future::ready(())
        };
        storage::tasks::spawn(async move { shard.ask(ACCEPTOR, release).await }).detach();
    }

    /// Takes up a new cluster image. Called in the order in which the controller committed.
    pub(crate) fn apply_image(self: &Rc<Self>, image: Arc<ClusterImage>, change: &ImageChange) {
        *self.image.borrow_mut() = image;
        self.topic_configs.forget();
        self.telemetry.forget();
        coordinator::image_changed::<Groups>(self, change);
        coordinator::image_changed::<Transactions>(self, change);
        coordinator::groups::topics_deleted(self, change);
        for topic in &change.topics_deleted {
            self.delete_logs(topic);
        }
        if change
            .configs_changed
            .iter()
            .any(|resource| resource.kind == ResourceType::Broker)
        {
            self.take_up_broker_configs();
        } else {
            for resource in &change.configs_changed {
                self.reconfigure_topic(resource);
            }
        }
    }

    /// Deletes the logs of a deleted topic that this shard owns, also those never opened here.
    fn delete_logs(self: &Rc<Self>, topic: &Arc<TopicImage>) {
        for index in 0..topic.partition_count() {
            let open = self.partitions.remove((topic.id, index));
            if self.owner_of((topic.id, index)) != self.index {
                continue;
            }
            let (shard, topic) = (Rc::clone(self), Arc::clone(topic));
            storage::tasks::spawn(async move {
                let log = match open {
                    Some(partition) => Some(Rc::clone(partition.log())),
                    None => shard.open_log(&topic, index).await,
                };
                let Some(log) = log else { return };
                if let Err(error) = log.delete().await {
                    tracing::error!(topic = %topic.name, "cannot delete partition {index}: {error}");
                }
            })
            .detach();
        }
    }

    /// The effective settings of a topic of this image.
    pub(crate) fn topic_config(&self, image: &ClusterImage, topic: &TopicImage) -> Rc<TopicConfig> {
        self.topic_configs.of(topic.id, || {
            let own = image.configs.of(&ConfigResource::topic(&topic.name));
            let own = own.map(|own| own.as_ref().clone()).unwrap_or_default();
            let layers = self.catalog.layers(image, self.settings.node_id);
            TopicConfig::from_layers(&own, &layers)
        })
    }

    /// Takes up the broker's settings as they are now: defaults of every topic are among them.
    fn take_up_broker_configs(&self) {
        let image = self.image();
        // unknown names are kept for whoever set them, and mean nothing here
        let is_known = |name: &str| ConfigCatalog::setting(ResourceType::Broker, name).is_some();
        let dynamic = |resource: ConfigResource| {
            let own = image.configs.of(&resource).map(|values| (**values).clone());
            let mut own = own.unwrap_or_default();
            own.retain(|name, _| is_known(name));
            own
        };
        let cluster = dynamic(ConfigResource::default_broker());
        let broker = dynamic(ConfigResource::broker(self.settings.node_id));
        match self.settings.with_dynamic(&cluster, &broker) {
            Ok(settings) => *self.settings_now.borrow_mut() = Arc::new(settings),
            Err(problems) => {
                for problem in problems {
                    tracing::error!("a dynamic setting is left aside: {problem}");
                }
            }
        }
        let limits = ConnectionLimits::new(&self.settings_now.borrow().limits);
        self.connection_counts.set_limits(limits);
        for (id, partition) in self.partitions.all_open() {
            if let Some(topic) = image.topic_by_id(id.0) {
                self.reconfigure(topic, id, &partition);
            }
        }
    }

    /// Gives the open logs of a topic its changed configuration.
    fn reconfigure_topic(&self, resource: &ConfigResource) {
        let image = self.image();
        let of_topic = resource.kind == ResourceType::Topic;
        let Some(topic) = image.topic(&resource.name).filter(|_| of_topic) else {
            return;
        };
        for index in 0..topic.partition_count() {
            let id = (topic.id, index);
            if let Some(partition) = self.partitions.get(id) {
                self.reconfigure(topic, id, &partition);
            }
        }
    }

    fn reconfigure(&self, topic: &TopicImage, id: PartitionId, partition: &Partition) {
        let config = self.topic_config(&self.image(), topic);
        partition.log().set_config(log_config(
            &config,
            &self.settings_now.borrow(),
            id,
            topic.internal,
        ));
    }
}
