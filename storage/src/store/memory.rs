//! The memory of all tails of a shard and its limit: blocks that are in their segment's file are
//! dropped oldest first across the logs; what is not in a file is flushed for it. Shell.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use super::Store;
use crate::log::Log;

/// Looked at per block taken, so that a long queue of pinned blocks costs no more.
const TICKETS_PER_PASS: usize = 64;
/// Open files, and indexes in memory, of sealed segments.
const SEALED_MAX: usize = 256;

#[derive(Debug)]
pub(super) struct Memory {
    bytes: Cell<usize>,
    bytes_max: usize,
    /// One per block taken, in that order: each stands for its log's oldest block then.
    tickets: RefCell<VecDeque<Weak<Log>>>,
    /// Sealed segments whose index is in memory or whose file is open, in order of first use.
    sealed: RefCell<VecDeque<(Weak<Log>, i64)>>,
}

impl Memory {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            bytes: Cell::default(),
            bytes_max,
            tickets: RefCell::default(),
            sealed: RefCell::default(),
        }
    }

    /// Whether the limit is near, so that even small flushes are worth it.
    pub(super) fn is_short(&self) -> bool {
        self.bytes.get() > self.bytes_max / 4 * 3
    }
}

impl Store {
    /// Notes memory that a log's tail took.
    pub(crate) fn memory_taken(&self, log: &Rc<Log>, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.memory.bytes.set(self.memory.bytes.get() + bytes);
        self.memory
            .tickets
            .borrow_mut()
            .push_back(Rc::downgrade(log));
        self.release_memory();
    }

    /// Notes memory that a log's tail gave back.
    pub(crate) fn memory_given_back(&self, bytes: usize) {
        self.memory
            .bytes
            .set(self.memory.bytes.get().saturating_sub(bytes));
    }

    /// Notes that a sealed segment's file was opened or its index loaded; the one that was first
    /// used longest ago is closed for it.
    pub(crate) fn sealed_used(&self, log: &Weak<Log>, base: i64) {
        let mut sealed = self.memory.sealed.borrow_mut();
        if sealed
            .iter()
            .any(|(other, at)| *at == base && other.ptr_eq(log))
        {
            return;
        }
        sealed.push_back((Weak::clone(log), base));
        let surplus = if sealed.len() > SEALED_MAX {
            sealed.pop_front()
        } else {
            None
        };
        drop(sealed);
        if let Some((log, base)) = surplus
            && let Some(log) = log.upgrade()
        {
            log.forget_sealed(base);
        }
    }

    /// Bytes that the tails of all logs hold.
    pub fn tail_bytes(&self) -> usize {
        self.memory.bytes.get()
    }

    /// Drops the oldest blocks while there is more than the limit allows.
    pub(crate) fn release_memory(&self) {
        let looks = self.memory.tickets.borrow().len().min(TICKETS_PER_PASS);
        for _ in 0..looks {
            if self.memory.bytes.get() <= self.memory.bytes_max {
                return;
            }
            let Some(ticket) = self.memory.tickets.borrow_mut().pop_front() else {
                return;
            };
            let Some(log) = ticket.upgrade() else {
                continue;
            };
            match log.release_oldest() {
                Some(released) => {
                    self.memory_given_back(released.bytes);
                    if !released.whole_block {
                        self.memory.tickets.borrow_mut().push_back(ticket);
                    }
                }
                None => {
                    log.want_flush();
                    self.memory.tickets.borrow_mut().push_back(ticket);
                }
            }
        }
    }
}
