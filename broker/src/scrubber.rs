//! The thread that checks sealed segments for bit rot, for all shards, one segment after the other
//! and no faster than it is told. Shell.

use std::fs::File;

use async_channel::{Receiver, Sender};
use storage::budget::Budget;
use storage::extent::{ExtentPool, PoolOptions};
use storage::ring::{Ring, RingOptions};
use storage::scrub::{ScrubJob, Scrubbed, scrub};

use crate::background;

/// One window of a segment; more idle memory is given back.
const IDLE_BYTES_MAX: usize = 2 << 20;

/// A segment to check.
struct Work {
    job: ScrubJob,
    done: Sender<Scrubbed>,
}

/// How a shard hands segments to the thread. The thread ends when all of these are gone.
#[derive(Debug, Clone)]
pub(crate) struct Scrubber {
    works: Sender<Work>,
}

impl Scrubber {
    /// # Errors
    /// As [`background::start`].
    pub(crate) fn start(
        ring: RingOptions,
        lock: File,
        bytes_per_second: f64,
    ) -> anyhow::Result<Self> {
        let (works, to_do) = async_channel::unbounded();
        background::start("scrubber", ring, lock, move |ring| {
            run(ring, &to_do, bytes_per_second);
        })?;
        Ok(Self { works })
    }

    /// Checks a segment when it is its turn; `None` when the thread has ended.
    pub(crate) async fn check(&self, job: ScrubJob) -> Option<Scrubbed> {
        let (done, result) = async_channel::bounded(1);
        self.works.send(Work { job, done }).await.ok()?;
        result.recv().await.ok()
    }
}

fn run(ring: &Ring, works: &Receiver<Work>, bytes_per_second: f64) {
    let pool = ExtentPool::new(PoolOptions {
        idle_bytes_max: IDLE_BYTES_MAX,
    });
    storage::tasks::block_on(ring, async {
        while let Ok(work) = works.recv().await {
            // of its own for each: what was not used while there was nothing to do is gone
            let mut budget = Budget::new(bytes_per_second);
            let result = scrub(ring, &pool, &work.job, &mut budget).await;
            // a shard that stops does not wait for it
            drop(work.done.send(result).await);
        }
    });
}
