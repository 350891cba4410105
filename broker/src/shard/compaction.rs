//! Compaction on a shard: which of its logs is due, and its rounds, run by the cleaner's thread.
//! Shell; `storage::compaction` has the rules.
//!
//! One log at a time, the dirtiest first, as in Kafka. A log whose round fails for a damaged
//! segment is left alone until the next start, and said so.

use std::rc::Rc;

use foldhash::HashSet;
use storage::clock;
use storage::compaction::clean::{CleanError, CleanLimits, Round};
use storage::compaction::plan::{Cleanable, Lags};

use crate::cleaner::Cleaner;
use crate::config::topic::TopicConfig;
use crate::partition::Partition;
use crate::partition::table::PartitionId;
use crate::shard::{Shard, retention};

/// Compacts until the shard stops.
pub(crate) async fn run(shard: Rc<Shard>, cleaner: Cleaner) {
    let mut given_up = HashSet::default();
    storage::tasks::sleep(shard.settings.initial_task_delay).await;
    while !shard.stop.is_requested() {
        let backoff = match dirtiest(&shard, &given_up).await {
            None => shard.settings_now.borrow().cleaner.backoff,
            Some(due) => {
                if !compact(&shard, &cleaner, &due).await {
                    given_up.insert(due.id);
                }
                continue;
            }
        };
        storage::tasks::sleep(backoff).await;
    }
}

/// A log that is due.
struct Due {
    id: PartitionId,
    partition: Rc<Partition>,
    config: Rc<TopicConfig>,
    cleanable: Cleanable,
}

/// The log with the largest dirty part among those that are due.
async fn dirtiest(shard: &Rc<Shard>, given_up: &HashSet<PartitionId>) -> Option<Due> {
    let image = shard.image();
    let mut dirtiest: Option<Due> = None;
    for topic in image.topics.iter() {
        let config = shard.topic_config(&image, topic);
        if !config.cleanup_policy.compact {
            continue;
        }
        let lags = lags(&config);
        for id in shard.owned_of(topic) {
            if given_up.contains(&id) {
                continue;
            }
            storage::tasks::yield_now().await;
            let Some(partition) = retention::with_files(shard, topic, id).await else {
                continue;
            };
            let found = partition.log().cleanable(&lags, clock::now_ms()).await;
            let cleanable = match found {
                Ok(Some(cleanable)) if cleanable.is_due(&lags) => cleanable,
                Ok(_) => continue,
                Err(error) => {
                    tracing::error!(partition = %partition.log().id(), "compaction: {error}");
                    continue;
                }
            };
            let ratio = |due: &Due| due.cleanable.dirty_ratio;
            if dirtiest
                .as_ref()
                .is_none_or(|other| cleanable.dirty_ratio > ratio(other))
            {
                dirtiest = Some(Due {
                    id,
                    partition,
                    config: Rc::clone(&config),
                    cleanable,
                });
            }
        }
    }
    dirtiest
}

/// One round; says whether the log may have another one.
async fn compact(shard: &Rc<Shard>, cleaner: &Cleaner, due: &Due) -> bool {
    let log = due.partition.log();
    let begun = clock::monotonic();
    match round(shard, cleaner, due).await {
        Ok(round) => {
            let took_ms = (clock::monotonic() - begun).as_millis();
            tracing::info!(
                partition = %log.id(), took_ms, cleaned_to = round.end_offset,
                bytes_before = round.bytes_before, bytes_after = round.bytes_after,
                records_before = round.records_before, records_after = round.records_after,
                keys = round.keys_count, "compacted"
            );
            true
        }
        // retention or a deletion came between: the next round sees the log as it is then
        Err(CleanError::Superseded) => true,
        Err(error) => {
            tracing::error!(
                partition = %log.id(),
                "not compacted any more until the next start: {error}"
            );
            false
        }
    }
}

async fn round(shard: &Rc<Shard>, cleaner: &Cleaner, due: &Due) -> Result<Round, CleanError> {
    let log = due.partition.log();
    let now_ms = clock::now_ms();
    let delete_retention_ms = i64::try_from(due.config.delete_retention_ms).unwrap_or(i64::MAX);
    let limits = limits(shard, &due.config);
    let job = log
        .clean_job(&due.cleanable, limits, now_ms, delete_retention_ms)
        .await?;
    let swap = async |group| match log.swap(group).await {
        Ok(()) => !shard.stop.is_requested(),
        Err(error) => {
            tracing::warn!(partition = %log.id(), "compaction: {error}");
            false
        }
    };
    let cleaned = cleaner.run(job, swap).await;
    match &cleaned {
        Ok(round) => log.note_cleaned(round.end_offset).await?,
        Err(_) => log.discard_cleaned().await?,
    }
    cleaned
}

fn lags(config: &TopicConfig) -> Lags {
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    Lags {
        min_compaction_lag_ms: signed(config.min_compaction_lag_ms),
        max_compaction_lag_ms: signed(config.max_compaction_lag_ms),
        min_cleanable_dirty_ratio: config.min_cleanable_dirty_ratio,
    }
}

fn limits(shard: &Shard, config: &TopicConfig) -> CleanLimits {
    let settings = shard.settings_now.borrow();
    CleanLimits {
        segment_bytes: u64::from(config.segment_bytes),
        index_interval_bytes: u64::from(config.index_interval_bytes),
        index_bytes_max: u64::from(config.index_bytes_max),
        key_bytes_max: settings.cleaner.key_bytes_max,
        key_load_factor: settings.cleaner.key_load_factor,
        bytes_per_second: settings.cleaner.bytes_per_second,
    }
}
