//! The transaction coordinator's requests, each on the shard that owns its transactional id, and
//! what follows from decisions: markers, then the completion. Shell.

use std::rc::Rc;
use std::time::Duration;

use protocol::error_code::ErrorCode;
use storage::clock;
use storage::log::transactions::{Marker, TransactionEnd};
use storage::tasks::Elapsed;

use super::end::{EndOutcome, EndRequest};
use super::init::{InitOutcome, InitRequest};
use super::markers;
use super::partitions::{Added, PartitionsRequest};
use super::transaction::{ProducerIdentity, Topics, TransactionVersion};
use super::transactions::{Effect, Prepared, Transactions};
use crate::coordinator::machine::{Decision, Now};
use crate::coordinator::{Coordinated, Coordinators, active, place_of};
use crate::metadata::image::{ClusterImage, TRANSACTION_STATE_TOPIC};
use crate::partition::table::PartitionId;
use crate::shard::Shard;

/// How long a marker waits that a partition could not take.
const MARKER_RETRY: Duration = Duration::from_millis(100);

impl Coordinated for Transactions {
    const TOPIC: &'static str = TRANSACTION_STATE_TOPIC;

    fn coordinators(shard: &Shard) -> &Coordinators<Self> {
        &shard.transaction_coordinators
    }

    fn carry_out(shard: &Rc<Shard>, effect: Effect) {
        match effect {
            Effect::WriteMarkers(prepared) => {
                let shard = Rc::clone(shard);
                storage::tasks::spawn(async move { complete(&shard, &prepared).await }).detach();
            }
            Effect::Completed { transactional_id } => shard.completions.note(&transactional_id),
        }
    }
}

/// Gives a transactional id a producer id and an epoch.
///
/// # Errors
/// Kafka's code for what the rules refused, or there is no coordinator.
pub(crate) async fn init(
    shard: &Rc<Shard>,
    request: InitRequest,
) -> Result<ProducerIdentity, ErrorCode> {
    let mut fresh_id = None;
    loop {
        let asked = request.clone();
        let rule = move |transactions: &mut Transactions, now: Now| {
            transactions.init(&asked, fresh_id, now)
        };
        match decide(shard, &request.transactional_id, rule).await? {
            InitOutcome::Ready(producer) => return Ok(producer),
            InitOutcome::Refused(error) => return Err(error),
            InitOutcome::NeedsProducerId => {
                fresh_id = Some(shard.producer_ids.next(shard).await?);
            }
        }
    }
}

/// Ends a transaction; returns who the producer is from now on.
///
/// # Errors
/// As [`init`].
pub(crate) async fn end(
    shard: &Rc<Shard>,
    request: EndRequest,
) -> Result<ProducerIdentity, ErrorCode> {
    let mut fresh_id = None;
    loop {
        let asked = request.clone();
        let rule = move |transactions: &mut Transactions, now: Now| {
            transactions.end(&asked, fresh_id, now)
        };
        match decide(shard, &request.transactional_id, rule).await? {
            EndOutcome::Decided(producer) | EndOutcome::DecidedBefore(producer) => {
                return Ok(producer);
            }
            EndOutcome::Refused(error) => return Err(error),
            EndOutcome::NeedsProducerId => {
                fresh_id = Some(shard.producer_ids.next(shard).await?);
            }
        }
    }
}

/// Adds partitions to a transaction. While the one before is being completed, waits for that.
///
/// # Errors
/// As [`init`].
pub(crate) async fn add_partitions(
    shard: &Rc<Shard>,
    request: PartitionsRequest,
) -> Result<(), ErrorCode> {
    let place = place_of::<Transactions>(shard, &request.transactional_id)?;
    let add = move |owner: Rc<Shard>| async move {
        let wait_max = owner.settings.transactions.add_partitions_wait_max;
        let deadline = clock::monotonic() + wait_max;
        loop {
            let running = active::<Transactions>(&owner, place.index).await?;
            let added = running.write(&owner, |transactions, now| {
                transactions.add_partitions(&request, now)
            });
            let left = deadline.saturating_sub(clock::monotonic());
            match added.await? {
                Ok(Added::Now) => return Ok(()),
                Ok(Added::Before) => return running.read(&owner, |_| ()).await,
                Err(ErrorCode::ConcurrentTransactions) if !left.is_zero() => {
                    let completed = owner.completions.next(&request.transactional_id);
                    // the next answer says whether it came in time
                    let (Ok(()) | Err(Elapsed)) = storage::tasks::timeout(left, completed).await;
                }
                Err(error) => return Err(error),
            }
        }
    };
    shard.ask(place.owner, add).await
}

/// The partitions that are not in the transaction of a producer.
///
/// # Errors
/// The producer may not write at all, or there is no coordinator.
pub(crate) async fn missing_partitions(
    shard: &Rc<Shard>,
    request: PartitionsRequest,
) -> Result<Topics, ErrorCode> {
    let place = place_of::<Transactions>(shard, &request.transactional_id)?;
    let verify = move |owner: Rc<Shard>| async move {
        let running = active::<Transactions>(&owner, place.index).await?;
        let verified = running.read(&owner, |transactions| {
            transactions.missing_partitions(&request)
        });
        verified.await?
    };
    shard.ask(place.owner, verify).await
}

/// Applies a rule where a transactional id is coordinated.
async fn decide<R: Send + 'static>(
    shard: &Rc<Shard>,
    transactional_id: &str,
    rule: impl FnOnce(&mut Transactions, Now) -> Decision<Transactions, R> + Send + 'static,
) -> Result<R, ErrorCode> {
    let place = place_of::<Transactions>(shard, transactional_id)?;
    let decide = move |owner: Rc<Shard>| async move {
        let running = active::<Transactions>(&owner, place.index).await?;
        let response = running.write(&owner, rule).await?;
        // a decision without records rests on earlier ones, which may still be on their way
        running.read(&owner, |_| ()).await?;
        Ok(response)
    };
    shard.ask(place.owner, decide).await
}

/// Writes the markers of a decided transaction, then completes it. If the coordinator is unloaded
/// meanwhile, it begins again when it is loaded.
async fn complete(shard: &Rc<Shard>, prepared: &Prepared) {
    let Ok(place) = place_of::<Transactions>(shard, &prepared.transactional_id) else {
        return;
    };
    write_markers(
        shard,
        prepared,
        coordinator_epoch(&shard.image(), place.index),
    )
    .await;
    let Ok(running) = active::<Transactions>(shard, place.index).await else {
        return;
    };
    let completed = running.write(shard, |transactions, now| {
        transactions.complete(prepared, now)
    });
    // a failure unloads the coordinator
    let (Ok(()) | Err(_)) = completed.await;
}

fn coordinator_epoch(image: &ClusterImage, index: i32) -> i32 {
    let topic = image.topic(TRANSACTION_STATE_TOPIC);
    let partition = topic.and_then(|topic| topic.partition(index));
    partition.map_or(0, |partition| partition.leader_epoch)
}

/// Returns when every partition has its marker, or is gone.
async fn write_markers(shard: &Rc<Shard>, prepared: &Prepared, coordinator_epoch: i32) {
    let marker = Marker {
        producer_id: prepared.producer.id,
        producer_epoch: prepared.producer.epoch,
        end: TransactionEnd {
            committed: prepared.committed,
            coordinator_epoch,
        },
        bumps_epoch: prepared.version == TransactionVersion::EpochBump,
    };
    let mut missing = partitions_of(&shard.image(), &prepared.topics);
    while !missing.is_empty() {
        let wanted = missing.iter().map(|id| (*id, marker)).collect();
        let written = markers::write(shard, wanted).await;
        let mut written = written.into_iter();
        missing.retain(|id| match written.next() {
            Some(Err(error)) => must_try_again(*id, prepared, error),
            Some(Ok(())) | None => false,
        });
        if !missing.is_empty() {
            storage::tasks::sleep(MARKER_RETRY).await;
        }
    }
}

/// The partitions that still exist.
fn partitions_of(image: &ClusterImage, topics: &Topics) -> Vec<PartitionId> {
    let mut ids = Vec::new();
    for (name, partitions) in topics {
        let Some(topic) = image.topic(name) else {
            continue;
        };
        let existing = partitions
            .iter()
            .filter(|index| topic.partition(**index).is_some());
        ids.extend(existing.map(|index| (topic.id, *index)));
    }
    ids
}

/// Whether a refused marker may be taken later. One that is stale was overtaken by an operator.
fn must_try_again(id: PartitionId, prepared: &Prepared, error: ErrorCode) -> bool {
    let is_gone = matches!(
        error,
        ErrorCode::UnknownTopicId | ErrorCode::UnknownTopicOrPartition
    );
    let is_stale = matches!(
        error,
        ErrorCode::InvalidProducerEpoch | ErrorCode::TransactionCoordinatorFenced
    );
    if is_stale {
        let transactional_id = &prepared.transactional_id;
        tracing::warn!(?id, %transactional_id, ?error, "a marker is stale and is left out");
    }
    !is_gone && !is_stale
}
