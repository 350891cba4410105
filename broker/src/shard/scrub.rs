//! The check for bit rot on a shard: which segments are looked at, by the scrubber's thread, and what
//! is done about what it finds. Shell.
//!
//! What is damaged is named in the log, with file, position and offsets, and not sent to a reader any
//! more: a fetch of it is answered with `CORRUPT_MESSAGE`. Nothing else happens by itself:
//! `millrace log repair` is the operator's word.

use std::rc::Rc;

use storage::clock;
use storage::offline::Hole;
use storage::scrub::{ScrubJob, Scrubbed};

use crate::partition::Partition;
use crate::scrubber::Scrubber;
use crate::shard::{Shard, retention};

/// What a look at everything found.
#[derive(Debug, Default)]
struct Sum {
    segments: u64,
    bytes: u64,
    damaged_places: usize,
    unreadable_segments: u64,
}

/// Checks everything again and again, until the shard stops.
pub(crate) async fn run(shard: Rc<Shard>, scrubber: Scrubber) {
    storage::tasks::sleep(shard.settings.initial_task_delay).await;
    while !shard.stop.is_requested() {
        let begun = clock::monotonic();
        let sum = check_all(&shard, &scrubber).await;
        if sum.segments > 0 {
            tracing::info!(
                segments = sum.segments,
                bytes = sum.bytes,
                damaged_places = sum.damaged_places,
                unreadable_segments = sum.unreadable_segments,
                "shard {}: sealed segments checked",
                shard.index
            );
        }
        let next = begun.saturating_add(shard.settings.scrub.interval);
        storage::tasks::sleep(next.saturating_sub(clock::monotonic())).await;
    }
}

async fn check_all(shard: &Rc<Shard>, scrubber: &Scrubber) -> Sum {
    let mut sum = Sum::default();
    let image = shard.image();
    for topic in image.topics.iter() {
        for id in shard.owned_of(topic) {
            storage::tasks::yield_now().await;
            if let Some(partition) = retention::with_files(shard, topic, id).await {
                check(shard, scrubber, &partition, &mut sum).await;
            }
        }
    }
    sum
}

async fn check(shard: &Shard, scrubber: &Scrubber, partition: &Partition, sum: &mut Sum) {
    for job in partition.log().scrub_jobs() {
        if shard.stop.is_requested() {
            return;
        }
        let Some(found) = scrubber.check(job.clone()).await else {
            return;
        };
        sum.segments += 1;
        sum.bytes += job.bytes();
        match found {
            Scrubbed::Gone => {}
            // a disk may have read again what it could not read before
            Scrubbed::Sound => {
                let _counts = partition.log().note_damage(&job, &[]);
            }
            Scrubbed::Damaged(holes) if partition.log().note_damage(&job, &holes) => {
                sum.damaged_places += holes.len();
                name_damage(partition, &job, &holes);
            }
            Scrubbed::Damaged(_) => {}
            Scrubbed::Unreadable { position, error } => {
                sum.unreadable_segments += 1;
                let (path, partition) = (job.path.display(), partition.log().id());
                tracing::error!(%partition, position, "{path} cannot be read: {error}");
            }
        }
    }
}

fn name_damage(partition: &Partition, job: &ScrubJob, holes: &[Hole]) {
    for hole in holes {
        tracing::error!(
            partition = %partition.log().id(), position = hole.position, bytes = hole.bytes,
            first_offset = hole.first_offset, next_offset = hole.next_offset,
            "{} is damaged: {}; reads of it fail. `millrace log verify` says what is lost, `millrace log repair` drops it",
            job.path.display(), hole.reason
        );
    }
}
