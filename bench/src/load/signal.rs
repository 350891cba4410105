//! Wakes one task of the same thread. Shell. A signal raised before it is waited for is not lost.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use storage::tasks;

#[derive(Default)]
pub(crate) struct Signal {
    raised: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signal").field(&self.raised).finish()
    }
}

impl Signal {
    pub(crate) fn raise(&self) {
        self.raised.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Resolves when the signal is raised.
    pub(crate) async fn wait(&self) {
        poll_fn(|context| self.poll(context)).await;
    }

    /// Resolves when the signal is raised, or the monotonic clock has reached `deadline`.
    pub(crate) async fn wait_until(&self, deadline: Option<u64>) {
        let Some(deadline) = deadline else {
            return self.wait().await;
        };
        let mut over = tasks::sleep_until(Duration::from_nanos(deadline));
        poll_fn(|context| {
            if self.poll(context).is_ready() {
                return Poll::Ready(());
            }
            Pin::new(&mut over).poll(context)
        })
        .await;
    }

    fn poll(&self, context: &Context<'_>) -> Poll<()> {
        if self.raised.replace(false) {
            return Poll::Ready(());
        }
        self.waker.set(Some(context.waker().clone()));
        Poll::Pending
    }
}
