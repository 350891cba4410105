//! An amount that users take from and give back: bytes of memory, or turns. Shell.
//!
//! Those who wait are served in order, so a large request is not starved by small ones. A request
//! larger than the whole budget runs alone.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Rc<State>);

#[derive(Debug)]
struct State {
    bytes_max: usize,
    bytes_free: Cell<usize>,
    /// Tickets of those who wait, oldest first.
    waiters: RefCell<VecDeque<(u64, Waker)>>,
    ticket_next: Cell<u64>,
}

impl Budget {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self(Rc::new(State {
            bytes_max,
            bytes_free: Cell::new(bytes_max),
            waiters: RefCell::default(),
            ticket_next: Cell::new(0),
        }))
    }

    /// Waits until `bytes` are free, in order of asking, and takes them.
    pub(crate) async fn acquire(&self, bytes: usize) -> Permit {
        let bytes = bytes.min(self.0.bytes_max);
        let mut turn = Turn {
            state: &self.0,
            ticket: None,
        };
        std::future::poll_fn(|context| turn.poll(bytes, context.waker())).await;
        drop(turn);
        Permit {
            state: Rc::clone(&self.0),
            bytes,
        }
    }
}

struct Turn<'a> {
    state: &'a State,
    ticket: Option<u64>,
}

impl Turn<'_> {
    fn poll(&mut self, bytes: usize, waker: &Waker) -> Poll<()> {
        let mut waiters = self.state.waiters.borrow_mut();
        let first = waiters
            .front()
            .is_none_or(|(ticket, _)| Some(*ticket) == self.ticket);
        if first && self.state.bytes_free.get() >= bytes {
            self.state
                .bytes_free
                .set(self.state.bytes_free.get() - bytes);
            if self.ticket.take().is_some() {
                waiters.pop_front();
            }
            if let Some((_, next)) = waiters.front() {
                next.wake_by_ref();
            }
            return Poll::Ready(());
        }
        if let Some(own) = self.ticket {
            if let Some(entry) = waiters.iter_mut().find(|(ticket, _)| *ticket == own) {
                entry.1 = waker.clone();
            }
        } else {
            let ticket = self.state.ticket_next.get();
            self.state.ticket_next.set(ticket + 1);
            self.ticket = Some(ticket);
            waiters.push_back((ticket, waker.clone()));
        }
        Poll::Pending
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let Some(own) = self.ticket else { return };
        let mut waiters = self.state.waiters.borrow_mut();
        waiters.retain(|(ticket, _)| *ticket != own);
        if let Some((_, next)) = waiters.front() {
            next.wake_by_ref();
        }
    }
}

/// Bytes taken from a [`Budget`]; given back on drop.
#[derive(Debug)]
pub(crate) struct Permit {
    state: Rc<State>,
    bytes: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.state
            .bytes_free
            .set(self.state.bytes_free.get() + self.bytes);
        if let Some((_, next)) = self.state.waiters.borrow().front() {
            next.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Context;

    use super::*;

    fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn waiters_are_served_in_order_and_bytes_come_back() {
        let budget = Budget::new(100);
        let first = poll_once(pin!(budget.acquire(80)));
        assert!(first.is_ready());
        let mut large = pin!(budget.acquire(90));
        let mut small = pin!(budget.acquire(10));
        assert!(poll_once(large.as_mut()).is_pending());
        assert!(
            poll_once(small.as_mut()).is_pending(),
            "a later small one does not overtake"
        );
        drop(first);
        let Poll::Ready(large) = poll_once(large.as_mut()) else {
            panic!("room for the large one")
        };
        assert!(poll_once(small.as_mut()).is_ready());
        drop(large);
        assert!(
            poll_once(pin!(budget.acquire(1_000))).is_ready(),
            "more than all runs alone"
        );
    }

    #[test]
    fn a_dropped_waiter_lets_the_next_one_in() {
        let budget = Budget::new(10);
        let held = poll_once(pin!(budget.acquire(6)));
        let mut next = pin!(budget.acquire(4));
        {
            let mut large = pin!(budget.acquire(10));
            assert!(poll_once(large.as_mut()).is_pending());
            assert!(poll_once(next.as_mut()).is_pending());
        }
        assert!(poll_once(next.as_mut()).is_ready());
        drop(held);
    }
}
