//! A full disk: appends are refused, reads go on, writes under way wait; a reserve file makes
//! sure that what was accepted can still be written. A second, small one is for what makes space: a
//! log start offset has to be written before its segments may go. Shell.

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::{Events, Store, StoreError, StoreOptions};
use crate::ring::FileOptions;
use crate::store::event::Event;
use crate::tasks;

/// Given up when the disk is full.
const RESERVE_BYTES: u64 = 7 * 1024 * 1024;
/// Given up when what makes space finds none.
const LAST_RESERVE_BYTES: u64 = 1024 * 1024;
const RETRY_AFTER: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct DiskSpace {
    reserve: PathBuf,
    last_reserve: PathBuf,
    full: Cell<bool>,
    watched: Cell<bool>,
    retry: Event,
    retries: Cell<u64>,
}

/// Looks for space while the disk is full.
pub(super) async fn run(store: Weak<Store>, events: Rc<Events>) {
    loop {
        let wanted = |store: &Store| store.stopping.get() || store.is_disk_full();
        events
            .space
            .until(|| store.upgrade().is_none_or(|store| wanted(&store)))
            .await;
        tasks::sleep(RETRY_AFTER).await;
        let Some(store) = store.upgrade().filter(|store| !store.stopping.get()) else {
            return;
        };
        store.keep_reserve().await;
    }
}

impl DiskSpace {
    pub(super) fn new(options: &StoreOptions) -> Self {
        Self {
            reserve: options.data_dir.join(format!("reserve-{}", options.shard)),
            last_reserve: options
                .data_dir
                .join(format!("reserve-{}.last", options.shard)),
            full: Cell::default(),
            watched: Cell::default(),
            retry: Event::default(),
            retries: Cell::default(),
        }
    }
}

impl Store {
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        self.disk_space.full.get()
    }

    /// Appends are refused until there is space again.
    pub(crate) fn set_disk_full(&self) {
        if !self.disk_space.full.replace(true) {
            let data_dir = self.options.data_dir.display();
            tracing::error!("no space left in {data_dir}: appends are refused until there is");
            self.give_up(&self.disk_space.reserve);
            self.events.space.notify();
            // Whoever waits for room in the journal learns that it may take long.
            self.events.room.notify();
        }
    }

    fn give_up(&self, reserve: &Path) {
        match self.ring.unlink_now(reserve) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!("the reserve cannot be given up: {error}");
            }
            Ok(()) | Err(_) => {}
        }
    }

    /// A small write that makes space found none: with what this gives up it is worth another try.
    pub(crate) fn give_up_last_reserve(&self) {
        self.set_disk_full();
        self.give_up(&self.disk_space.last_reserve);
    }

    /// A write found no space: returns when it is worth trying again. A store that is being closed
    /// does not wait once the reserve is gone: recovery finds what was acknowledged.
    pub(crate) async fn wait_for_space(&self) -> io::Result<()> {
        let without_reserve = self.is_disk_full();
        self.set_disk_full();
        if self.closing.get() && without_reserve {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let seen = self.disk_space.retries.get();
        if self.disk_space.watched.replace(true) {
            self.disk_space
                .retry
                .until(|| self.disk_space.retries.get() > seen)
                .await;
            return Ok(());
        }
        tasks::sleep(RETRY_AFTER).await;
        self.disk_space.watched.set(false);
        self.disk_space.retries.set(seen + 1);
        self.disk_space.retry.notify();
        Ok(())
    }

    /// Makes the reserve when it is missing; space that holds it is space enough to go on.
    pub(crate) async fn keep_reserve(&self) {
        match self.make_reserve().await {
            Ok(()) => {
                if self.disk_space.full.replace(false) {
                    tracing::info!("there is space again: appends are accepted");
                }
            }
            Err(StoreError::Io(error)) if crate::log::is_full(&error) => {
                self.set_disk_full();
                // Some file systems keep the part that there was space for: the writes need it.
                self.give_up(&self.disk_space.reserve);
            }
            // Without reservations there is no reserve.
            Err(_) => self.disk_space.full.set(false),
        }
    }

    /// The small one first: it is the one that must be there when the space goes.
    async fn make_reserve(&self) -> Result<(), StoreError> {
        let space = &self.disk_space;
        for (reserve, bytes) in [
            (&space.last_reserve, LAST_RESERVE_BYTES),
            (&space.reserve, RESERVE_BYTES),
        ] {
            let options = FileOptions {
                write: true,
                create: true,
                ..Default::default()
            };
            let file = self.ring.open(reserve, options).await?;
            self.ring.allocate(&file, 0, bytes).await?;
        }
        Ok(())
    }
}
