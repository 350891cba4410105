//! The commit: at the end of a turn everything that the shard's logs appended goes into one
//! write of the journal; the next one begins when it is durable. Shell.

use std::io;
use std::ops::Range;
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::{Events, Store};
use crate::journal::PlacedCommit;
use crate::journal::space::entry_bytes;
use crate::log::{Listed, Log, is_full};
use crate::tasks;

const RETRY_AFTER: Duration = Duration::from_millis(500);

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
        match store.journal.prewrite().await {
            // what is not prewritten is written by its commit
            Err(error) if is_full(&error) => tasks::sleep(RETRY_AFTER).await,
            Err(error) => store.fail(&format!("journal: {error}")),
            Ok(_) => {}
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
        match self.write_commit(&commit).await {
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

    /// A file system that copies on write needs space also for what it overwrites. A commit that
    /// found none is not there, and is written again when there is some.
    async fn write_commit(&self, commit: &PlacedCommit) -> io::Result<()> {
        loop {
            match self.journal.write(commit).await {
                Err(error) if is_full(&error) => self.wait_for_space().await?,
                written => return written,
            }
        }
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
