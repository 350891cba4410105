//! A monotonically rising offset that tasks of one thread wait for, or failed for ever.
//! Waiters wake in the order of the offsets that they wait for. A wait for an offset that is
//! already reached costs nothing.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// The storage behind the watermark failed: it will never rise again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the watermark failed and will not rise again")]
pub struct Failed;

#[derive(Debug)]
struct Waiter {
    at_least: i64,
    id: u64,
    waker: Waker,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Watermark {
    at: Cell<i64>,
    failed: Cell<bool>,
    next_id: Cell<u64>,
    /// Sorted by (`at_least`, `id`).
    waiters: RefCell<VecDeque<Waiter>>,
}

impl Watermark {
    pub fn new(at: i64) -> Self {
        Self {
            at: Cell::new(at),
            ..Self::default()
        }
    }

    pub fn get(&self) -> i64 {
        self.at.get()
    }

    pub fn is_failed(&self) -> bool {
        self.failed.get()
    }

    /// Raises the watermark and wakes whoever waited for it. A lower value changes nothing,
    /// and neither does any value after a failure.
    pub fn advance(&self, to: i64) {
        if self.failed.get() || to <= self.at.get() {
            return;
        }
        self.at.set(to);
        self.wake_while(|waiter| waiter.at_least <= to);
    }

    /// Fails every present and future wait above the current value.
    pub fn fail(&self) {
        self.failed.set(true);
        self.wake_while(|_| true);
    }

    /// Sets the watermark back (truncation): waiters stay and wait for the offset to return.
    pub fn reset(&self, to: i64) {
        self.at.set(to);
    }

    /// Resolves when the watermark is at least `at_least`.
    pub fn wait_for(&self, at_least: i64) -> WaitFor<'_> {
        WaitFor {
            watermark: self,
            at_least,
            id: None,
        }
    }

    // One at a time and outside the borrow: waking may drop a task, which drops its `WaitFor`.
    fn wake_while(&self, reached: impl Fn(&Waiter) -> bool) {
        loop {
            let waiter = self
                .waiters
                .borrow_mut()
                .pop_front_if(|first| reached(first));
            let Some(waiter) = waiter else { return };
            waiter.waker.wake();
        }
    }

    fn position(&self, at_least: i64, id: u64) -> Result<usize, usize> {
        let waiters = self.waiters.borrow();
        match waiters.back() {
            Some(last) if (last.at_least, last.id) >= (at_least, id) => {
                waiters.binary_search_by(|waiter| (waiter.at_least, waiter.id).cmp(&(at_least, id)))
            }
            Some(_) | None => Err(waiters.len()),
        }
    }

    fn register(&self, at_least: i64, id: Option<u64>, waker: &Waker) -> u64 {
        let id = id.unwrap_or_else(|| self.next_id.replace(self.next_id.get() + 1));
        match self.position(at_least, id) {
            Ok(index) => self.waiters.borrow_mut()[index].waker.clone_from(waker),
            Err(index) => {
                let waiter = Waiter {
                    at_least,
                    id,
                    waker: waker.clone(),
                };
                self.waiters.borrow_mut().insert(index, waiter);
            }
        }
        id
    }

    fn unregister(&self, at_least: i64, id: u64) {
        let removed = match self.position(at_least, id) {
            Ok(index) => self.waiters.borrow_mut().remove(index),
            Err(_) => None,
        };
        drop(removed);
    }
}

/// The future of [`Watermark::wait_for`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct WaitFor<'a> {
    watermark: &'a Watermark,
    at_least: i64,
    id: Option<u64>,
}

impl Future for WaitFor<'_> {
    type Output = Result<(), Failed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.watermark.at.get() >= self.at_least {
            return Poll::Ready(Ok(()));
        }
        if self.watermark.failed.get() {
            return Poll::Ready(Err(Failed));
        }
        let id = self
            .watermark
            .register(self.at_least, self.id, context.waker());
        self.id = Some(id);
        Poll::Pending
    }
}

impl Drop for WaitFor<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.watermark.unregister(self.at_least, id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn poll(wait: &mut WaitFor<'_>, wakes: &Arc<Wakes>) -> Poll<Result<(), Failed>> {
        let waker = Waker::from(Arc::clone(wakes));
        Pin::new(wait).poll(&mut Context::from_waker(&waker))
    }

    #[test]
    fn a_reached_offset_is_ready_at_once_and_leaves_nothing_behind() {
        let watermark = Watermark::new(7);
        let wakes = Arc::new(Wakes::default());
        assert_eq!(
            poll(&mut watermark.wait_for(7), &wakes),
            Poll::Ready(Ok(()))
        );
        assert_eq!(watermark.waiters.borrow().capacity(), 0);
    }

    #[test]
    fn failure_wakes_everyone_but_keeps_what_was_reached() {
        let watermark = Watermark::new(3);
        let wakes = Arc::new(Wakes::default());
        let mut above = watermark.wait_for(4);
        assert!(poll(&mut above, &wakes).is_pending());
        watermark.fail();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert_eq!(poll(&mut above, &wakes), Poll::Ready(Err(Failed)));
        assert_eq!(
            poll(&mut watermark.wait_for(3), &wakes),
            Poll::Ready(Ok(()))
        );
        watermark.advance(10);
        assert_eq!(watermark.get(), 3);
    }

    #[test]
    fn a_dropped_wait_is_forgotten() {
        let watermark = Watermark::new(0);
        let wakes = Arc::new(Wakes::default());
        for at_least in [5, 3, 5, 9] {
            let mut wait = watermark.wait_for(at_least);
            assert!(poll(&mut wait, &wakes).is_pending());
        }
        assert!(watermark.waiters.borrow().is_empty());
    }

    proptest! {
        #[test]
        fn exactly_the_waits_that_are_reached_wake(
            offsets in prop::collection::vec(1_i64..100, 1..40),
            advances in prop::collection::vec(0_i64..120, 1..10),
        ) {
            let watermark = Watermark::new(0);
            let mut waits: Vec<_> = offsets
                .iter()
                .map(|at| (*at, watermark.wait_for(*at), Arc::new(Wakes::default())))
                .collect();
            for (_, wait, wakes) in &mut waits {
                prop_assert!(poll(wait, wakes).is_pending());
            }
            for to in advances {
                watermark.advance(to);
                for (at, _, wakes) in &waits {
                    let expected = usize::from(*at <= watermark.get());
                    prop_assert_eq!(wakes.0.load(Ordering::Relaxed), expected);
                }
            }
        }
    }
}
