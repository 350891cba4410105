//! A seeded world for the storage engine: a disk that tears, loses and corrupts, a clock, and
//! clients that append, read, delete and compact while the process is killed and the power is
//! cut. A model of what was acknowledged says what must be there; `invariants` names it.
//!
//! One thread, no real time, no real file: a seed replays exactly. Included by tests and examples
//! with `#[path]`.
//!
//! What is real: everything of the engine above the ring, that is recovery, stores, journals, logs,
//! compaction, on the usual scheduler. `world` takes the kernel's place behind `ring::Simulator`.
//!
//! What is simulated:
//! * time, and how long every operation takes, so in which order they end;
//! * the page cache and the medium (`disk`): a power cut leaves any sectors of unsynced pages, the
//!   old or the new length, any part of unsynced names, any sectors of a durable write under way;
//! * a kill between any two operations, or in the middle of some;
//! * short reads and writes, `EINTR` and `EAGAIN`; `EIO` of every operation, with any part of it done;
//!   a sync that fails and takes its pages with it; a disk that is full for a while;
//! * bits that change while the engine is down, and writes to another page of the same segment.
//!
//! What is not: the kernel itself and io_uring (the ring's own tests), sockets, the offline tools,
//! several threads, a file system that loses what it has synced, a write misplaced into another
//! file, and damage of the last large append of a log, which is known to have been durable only by
//! what follows it: nothing tells it from one that a power cut tore.

#![expect(
    clippy::unwrap_used,
    reason = "a simulation that cannot go on is a failed test"
)]

mod check;
mod client;
mod disk;
mod invariants;
mod life;
mod model;
mod plan;
#[path = "../../raft/simulation/random.rs"]
mod random;
#[path = "../../raft/simulation/seeds.rs"]
pub(crate) mod seeds;
mod trace;
mod weather;
mod world;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::Write as _;
use std::ops::AddAssign;
use std::rc::Rc;

use storage::extent::ExtentPool;

pub(crate) use self::invariants::Violation;
use self::life::History;
use self::model::LogModel;
pub(crate) use self::plan::Plan;
use self::weather::Class;
use self::world::World;

/// What came of a seed.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) class: Class,
    pub(crate) violation: Option<Violation>,
    pub(crate) counts: Counts,
    /// Of everything that happened on the disk.
    pub(crate) digest: u64,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) operations: u64,
    pub(crate) starts: u64,
    pub(crate) batches: u64,
    pub(crate) reads: u64,
    /// Of compaction.
    pub(crate) rounds: u64,
    /// Logs that were refused, and named, because the medium changed them.
    pub(crate) refusals: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.operations += other.operations;
        self.starts += other.starts;
        self.batches += other.batches;
        self.reads += other.reads;
        self.rounds += other.rounds;
        self.refusals += other.refusals;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            to,
            "{} disk operations, {} starts, {} batches, {} reads, {} rounds of compaction, {} damaged logs named",
            self.operations, self.starts, self.batches, self.reads, self.rounds, self.refusals
        )
    }
}

/// Runs a plan to its end, or to the first broken invariant.
pub(crate) fn run(plan: &Plan, pool: &ExtentPool) -> Report {
    let mut random = plan.random.clone();
    let world = World::new(plan.weather.clone(), random.fork());
    let models = (0..)
        .zip(&plan.logs)
        .map(|(at, (_, compacted))| LogModel::new(at, *compacted));
    let history = Rc::new(History {
        models: RefCell::new(models.collect()),
        number: Cell::default(),
        class: plan.weather.class,
        configs: plan.logs.iter().map(|(config, _)| *config).collect(),
        journal_bytes: plan.journal_bytes,
        tail_bytes_max: plan.tail_bytes_max,
        counts: RefCell::default(),
    });
    for life in &plan.lives {
        let closed = life::live(&world, &history, pool, life);
        if world.violation().is_some() {
            break;
        }
        // After a crash a changed bit in the last large append cannot be told from a torn write.
        if closed && plan.weather.flips {
            world.flip();
        }
    }
    if world.violation().is_none() {
        // What is left must be there, without any failure.
        life::live(&world, &history, pool, &plan::last_life(&mut random));
    }
    let counts = Counts {
        operations: world.operations(),
        ..*history.counts.borrow()
    };
    Report {
        class: plan.weather.class,
        violation: world.violation(),
        counts,
        digest: world.digest(),
    }
}

thread_local! {
    static SEED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Makes a panic of the engine tell the seed.
pub(crate) fn name_seeds_of_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if let Some(seed) = SEED.get() {
            let _told = writeln!(std::io::stderr(), "seed {seed}: NothingPanics broken");
        }
        usual(panic);
    }));
}

/// Runs what a seed says.
pub(crate) fn run_seed(seed: u64, pool: &ExtentPool) -> Report {
    SEED.set(Some(seed));
    let report = run(&Plan::from_seed(seed), pool);
    SEED.set(None);
    report
}
