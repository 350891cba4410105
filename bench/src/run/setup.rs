//! Before a run: the topics are made, their leaders and offsets found, and who is measured is
//! written down. Shell.

use std::fs;

use storage::clock;
use storage::ring::{Ring, RingOptions};
use storage::tasks;

use super::options::RunOptions;
use super::outcome::Target;
use crate::client::cluster::{self, ClusterError, EARLIEST, LATEST, NewTopics};
use crate::client::connection::Connection;
use crate::load::plan::Setup;
use crate::measure::now;
use crate::workload::Workload;
use crate::workload::knobs::{ConsumerKnobs, ProducerKnobs};

/// Why a run cannot begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    #[error("the workload is not possible: {0}")]
    Workload(String),
    #[error("no ring: {0}")]
    Ring(#[from] storage::ring::RingError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("{0}")]
    Threads(String),
}

/// Makes everything ready; the names of the topics that were made come with it.
pub(crate) fn prepare(
    workload: &Workload,
    options: &RunOptions,
) -> Result<(Setup, Target, Vec<String>), SetupError> {
    workload.check().map_err(SetupError::Workload)?;
    let ring = Ring::new(&RingOptions::default())?;
    tasks::block_on(&ring, Box::pin(prepare_on(&ring, workload, options)))
}

async fn prepare_on(
    ring: &Ring,
    workload: &Workload,
    options: &RunOptions,
) -> Result<(Setup, Target, Vec<String>), SetupError> {
    let producer = ProducerKnobs::new(&workload.producer_config).map_err(SetupError::Workload)?;
    let consumer = ConsumerKnobs::new(&workload.consumer_config).map_err(SetupError::Workload)?;
    let mut first = cluster::bootstrap(ring, &options.bootstrap).await?;
    let run = run_number();
    let mut made = Vec::new();
    let names = if workload.existing_topics.is_empty() {
        made = (0..workload.topics)
            .map(|number| format!("bench-{run:08x}-{number}"))
            .collect();
        let partitions = i32::try_from(workload.partitions_per_topic).unwrap_or(i32::MAX);
        let new = NewTopics {
            names: made.clone(),
            partitions,
            replication_factor: workload.replication_factor.unwrap_or(-1),
            configs: workload.topic_config.clone(),
        };
        cluster::create(&mut first, &new).await?;
        made.clone()
    } else {
        workload.existing_topics.clone()
    };
    let topics = cluster::find(&mut first, &names, !made.is_empty()).await?;
    let ends = cluster::offsets(ring, &topics, LATEST).await?;
    let reads_only = workload.producers_per_topic == 0;
    let starts = if reads_only || consumer.from_beginning {
        cluster::offsets(ring, &topics, EARLIEST).await?
    } else {
        ends.clone()
    };
    let target = describe(&mut first, options, &names).await;
    let setup = Setup {
        workload: workload.clone(),
        producer,
        consumer,
        bootstrap: options.bootstrap.clone(),
        topics,
        starts,
        ends,
        run,
        epoch: epoch(),
        give_up: options.give_up,
        stop_at_ends: reads_only && workload.records.is_none(),
    };
    Ok((setup, target, made))
}

/// A broker that does not tell everything is measured all the same.
async fn describe(first: &mut Connection, options: &RunOptions, names: &[String]) -> Target {
    let identity = cluster::identity(first).await.unwrap_or_default();
    let node = identity.node_ids.first().copied().unwrap_or(0);
    let topic = names.first().map(String::as_str);
    let configs = cluster::configs(first, node, topic).await;
    let [broker_config, topic_config] = configs.unwrap_or_default();
    let command = options.broker_pid.and_then(|pid| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        Some(command.trim_end().to_owned())
    });
    Target {
        bootstrap: options.bootstrap.clone(),
        cluster_id: identity.cluster_id,
        brokers: identity.brokers,
        features: first.versions().features.clone(),
        broker_config,
        topic_config,
        command,
    }
}

/// Deletes the topics of a run; where that fails they stay.
pub(crate) fn clean_up(options: &RunOptions, made: &[String]) {
    if made.is_empty() || options.keep_topics {
        return;
    }
    let Ok(ring) = Ring::new(&RingOptions::default()) else {
        return;
    };
    let deleting = async {
        let mut connection = cluster::bootstrap(&ring, &options.bootstrap).await?;
        cluster::delete(&mut connection, made).await
    };
    drop(tasks::block_on(&ring, deleting));
}

/// Nanoseconds since the epoch at 0 of the monotonic clock, to the millisecond.
fn epoch() -> u64 {
    let wall = u64::try_from(clock::now_ms()).unwrap_or(0);
    wall.saturating_mul(1_000_000).saturating_sub(now())
}

/// Differs from run to run.
fn run_number() -> u32 {
    fastrand::u32(1..)
}
