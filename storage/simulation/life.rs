//! One life of the engine: it starts on what the disk has, is checked against the model, is used
//! by several clients at once, and ends by itself or at any operation.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::task::Poll;
use std::time::Duration;

use protocol::types::Uuid;
use storage::extent::ExtentPool;
use storage::log::{Log, LogConfig, OpenError};
use storage::recovery::{RecoveryError, recover};
use storage::ring::Ring;
use storage::store::{Durability, Store, StoreError, StoreOptions};
use storage::tasks::{self, Scheduler};

use super::Counts;
use super::check;
use super::client;
use super::invariants::Violation;
use super::model::LogModel;
use super::plan::LifePlan;
use super::random::Random;
use super::weather::Class;
use super::world::{Stop, World};

/// How long what is left of a life may take to go away.
const AFTERLIFE: Duration = Duration::from_secs(600);

/// What outlives a life.
pub(crate) struct History {
    pub(crate) models: RefCell<Vec<LogModel>>,
    /// Of the next record.
    pub(crate) number: Cell<u64>,
    pub(crate) class: Class,
    pub(crate) configs: Vec<LogConfig>,
    pub(crate) journal_bytes: u64,
    pub(crate) tail_bytes_max: usize,
    pub(crate) counts: RefCell<Counts>,
}

/// A running engine.
pub(crate) struct Life {
    pub(crate) world: Rc<World>,
    pub(crate) history: Rc<History>,
    pub(crate) ring: Ring,
    pub(crate) pool: ExtentPool,
    pub(crate) stores: RefCell<Vec<Rc<Store>>>,
    /// By partition; none while a topic is made again, or when recovery or the open refused it.
    pub(crate) logs: RefCell<Vec<Option<Rc<Log>>>>,
    /// Partitions that recovery keeps closed until the next start.
    closed_by_recovery: RefCell<BTreeSet<(Uuid, i32)>>,
    /// Logs that are being compacted: one round of each at a time, as the broker does it.
    pub(crate) compacting: RefCell<BTreeSet<usize>>,
    /// Something has failed: a restart is due.
    pub(crate) fenced: Cell<bool>,
    /// Every store was closed.
    closed: Cell<bool>,
}

/// What a check finds: nothing, a broken invariant, or that it could not look.
pub(crate) type Checked = Result<(), Trouble>;

#[derive(Debug)]
pub(crate) enum Trouble {
    Broken(Violation),
    /// An operation failed, as it may in this world.
    Failed(String),
}

impl From<Violation> for Trouble {
    fn from(violation: Violation) -> Self {
        Self::Broken(violation)
    }
}

/// Lives one life; says whether it ended with a clean stop.
pub(crate) fn live(
    world: &Rc<World>,
    history: &Rc<History>,
    pool: &ExtentPool,
    plan: &LifePlan,
) -> bool {
    tracing::info!("a life begins: {plan:?}, {:?}", history.class);
    world.begin_life(plan.operations);
    let ring = Ring::simulated(Rc::clone(world) as Rc<_>).unwrap();
    let scheduler = Scheduler::new(ring.clone());
    let life = Rc::new(Life {
        world: Rc::clone(world),
        history: Rc::clone(history),
        ring,
        pool: pool.clone(),
        stores: RefCell::default(),
        logs: RefCell::default(),
        closed_by_recovery: RefCell::default(),
        compacting: RefCell::default(),
        fenced: Cell::default(),
        closed: Cell::default(),
    });
    let watched = Rc::downgrade(&life);
    scheduler.add_source(move || {
        if let Some(life) = watched.upgrade() {
            life.note_acknowledged();
        }
        false
    });
    let lived = run(&scheduler, &life, plan);
    let closed = matches!(lived, Some(Ok(()))) && life.closed.get();
    if let Some(Err(Trouble::Broken(violation))) = lived {
        world.report(violation);
    }
    world.stop();
    let stores: Vec<Weak<Store>> = life.stores.borrow().iter().map(Rc::downgrade).collect();
    life.stores
        .borrow()
        .iter()
        .for_each(|store| store.abandon());
    drop(life);
    // What is left runs into errors, and ends.
    scheduler.run_until(tasks::sleep(AFTERLIFE));
    world.settle(plan.stop);
    if stores.iter().any(|store| store.strong_count() > 0) {
        world.note(Violation::new(
            "NothingIsLeaked",
            "a store outlives its owners",
        ));
    }
    closed
}

fn run(scheduler: &Scheduler, life: &Rc<Life>, plan: &LifePlan) -> Option<Checked> {
    let world = Rc::clone(&life.world);
    let mut work = tasks::spawn(Rc::clone(life).work(plan.clone()));
    let lived = scheduler.run_until(async {
        let mut over = pin!(world.over());
        poll_fn(|context| {
            if over.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            Pin::new(&mut work).poll(context).map(Some)
        })
        .await
    });
    // Nothing is cancelled: it runs into errors.
    work.detach();
    lived
}

impl Life {
    async fn work(self: Rc<Self>, plan: LifePlan) -> Checked {
        if plan.calm {
            self.world.no_more_failures();
        }
        self.start(&plan).await?;
        self.history.counts.borrow_mut().starts += 1;
        let mut random = plan.random.clone();
        let clients: Vec<_> = (0..plan.clients)
            .map(|_| {
                let client = client::run(Rc::clone(&self), random.fork(), plan.steps);
                tasks::spawn(client)
            })
            .collect();
        for client in clients {
            client.await;
        }
        if self.fenced.get() {
            return Ok(());
        }
        client::space_returns(&self).await?;
        if plan.closes {
            self.close().await?;
            self.closed.set(true);
        }
        Ok(())
    }

    /// Recovers and opens everything, and checks all of it.
    async fn start(&self, plan: &LifePlan) -> Checked {
        self.recover().await?;
        if plan.recovers_twice {
            // What recovery keeps closed keeps its entries, for another try.
            let all_are_open = self.closed_by_recovery.borrow().is_empty();
            let again = self.recover().await?;
            if again > 0 && all_are_open {
                let detail = format!("{again} commits are replayed once more");
                return Err(Violation::new("RecoveryIsIdempotent", detail).into());
            }
        }
        for shard in 0..plan.shards {
            let options = StoreOptions {
                data_dir: data_dir(),
                journal_bytes: self.history.journal_bytes,
                tail_bytes_max: self.history.tail_bytes_max,
                durability: Durability::Durable,
                shard,
            };
            let store = Store::open(self.ring.clone(), self.pool.clone(), options).await;
            let store = store.map_err(|error| self.failed("a store", &error, is_damage(&error)))?;
            self.stores.borrow_mut().push(store);
        }
        let count = self.history.models.borrow().len();
        self.logs.borrow_mut().resize(count, None);
        for at in 0..count {
            self.open(at).await?;
        }
        Ok(())
    }

    /// Returns how many commits were replayed.
    async fn recover(&self) -> Result<u64, Trouble> {
        let known = |id: Uuid| {
            let models = self.history.models.borrow();
            let model = models.iter().find(|model| model.topic_id() == id);
            model.map(LogModel::topic)
        };
        let recovered = recover(&self.ring, &self.pool, &data_dir(), &known).await;
        let report = recovered.map_err(|error| {
            let damage = !matches!(error, RecoveryError::Io { .. });
            self.failed("recovery", &error, damage)
        })?;
        for (_, error) in &report.refused {
            let trouble = self.failed("recovery of a log", error, is_damaged(error));
            if let broken @ Trouble::Broken(_) = trouble {
                return Err(broken);
            }
        }
        *self.closed_by_recovery.borrow_mut() = report.fenced.into_iter().collect();
        Ok(report.commits)
    }

    async fn open(&self, at: usize) -> Checked {
        let (id, config) = {
            let models = self.history.models.borrow();
            if models[at].refused {
                return Ok(());
            }
            (models[at].id(), self.history.configs[at])
        };
        let closed = &self.closed_by_recovery;
        if closed.borrow().contains(&(id.topic_id, id.partition)) {
            if self.history.class == Class::Damage {
                self.refuse(at);
            }
            return Ok(());
        }
        let store = self.store(at);
        match Log::open(&store, id, config).await {
            Ok(log) => {
                self.logs.borrow_mut()[at] = Some(Rc::clone(&log));
                let checked = check::opened(self, at, &store, &log).await;
                if checked.is_err() {
                    self.logs.borrow_mut()[at] = None;
                }
                match checked {
                    Err(Trouble::Failed(_)) if self.history.class == Class::Damage => {
                        self.refuse(at);
                        Ok(())
                    }
                    other => other,
                }
            }
            Err(error) => {
                let trouble = self.failed("a log", &error, is_damaged(&error));
                if self.history.class == Class::Damage && matches!(trouble, Trouble::Failed(_)) {
                    self.refuse(at);
                    return Ok(());
                }
                Err(trouble)
            }
        }
    }

    fn refuse(&self, at: usize) {
        self.history.counts.borrow_mut().refusals += 1;
        self.history.models.borrow_mut()[at].refused = true;
    }

    /// Something could not be opened: may that be?
    fn failed(&self, what: &str, error: &dyn std::fmt::Display, damage: bool) -> Trouble {
        let allowed = match self.history.class {
            Class::Stops => false,
            Class::Failures => !damage,
            Class::Damage => true,
        };
        let detail = format!("{what}: {error}");
        if allowed || self.world.is_over() {
            Trouble::Failed(detail)
        } else {
            Violation::new("LogsOpen", detail).into()
        }
    }

    async fn close(&self) -> Checked {
        let stores = self.stores.borrow().clone();
        for store in stores {
            if let Err(error) = store.close().await {
                return Err(self.failed("closing", &error, false));
            }
        }
        Ok(())
    }

    pub(crate) fn store(&self, at: usize) -> Rc<Store> {
        let stores = self.stores.borrow();
        Rc::clone(&stores[at % stores.len()])
    }

    pub(crate) fn log(&self, at: usize) -> Option<Rc<Log>> {
        self.logs.borrow()[at].clone()
    }

    /// What is durable by now must stay.
    fn note_acknowledged(&self) {
        if self.world.is_over() {
            return;
        }
        let mut models = self.history.models.borrow_mut();
        for (model, log) in models.iter_mut().zip(self.logs.borrow().iter()) {
            if let Some(log) = log {
                model.acknowledge(log.durable().get());
            }
        }
    }
}

pub(crate) fn data_dir() -> PathBuf {
    Path::new("/data").to_owned()
}

/// Whether a log is refused for what its files hold, not for an operation that failed.
fn is_damaged(error: &OpenError) -> bool {
    match error {
        OpenError::Io { source, .. } => source.kind() == std::io::ErrorKind::InvalidData,
        OpenError::Damaged { .. } | OpenError::Refused { .. } => true,
    }
}

fn is_damage(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Journal(storage::journal::JournalError::Format { .. })
    )
}

/// Which of the stops it was, for the plan.
pub(crate) fn draw_stop(random: &mut Random) -> Stop {
    random.choose(&[Stop::Process, Stop::Power, Stop::Power])
}
