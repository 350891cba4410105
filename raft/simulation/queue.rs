//! What will happen, in the order of time; what is for the same instant happens in the order it was planned.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

#[derive(Debug)]
pub(crate) struct Queue<E> {
    heap: BinaryHeap<Reverse<Planned<E>>>,
    planned: u64,
}

#[derive(Debug)]
struct Planned<E> {
    at: u64,
    number: u64,
    event: E,
}

impl<E> PartialEq for Planned<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl<E> Eq for Planned<E> {}

impl<E> PartialOrd for Planned<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Planned<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<E> Queue<E> {
    pub(crate) fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            planned: 0,
        }
    }

    pub(crate) fn push(&mut self, at: u64, event: E) {
        self.planned += 1;
        self.heap.push(Reverse(Planned {
            at,
            number: self.planned,
            event,
        }));
    }

    pub(crate) fn pop(&mut self) -> Option<(u64, E)> {
        self.heap
            .pop()
            .map(|Reverse(planned)| (planned.at, planned.event))
    }

    /// Drops what `keep` refuses.
    pub(crate) fn retain(&mut self, keep: impl Fn(u64, &E) -> bool) {
        self.heap
            .retain(|Reverse(planned)| keep(planned.at, &planned.event));
    }
}
