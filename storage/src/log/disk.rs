//! The directory of a partition and the files of its unsealed segments: made by the first write,
//! written past the page cache. Shell.
//!
//! A full disk is no failure: a direct write that found no space wrote nothing that counts, so
//! it is tried again until there is space, while the store refuses new appends. The same holds
//! for a process that is out of descriptors.

use std::cell::{Cell, RefCell};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use protocol::types::Uuid;

use crate::extent::{ExtentPool, ExtentSlice};
use crate::log::directory;
use crate::log::partition_dir::{DirectoryTopic, list, of_unknown_topic, take_name, topic_of};
use crate::log::segment::PageWrite;
use crate::ring::{File, FileOptions, Ring, WriteSync};
use crate::store::Store;
use crate::store::event::{Event, Gate};
use crate::tasks;

/// Space is reserved in steps that grow with the segment, between these.
const GROW_BYTES_MIN: u64 = 1024 * 1024;
const GROW_BYTES_MAX: u64 = 64 * 1024 * 1024;
const OPEN_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// A partition's directory; made when the first of its files is.
#[derive(Debug)]
pub(crate) struct PartitionDir {
    pub(crate) path: PathBuf,
    topic_id: Uuid,
    exists: Cell<bool>,
    removed: Cell<bool>,
    making: Gate,
    /// Those who use its name just now: the next topic of this name must not meet them.
    users: Cell<usize>,
    unused: Event,
}

/// A use of a partition's directory by its name.
#[derive(Debug)]
pub(crate) struct DirUse<'a>(&'a PartitionDir);

impl Drop for DirUse<'_> {
    fn drop(&mut self) {
        self.0.users.set(self.0.users.get() - 1);
        self.0.unused.notify();
    }
}

impl PartitionDir {
    pub(crate) fn new(path: PathBuf, topic_id: Uuid, exists: bool) -> Self {
        Self {
            path,
            topic_id,
            exists: Cell::new(exists),
            removed: Cell::default(),
            making: Gate::default(),
            users: Cell::default(),
            unused: Event::default(),
        }
    }

    /// Announces a use of the directory by its name; there is none when the log is deleted.
    pub(crate) fn enter(&self) -> io::Result<DirUse<'_>> {
        if self.removed.get() {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.users.set(self.users.get() + 1);
        Ok(DirUse(self))
    }

    /// The log is deleted: from now on nobody uses the directory by its name any more, and when this
    /// returns nobody does.
    pub(crate) async fn remove(&self) {
        self.removed.set(true);
        self.unused.until(|| self.users.get() == 0).await;
    }

    pub(crate) fn exists(&self) -> bool {
        self.exists.get()
    }

    /// Makes the directory and its metadata file durable, unless that has been done.
    pub(crate) async fn ensure(&self, store: &Store) -> io::Result<()> {
        let _using = self.enter()?;
        let _making = self.making.enter().await;
        if self.exists.get() {
            return Ok(());
        }
        let ring = &store.ring;
        if ring.exists(&self.path) {
            self.move_away(store).await?;
        }
        ring.make_dir(&self.path).await?;
        let metadata = directory::metadata_text(self.topic_id);
        let path = self.path.join(directory::METADATA_FILE);
        write_file(ring, &store.pool, &path, metadata.as_bytes()).await?;
        ring.sync_dir(&self.path).await?;
        ring.sync_dir(&store.options.data_dir).await?;
        self.exists.set(true);
        Ok(())
    }

    /// The directory was left by a deleted topic of this name, or by a stop before it was whole.
    async fn move_away(&self, store: &Store) -> io::Result<()> {
        let ring = &store.ring;
        let has_segments = !list(ring, &self.path)?.0.is_empty();
        match topic_of(ring, &self.path)? {
            // A log created over its own records: a bug of the caller that must not cost them.
            DirectoryTopic::Is(found) if found == self.topic_id && has_segments => {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            DirectoryTopic::Is(_) | DirectoryTopic::Nothing => {}
            DirectoryTopic::Unreadable => return Err(of_unknown_topic()),
        }
        let stale = take_name(ring, &self.path).await?;
        if let Err(error) = ring.remove_dir_and_files(&stale).await {
            tracing::warn!("cannot remove {}: {error}", stale.display());
        }
        Ok(())
    }
}

/// The file of an unsealed segment.
#[derive(Debug)]
pub(crate) struct SegmentWriter {
    dir: Rc<PartitionDir>,
    base_offset: i64,
    file: RefCell<Option<File>>,
    opening: Gate,
    /// The file is at least so long, with space for all of it.
    reserved: Cell<u64>,
    reserving: Cell<bool>,
    /// The partial last page is being written: no other write may hold it.
    last_page: Cell<bool>,
    idle: Event,
}

impl SegmentWriter {
    pub(crate) fn new(dir: &Rc<PartitionDir>, base_offset: i64) -> Self {
        Self {
            dir: Rc::clone(dir),
            base_offset,
            file: RefCell::default(),
            opening: Gate::default(),
            reserved: Cell::default(),
            reserving: Cell::default(),
            last_page: Cell::default(),
            idle: Event::default(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        directory::segment_path(&self.dir.path, self.base_offset)
    }

    /// The file, opened or made now when it is not open; its name is durable then.
    pub(crate) async fn file(&self, store: &Store) -> io::Result<File> {
        if let Some(file) = &*self.file.borrow() {
            return Ok(file.clone());
        }
        let _opening = self.opening.enter().await;
        if let Some(file) = &*self.file.borrow() {
            return Ok(file.clone());
        }
        let _using = self.dir.enter()?;
        self.dir.ensure(store).await?;
        let options = FileOptions {
            read: true,
            write: true,
            create: true,
            direct: true,
            ..Default::default()
        };
        let file = store.ring.open(&self.path(), options).await?;
        store.ring.sync_dir(&self.dir.path).await?;
        *self.file.borrow_mut() = Some(file.clone());
        Ok(file)
    }

    /// Writes whole pages. Waits while the partial last page is being written.
    pub(crate) async fn write_pages(
        &self,
        store: &Store,
        write: &PageWrite,
        sync: WriteSync,
    ) -> io::Result<()> {
        self.idle.until(|| !self.last_page.get()).await;
        self.reserve(store, write.range.end).await;
        self.write(store, &write.slices, write.range.start, sync)
            .await
    }

    /// From now on other writes wait until [`Self::write_last_page`] is done.
    pub(crate) fn begin_last_page(&self) {
        assert!(!self.last_page.replace(true), "one last page at a time");
    }

    /// Writes the padded copy of the last page.
    pub(crate) async fn write_last_page(&self, store: &Store, write: &PageWrite) -> io::Result<()> {
        let written = self
            .write(store, &write.slices, write.range.start, WriteSync::None)
            .await;
        self.last_page.set(false);
        self.idle.notify();
        written
    }

    async fn write(
        &self,
        store: &Store,
        slices: &[ExtentSlice],
        position: u64,
        sync: WriteSync,
    ) -> io::Result<()> {
        loop {
            let written = match self.file(store).await {
                Ok(file) => {
                    store
                        .ring
                        .write_at(&file, slices.iter().cloned(), position, sync)
                        .await
                }
                Err(error) => Err(error),
            };
            match written {
                Err(error) if is_full(&error) => store.wait_for_space().await?,
                Err(error) if is_out_of_descriptors(&error) && !store.is_closing() => {
                    tracing::warn!("{} cannot be opened: {error}", self.path().display());
                    tasks::sleep(OPEN_AGAIN_AFTER).await;
                }
                Ok(()) | Err(_) => return written,
            }
        }
    }

    /// Makes the file longer than a write up to `end` needs: a write that makes it longer itself is
    /// handed to a kernel thread, one at a time. The file reads as zeros behind what is written, and
    /// is cut when it is sealed, closed or recovered. Without space nothing is lost yet, but
    /// appends are refused from now on.
    async fn reserve(&self, store: &Store, end: u64) {
        if self.reserving.get() || end <= self.reserved.get() {
            return;
        }
        let Ok(file) = self.file(store).await else {
            return;
        };
        self.reserving.set(true);
        let from = self.reserved.get();
        let step = (end / 2).clamp(GROW_BYTES_MIN, GROW_BYTES_MAX);
        let mut grown = end + step;
        let mut allocated = store.ring.allocate(&file, from, grown - from).await;
        if step > GROW_BYTES_MIN && allocated.as_ref().is_err_and(is_full) {
            // The disk is only full when there is no space for a small step either.
            grown = end + GROW_BYTES_MIN;
            allocated = store.ring.allocate(&file, from, grown - from).await;
        }
        match allocated {
            Ok(()) => self.reserved.set(grown),
            Err(error) if is_full(&error) => store.set_disk_full(),
            // A file system without reservations: writes grow the file then.
            Err(_) => self.reserved.set(u64::MAX / 2),
        }
        self.reserving.set(false);
    }

    /// Makes the file durable with exactly `bytes`.
    pub(crate) async fn finish(&self, store: &Store, bytes: u64) -> io::Result<()> {
        let file = self.file(store).await?;
        store.ring.truncate(&file, bytes).await?;
        store.ring.sync_all(&file).await
    }

    pub(crate) async fn sync(&self, store: &Store) -> io::Result<()> {
        let file = self.file(store).await?;
        store.ring.sync_data(&file).await
    }
}

/// Writes a small file under another name, makes it durable and renames it, so that the name
/// always stands for a whole file. The directory is the caller's to sync.
pub(crate) async fn write_file(
    ring: &Ring,
    pool: &ExtentPool,
    path: &Path,
    bytes: &[u8],
) -> io::Result<()> {
    let unfinished = path.with_extension("tmp");
    let options = FileOptions {
        write: true,
        create: true,
        ..Default::default()
    };
    let file = ring.open(&unfinished, options).await?;
    ring.truncate(&file, 0).await?;
    write_at(ring, pool, &file, bytes, 0).await?;
    ring.sync_data(&file).await?;
    ring.rename(&unfinished, path).await
}

/// Writes bytes of a small file, through the page cache.
pub(crate) async fn write_at(
    ring: &Ring,
    pool: &ExtentPool,
    file: &File,
    bytes: &[u8],
    position: u64,
) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    let mut block = pool.allocate(bytes.len());
    let _all = block.append(bytes);
    ring.write_at(file, vec![block.freeze()], position, WriteSync::None)
        .await
}

/// No space, or no quota. By kind, because some libraries keep nothing else of the kernel's answer.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}

/// The process or the system has too many files open.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}
