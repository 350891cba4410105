//! The commit: at the end of a turn everything that the shard's logs appended goes into one
//! write of the journal; the next one begins when it is durable. Shell.

use std::ops::Range;
use std::rc::{Rc, Weak};

use super::{Events, Store};
use crate::journal::PlacedCommit;
use crate::journal::space::entry_bytes;
use crate::log::{Listed, Log};
use crate::tasks;

/// A commit and whose bytes it carries.
struct Gathered {
    commit: PlacedCommit,
    covered: Vec<(Rc<Log>, Range<u64>)>,
}

/// Commits until the store is gone.
pub(super) async fn run(store: Weak<Store>, events: Rc<Events>) {
    loop {
        let wanted = |store: &Store| store.stopping.get() || !store.pending.borrow().is_empty();
        events
            .commit
            .until(|| store.upgrade().is_none_or(|store| wanted(&store)))
            .await;
        tasks::turn_end().await;
        let Some(store) = store.upgrade().filter(|store| !store.stopping.get()) else {
            return;
        };
        store.commit().await;
    }
}

/// Writes zeros ahead of the journal's head until the first lap is over.
pub(super) async fn run_prewrite(store: Weak<Store>, events: Rc<Events>) {
    loop {
        let wanted = |store: &Store| {
            store.stopping.get() || (store.journal.wants_prewrite() && !store.failed.get())
        };
        events
            .prewrite
            .until(|| store.upgrade().is_none_or(|store| wanted(&store)))
            .await;
        let Some(store) = store.upgrade().filter(|store| !store.stopping.get()) else {
            return;
        };
        if let Err(error) = store.journal.prewrite().await {
            store.fail(&format!("journal: {error}"));
        }
    }
}

impl Store {
    /// Notes that a segment's pending bytes grew from the start of the range to its end.
    pub(crate) fn appended(&self, log: &Rc<Log>, listed: &mut Listed, growth: Range<u64>) {
        let pending = self.pending_bytes.get() + entry_bytes(growth.end);
        self.pending_bytes.set(pending - entry_bytes(growth.start));
        if !std::mem::replace(&mut listed.pending, true) {
            let mut logs = self.pending.borrow_mut();
            logs.push_back(Rc::clone(log));
            if logs.len() == 1 {
                drop(logs);
                self.events.commit.notify();
            }
        }
        if !std::mem::replace(&mut listed.dirty, true) {
            self.dirty.borrow_mut().push(Rc::clone(log));
        }
    }

    async fn commit(&self) {
        let Some(Gathered { commit, covered }) = self.gather() else {
            return;
        };
        let written = self.journal.write(commit).await;
        match written {
            Ok(()) => {
                for (log, commits) in covered {
                    log.committed(commits);
                }
            }
            Err(error) => self.fail(&format!("journal: {error}")),
        }
        if self.journal.wants_checkpoint() {
            self.events.checkpoint.notify();
        }
        if self.journal.wants_prewrite() {
            self.events.prewrite.notify();
        }
        // What left the pending bytes takes less room in the journal than it was counted for.
        self.events.room.notify();
    }

    fn gather(&self) -> Option<Gathered> {
        let mut staging = self.journal.staging();
        let mut covered = Vec::new();
        loop {
            let Some(log) = self.pending.borrow_mut().pop_front() else {
                break;
            };
            let gathered = log.gather(&mut staging);
            self.pending_bytes
                .set(self.pending_bytes.get() - gathered.released);
            if !gathered.commits.is_empty() {
                covered.push((Rc::clone(&log), gathered.commits));
            }
            if !gathered.complete {
                self.pending.borrow_mut().push_front(log);
                break;
            }
        }
        if staging.is_empty() || self.failed.get() {
            return None;
        }
        Some(Gathered {
            commit: self.journal.place(staging),
            covered,
        })
    }
}
