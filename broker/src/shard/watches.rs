//! Fetches of this shard's connections that wait for records on other shards. Shell.
//!
//! Waiting must not hold a lane's credit for half a second, so it is three short calls: the owner
//! is told to watch, it calls back when there is more to read, and it is told to stop when the
//! fetch has been answered for another reason.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use foldhash::HashMap;
use storage::tasks::{Elapsed, Task};

use crate::partition::Isolation;
use crate::partition::table::PartitionId;
use crate::shard::Shard;

/// A partition of which records past an offset are awaited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Awaited {
    pub(crate) id: PartitionId,
    pub(crate) offset: i64,
    pub(crate) isolation: Isolation,
}

/// A watch's name: the shard that waits, and its number there.
type WatchId = (usize, u64);

#[derive(Debug)]
enum Waiting {
    For(Option<Waker>),
    Fired,
}

/// Both sides of the watching that one shard takes part in.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    number_next: Cell<u64>,
    waiting: RefCell<HashMap<u64, Waiting>>,
    /// Tasks here that watch for other shards; dropping one ends it.
    watching: RefCell<HashMap<WatchId, Task<()>>>,
}

/// Waits until one of the partitions, owned by the given shards, has records past its offset, the
/// time is up, or `given_up`.
pub(crate) async fn any_passes(
    shard: &Rc<Shard>,
    by_owner: Vec<(usize, Vec<Awaited>)>,
    time: Duration,
    given_up: impl Future<Output = ()>,
) {
    let number = shard.watches.number_next.get();
    shard.watches.number_next.set(number + 1);
    shard
        .watches
        .waiting
        .borrow_mut()
        .insert(number, Waiting::For(None));
    let id = (shard.index, number);
    let mut here = None;
    let mut owners = Vec::new();
    for (owner, awaited) in by_owner {
        if owner == shard.index {
            here = Some(awaited);
        } else {
            shard
                .ask(owner, move |owner| start(owner, id, awaited, time))
                .await;
            owners.push(owner);
        }
    }
    let there = shard.watches.fired(number);
    let first = futures_lite::future::or(passes(shard, here), there);
    let first = futures_lite::future::or(first, given_up);
    let (Ok(()) | Err(Elapsed)) = storage::tasks::timeout(time, first).await;
    shard.watches.waiting.borrow_mut().remove(&number);
    for owner in owners {
        shard.ask(owner, move |owner| stop(owner, id)).await;
    }
}

/// Ready when one of these partitions of this shard has passed its offset, failed, or is gone.
async fn passes(shard: &Rc<Shard>, awaited: Option<Vec<Awaited>>) {
    let Some(awaited) = awaited else {
        return std::future::pending().await;
    };
    let mut partitions = Vec::with_capacity(awaited.len());
    for awaited in awaited {
        let Some(partition) = shard.partitions.get(awaited.id) else {
            return;
        };
        partitions.push((partition, awaited));
    }
    let mut waits: Vec<_> = partitions
        .iter()
        .map(|(partition, awaited)| {
            let readable_end = partition.readable_end(awaited.isolation);
            readable_end.wait_for(awaited.offset + 1)
        })
        .collect();
    std::future::poll_fn(|context| {
        let any = waits
            .iter_mut()
            .any(|wait| std::pin::Pin::new(wait).poll(context).is_ready());
        if any { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// On the owner: begins to watch.
async fn start(owner: Rc<Shard>, id: WatchId, awaited: Vec<Awaited>, time: Duration) {
    let shard = Rc::clone(&owner);
    let task = storage::tasks::spawn(async move {
        let watched = storage::tasks::timeout(time, passes(&shard, Some(awaited)));
        let (Ok(()) | Err(Elapsed)) = watched.await;
        let (waiter, number) = id;
        shard
            .ask(
                waiter,
                move |waiter| async move { waiter.watches.fire(number) },
            )
            .await;
    });
    owner.watches.watching.borrow_mut().insert(id, task);
}

/// On the owner: ends a watch, fired or not.
async fn stop(owner: Rc<Shard>, id: WatchId) {
    let task = owner.watches.watching.borrow_mut().remove(&id);
    drop(task);
}

impl Watches {
    /// Ends all waiting here, so that every fetch looks at its connection and at the broker again.
    pub(crate) fn fire_all(&self) {
        for waiting in self.waiting.borrow_mut().values_mut() {
            if let Waiting::For(Some(waker)) = std::mem::replace(waiting, Waiting::Fired) {
                waker.wake();
            }
        }
    }

    fn fire(&self, number: u64) {
        if let Some(waiting) = self.waiting.borrow_mut().get_mut(&number)
            && let Waiting::For(Some(waker)) = std::mem::replace(waiting, Waiting::Fired)
        {
            waker.wake();
        }
    }

    async fn fired(&self, number: u64) {
        std::future::poll_fn(|context| match self.waiting.borrow_mut().get_mut(&number) {
            Some(Waiting::For(waker)) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            Some(Waiting::Fired) | None => Poll::Ready(()),
        })
        .await;
    }
}
