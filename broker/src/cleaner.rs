//! The thread that compacts logs for all shards, one round after the other. Shell.
//!
//! A thread of its own, with the lowest priority and a small ring: opening and rebuilding
//! compressed batches takes milliseconds at a time, which requests on a shard would wait for. It
//! reads sealed segments and writes files that nobody else knows; each finished segment goes to the
//! shard that owns the log, which puts it in the place of the old ones, and then says so.
#![expect(unsafe_code, reason = "setpriority of one thread has no safe wrapper")]

use std::fs::File;
use std::os::fd::AsFd as _;

use anyhow::Context as _;
use async_channel::{Receiver, Sender};
use storage::compaction::clean::{CleanError, CleanJob, CleanedGroup, Round, clean};
use storage::extent::{ExtentPool, PoolOptions};
use storage::ring::{Ring, RingOptions};

/// Reads and writes of one round; more idle memory is given back.
const IDLE_BYTES_MAX: usize = 8 << 20;
const NICEST: libc::c_int = 19;

/// A round to run.
pub(crate) struct Work {
    job: CleanJob,
    groups: Sender<CleanedGroup>,
    swapped: Receiver<bool>,
    done: Sender<Result<Round, CleanError>>,
}

/// How a shard hands rounds to the thread. The thread ends when all of these are gone.
#[derive(Debug, Clone)]
pub(crate) struct Cleaner {
    works: Sender<Work>,
}

impl Cleaner {
    /// Starts the thread; its ring holds the data directory's lock as those of the shards do.
    ///
    /// # Errors
    /// The thread or its ring cannot be made.
    pub(crate) fn start(ring: RingOptions, lock: File) -> anyhow::Result<Self> {
        let (works, to_do) = async_channel::unbounded();
        let (ready, started) = std::sync::mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name("cleaner".into())
            .spawn(move || {
                be_nice();
                match make_ring(&ring, &lock) {
                    Ok(ring) => {
                        drop(ready.send(None));
                        run(&ring, &to_do);
                    }
                    // whoever starts it waits for this
                    Err(error) => drop(ready.send(Some(error))),
                }
            })
            .context("cannot start the cleaner's thread")?;
        match started
            .recv()
            .context("the cleaner ended while it started")?
        {
            Some(error) => Err(error),
            None => Ok(Self { works }),
        }
    }

    /// Runs a round; `swap` puts each finished segment into the log, and says whether it did.
    ///
    /// # Errors
    /// As [`clean`].
    pub(crate) async fn run(
        &self,
        job: CleanJob,
        swap: impl AsyncFn(CleanedGroup) -> bool,
    ) -> Result<Round, CleanError> {
        let (groups, finished) = async_channel::bounded(1);
        let (answers, swapped) = async_channel::bounded(1);
        let (done, result) = async_channel::bounded(1);
        let work = Work {
            job,
            groups,
            swapped,
            done,
        };
        let sent = self.works.send(work).await;
        sent.map_err(|_| CleanError::Superseded)?;
        while let Ok(group) = finished.recv().await {
            let answered = answers.send(swap(group).await).await;
            answered.map_err(|_| CleanError::Superseded)?;
        }
        result.recv().await.map_err(|_| CleanError::Superseded)?
    }
}

fn make_ring(options: &RingOptions, lock: &File) -> anyhow::Result<Ring> {
    let ring = Ring::new(options)?;
    ring.hold(lock.as_fd())
        .context("cannot hold the data directory's lock")?;
    Ok(ring)
}

fn run(ring: &Ring, works: &Receiver<Work>) {
    let pool = ExtentPool::new(PoolOptions {
        idle_bytes_max: IDLE_BYTES_MAX,
    });
    storage::tasks::block_on(ring, async {
        while let Ok(work) = works.recv().await {
            let swap = async |group| {
                let sent = work.groups.send(group).await.is_ok();
                if sent && work.swapped.recv().await == Ok(true) {
                    Ok(())
                } else {
                    Err(CleanError::Superseded)
                }
            };
            let result = clean(ring, &pool, &work.job, swap).await;
            // a shard that stops does not wait for it
            drop(work.done.send(result).await);
        }
    });
}

/// Requests go first, whatever is being compacted.
fn be_nice() {
    // SAFETY: no memory is passed; 0 is the calling thread.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICEST) };
    if result != 0 {
        let error = std::io::Error::last_os_error();
        tracing::warn!("the cleaner keeps its priority: {error}");
    }
}
