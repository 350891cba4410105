//! Appends of one shard while its journal is full: they wait, and enter in the order in which they
//! came. Shell.
//!
//! As long as there is room an append runs at once. When there is none it is parked as a task of
//! its own, and so is everything that comes while others are parked, so nothing overtakes.

use std::cell::Cell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Waker};

use storage::store::StoreFailed;

use crate::shard::Shard;
use crate::shard::budget::Budget;

/// See the module.
#[derive(Debug)]
pub(crate) struct AppendOrder {
    /// Appends that have been parked and have not entered yet.
    parked: Cell<usize>,
    /// One permit: the turn of the oldest parked append.
    turn: Budget,
}

impl Default for AppendOrder {
    fn default() -> Self {
        Self {
            parked: Cell::new(0),
            turn: Budget::new(1),
        }
    }
}

/// Runs `append`, which appends `bytes` and returns what is still to wait for: now, or when the
/// journal has room and all that came before have entered. When the storage has failed it runs
/// too, and is told so by the log.
pub(crate) fn enter<T, F, Fut>(
    shard: &Rc<Shard>,
    bytes: usize,
    append: F,
) -> Pin<Box<dyn Future<Output = T>>>
where
    T: 'static,
    F: FnOnce(&Rc<Shard>) -> Fut + 'static,
    Fut: Future<Output = T> + 'static,
{
    let order = &shard.append_order;
    if order.parked.get() == 0 && has_room_now(shard, bytes) {
        return Box::pin(append(shard));
    }
    let parked = Parked::new(shard);
    Box::pin(storage::tasks::spawn(async move {
        let turn = parked.0.append_order.turn.acquire(1).await;
        // a failure is for the log to tell
        let (Ok(()) | Err(StoreFailed)) = parked.0.store.admit(bytes).await;
        let durable = append(&parked.0);
        drop(turn);
        drop(parked);
        durable.await
    }))
}

fn has_room_now(shard: &Shard, bytes: usize) -> bool {
    let admitted = pin!(shard.store.admit(bytes));
    admitted
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_ready()
}

/// As if an append waited for room until this is dropped.
#[cfg(test)]
pub(crate) async fn no_room(shard: &Rc<Shard>) -> impl Sized + use<> {
    let parked = Parked::new(shard);
    (shard.append_order.turn.acquire(1).await, parked)
}

/// Counts one parked append until it has entered, or its connection is gone.
struct Parked(Rc<Shard>);

impl Parked {
    fn new(shard: &Rc<Shard>) -> Self {
        let parked = &shard.append_order.parked;
        parked.set(parked.get() + 1);
        Self(Rc::clone(shard))
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        let parked = &self.0.append_order.parked;
        parked.set(parked.get() - 1);
    }
}
