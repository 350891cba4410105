//! The mailbox: bounded lanes between every ordered pair of the broker's threads. Shell.
//!
//! One call lane and one reply lane for each pair. A call takes a credit of its lane and gives it
//! back when the reply is taken in, so a reply always has room and a full lane is back-pressure on
//! the caller, never a drop. A call's closure runs at once, in the order sent, when the target
//! drains its lanes; the future that it returns runs on as a task of the target.
//! The state type is a parameter only so that the lanes can be tested without a shard.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use crossbeam_queue::ArrayQueue;
use slab::Slab;
use storage::ring::{Notifier, Ring};

/// Calls taken from one lane before the next lane has its turn.
const LANE_BATCH: usize = 128;

type Call<S> = Box<dyn FnOnce(&Rc<S>) + Send>;

struct ReplyValue {
    slot: usize,
    value: Box<dyn Any + Send>,
}

/// Every lane between `threads` callers and `shards` targets; made once at start.
pub(crate) struct Lanes<S> {
    shards: usize,
    /// Calls that one thread may have open at another: the length of a lane.
    calls_max: usize,
    calls: Vec<ArrayQueue<Call<S>>>,
    replies: Vec<ArrayQueue<ReplyValue>>,
    notifiers: Vec<Notifier>,
    /// Shards that will call no other any more.
    quiet: AtomicUsize,
}

impl<S> std::fmt::Debug for Lanes<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lanes")
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}

impl<S> Lanes<S> {
    /// Lanes for the shards with these notifiers, in index order, and one more caller: the control
    /// thread, whose index is the number of shards.
    pub(crate) fn new(notifiers: Vec<Notifier>, calls_max: usize) -> Arc<Self> {
        let shards = notifiers.len();
        let pairs = (shards + 1) * shards;
        Arc::new(Self {
            shards,
            calls_max,
            calls: (0..pairs).map(|_| ArrayQueue::new(calls_max)).collect(),
            replies: (0..pairs).map(|_| ArrayQueue::new(calls_max)).collect(),
            notifiers,
            quiet: AtomicUsize::new(0),
        })
    }

    /// A shard has no connection left, so it will call no other any more; it goes on answering.
    pub(crate) fn note_quiet(&self) {
        self.quiet.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether no shard waits for another any more.
    pub(crate) fn all_quiet(&self) -> bool {
        self.quiet.load(Ordering::Acquire) == self.shards
    }

    pub(crate) fn shards(&self) -> usize {
        self.shards
    }

    fn pair(&self, from: usize, to: usize) -> usize {
        from * self.shards + to
    }

    /// From outside the shards: runs `call` on a shard. Waits (spinning politely) while the lane is
    /// full; a shard never waits for the control thread without draining, so room comes.
    pub(crate) fn tell(&self, to: usize, call: impl FnOnce(&Rc<S>) + Send + 'static) {
        let lane = &self.calls[self.pair(self.shards, to)];
        let mut call: Call<S> = Box::new(call);
        while let Err(back) = lane.push(call) {
            call = back;
            self.notifiers[to].notify();
            std::thread::yield_now();
        }
        self.notifiers[to].notify();
    }

    /// From the control thread: the answer to the request that holds `slot` on shard `to`.
    pub(crate) fn reply_from_control(&self, to: usize, slot: usize, value: Box<dyn Any + Send>) {
        self.push_reply(self.shards, to, ReplyValue { slot, value });
        self.notifiers[to].notify();
    }

    fn push_reply(&self, from: usize, to: usize, reply: ReplyValue) {
        let pushed = self.replies[self.pair(from, to)].push(reply);
        assert!(
            pushed.is_ok(),
            "a reply lane has room for every credit given"
        );
    }
}

enum Slot {
    Waiting {
        target: usize,
        waker: Option<Waker>,
    },
    Arrived(Box<dyn Any + Send>),
    /// Nobody waits any more; the reply still gives the credit back.
    Abandoned {
        target: usize,
    },
}

/// One shard's end of the lanes. Lives on its thread.
pub(crate) struct Mailbox<S> {
    index: usize,
    lanes: Arc<Lanes<S>>,
    ring: Ring,
    credits: Vec<Cell<usize>>,
    credit_waiters: RefCell<VecDeque<Waker>>,
    slots: RefCell<Slab<Slot>>,
}

impl<S> std::fmt::Debug for Mailbox<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailbox")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

impl<S: 'static> Mailbox<S> {
    pub(crate) fn new(index: usize, lanes: Arc<Lanes<S>>, ring: Ring) -> Rc<Self> {
        let targets = lanes.shards + 1;
        Rc::new(Self {
            index,
            ring,
            credits: (0..targets).map(|_| Cell::new(lanes.calls_max)).collect(),
            lanes,
            credit_waiters: RefCell::default(),
            slots: RefCell::default(),
        })
    }

    pub(crate) fn lanes(&self) -> &Arc<Lanes<S>> {
        &self.lanes
    }

    /// Sends `call` to another shard and returns as soon as it is on its lane. The synchronous part
    /// of `call` runs there in the order sent; the reply comes when its future is done.
    pub(crate) async fn send<R, F, Fut>(self: &Rc<Self>, to: usize, call: F) -> Reply<R, S>
    where
        R: Send + 'static,
        F: FnOnce(Rc<S>) -> Fut + Send + 'static,
        Fut: Future<Output = R> + 'static,
        S: HasMailbox,
    {
        assert!(to != self.index, "a shard calls itself directly");
        let (slot, reply) = self.open_slot(to).await;
        let from = self.index;
        let boxed: Call<S> = Box::new(move |state: &Rc<S>| {
            let future = call(Rc::clone(state));
            let state = Rc::clone(state);
            storage::tasks::spawn(async move {
                let value = future.await;
                state.mailbox().answer(
                    from,
                    ReplyValue {
                        slot,
                        value: Box::new(value),
                    },
                );
            })
            .detach();
        });
        let pushed = self.lanes.calls[self.lanes.pair(self.index, to)].push(boxed);
        assert!(
            pushed.is_ok(),
            "a call lane has room for every credit given"
        );
        self.ring.notify_ring(&self.lanes.notifiers[to]);
        reply
    }

    /// Takes a credit for a request to thread `to` (a shard, or the control thread's index) and a
    /// slot in which its reply will arrive.
    pub(crate) async fn open_slot<R>(self: &Rc<Self>, to: usize) -> (usize, Reply<R, S>) {
        std::future::poll_fn(|context| {
            let credits = &self.credits[to];
            if credits.get() == 0 {
                self.credit_waiters
                    .borrow_mut()
                    .push_back(context.waker().clone());
                return Poll::Pending;
            }
            credits.set(credits.get() - 1);
            Poll::Ready(())
        })
        .await;
        let slot = self.slots.borrow_mut().insert(Slot::Waiting {
            target: to,
            waker: None,
        });
        (
            slot,
            Reply {
                mailbox: Rc::clone(self),
                slot: Some(slot),
                value: PhantomData,
            },
        )
    }

    fn answer(&self, to: usize, reply: ReplyValue) {
        self.lanes.push_reply(self.index, to, reply);
        self.ring.notify_ring(&self.lanes.notifiers[to]);
    }

    /// Runs what others have sent; returns whether there was anything. Called once a turn.
    pub(crate) fn drain(&self, state: &Rc<S>) -> bool {
        let mut any = false;
        for from in 0..=self.lanes.shards {
            let pair = self.lanes.pair(from, self.index);
            while let Some(reply) = self.lanes.replies[pair].pop() {
                self.take_reply(reply);
                any = true;
            }
            for _ in 0..LANE_BATCH {
                let Some(call) = self.lanes.calls[pair].pop() else {
                    break;
                };
                call(state);
                any = true;
            }
        }
        any
    }

    /// Whether something waits on a lane to this shard: asked after the sleeping flag is raised.
    pub(crate) fn has_mail(&self) -> bool {
        (0..=self.lanes.shards).any(|from| {
            let pair = self.lanes.pair(from, self.index);
            !self.lanes.replies[pair].is_empty() || !self.lanes.calls[pair].is_empty()
        })
    }

    fn take_reply(&self, reply: ReplyValue) {
        let mut slots = self.slots.borrow_mut();
        let target = match &mut slots[reply.slot] {
            Slot::Waiting { target, waker } => {
                let (target, waker) = (*target, waker.take());
                slots[reply.slot] = Slot::Arrived(reply.value);
                if let Some(waker) = waker {
                    waker.wake();
                }
                target
            }
            Slot::Abandoned { target } => {
                let target = *target;
                slots.remove(reply.slot);
                target
            }
            Slot::Arrived(_) => unreachable!("a slot gets one reply"),
        };
        drop(slots);
        self.credits[target].set(self.credits[target].get() + 1);
        for waker in self.credit_waiters.take() {
            waker.wake();
        }
    }
}

/// What a state must offer so that calls can answer through it.
pub(crate) trait HasMailbox: Sized {
    fn mailbox(&self) -> &Rc<Mailbox<Self>>;
}

/// The reply to one call; dropping it is allowed at any time.
pub(crate) struct Reply<R, S: 'static> {
    mailbox: Rc<Mailbox<S>>,
    slot: Option<usize>,
    value: PhantomData<fn() -> R>,
}

impl<R, S> std::fmt::Debug for Reply<R, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply")
            .field("slot", &self.slot)
            .finish_non_exhaustive()
    }
}

impl<R: 'static, S> Future for Reply<R, S> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let Some(slot) = self.slot else {
            unreachable!("polled after completion")
        };
        let mut slots = self.mailbox.slots.borrow_mut();
        if let Slot::Waiting { waker, .. } = &mut slots[slot] {
            *waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        let Slot::Arrived(value) = slots.remove(slot) else {
            unreachable!("only a dropped reply is abandoned")
        };
        drop(slots);
        self.slot = None;
        match value.downcast::<R>() {
            Ok(value) => Poll::Ready(*value),
            Err(_) => unreachable!("the reply has the type the call was made with"),
        }
    }
}

impl<R, S> Drop for Reply<R, S> {
    fn drop(&mut self) {
        let Some(slot) = self.slot else { return };
        let mut slots = self.mailbox.slots.borrow_mut();
        if let Slot::Waiting { target, .. } = slots[slot] {
            slots[slot] = Slot::Abandoned { target };
        } else {
            slots.remove(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use storage::ring::RingOptions;
    use storage::tasks::{self, Scheduler};

    use super::*;

    const CALLS_MAX: usize = 1024;

    /// A state that notes in which order calls ran.
    struct Noted {
        mailbox: Rc<Mailbox<Self>>,
        order: RefCell<Vec<u64>>,
    }

    impl HasMailbox for Noted {
        fn mailbox(&self) -> &Rc<Mailbox<Self>> {
            &self.mailbox
        }
    }

    /// Runs `body` on as many threads as there are shards, joined by lanes.
    fn on_shards<F, Fut>(shards: usize, body: F)
    where
        F: Fn(Rc<Noted>) -> Fut + Send + Sync + Clone + 'static,
        Fut: Future<Output = ()>,
    {
        let (rings, ring_ready) = mpsc::channel();
        let mut threads = Vec::new();
        let mut starts = Vec::new();
        for index in 0..shards {
            let (start, started) = mpsc::channel::<Arc<Lanes<Noted>>>();
            starts.push(start);
            let (rings, body) = (rings.clone(), body.clone());
            threads.push(std::thread::spawn(move || {
                let ring = Ring::new(&RingOptions::default()).unwrap();
                rings.send((index, ring.notifier())).unwrap();
                let mailbox = Mailbox::new(index, started.recv().unwrap(), ring.clone());
                let state = Rc::new(Noted {
                    mailbox,
                    order: RefCell::default(),
                });
                let scheduler = Scheduler::new(ring);
                let drained = Rc::clone(&state);
                scheduler.add_source(move || {
                    drained.mailbox.drain(&drained);
                    drained.mailbox.has_mail()
                });
                scheduler.run_until(body(state));
            }));
        }
        let mut notifiers: Vec<_> = (0..shards).map(|_| ring_ready.recv().unwrap()).collect();
        notifiers.sort_by_key(|(index, _)| *index);
        let notifiers = notifiers
            .into_iter()
            .map(|(_, notifier)| notifier)
            .collect();
        let lanes = Lanes::new(notifiers, CALLS_MAX);
        starts
            .iter()
            .for_each(|start| start.send(Arc::clone(&lanes)).unwrap());
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    }

    /// Keeps a shard alive until all others are done, too.
    async fn rendezvous(state: &Rc<Noted>, done: &'static AtomicUsize) {
        done.fetch_add(1, Ordering::SeqCst);
        while done.load(Ordering::SeqCst) < state.mailbox.lanes().shards() {
            tasks::sleep(Duration::from_millis(10)).await;
        }
    }

    #[test]
    fn calls_run_in_the_order_sent_and_answer_their_caller() {
        static DONE: AtomicUsize = AtomicUsize::new(0);
        const CALLS: u64 = 20_000; // many times the length of a lane
        on_shards(2, |state| async move {
            let to = 1 - state.mailbox.index;
            let mut replies = VecDeque::new();
            for number in 0..CALLS {
                let call = move |target: Rc<Noted>| {
                    target.order.borrow_mut().push(number);
                    std::future::ready(number * 2)
                };
                replies.push_back((number, state.mailbox.send(to, call).await));
                if replies.len() > 100 {
                    let (number, reply) = replies.pop_front().unwrap();
                    assert_eq!(reply.await, number * 2);
                }
            }
            for (number, reply) in replies {
                assert_eq!(reply.await, number * 2);
            }
            rendezvous(&state, &DONE).await;
            assert!(state.order.borrow().iter().copied().eq(0..CALLS));
        });
    }

    #[test]
    fn a_dropped_reply_gives_its_credit_back() {
        static DONE: AtomicUsize = AtomicUsize::new(0);
        on_shards(2, |state| async move {
            let to = 1 - state.mailbox.index;
            for _ in 0..CALLS_MAX * 3 {
                drop(
                    state
                        .mailbox
                        .send(to, |_| async { tasks::yield_now().await })
                        .await,
                );
            }
            let last = state.mailbox.send(to, |_| std::future::ready(7)).await;
            assert_eq!(last.await, 7);
            rendezvous(&state, &DONE).await;
        });
    }

    #[test]
    fn a_full_lane_holds_the_caller_back() {
        static DONE: AtomicUsize = AtomicUsize::new(0);
        on_shards(2, |state| async move {
            if state.mailbox.index == 0 {
                let mut replies = Vec::new();
                let slow = |_| tasks::sleep(Duration::from_millis(100));
                for _ in 0..CALLS_MAX {
                    replies.push(state.mailbox.send(1, slow).await);
                }
                let before = storage::clock::monotonic();
                replies.push(state.mailbox.send(1, slow).await);
                let waited = storage::clock::monotonic() - before;
                assert!(
                    waited > Duration::from_millis(20),
                    "sent after only {waited:?}"
                );
                for reply in replies {
                    reply.await;
                }
            }
            rendezvous(&state, &DONE).await;
        });
    }

    #[test]
    fn sleeping_shards_are_woken_by_every_call() {
        static DONE: AtomicUsize = AtomicUsize::new(0);
        on_shards(3, |state| async move {
            for round in 0..2_000 {
                let to = (state.mailbox.index + 1 + round % 2) % 3;
                let reply = state.mailbox.send(to, |_| std::future::ready(1)).await;
                let waited = tasks::timeout(Duration::from_secs(5), reply).await;
                assert_eq!(waited.ok(), Some(1), "round {round}");
            }
            rendezvous(&state, &DONE).await;
        });
    }
}
