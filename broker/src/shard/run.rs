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
use storage::tasks::{Elapsed, Scheduler};

use crate::cleaner::Cleaner;
use crate::config::Settings;
use crate::control::ControlHandle;
use crate::net::{close_log, listener};
use crate::partition::table::PartitionId;
use crate::scrubber::Scrubber;
use crate::shard::mailbox::{Lanes, Mailbox};
use crate::shard::{Parts, Shard, compaction, retention, scrub};

/// How often connections are looked at for the time limits.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);
const DISK_INTERVAL: Duration = Duration::from_secs(1);
/// The part of `millrace.shutdown.timeout.ms` that requests under way may take to be answered; the
/// rest is for the flush.
const DRAIN_PART: f64 = 0.5;
const DRAIN_STEP: Duration = Duration::from_millis(10);

/// What a shard's thread reports while it starts.
#[derive(Debug)]
pub(crate) enum StartReport {
    /// Its ring exists.
    Ring {
        index: usize,
        notifier: Notifier,
        io: String,
    },
    /// It serves requests.
    Serving,
    Failed(anyhow::Error),
}

/// What a shard's thread is given once all rings exist and the data is recovered.
pub(crate) struct Assembly {
    pub(crate) lanes: Arc<Lanes<Shard>>,
    pub(crate) control: ControlHandle,
    /// None when compaction is switched off.
    pub(crate) cleaner: Option<Cleaner>,
    /// None when the scrub is switched off.
    pub(crate) scrubber: Option<Scrubber>,
    /// Partitions that recovery could not bring up to date.
    pub(crate) fenced: Arc<[PartitionId]>,
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
    ring.hold(start.lock.as_fd())
        .context("cannot hold the data directory's lock")?;
    start.reports.send(StartReport::Ring {
        index: start.index,
        notifier: ring.notifier(),
        io: ring.features().to_string(),
    })?;
    let Ok(assembly) = start.assembly.recv() else {
        return Ok(());
    }; // the start was given up
    let scheduler = Scheduler::new(ring.clone());
    let pool = ExtentPool::new(PoolOptions {
        idle_bytes_max: start.settings.per_shard(start.settings.limits.tail_bytes),
    });
    let opened = Store::open(ring.clone(), pool.clone(), start.store);
    let store = scheduler.run_until(opened)?;
    let mailbox = Mailbox::new(start.index, Arc::clone(&assembly.lanes), ring.clone());
    let parts = Parts {
        ring,
        pool,
        store,
        mailbox: Rc::clone(&mailbox),
        control: assembly.control,
        fenced: assembly.fenced,
    };
    let shard = Rc::new(Shard::new(start.index, start.settings, parts));
    let state = Rc::clone(&shard);
    scheduler.add_source(move || {
        mailbox.drain(&state);
        mailbox.has_mail()
    });
    let (cleaner, scrubber) = (assembly.cleaner, assembly.scrubber);
    scheduler.run_until(async move {
        if let Some(cleaner) = cleaner {
            storage::tasks::spawn(compaction::run(Rc::clone(&shard), cleaner)).detach();
        }
        if let Some(scrubber) = scrubber {
            storage::tasks::spawn(scrub::run(Rc::clone(&shard), scrubber)).detach();
        }
        serve(shard, assembly.listeners, start.reports).await;
    });
    Ok(())
}

async fn serve(shard: Rc<Shard>, listeners: Vec<TcpListener>, reports: SyncSender<StartReport>) {
    for (index, socket) in listeners.into_iter().enumerate() {
        storage::tasks::spawn(listener::accept(Rc::clone(&shard), socket, index)).detach();
    }
    storage::tasks::spawn(sweep(Rc::clone(&shard))).detach();
    storage::tasks::spawn(watch_disk(Rc::clone(&shard))).detach();
    storage::tasks::spawn(retention::run(Rc::clone(&shard))).detach();
    // the main thread stops listening only when it gives the start up
    drop(reports.send(StartReport::Serving));
    shard.stop.requested().await;
    let (index, time) = (shard.index, shard.settings.shutdown_timeout);
    let begun = clock::monotonic();
    drain(&shard, time.mul_f64(DRAIN_PART)).await;
    let left = (begun + time).saturating_sub(clock::monotonic());
    match storage::tasks::timeout(left, shard.store.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!("shard {index}: not closed cleanly: {error}"),
        Err(Elapsed) => tracing::warn!(
            "shard {index}: not flushed within millrace.shutdown.timeout.ms; the next start recovers"
        ),
    }
}

/// Cuts connections that are idle or make no progress.
async fn sweep(shard: Rc<Shard>) {
    let idle_max = shard.settings.limits.connection_idle_max;
    loop {
        storage::tasks::sleep(SWEEP_INTERVAL).await;
        close_log::sum_up();
        let now = clock::monotonic();
        let mut any = false;
        for (_, connection) in shard.connections.borrow().iter() {
            if let Some(reason) = connection.overdue(now, idle_max) {
                close_log::closed(connection.peer, &reason);
                connection.shut_down();
                any = true;
            }
        }
        if any {
            shard.watches.fire_all();
        }
    }
}

/// Looks at the free space also while nothing is appended: others use the disk too.
async fn watch_disk(shard: Rc<Shard>) {
    loop {
        shard.look_at_disk();
        storage::tasks::sleep(DISK_INTERVAL).await;
    }
}

/// Lets the requests under way be answered, here and on the other shards, which may still ask this
/// one; for a bounded time.
async fn drain(shard: &Shard, time: Duration) {
    for (_, connection) in shard.connections.borrow().iter() {
        connection.stop_reading();
    }
    shard.watches.fire_all();
    let deadline = clock::monotonic() + time;
    while !shard.connections.borrow().is_empty() && clock::monotonic() < deadline {
        storage::tasks::sleep(DRAIN_STEP).await;
    }
    for (_, connection) in shard.connections.borrow().iter() {
        connection.shut_down();
    }
    let lanes = shard.mailbox.lanes();
    lanes.note_quiet();
    while !lanes.all_quiet() && clock::monotonic() < deadline {
        storage::tasks::sleep(DRAIN_STEP).await;
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
