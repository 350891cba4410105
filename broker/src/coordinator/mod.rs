//! The coordinators that a shard runs: one for each partition of `__consumer_offsets` and of
//! `__transaction_state` that it owns. Shell.
//!
//! A request finds its place with [`place_of`], makes one hop there, has the coordinator with
//! [`active`], and asks it with [`Running::write`] or [`Running::read`]. The rules are the machine's.
//! A coordinator is loaded when the broker starts, or when it is first asked for.

pub(crate) mod batches;
pub(crate) mod groups;
pub(crate) mod internal_topic;
pub(crate) mod key;
mod load;
pub(crate) mod machine;
pub(crate) mod parked;
pub(crate) mod running;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use foldhash::HashMap;
use protocol::error_code::ErrorCode;
use storage::clock;
use storage::tasks::Elapsed;

use self::machine::{Machine, Transaction};
use self::running::Running;
use crate::metadata::delta::ImageChange;
use crate::metadata::image::TopicImage;
use crate::shard::Shard;

/// How long a request waits for a coordinator that is being loaded before it is sent away.
const LOAD_WAIT: Duration = Duration::from_millis(500);

/// What the shell adds to a machine: where it lives, and its effects.
pub(crate) trait Coordinated: Machine {
    /// The internal topic whose partitions it coordinates.
    const TOPIC: &'static str;

    fn coordinators(shard: &Shard) -> &Coordinators<Self>;

    fn carry_out(shard: &Rc<Shard>, effect: Self::Effect);
}

enum Entry<M: Machine> {
    Loading(Vec<Waker>),
    Active(Rc<Running<M>>),
    /// Its log cannot be read; it stays out of service until a restart.
    Failed,
}

/// The coordinators of one kind on one shard, by partition.
pub(crate) struct Coordinators<M: Machine> {
    entries: RefCell<HashMap<i32, Entry<M>>>,
}

impl<M: Machine> Default for Coordinators<M> {
    fn default() -> Self {
        Self {
            entries: RefCell::default(),
        }
    }
}

/// Where a group or a transactional id is coordinated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The partition of the internal topic.
    pub(crate) index: i32,
    /// The shard that owns it.
    pub(crate) owner: usize,
}

/// Where `key` is coordinated.
///
/// # Errors
/// `NOT_COORDINATOR`: on another broker, or nowhere because the internal topic does not exist yet.
pub(crate) fn place_of<M: Coordinated>(shard: &Shard, key: &str) -> Result<Place, ErrorCode> {
    let image = shard.image();
    let topic = image.topic(M::TOPIC).ok_or(ErrorCode::NotCoordinator)?;
    let index = key::partition_of(key, topic.partition_count()).ok_or(ErrorCode::NotCoordinator)?;
    place_at(shard, topic, index).ok_or(ErrorCode::NotCoordinator)
}

/// Every place of this kind on this broker.
pub(crate) fn all_places<M: Coordinated>(shard: &Shard) -> Vec<Place> {
    let image = shard.image();
    let Some(topic) = image.topic(M::TOPIC) else {
        return Vec::new();
    };
    (0..topic.partition_count())
        .filter_map(|index| place_at(shard, topic, index))
        .collect()
}

fn place_at(shard: &Shard, topic: &TopicImage, index: i32) -> Option<Place> {
    let led_here = topic.partition(index)?.leader == shard.settings.node_id;
    led_here.then(|| Place {
        index,
        owner: shard.owner_of((topic.id, index)),
    })
}

/// The coordinator of a partition that this shard owns, loaded if need be.
///
/// # Errors
/// `COORDINATOR_LOAD_IN_PROGRESS` when that takes long, `NOT_COORDINATOR` when it failed.
pub(crate) async fn active<M: Coordinated>(
    shard: &Rc<Shard>,
    index: i32,
) -> Result<Rc<Running<M>>, ErrorCode> {
    let coordinators = M::coordinators(shard);
    if let Some(Entry::Active(running)) = coordinators.entries.borrow().get(&index) {
        return Ok(Rc::clone(running));
    }
    start::<M>(shard, index);
    match storage::tasks::timeout(LOAD_WAIT, coordinators.settled(index)).await {
        Ok(settled) => settled,
        Err(Elapsed) => Err(ErrorCode::CoordinatorLoadInProgress),
    }
}

/// Begins to load, unless that was done before.
fn start<M: Coordinated>(shard: &Rc<Shard>, index: i32) {
    let mut entries = M::coordinators(shard).entries.borrow_mut();
    if entries.contains_key(&index) {
        return;
    }
    entries.insert(index, Entry::Loading(Vec::new()));
    drop(entries);
    let shard = Rc::clone(shard);
    // a task of its own: whoever asked first may be gone before it is loaded
    storage::tasks::spawn(async move {
        let entry = match load_partition::<M>(&shard, index).await {
            Some(running) => Entry::Active(running),
            None => Entry::Failed,
        };
        M::coordinators(&shard).settle(index, entry);
    })
    .detach();
}

async fn load_partition<M: Coordinated>(shard: &Rc<Shard>, index: i32) -> Option<Rc<Running<M>>> {
    let topic_id = shard.image().topic(M::TOPIC)?.id;
    let partition = shard.partition((topic_id, index)).await.ok()?;
    let begun = clock::monotonic();
    match load::load::<M>(shard, &partition).await {
        Ok(machine) => {
            let records = partition.high_watermark().get() - partition.bounds().log_start_offset;
            let millis = (clock::monotonic().saturating_sub(begun)).as_millis();
            let topic = M::TOPIC;
            tracing::debug!(topic, index, records, millis, "coordinator loaded");
            Some(Running::start(shard, index, partition, machine))
        }
        Err(error) => {
            let topic = M::TOPIC;
            tracing::error!(topic, index, "a coordinator stays out of service: {error}");
            None
        }
    }
}

/// Takes up a new image: loads what is new of the internal topic, and ends what is gone.
pub(crate) fn image_changed<M: Coordinated>(shard: &Rc<Shard>, change: &ImageChange) {
    if change
        .topics_deleted
        .iter()
        .any(|topic| &*topic.name == M::TOPIC)
    {
        M::coordinators(shard).end_all(shard);
    }
    let is_new = |topic: &TopicImage| &*topic.name == M::TOPIC;
    let created = change.topics_created.iter().any(|topic| is_new(topic));
    if created
        || change
            .partitions_added
            .iter()
            .any(|(topic, _)| is_new(topic))
    {
        let shard = Rc::clone(shard);
        // one after the other: each is fast, and all at once would keep the shard busy for long
        storage::tasks::spawn(async move {
            for place in all_places::<M>(&shard) {
                if place.owner == shard.index {
                    // a failure is in the log, and is the answer to whoever asks
                    drop(active::<M>(&shard, place.index).await);
                }
            }
        })
        .detach();
    }
}

/// The marker of a transaction was appended to a partition of the internal topic that this shard
/// owns: the coordinator's records of that transaction count now, or never.
pub(crate) async fn marker_written<M: Coordinated>(
    shard: &Rc<Shard>,
    index: i32,
    transaction: Transaction,
    committed: bool,
) {
    // one that is not loaded finds the marker in the log
    if let Ok(running) = active::<M>(shard, index).await {
        running.end_transaction(transaction, committed);
    }
}

impl<M: Coordinated> Coordinators<M> {
    /// Those that serve now.
    pub(crate) fn all_active(&self) -> Vec<Rc<Running<M>>> {
        let entries = self.entries.borrow();
        let active = entries.values().filter_map(|entry| match entry {
            Entry::Active(running) => Some(Rc::clone(running)),
            Entry::Loading(_) | Entry::Failed => None,
        });
        active.collect()
    }

    fn settle(&self, index: i32, settled: Entry<M>) {
        if let Some(Entry::Loading(waiters)) = self.entries.borrow_mut().insert(index, settled) {
            waiters.into_iter().for_each(Waker::wake);
        }
    }

    async fn settled(&self, index: i32) -> Result<Rc<Running<M>>, ErrorCode> {
        std::future::poll_fn(|context| match self.entries.borrow_mut().get_mut(&index) {
            Some(Entry::Active(running)) => Poll::Ready(Ok(Rc::clone(running))),
            Some(Entry::Loading(waiters)) => {
                waiters.push(context.waker().clone());
                Poll::Pending
            }
            Some(Entry::Failed) | None => Poll::Ready(Err(ErrorCode::NotCoordinator)),
        })
        .await
    }

    /// Takes one out, so that it is loaded again when it is asked for; unless it was already, and
    /// another one has its place.
    fn forget(&self, index: i32, gone: &Rc<Running<M>>) {
        let mut entries = self.entries.borrow_mut();
        if let Some(Entry::Active(running)) = entries.get(&index)
            && Rc::ptr_eq(running, gone)
        {
            entries.remove(&index);
        }
    }

    fn end_all(&self, shard: &Rc<Shard>) {
        let entries = self.entries.take();
        for entry in entries.into_values() {
            match entry {
                Entry::Active(running) => running.end(shard),
                Entry::Loading(waiters) => waiters.into_iter().for_each(Waker::wake),
                Entry::Failed => {}
            }
        }
    }
}
