//! The memory that requests of one shard may take, charged before it is used. Shell.
//!
//! Small bodies have a part of their own, so that large ones half sent keep nobody out. A large body
//! is charged as it comes, not for what it announces. When bodies that need more hold everything,
//! one of them may go beyond: that is at most one request more than the budget, and ends the knot.

use futures_lite::future;

use crate::shard::budget::{Budget, Permit};

/// The part of the memory that is for small bodies.
const SMALL_PART: usize = 8;
/// A decoded request takes at most so many times its bytes (`protocol::codec`).
const DECODED_FACTOR: usize = 50;

/// See the module.
#[derive(Debug)]
pub(crate) struct RequestMemory {
    small: Budget,
    large: Budget,
    /// One permit: to go beyond the budget of the large ones.
    beyond: Budget,
    decoded: Budget,
}

/// What one request was charged; given back on drop.
#[derive(Debug)]
pub(crate) struct Charge {
    _first: Permit,
    grown: Vec<Permit>,
    beyond: Option<Permit>,
}

impl Charge {
    fn of(first: Permit) -> Self {
        Self {
            _first: first,
            grown: Vec::new(),
            beyond: None,
        }
    }
}

impl RequestMemory {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let small = bytes_max / SMALL_PART;
        Self {
            small: Budget::new(small),
            large: Budget::new(bytes_max - small),
            beyond: Budget::new(1),
            decoded: Budget::new(bytes_max / 2),
        }
    }

    /// For a small body, whole.
    pub(crate) async fn small(&self, bytes: usize) -> Charge {
        Charge::of(self.small.acquire(bytes).await)
    }

    /// For the first part of a large body.
    pub(crate) async fn large(&self, bytes: usize) -> Charge {
        Charge::of(self.large.acquire(bytes).await)
    }

    /// For more of a large body.
    pub(crate) async fn grow(&self, charge: &mut Charge, bytes: usize) {
        if charge.beyond.is_some() {
            return;
        }
        let within = async { Ok(self.large.acquire(bytes).await) };
        let beyond = async { Err(self.beyond.acquire(1).await) };
        match future::or(within, beyond).await {
            Ok(permit) => charge.grown.push(permit),
            Err(turn) => charge.beyond = Some(turn),
        }
    }

    /// For what comes out of decoding a request of so many bytes.
    pub(crate) async fn decoded(&self, bytes: usize) -> Permit {
        self.decoded.acquire(bytes * DECODED_FACTOR).await
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn now<F: Future>(future: F) -> Option<F::Output> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn large_bodies_leave_room_for_small_ones() {
        let memory = RequestMemory::new(800);
        let all = now(memory.large(700)).unwrap();
        assert!(now(memory.large(1)).is_none());
        assert!(now(memory.small(100)).is_some());
        drop(all);
        assert!(now(memory.large(700)).is_some());
    }

    #[test]
    fn bodies_that_hold_everything_do_not_wait_for_each_other_for_ever() {
        let memory = RequestMemory::new(800);
        let mut first = now(memory.large(350)).unwrap();
        let mut second = now(memory.large(350)).unwrap();
        assert!(
            now(memory.grow(&mut first, 100)).is_some(),
            "the first goes beyond"
        );
        assert!(now(memory.grow(&mut first, 100)).is_some());
        assert!(
            now(memory.grow(&mut second, 100)).is_none(),
            "only one does"
        );
        drop(first);
        assert!(now(memory.grow(&mut second, 100)).is_some());
    }
}
