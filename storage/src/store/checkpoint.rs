//! The checkpoint of a shard: when half of the journal is live, every log that has entries in it
//! gets its segments written and synced; then the journal forgets those entries. Shell.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::{Events, Store, StoreError};
use crate::journal::format::EntryHeader;
use crate::journal::{self, JournalMark};
use crate::log::{Log, is_full};
use crate::recovery::salvage;
use crate::tasks;

/// Logs whose files are synced at once; the file system gathers their syncs.
const LOGS_AT_ONCE: usize = 8;
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Checkpoints until the store is gone.
pub(super) async fn run(store: Weak<Store>, events: Rc<Events>) {
    loop {
        let wanted = |store: &Store| store.stopping.get() || store.wants_checkpoint();
        events
            .checkpoint
            .until(|| store.upgrade().is_none_or(|store| wanted(&store)))
            .await;
        let Some(store) = store.upgrade().filter(|store| !store.stopping.get()) else {
            return;
        };
        store.checkpoint_asked.set(false);
        if let Err(error) = store.checkpoint().await {
            // The journal keeps what the segments lack, so nothing is lost; but it fills up.
            tracing::error!("shard {}: checkpoint: {error}", store.options.shard);
            tasks::sleep(RETRY_AFTER).await;
            store.ask_for_checkpoint();
        }
    }
}

impl Store {
    fn wants_checkpoint(&self) -> bool {
        let asked = self.checkpoint_asked.get() && !self.journal.is_empty();
        !self.failed.get() && (asked || self.journal.wants_checkpoint())
    }

    pub(super) fn ask_for_checkpoint(&self) {
        self.checkpoint_asked.set(true);
        self.events.checkpoint.notify();
    }

    /// Writes out every log with entries in the journal, then lets the journal forget them.
    pub(crate) async fn checkpoint(&self) -> io::Result<()> {
        let _checkpointing = self.checkpointing.enter().await;
        let mark = self.journal.mark();
        let logs = self.dirty.take();
        let unfinished = for_each(logs, |log| async move { log.checkpoint().await }).await;
        let (fenced, others): (Vec<_>, Vec<_>) = unfinished
            .into_iter()
            .partition(|(log, _)| log.is_fenced() && !self.failed.get());
        let salvaged = self.salvage(&fenced, mark).await;
        let unfinished = match &salvaged {
            Ok(done) if *done => others,
            Ok(_) => {
                // A commit under way may carry more of them: they are looked at once more.
                for (log, _) in fenced {
                    log.set_dirty();
                    self.dirty.borrow_mut().push(log);
                }
                others
            }
            Err(_) => others.into_iter().chain(fenced).collect(),
        };
        let error = self.list_again(unfinished);
        salvaged?;
        if let Some(error) = error {
            return Err(error);
        }
        self.release(mark).await
    }

    /// Copies what the journal has of fenced logs into a file of its own, so that the journal
    /// can be released without them: one bad file does not stop the shard. Says whether nothing
    /// of these logs can come behind what was copied.
    async fn salvage(
        &self,
        fenced: &[(Rc<Log>, io::Error)],
        mark: JournalMark,
    ) -> io::Result<bool> {
        if fenced.is_empty() {
            return Ok(true);
        }
        let reached = || self.failed.get() || self.journal.written_sequence() >= mark.sequence;
        self.events.room.until(reached).await;
        if self.failed.get() {
            return Err(io::Error::other("the journal failed"));
        }
        let before = self.journal.written_sequence();
        let done = before == self.journal.mark().sequence
            && !fenced.iter().any(|(log, _)| log.has_pending());
        let data_dir = &self.options.data_dir;
        let journal = data_dir.join(journal::file_name(self.options.shard));
        let to = salvage::path(data_dir, self.options.shard, self.salvaged.get());
        let wanted = |entry: &EntryHeader| {
            let mut ids = fenced.iter().map(|(log, _)| log.id());
            ids.any(|id| entry.is_of(id.topic_id, id.partition))
        };
        let copied = salvage::copy(&self.ring, &self.pool, &journal, &to, before, wanted).await;
        let entries = copied.map_err(io::Error::other)?;
        self.salvaged.set(self.salvaged.get() + 1);
        for (log, _) in fenced {
            tracing::error!(
                "{}: fenced; the next start replays it from {}",
                log.id(),
                to.display()
            );
        }
        tracing::info!("{entries} journal entries of fenced logs copied");
        Ok(done)
    }

    pub(super) async fn close_logs(&self) -> Result<(), StoreError> {
        let unfinished = {
            let _checkpointing = self.checkpointing.enter().await;
            // Some of these may have no other owner any more; the journal still needs them.
            let _dirty = self.dirty.take();
            for_each(self.open_logs(), |log| async move { log.close().await }).await
        };
        if self.failed.get() {
            return Err(StoreError::Failed);
        }
        if let Some(error) = self.list_again(unfinished) {
            return Err(StoreError::Io(error));
        }
        let _checkpointing = self.checkpointing.enter().await;
        Ok(self.release(self.journal.mark()).await?)
    }

    async fn release(&self, mark: JournalMark) -> io::Result<()> {
        if let Err(error) = self.journal.release(mark).await {
            if is_full(&error) {
                // the older superblock holds: the journal keeps more than it has to
                return Err(error);
            }
            self.fail(&format!("journal: {error}"));
            return Err(error);
        }
        self.events.room.notify();
        Ok(())
    }

    /// Keeps the logs that were not written out for the next checkpoint; returns a reason.
    fn list_again(&self, unfinished: Vec<(Rc<Log>, io::Error)>) -> Option<io::Error> {
        let mut first = None;
        for (log, error) in unfinished {
            tracing::error!("{}: not written out: {error}", log.id());
            if is_full(&error) {
                self.set_disk_full();
            }
            first.get_or_insert(error);
            if !self.failed.get() {
                log.set_dirty();
                self.dirty.borrow_mut().push(log);
            }
        }
        first
    }
}

/// Runs `work` for each log, a few at once; returns those for which it failed.
async fn for_each<W: Future<Output = io::Result<()>> + 'static>(
    logs: Vec<Rc<Log>>,
    work: impl Fn(Rc<Log>) -> W + Clone + 'static,
) -> Vec<(Rc<Log>, io::Error)> {
    let queue = Rc::new(RefCell::new(VecDeque::from(logs)));
    let failures = Rc::new(RefCell::new(Vec::new()));
    let workers: Vec<_> = (0..LOGS_AT_ONCE.min(queue.borrow().len()))
        .map(|_| {
            let (queue, failures, work) = (Rc::clone(&queue), Rc::clone(&failures), work.clone());
            tasks::spawn(async move {
                loop {
                    let next = queue.borrow_mut().pop_front();
                    let Some(log) = next else { return };
                    if let Err(error) = work(Rc::clone(&log)).await {
                        failures.borrow_mut().push((log, error));
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await;
    }
    failures.take()
}
