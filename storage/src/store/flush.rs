//! Writes of whole pages from the tails to the segments: late, large, few at a time, and not
//! synced; a checkpoint does that. Shell.

use std::rc::{Rc, Weak};

use super::{Events, Store};
use crate::extent::PAGE_BYTES;
use crate::log::{FLUSH_BYTES_MIN, Log};
use crate::ring::WriteSync;
use crate::tasks;

/// More would keep the journal's writes waiting; with one, small flushes starve.
const WRITES_MAX: usize = 4;

/// Flushes until the store is gone.
pub(super) async fn run(store: Weak<Store>, events: Rc<Events>) {
    loop {
        let wanted = |store: &Store| {
            let work = !store.to_flush.borrow().is_empty();
            store.stopping.get() || (work && store.writes_under_way.get() < WRITES_MAX)
        };
        events
            .flush
            .until(|| store.upgrade().is_none_or(|store| wanted(&store)))
            .await;
        let Some(store) = store.upgrade().filter(|store| !store.stopping.get()) else {
            return;
        };
        let next = store.to_flush.borrow_mut().pop_front();
        if let Some(log) = next {
            store.start_flush(log);
        }
    }
}

impl Store {
    /// Asks for a flush of a log; the log remembers that it has been listed.
    pub(crate) fn list_for_flush(&self, log: &Rc<Log>) {
        if self.failed.get() {
            return;
        }
        self.to_flush.borrow_mut().push_back(Rc::clone(log));
        self.events.flush.notify();
    }

    fn start_flush(self: &Rc<Self>, log: Rc<Log>) {
        let bytes_min = if self.memory.is_short() {
            PAGE_BYTES as u64
        } else {
            FLUSH_BYTES_MIN
        };
        let Some((segment_base, write)) = log.take_flush(bytes_min) else {
            return;
        };
        self.writes_under_way.set(self.writes_under_way.get() + 1);
        let store = Rc::clone(self);
        tasks::spawn(async move {
            let written = log.write_pages(segment_base, &write, WriteSync::None).await;
            store.writes_under_way.set(store.writes_under_way.get() - 1);
            if written {
                // There may be more of it by now.
                store.list_for_flush(&log);
            }
            store.release_memory();
            store.events.flush.notify();
        })
        .detach();
    }
}
