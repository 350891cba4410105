//! The checkpoint of a shard: when half of the journal is live, every log that has entries in it
//! gets its segments written and synced; then the journal forgets those entries. Shell.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::{Events, Store, StoreError};
use crate::log::Log;
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
        if let Some(error) = self.list_again(unfinished) {
            return Err(error);
        }
        self.release(mark).await
    }

    pub(super) async fn close_logs(&self) -> Result<(), StoreError> {
        let unfinished = {
            let _checkpointing = self.checkpointing.enter().await;
            self.dirty.take();
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

    async fn release(&self, mark: crate::journal::JournalMark) -> io::Result<()> {
        if let Err(error) = self.journal.release(mark).await {
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
            log.set_dirty();
            self.dirty.borrow_mut().push(log);
            first.get_or_insert(error);
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
