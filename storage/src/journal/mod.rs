//! The journal of one shard: one file, written in a circle with direct, synchronous writes, one
//! at a time. Shell; `format` and `space` hold the rules, `staging` the memory of a commit.
//!
//! A new journal is only reserved space, so that it is there in milliseconds; zeros are written
//! a bounded way ahead of the head, so that a commit is a plain overwrite and needs no metadata.

pub mod format;
mod prewrite;
pub mod space;
pub(crate) mod staging;

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use self::format::{FormatError, PAGE_BYTES, SUPERBLOCKS_BYTES, Superblock};
use self::prewrite::Prewriter;
use self::space::JournalSpace;
use self::staging::Staging;
use crate::extent::{ExtentPool, ExtentSlice};
use crate::log::units::to_usize;
use crate::ring::{File, FileOptions, Ring, WriteSync};

/// A journal cannot be smaller.
pub const JOURNAL_BYTES_MIN: u64 = SUPERBLOCKS_BYTES + JournalSpace::REGION_BYTES_MIN;

/// Why a journal cannot be used.
#[derive(Debug, Error)]
pub enum JournalError {
    #[error("journal of {bytes} bytes is below the minimum of {JOURNAL_BYTES_MIN}")]
    TooSmall { bytes: u64 },
    #[error("journal {path} cannot be used")]
    Format {
        path: PathBuf,
        #[source]
        source: FormatError,
    },
    #[error("journal {path}: {source}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// A place in the journal: everything before it is in earlier commits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JournalMark {
    position: u64,
    /// Of the first commit behind the place.
    pub(crate) sequence: u64,
}

/// A commit that has its place and only needs to be written.
#[derive(Debug)]
pub(crate) struct PlacedCommit {
    slices: Vec<ExtentSlice>,
    position: u64,
    bytes: u64,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Journal {
    ring: Ring,
    pool: ExtentPool,
    file: File,
    sync: WriteSync,
    superblock: Cell<Superblock>,
    space: RefCell<JournalSpace>,
    next_sequence: Cell<u64>,
    /// Sequence after the last commit that is written.
    written_sequence: Cell<u64>,
    prewriter: Prewriter,
}

impl Journal {
    /// Opens the journal at `path`, which recovery has emptied, or makes one of `bytes`. An
    /// existing one of another size is replaced.
    pub(crate) async fn open(
        ring: &Ring,
        pool: &ExtentPool,
        path: &Path,
        options: JournalOptions,
    ) -> Result<Self, JournalError> {
        if options.bytes < JOURNAL_BYTES_MIN {
            return Err(JournalError::TooSmall {
                bytes: options.bytes,
            });
        }
        let io = |source| JournalError::Io {
            path: path.to_owned(),
            source,
        };
        let region_bytes = (options.bytes - SUPERBLOCKS_BYTES) / PAGE_BYTES * PAGE_BYTES;
        let existing = match open_direct(ring, path).await {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(io(error)),
        };
        let mut opened = None;
        if let Some(file) = existing {
            let superblock = read_superblock(ring, pool, &file).await.map_err(io)?;
            let superblock = superblock.map_err(|source| JournalError::Format {
                path: path.to_owned(),
                source,
            })?;
            if superblock.region_bytes == region_bytes {
                opened = Some((file, superblock));
            }
        }
        let (file, superblock) = match opened {
            Some(opened) => opened,
            None => create(ring, pool, path, region_bytes).await.map_err(io)?,
        };
        let journal = Self {
            ring: ring.clone(),
            pool: pool.clone(),
            file,
            sync: if options.relaxed {
                WriteSync::None
            } else {
                WriteSync::Data
            },
            superblock: Cell::new(superblock),
            space: RefCell::new(JournalSpace::new(region_bytes, superblock.live_start)),
            next_sequence: Cell::new(superblock.next_sequence),
            written_sequence: Cell::new(superblock.next_sequence),
            prewriter: Prewriter::new(&superblock),
        };
        if superblock.relaxed != options.relaxed {
            let next = Superblock {
                relaxed: options.relaxed,
                ..superblock
            };
            journal.write_superblock(next).await.map_err(io)?;
        }
        Ok(journal)
    }

    /// Memory for the next commit.
    pub(crate) fn staging(&self) -> Staging {
        Staging::new(&self.pool, self.space.borrow().commit_bytes_max())
    }

    /// Gives a commit its sequence and its place.
    pub(crate) fn place(&self, staging: Staging) -> PlacedCommit {
        let bytes = staging.padded_bytes();
        let position = self.space.borrow_mut().place(bytes);
        let sequence = self.next_sequence.replace(self.next_sequence.get() + 1);
        let slices = staging.finish(self.superblock.get().incarnation, sequence);
        PlacedCommit {
            slices,
            position,
            bytes,
        }
    }

    /// Writes a commit; when it returns the commit is durable. One at a time.
    pub(crate) async fn write(&self, commit: &PlacedCommit) -> io::Result<()> {
        let place = commit.position % self.space.borrow().region_bytes();
        self.prewriter
            .stay_out_of(place..place + commit.bytes)
            .await;
        let position = SUPERBLOCKS_BYTES + place;
        self.ring
            .write_at(
                &self.file,
                commit.slices.iter().cloned(),
                position,
                self.sync,
            )
            .await?;
        self.written_sequence.set(self.written_sequence.get() + 1);
        Ok(())
    }

    /// Every commit before this sequence can be read back.
    pub(crate) fn written_sequence(&self) -> u64 {
        self.written_sequence.get()
    }

    /// Where the next commit goes.
    pub(crate) fn mark(&self) -> JournalMark {
        let space = self.space.borrow();
        JournalMark {
            position: space.head(),
            sequence: self.next_sequence.get(),
        }
    }

    /// Forgets the commits before the mark: their segments are synced.
    pub(crate) async fn release(&self, mark: JournalMark) -> io::Result<()> {
        let next = Superblock {
            live_start: mark.position,
            next_sequence: mark.sequence,
            prewritten: self.prewriter.is_done(),
            ..self.superblock.get()
        };
        self.write_superblock(next).await?;
        self.space.borrow_mut().release(mark.position);
        Ok(())
    }

    /// Whether entries of `pending` bytes have room for sure.
    pub(crate) fn fits(&self, pending: u64) -> bool {
        self.space.borrow().fits(pending)
    }

    pub(crate) fn wants_checkpoint(&self) -> bool {
        self.space.borrow().wants_checkpoint()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.space.borrow().live_bytes() == 0
    }

    /// Writes the next zeros ahead of the head; returns whether more are wanted now.
    pub(crate) async fn prewrite(&self) -> io::Result<bool> {
        let head = self.space.borrow().head();
        let Some(range) = self.prewriter.next(head) else {
            return Ok(false);
        };
        let bytes = to_usize(range.end - range.start);
        let mut zeros = self.pool.allocate(bytes);
        let _all = zeros.append(&vec![0; bytes]);
        let position = SUPERBLOCKS_BYTES + range.start;
        let written = self
            .ring
            .write_at(&self.file, vec![zeros.freeze()], position, WriteSync::None)
            .await;
        self.prewriter.written();
        written?;
        Ok(self.prewriter.wants_more(self.space.borrow().head()))
    }

    pub(crate) fn wants_prewrite(&self) -> bool {
        self.prewriter.wants_more(self.space.borrow().head())
    }

    async fn write_superblock(&self, next: Superblock) -> io::Result<()> {
        let next = Superblock {
            generation: next.generation + 1,
            ..next
        };
        put_superblock(&self.ring, &self.pool, &self.file, &next).await?;
        self.superblock.set(next);
        Ok(())
    }
}

/// What a journal is opened with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JournalOptions {
    pub(crate) bytes: u64,
    pub(crate) relaxed: bool,
}

/// A number that tells the commits of this journal from whatever else its pages held before.
#[must_use]
pub(crate) fn new_incarnation() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

/// The name of a shard's journal.
#[must_use]
pub(crate) fn file_name(shard: u32) -> String {
    format!("journal-{shard}")
}

pub(crate) async fn open_direct(ring: &Ring, path: &Path) -> io::Result<File> {
    let options = FileOptions {
        read: true,
        write: true,
        direct: true,
        ..Default::default()
    };
    ring.open(path, options).await
}

pub(crate) async fn read_superblock(
    ring: &Ring,
    pool: &ExtentPool,
    file: &File,
) -> io::Result<Result<Superblock, FormatError>> {
    let bytes = to_usize(SUPERBLOCKS_BYTES);
    let pages = ring.read_at(file, pool.allocate(bytes), bytes, 0).await?;
    Ok(Superblock::newest(pages.as_slice()))
}

/// Writes a superblock over the older of the two.
pub(crate) async fn put_superblock(
    ring: &Ring,
    pool: &ExtentPool,
    file: &File,
    superblock: &Superblock,
) -> io::Result<()> {
    let mut page = pool.allocate(to_usize(PAGE_BYTES));
    let _all = page.append(&superblock.encode());
    let position = superblock.file_position();
    ring.write_at(file, vec![page.freeze()], position, WriteSync::Data)
        .await
}

/// Makes an empty journal under another name and renames it, so that a journal is always whole.
async fn create(
    ring: &Ring,
    pool: &ExtentPool,
    path: &Path,
    region_bytes: u64,
) -> io::Result<(File, Superblock)> {
    let unfinished = path.with_extension("new");
    match ring.unlink(&unfinished).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let options = FileOptions {
        read: true,
        write: true,
        create_new: true,
        direct: true,
        ..Default::default()
    };
    let file = ring.open(&unfinished, options).await?;
    ring.allocate(&file, 0, SUPERBLOCKS_BYTES + region_bytes)
        .await?;
    let superblock = Superblock {
        generation: 1,
        incarnation: new_incarnation(),
        region_bytes,
        live_start: 0,
        next_sequence: 1,
        relaxed: false,
        prewritten: false,
    };
    put_superblock(ring, pool, &file, &superblock).await?;
    ring.sync_all(&file).await?;
    ring.rename(&unfinished, path).await?;
    if let Some(directory) = path.parent() {
        ring.sync_dir(directory).await?;
    }
    Ok((file, superblock))
}
