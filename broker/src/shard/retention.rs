//! The periodic look at retention, on each shard at the partitions that it owns. Shell.
//!
//! One partition after the other, each with a bounded number of segments; the others of the shard
//! have their turn between them. A partition with files that nobody has asked for since the start
//! is opened for it: old records go whether somebody reads them or not.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use storage::clock;
use storage::log::{Log, LogId};

use crate::metadata::image::TopicImage;
use crate::partition::Partition;
use crate::partition::table::PartitionId;
use crate::shard::Shard;
use crate::shard::wall_clock::{Trust, WallClock};

/// A partition that lost segments leaves the disk to the others for so long.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks at `log.retention.check.interval.ms`, until the shard stops.
pub(crate) async fn run(shard: Rc<Shard>) {
    let settings = Arc::clone(&shard.settings);
    let mut wall_clock = WallClock::default();
    let _first = wall_clock.look(clock::now_ms(), clock::monotonic());
    storage::tasks::sleep(settings.initial_task_delay).await;
    while !shard.stop.is_requested() {
        match wall_clock.look(clock::now_ms(), clock::monotonic()) {
            Trust::Runs => check_all(&shard).await,
            Trust::NotYet => {}
            Trust::Jumped(ahead_ms) if shard.index == 0 => tracing::error!(
                ahead_ms,
                "the wall clock jumped ahead: retention deletes nothing for an hour"
            ),
            Trust::Jumped(_) => {}
        }
        storage::tasks::sleep(settings.retention_check_interval).await;
    }
}

async fn check_all(shard: &Rc<Shard>) {
    let image = shard.image();
    for topic in image.topics.iter() {
        for id in shard.owned_of(topic) {
            if shard.stop.is_requested() {
                return;
            }
            if let Some(partition) = with_files(shard, topic, id).await {
                check(&partition).await;
            }
            storage::tasks::yield_now().await;
        }
    }
}

/// A partition that is open, or has files and can be opened.
pub(super) async fn with_files(
    shard: &Rc<Shard>,
    topic: &TopicImage,
    id: PartitionId,
) -> Option<Rc<Partition>> {
    if let Some(partition) = shard.partitions.get(id) {
        return Some(partition);
    }
    let log_id = LogId {
        topic_id: id.0,
        topic: Arc::clone(&topic.name),
        partition: id.1,
    };
    if !Log::exists(&shard.store, &log_id) {
        return None;
    }
    // what keeps it closed has been told by whoever tried to open it
    shard.partition(id).await.ok()
}

async fn check(partition: &Partition) {
    let log = partition.log();
    match log.enforce_retention(clock::now_ms()).await {
        Ok(0) => {}
        Ok(segments) => {
            tracing::info!(
                partition = %log.id(), segments, log_start_offset = log.start_offset(),
                "retention deleted old segments"
            );
            storage::tasks::sleep(PAUSE).await;
        }
        Err(error) => tracing::error!(partition = %log.id(), "retention: {error}"),
    }
}
