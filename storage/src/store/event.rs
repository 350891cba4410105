//! A condition that tasks of one thread wait for. Shell only in that it wakes tasks.

use std::cell::RefCell;
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// Who changes the condition calls [`Event::notify`]; who waits asks again then.
#[derive(Debug, Default)]
pub(crate) struct Event {
    wakers: RefCell<Vec<Waker>>,
}

impl Event {
    /// Lets everybody who waits look again.
    pub(crate) fn notify(&self) {
        for waker in self.wakers.take() {
            waker.wake();
        }
    }

    /// Resolves when `reached` holds.
    pub(crate) async fn until(&self, mut reached: impl FnMut() -> bool) {
        poll_fn(|context| {
            if reached() {
                return Poll::Ready(());
            }
            let mut wakers = self.wakers.borrow_mut();
            if !wakers.iter().any(|waker| waker.will_wake(context.waker())) {
                wakers.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

/// Lets one task at a time into a section.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    held: std::cell::Cell<bool>,
    event: Event,
}

impl Gate {
    /// Waits for its turn; the section ends when the guard is dropped.
    pub(crate) async fn enter(&self) -> GateGuard<'_> {
        self.event.until(|| !self.held.get()).await;
        self.held.set(true);
        GateGuard { gate: self }
    }
}

/// The right to be in the section.
#[derive(Debug)]
pub(crate) struct GateGuard<'a> {
    gate: &'a Gate,
}

impl Drop for GateGuard<'_> {
    fn drop(&mut self) {
        self.gate.held.set(false);
        self.gate.event.notify();
    }
}
