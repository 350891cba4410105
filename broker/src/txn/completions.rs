//! Waits for the end of a transaction, of whoever wants to begin the next one. Shell.
//!
//! With KIP-890 a producer is told of its commit while the markers are still written, so its next
//! write often comes a moment too early.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

use foldhash::HashMap;

/// Those who wait for one transactional id, by number.
type Waiters = BTreeMap<u64, Waker>;

/// The waits of one shard.
#[derive(Debug, Default)]
pub(crate) struct Completions {
    number_next: Cell<u64>,
    waiting: RefCell<HashMap<String, Waiters>>,
}

impl Completions {
    /// A transaction of this id is complete.
    pub(crate) fn note(&self, transactional_id: &str) {
        let waiters = self.waiting.borrow_mut().remove(transactional_id);
        for waker in waiters.unwrap_or_default().into_values() {
            waker.wake();
        }
    }

    /// Ready when the next transaction of this id is complete.
    pub(crate) async fn next(&self, transactional_id: &str) {
        let number = self.number_next.get();
        self.number_next.set(number + 1);
        let wait = Wait {
            completions: self,
            transactional_id,
            number,
        };
        let mut waits = false;
        std::future::poll_fn(|context| wait.poll(std::mem::replace(&mut waits, true), context))
            .await;
    }
}

/// A wait that leaves nothing behind when it is given up.
struct Wait<'a> {
    completions: &'a Completions,
    transactional_id: &'a str,
    number: u64,
}

impl Wait<'_> {
    fn poll(&self, has_waited: bool, context: &Context<'_>) -> Poll<()> {
        let mut waiting = self.completions.waiting.borrow_mut();
        let waiters = waiting.get_mut(self.transactional_id);
        match waiters {
            Some(waiters) if !has_waited || waiters.contains_key(&self.number) => {
                waiters.insert(self.number, context.waker().clone());
                Poll::Pending
            }
            Some(_) => Poll::Ready(()),
            None if has_waited => Poll::Ready(()),
            None => {
                let waiters = Waiters::from([(self.number, context.waker().clone())]);
                waiting.insert(self.transactional_id.to_owned(), waiters);
                Poll::Pending
            }
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut waiting = self.completions.waiting.borrow_mut();
        let Some(waiters) = waiting.get_mut(self.transactional_id) else {
            return;
        };
        waiters.remove(&self.number);
        if waiters.is_empty() {
            waiting.remove(self.transactional_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn is_ready(future: std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
        future
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    }

    #[test]
    fn a_completion_ends_the_waits_for_its_id_only() {
        let completions = Completions::default();
        let mut first = pin!(completions.next("a"));
        let mut second = pin!(completions.next("a"));
        let mut other = pin!(completions.next("b"));
        for wait in [&mut first, &mut second, &mut other] {
            assert!(!is_ready(wait.as_mut()));
        }
        completions.note("a");
        let mut late = pin!(completions.next("a"));
        assert!(!is_ready(late.as_mut()));
        assert!(is_ready(first.as_mut()) && is_ready(second.as_mut()));
        assert!(!is_ready(other.as_mut()) && !is_ready(late.as_mut()));
    }

    #[test]
    fn a_wait_that_is_given_up_leaves_nothing() {
        let completions = Completions::default();
        {
            let mut wait = pin!(completions.next("a"));
            assert!(!is_ready(wait.as_mut()));
        }
        assert!(completions.waiting.borrow().is_empty());
    }
}
