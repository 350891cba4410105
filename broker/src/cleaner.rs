//! The thread that compacts logs for all shards, one round after the other. Shell.
//!
//! A thread of its own, with the lowest priority and a small ring: opening and rebuilding
//! compressed batches takes milliseconds at a time, which requests on a shard would wait for. It
//! reads sealed segments and writes files that nobody else knows; each finished segment goes to the
//! shard that owns the log, which puts it in the place of the old ones, and then says so.

use std::fs::File;

use async_channel::{Receiver, Sender};
use storage::compaction::clean::{CleanError, CleanJob, CleanedGroup, Round, clean};
use storage::extent::{ExtentPool, PoolOptions};
use storage::ring::{Ring, RingOptions};

use crate::background;

/// Reads and writes of one round; more idle memory is given back.
const IDLE_BYTES_MAX: usize = 8 << 20;

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
    /// As [`background::start`].
    pub(crate) fn start(ring: RingOptions, lock: File) -> anyhow::Result<Self> {
        let (works, to_do) = async_channel::unbounded();
        background::start("cleaner", ring, lock, move |ring| run(ring, &to_do))?;
        Ok(Self { works })
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
