//! The control thread: one glommio executor that runs the Raft shard and the active controller.
//! Owns the thread, its start and its end. Shell; it talks to shards only by the queue, the replies
//! and the published images. No type of the executor leaves this folder.

mod blocking;
pub(crate) mod checkpoint;
mod describe_quorum;
pub(crate) mod entry_batches;
mod executor;
mod hold;
pub(crate) mod membarrier;
pub(crate) mod meta_properties;
pub(crate) mod metadata_log;
mod primer;
mod queue;
pub(crate) mod quorum_state;
mod raft_driver;
mod request;
pub(crate) mod startup;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use storage::clock;

use crate::control::executor::Poke;
use crate::control::queue::ControlQueue;
use crate::control::raft_driver::{DriverError, RaftDriver};
use crate::controller::ControllerSettings;
use crate::metadata::image::{BrokerEndpoint, ClusterImage};

pub(crate) use crate::control::queue::{ControlHandle, Envelope, channel};
pub(crate) use crate::control::raft_driver::Publish;
pub(crate) use crate::control::request::{ControlRequest, ControlResponse};
pub(crate) use crate::control::startup::ControlError;

/// Requests that share one durable write at most.
const ROUND_REQUESTS_MAX: usize = 256;
/// Timers of this thread are never shorter: a frequent tick would disturb the shards.
const TICK_MIN: Duration = Duration::from_millis(10);
/// An idle quorum of one has no one to speak to.
const TICK_MAX: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct ControlOptions {
    pub(crate) data_dir: PathBuf,
    /// The cluster id that is configured; without one the first start makes one up.
    pub(crate) cluster_id: Option<String>,
    /// What clients and other brokers connect to.
    pub(crate) endpoints: Vec<BrokerEndpoint>,
    pub(crate) rack: Option<String>,
    pub(crate) settings: ControllerSettings,
    /// Bytes of log after which a snapshot is taken.
    pub(crate) snapshot_bytes: u64,
}

/// The running control thread.
#[derive(Debug)]
pub(crate) struct Control {
    handle: ControlHandle,
    image: Arc<ClusterImage>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// Recovers the metadata, registers this broker, and returns once the first image is published.
    /// `publish` is called on the control thread, first with everything that there is.
    ///
    /// # Errors
    /// The metadata cannot be read or written, or belongs to another node or cluster.
    pub(crate) fn start(options: ControlOptions, publish: Publish) -> Result<Self, ControlError> {
        let (handle, queue) = channel();
        let (sender, receiver) = mpsc::sync_channel(1);
        let thread = thread::Builder::new()
            .name(String::from("control"))
            .spawn(move || run(options, publish, queue, &sender))?;
        match receiver.recv() {
            Ok(Ok(image)) => Ok(Self {
                handle,
                image,
                thread: Some(thread),
            }),
            Ok(Err(error)) => Err(error),
            Err(mpsc::RecvError) => Err(ControlError::Died),
        }
    }

    pub(crate) fn handle(&self) -> ControlHandle {
        self.handle.clone()
    }

    /// The image as it was at the start, with this broker registered.
    pub(crate) fn first_image(&self) -> &Arc<ClusterImage> {
        &self.image
    }

    /// Answers what it has taken, closes the log, and ends.
    pub(crate) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("control thread panicked");
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.end();
    }
}

type Started = mpsc::SyncSender<Result<Arc<ClusterImage>, ControlError>>;

fn run(options: ControlOptions, publish: Publish, queue: ControlQueue, started: &Started) {
    // The receiver waits for this one message, or is gone because its thread is.
    let tell = |outcome| drop(started.send(outcome));
    let prepared = startup::prepare(options);
    let executor = match executor::make() {
        Ok(executor) => executor,
        Err(cause) => return tell(Err(ControlError::Executor { cause })),
    };
    executor.run(async move {
        let driver = match prepared {
            Ok(prepared) => startup::start(prepared, publish).await,
            Err(error) => Err(error),
        };
        let poke = Poke::start(|| {});
        match (driver, poke) {
            (Ok(mut driver), Ok(_poke)) => {
                tell(Ok(Arc::new(driver.image().clone())));
                if let Err(error) = serve(&mut driver, &queue).await {
                    tracing::error!(%error, "metadata can no longer be changed");
                    driver.refuse_parked();
                    refuse_all(&queue).await;
                } else if let Err(error) = driver.close().await {
                    tracing::error!(%error, "metadata log was not closed");
                }
            }
            (Err(error), _) => tell(Err(error)),
            (_, Err(error)) => tell(Err(error.into())),
        }
    });
}

async fn serve(driver: &mut RaftDriver, queue: &ControlQueue) -> Result<(), DriverError> {
    let mut random = startup::random_source();
    loop {
        let due = driver.next_tick().saturating_sub(clock::monotonic());
        let pause = due.clamp(TICK_MIN, TICK_MAX);
        futures_lite::future::or(queue.ready(), glommio::timer::sleep(pause)).await;
        let round: Vec<Envelope> = std::iter::from_fn(|| queue.take())
            .take(ROUND_REQUESTS_MAX)
            .collect();
        if !round.is_empty() {
            driver.handle(round, &mut random).await?;
        } else if queue.is_stopped() {
            return Ok(());
        }
        if driver.next_tick() <= clock::monotonic() {
            driver.tick().await?;
        }
    }
}

/// A log that failed once is never believed again: reads go on elsewhere, changes are refused.
async fn refuse_all(queue: &ControlQueue) {
    while !queue.is_stopped() {
        queue.ready().await;
        while let Some(envelope) = queue.take() {
            (envelope.reply)(ControlResponse::Unavailable);
        }
    }
}
