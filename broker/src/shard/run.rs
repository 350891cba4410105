//! The life of a shard's thread: set up, serve until told to stop, flush. Shell.
//!
//! Start-up goes in two steps, because the lanes can only be made when every shard's ring exists:
//! the thread hands out its notifier, then waits for its [`Assembly`].

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::task::{Poll, Waker};
use std::time::Duration;

use anyhow::Context as _;
use storage::clock;
use storage::extent::{ExtentPool, PoolOptions};
use storage::ring::{Notifier, Ring, RingOptions};
use storage::store::{Store, StoreOptions};
use storage::tasks::Scheduler;

use crate::api::fetch_session::FetchSessions;
use crate::config::Settings;
use crate::control::ControlHandle;
use crate::metadata::config_catalog::ConfigCatalog;
use crate::metadata::image::ClusterImage;
use crate::net::listener;
use crate::shard::Shard;
use crate::shard::budget::Budget;
use crate::shard::connection_counts::ConnectionCounts;
use crate::shard::mailbox::{Lanes, Mailbox};

/// How often connections are looked at for the time limits.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);
/// How long requests under way may take to be answered once the broker stops.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);
const DRAIN_STEP: Duration = Duration::from_millis(10);

/// What a shard's thread reports while it starts.
#[derive(Debug)]
pub(crate) enum StartReport {
    /// Its ring exists.
    Ring { index: usize, notifier: Notifier, io: String },
    /// It serves requests.
    Serving,
    Failed(anyhow::Error),
}

/// What a shard's thread is given once all rings exist and the data is recovered.
pub(crate) struct Assembly {
    pub(crate) lanes: Arc<Lanes<Shard>>,
    pub(crate) control: ControlHandle,
    pub(crate) connection_counts: Arc<ConnectionCounts>,
    /// Accepting sockets, for shard 0 only.
    pub(crate) listeners: Vec<TcpListener>,
}

/// What a shard's thread is started with.
pub(crate) struct ShardStart {
    pub(crate) index: usize,
    pub(crate) settings: Arc<Settings>,
    pub(crate) ring: RingOptions,
    pub(crate) store: StoreOptions,
    /// The data directory's lock, which the ring is to hold.
    pub(crate) lock: File,
    pub(crate) reports: SyncSender<StartReport>,
    pub(crate) assembly: Receiver<Assembly>,
}

/// The body of a shard's thread. Returns when the broker stops, everything flushed.
pub(crate) fn run(start: ShardStart) {
    let reports = start.reports.clone();
    if let Err(error) = run_shard(start) {
        // when nobody listens any more, another shard has failed first
        drop(reports.send(StartReport::Failed(error)));
    }
}

fn run_shard(start: ShardStart) -> anyhow::Result<()> {
    let ring = Ring::new(&start.ring)?;
    ring.hold(start.lock.as_fd()).context("cannot hold the data directory's lock")?;
    start.reports.send(StartReport::Ring {
        index: start.index,
        notifier: ring.notifier(),
        io: ring.features().to_string(),
    })?;
    let Ok(assembly) = start.assembly.recv() else { return Ok(()) }; // the start was given up
    let scheduler = Scheduler::new(ring.clone());
    let limits = &start.settings.limits;
    let shards = u64::from(start.settings.shards);
    let per_shard = |bytes: u64| usize::try_from(bytes / shards).unwrap_or(usize::MAX);
    let pool = ExtentPool::new(PoolOptions { idle_bytes_max: per_shard(limits.tail_bytes) });
    let opened = Store::open(ring.clone(), pool.clone(), start.store);
    let store = scheduler.run_until(opened)?;
    let mailbox = Mailbox::new(start.index, Arc::clone(&assembly.lanes), ring.clone());
    let shard = Rc::new(Shard {
        index: start.index,
        ring,
        pool,
        store,
        mailbox: Rc::clone(&mailbox),
        append_order: Default::default(),
        budget: Budget::new(per_shard(limits.request_memory_bytes)),
        connections: RefCell::default(),
        connection_counts: assembly.connection_counts,
        sessions: RefCell::new(FetchSessions::new(
            limits.fetch_sessions_max as usize / assembly.lanes.shards() + 1,
            start.index,
            assembly.lanes.shards(),
        )),
        partitions: Default::default(),
        topic_configs: Default::default(),
        producer_ids: Default::default(),
        watches: Default::default(),
        control: assembly.control,
        catalog: ConfigCatalog::new(start.settings.layers().clone()),
        image: RefCell::new(Arc::new(ClusterImage::empty("".into()))),
        stop: Stop::default(),
        settings: start.settings,
    });
    let state = Rc::clone(&shard);
    scheduler.add_source(move || {
        mailbox.drain(&state);
        mailbox.has_mail()
    });
    scheduler.run_until(serve(shard, assembly.listeners, start.reports));
    Ok(())
}

async fn serve(shard: Rc<Shard>, listeners: Vec<TcpListener>, reports: SyncSender<StartReport>) {
    for (index, socket) in listeners.into_iter().enumerate() {
        storage::tasks::spawn(listener::accept(Rc::clone(&shard), socket, index)).detach();
    }
    storage::tasks::spawn(sweep(Rc::clone(&shard))).detach();
    // the main thread stops listening only when it gives the start up
    drop(reports.send(StartReport::Serving));
    shard.stop.requested().await;
    drain(&shard).await;
    if let Err(error) = shard.store.close().await {
        tracing::error!("shard {}: not closed cleanly: {error}", shard.index);
    }
}

/// Cuts connections that are idle or make no progress.
async fn sweep(shard: Rc<Shard>) {
    let idle_max = shard.settings.limits.connection_idle_max;
    loop {
        storage::tasks::sleep(SWEEP_INTERVAL).await;
        let now = clock::monotonic();
        for (_, connection) in shard.connections.borrow().iter() {
            if let Some(reason) = connection.overdue(now, idle_max) {
                tracing::info!(peer = %connection.peer, "connection closed: {reason}");
                connection.shut_down();
            }
        }
    }
}

/// Lets the requests under way be answered, for a bounded time.
async fn drain(shard: &Shard) {
    for (_, connection) in shard.connections.borrow().iter() {
        connection.stop_reading();
    }
    let deadline = clock::monotonic() + DRAIN_TIME_MAX;
    while !shard.connections.borrow().is_empty() && clock::monotonic() < deadline {
        storage::tasks::sleep(DRAIN_STEP).await;
    }
    for (_, connection) in shard.connections.borrow().iter() {
        connection.shut_down();
    }
}

/// The wish that the broker stop, as one shard knows it.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    wanted: Cell<bool>,
    waiter: RefCell<Option<Waker>>,
}

impl Stop {
    pub(crate) fn request(&self) {
        self.wanted.set(true);
        if let Some(waiter) = self.waiter.take() {
            waiter.wake();
        }
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.wanted.get()
    }

    async fn requested(&self) {
        std::future::poll_fn(|context| {
            if self.wanted.get() {
                return Poll::Ready(());
            }
            *self.waiter.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
