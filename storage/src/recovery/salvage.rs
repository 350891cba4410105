//! Copies the entries of some partitions out of a journal that goes on being written into a
//! small journal of its own, which the next recovery replays before the others. Shell.
//!
//! A partition whose file failed can be released from the shard's journal in no other way: its
//! segments lack what only the journal has.

use std::path::{Path, PathBuf};

use super::RecoveryError;
use super::journal_scan::JournalScan;
use crate::extent::ExtentPool;
use crate::journal::format::{self, EntryHeader, PAGE_BYTES, SUPERBLOCKS_BYTES, Superblock};
use crate::journal::staging::Staging;
use crate::journal::{new_incarnation, put_superblock};
use crate::ring::{DirEntry, File, FileOptions, Ring, WriteSync};

/// Names of copies begin with this; the shard and a number follow.
const PREFIX: &str = "salvage-";
/// What follows the name of a copy until it is whole.
const UNFINISHED: &str = "new";

/// Where a shard's copy goes; the number rises from copy to copy.
pub(crate) fn path(data_dir: &Path, shard: u32, number: u64) -> PathBuf {
    data_dir.join(format!("{PREFIX}{shard}-{number:020}"))
}

/// The name of a copy until it is whole.
pub(crate) fn unfinished(to: &Path) -> PathBuf {
    to.with_extension(UNFINISHED)
}

/// A number that is above those of a shard's copies that are there.
pub(crate) fn next_number(ring: &Ring, data_dir: &Path, shard: u32) -> u64 {
    let entries = ring.list_dir(data_dir).unwrap_or_default();
    number_above(entries.iter().map(DirEntry::name), shard)
}

/// The same, of the names of files.
pub(crate) fn number_above<'a>(names: impl Iterator<Item = &'a str>, shard: u32) -> u64 {
    let prefix = format!("{PREFIX}{shard}-");
    let numbers = names.filter_map(|name| name.strip_prefix(&prefix)?.parse::<u64>().ok());
    numbers.max().map_or(0, |number| number + 1)
}

/// Whether a file name is that of a whole copy.
pub(super) fn is_copy(name: &str) -> bool {
    let mut numbers = name
        .strip_prefix(PREFIX)
        .into_iter()
        .flat_map(|rest| rest.split('-'));
    let shard = numbers.next().and_then(|shard| shard.parse::<u32>().ok());
    let number = numbers.next().and_then(|number| number.parse::<u64>().ok());
    shard.is_some() && number.is_some() && numbers.next().is_none()
}

/// Whether a file name is that of a copy which a stop left unfinished.
pub(super) fn is_unfinished(name: &str) -> bool {
    let copy = name.strip_suffix(UNFINISHED);
    copy.and_then(|name| name.strip_suffix('.'))
        .is_some_and(is_copy)
}

/// Copies the wanted entries of all commits before a sequence; returns how many they were. The
/// copy is durable then; without entries there is none.
pub(crate) async fn copy(
    ring: &Ring,
    pool: &ExtentPool,
    journal: &Path,
    to: &Path,
    before: u64,
    wanted: impl Fn(&EntryHeader) -> bool,
) -> Result<u64, RecoveryError> {
    let io = |source| RecoveryError::Io {
        path: to.to_owned(),
        source,
    };
    let mut scan = JournalScan::open(ring, pool, journal).await?;
    let mut copy = Copy::create(ring, pool, to).await.map_err(io)?;
    while scan.sequence() < before {
        let sequence = scan.sequence();
        let Some(commit) = scan.next().await? else {
            return Err(RecoveryError::DamagedJournal {
                path: journal.to_owned(),
                sequence,
                later: before,
            });
        };
        let entries = format::entries(commit.bytes.as_slice(), &commit.header);
        let entries = entries.map_err(|source| RecoveryError::Format {
            path: journal.to_owned(),
            source,
        })?;
        let entries = entries.into_iter().filter(|(header, _)| wanted(header));
        copy.commit(entries).await.map_err(io)?;
    }
    copy.finish(to, scan.is_relaxed()).await.map_err(io)
}

/// A copy that is being written, under another name.
struct Copy {
    ring: Ring,
    pool: ExtentPool,
    file: File,
    unfinished: PathBuf,
    incarnation: u64,
    commits: u64,
    bytes: u64,
    entries: u64,
}

impl Copy {
    async fn create(ring: &Ring, pool: &ExtentPool, to: &Path) -> std::io::Result<Self> {
        let unfinished = unfinished(to);
        let options = FileOptions {
            write: true,
            create: true,
            ..Default::default()
        };
        Ok(Self {
            file: ring.open(&unfinished, options).await?,
            ring: ring.clone(),
            pool: pool.clone(),
            unfinished,
            incarnation: new_incarnation(),
            commits: 0,
            bytes: 0,
            entries: 0,
        })
    }

    async fn commit<'a>(
        &mut self,
        entries: impl Iterator<Item = (EntryHeader, &'a [u8])>,
    ) -> std::io::Result<()> {
        let mut staging = Staging::new(&self.pool, u64::MAX);
        for (header, bytes) in entries {
            staging.add(&header, std::iter::once(bytes));
            self.entries += 1;
        }
        if staging.is_empty() {
            return Ok(());
        }
        self.commits += 1;
        let bytes = staging.padded_bytes();
        let slices = staging.finish(self.incarnation, self.commits);
        let position = SUPERBLOCKS_BYTES + self.bytes;
        self.ring
            .write_at(&self.file, slices, position, WriteSync::None)
            .await?;
        self.bytes += bytes;
        Ok(())
    }

    /// Gives the copy its superblock and its name.
    async fn finish(self, to: &Path, relaxed: bool) -> std::io::Result<u64> {
        if self.commits == 0 {
            self.ring.unlink(&self.unfinished).await?;
            return Ok(0);
        }
        let superblock = Superblock {
            generation: 1,
            incarnation: self.incarnation,
            region_bytes: self.bytes.next_multiple_of(PAGE_BYTES),
            live_start: 0,
            next_sequence: 1,
            relaxed,
            prewritten: true,
        };
        put_superblock(&self.ring, &self.pool, &self.file, &superblock).await?;
        self.ring
            .truncate(&self.file, SUPERBLOCKS_BYTES + self.bytes)
            .await?;
        self.ring.sync_all(&self.file).await?;
        self.ring.rename(&self.unfinished, to).await?;
        if let Some(directory) = to.parent() {
            self.ring.sync_dir(directory).await?;
        }
        Ok(self.entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_copies_are_replayed() {
        let whole = path(Path::new("/data"), 3, 77);
        assert!(is_copy(whole.file_name().unwrap().to_str().unwrap()));
        let unfinished = unfinished(&whole);
        let unfinished = unfinished.file_name().unwrap().to_str().unwrap();
        assert!(!is_copy(unfinished) && is_unfinished(unfinished));
        for other in ["salvage-", "salvage-3", "salvage-3-7-1", "journal-3"] {
            assert!(!is_copy(other) && !is_unfinished(other), "{other}");
        }
    }
}
