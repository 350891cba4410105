//! What all logs of one shard share: the ring, the memory, the journal, and the tasks that
//! commit, flush and checkpoint. Shell.

mod checkpoint;
mod commit;
pub(crate) mod event;
mod flush;
mod memory;
mod space;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::rc::{Rc, Weak};

use thiserror::Error;

use self::event::{Event, Gate};
use self::memory::Memory;
use self::space::DiskSpace;
use crate::extent::ExtentPool;
use crate::journal::space::entry_bytes;
use crate::journal::{self, Journal, JournalError, JournalOptions};
use crate::log::Log;
use crate::recovery::salvage;
use crate::ring::{Ring, WriteSync};
use crate::tasks;

/// When a record counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// On disk before it is acknowledged.
    Durable,
    /// Acknowledged from memory; written to the same files soon after.
    Relaxed,
}

#[derive(Debug, Clone)]
pub struct StoreOptions {
    pub data_dir: PathBuf,
    /// Size of the journal's file.
    pub journal_bytes: u64,
    /// Memory for the tails of all logs.
    pub tail_bytes_max: usize,
    pub durability: Durability,
    pub shard: u32,
}

/// Why a store cannot be opened or closed.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("data directory: {0}")]
    Io(#[from] io::Error),
    #[error("a write or sync failed before; the journal keeps what the segments lack")]
    Failed,
}

/// The storage of the shard failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a write or sync of the journal failed, a restart is needed")]
pub struct StoreFailed;

/// See the module's documentation.
pub struct Store {
    pub(crate) ring: Ring,
    pub(crate) pool: ExtentPool,
    pub(crate) options: StoreOptions,
    journal: Journal,
    logs: RefCell<Vec<Weak<Log>>>,
    /// Logs with bytes that no commit has taken.
    pending: RefCell<VecDeque<Rc<Log>>>,
    /// What those bytes will take in the journal.
    pending_bytes: Cell<u64>,
    /// Logs with entries in the live part of the journal.
    dirty: RefCell<Vec<Rc<Log>>>,
    to_flush: RefCell<VecDeque<Rc<Log>>>,
    writes_under_way: Cell<usize>,
    memory: Memory,
    disk_space: DiskSpace,
    checkpointing: Gate,
    checkpoint_asked: Cell<bool>,
    /// Copies made of what the journal had of fenced logs.
    salvaged: Cell<u64>,
    failed: Cell<bool>,
    /// Nothing is appended any more, what is left is written out.
    closing: Cell<bool>,
    stopping: Cell<bool>,
    /// Notified when one of the tasks may have something to do, each for its own.
    events: Rc<Events>,
}

#[derive(Debug, Default)]
struct Events {
    commit: Event,
    flush: Event,
    checkpoint: Event,
    prewrite: Event,
    space: Event,
    /// The journal has more room, or never will.
    room: Event,
}

impl Events {
    fn notify_all(&self) {
        let tasks = [
            &self.commit,
            &self.flush,
            &self.checkpoint,
            &self.prewrite,
            &self.space,
        ];
        for event in tasks.into_iter().chain([&self.room]) {
            event.notify();
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the shard's storage, after [`crate::recovery::recover`] has emptied the journals.
    ///
    /// # Errors
    /// The data directory or the journal cannot be used.
    pub async fn open(
        ring: Ring,
        pool: ExtentPool,
        options: StoreOptions,
    ) -> Result<Rc<Self>, StoreError> {
        ring.make_dirs(&options.data_dir)?;
        let path = options.data_dir.join(journal::file_name(options.shard));
        let journal_options = JournalOptions {
            bytes: options.journal_bytes,
            relaxed: options.durability == Durability::Relaxed,
        };
        let journal = Journal::open(&ring, &pool, &path, journal_options).await?;
        let disk_space = DiskSpace::new(&options);
        // recovery may have left copies
        let salvaged = salvage::next_number(&ring, &options.data_dir, options.shard);
        let store = Rc::new(Self {
            memory: Memory::new(options.tail_bytes_max),
            ring,
            pool,
            options,
            journal,
            logs: RefCell::default(),
            pending: RefCell::default(),
            pending_bytes: Cell::default(),
            dirty: RefCell::default(),
            to_flush: RefCell::default(),
            writes_under_way: Cell::default(),
            disk_space,
            checkpointing: Gate::default(),
            checkpoint_asked: Cell::default(),
            salvaged: Cell::new(salvaged),
            failed: Cell::default(),
            closing: Cell::default(),
            stopping: Cell::default(),
            events: Rc::default(),
        });
        let (weak, events) = (Rc::downgrade(&store), &store.events);
        tasks::spawn(commit::run(Weak::clone(&weak), Rc::clone(events))).detach();
        tasks::spawn(commit::run_prewrite(Weak::clone(&weak), Rc::clone(events))).detach();
        tasks::spawn(flush::run(Weak::clone(&weak), Rc::clone(events))).detach();
        tasks::spawn(space::run(Weak::clone(&weak), Rc::clone(events))).detach();
        tasks::spawn(checkpoint::run(weak, Rc::clone(events))).detach();
        store.keep_reserve().await;
        Ok(store)
    }

    /// Writes and syncs everything, empties the journal and leaves each log as a clean stop does.
    /// Nothing may be appended any more.
    ///
    /// # Errors
    /// Something could not be written; recovery will do it from the journal.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.closing.set(true);
        self.close_logs().await?;
        self.stopping.set(true);
        self.events.notify_all();
        Ok(())
    }

    /// Ends the store where it stands, as a crash does: nothing is written out any more.
    pub fn abandon(&self) {
        self.stopping.set(true);
        self.fail("abandoned");
    }

    /// Resolves when an append of `bytes` has room in the journal, or is refused for another reason.
    ///
    /// # Errors
    /// The storage failed meanwhile.
    pub async fn admit(&self, bytes: usize) -> Result<(), StoreFailed> {
        let range = 0..bytes as u64;
        let decided = || self.failed.get() || self.is_disk_full() || self.fits(range.clone());
        if !decided() {
            self.ask_for_checkpoint();
            self.events.room.until(decided).await;
        }
        if self.failed.get() {
            Err(StoreFailed)
        } else {
            Ok(())
        }
    }

    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.failed.get()
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    #[must_use]
    pub fn is_relaxed(&self) -> bool {
        self.options.durability == Durability::Relaxed
    }

    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    pub fn pool(&self) -> &ExtentPool {
        &self.pool
    }

    /// How durable the writes of a commit are when they are done.
    pub(crate) fn commit_sync(&self) -> WriteSync {
        if self.is_relaxed() {
            WriteSync::None
        } else {
            WriteSync::Data
        }
    }

    /// Whether the journal takes `bytes` from those who need not wait for space on the disk.
    #[must_use]
    pub fn has_reserve(&self, bytes: usize) -> bool {
        !self.is_disk_full() || self.fits(0..bytes as u64)
    }

    /// Whether the journal has room when a segment's pending bytes grow from the start of the
    /// range to its end.
    pub(crate) fn fits(&self, growth: Range<u64>) -> bool {
        let more = entry_bytes(growth.end).saturating_sub(entry_bytes(growth.start));
        self.journal.fits(self.pending_bytes.get() + more)
    }

    pub(crate) fn register(&self, log: &Rc<Log>) {
        let mut logs = self.logs.borrow_mut();
        if logs.len() == logs.capacity() {
            logs.retain(|log| log.strong_count() > 0);
        }
        logs.push(Rc::downgrade(log));
    }

    /// Every log that is still open.
    fn open_logs(&self) -> Vec<Rc<Log>> {
        self.logs
            .borrow()
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }

    /// The journal is not to be trusted any more: no log of the shard acknowledges anything.
    fn fail(&self, why: &str) {
        self.failed.set(true);
        tracing::error!("shard {}: storage fenced: {why}", self.options.shard);
        for log in self.open_logs() {
            log.fail(why);
        }
        // Nothing is written out any more.
        drop((self.pending.take(), self.dirty.take(), self.to_flush.take()));
        self.events.notify_all();
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.events.notify_all();
    }
}
