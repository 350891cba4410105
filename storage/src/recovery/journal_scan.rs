//! Reads the live commits of one journal in order, tells a torn end from damage, and empties it.
//! Shell.

use std::path::{Path, PathBuf};

use super::RecoveryError;
use crate::extent::{ExtentPool, ExtentWriter};
use crate::journal::format::{CommitHeader, PAGE_BYTES, SUPERBLOCKS_BYTES, Superblock};
use crate::journal::{new_incarnation, open_direct, put_superblock, read_superblock};
use crate::log::units::to_usize;
use crate::ring::{File, Ring};

const WINDOW_BYTES: u64 = 1024 * 1024;

/// One commit, whole and with a right checksum.
#[derive(Debug)]
pub(super) struct ScannedCommit {
    pub(super) header: CommitHeader,
    pub(super) bytes: ExtentWriter,
}

#[derive(Debug)]
pub(super) struct JournalScan {
    ring: Ring,
    pool: ExtentPool,
    path: PathBuf,
    file: File,
    superblock: Superblock,
    /// Where the next commit should be, and its sequence.
    position: u64,
    sequence: u64,
    window: Option<(u64, ExtentWriter)>,
}

impl JournalScan {
    pub(super) async fn open(
        ring: &Ring,
        pool: &ExtentPool,
        path: &Path,
    ) -> Result<Self, RecoveryError> {
        let io = |source| RecoveryError::Io {
            path: path.to_owned(),
            source,
        };
        let file = open_direct(ring, path).await.map_err(io)?;
        let superblock = read_superblock(ring, pool, &file).await.map_err(io)?;
        let superblock = superblock.map_err(|source| RecoveryError::Format {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            ring: ring.clone(),
            pool: pool.clone(),
            path: path.to_owned(),
            file,
            superblock,
            position: superblock.live_start,
            sequence: superblock.next_sequence,
            window: None,
        })
    }

    /// Sequence of the next commit.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Acknowledged before it was durable: what the entries say of that does not count.
    pub(super) fn is_relaxed(&self) -> bool {
        self.superblock.relaxed
    }

    /// The next commit; `None` at the end of the live region.
    pub(super) async fn next(&mut self) -> Result<Option<ScannedCommit>, RecoveryError> {
        let region = self.superblock.region_bytes;
        let lap_end = (self.position + 1).next_multiple_of(region);
        for position in [self.position, lap_end] {
            if position - self.superblock.live_start >= region {
                continue;
            }
            if let Some(commit) = self.commit_at(position % region, self.sequence).await? {
                self.position = position + commit.header.padded_bytes();
                self.sequence += 1;
                return Ok(Some(commit));
            }
        }
        Ok(None)
    }

    /// Nothing after the end may be a later commit: one write is under way at a time, so only
    /// the last commit can be torn.
    pub(super) async fn check_end(&mut self) -> Result<(), RecoveryError> {
        if self.superblock.relaxed {
            // Commits were not synced one by one: any of the last may be missing.
            return Ok(());
        }
        let region = self.superblock.region_bytes;
        for page in 0..region / PAGE_BYTES {
            let place = (self.position + page * PAGE_BYTES) % region;
            let Some(header) = self.header_at(place).await? else {
                continue;
            };
            if header.sequence > self.sequence
                && self.commit_at(place, header.sequence).await?.is_some()
            {
                return Err(RecoveryError::DamagedJournal {
                    path: self.path.clone(),
                    sequence: self.sequence,
                    later: header.sequence,
                });
            }
        }
        Ok(())
    }

    /// Forgets all commits: the segments have them. A relaxed writer may have left whole commits
    /// behind one that is missing: under another incarnation they never follow what is written now.
    /// Also when there are none: what was read of a killed process may not be durable, and the
    /// commits before it must not count once more after a power cut.
    pub(super) async fn empty(&self) -> Result<(), RecoveryError> {
        let next = Superblock {
            generation: self.superblock.generation + 1,
            incarnation: new_incarnation(),
            live_start: self.position,
            next_sequence: self.sequence,
            ..self.superblock
        };
        let written = put_superblock(&self.ring, &self.pool, &self.file, &next).await;
        written.map_err(|source| RecoveryError::Io {
            path: self.path.clone(),
            source,
        })
    }

    /// The commit with a sequence at a place of the region, when it is whole.
    async fn commit_at(
        &mut self,
        place: u64,
        sequence: u64,
    ) -> Result<Option<ScannedCommit>, RecoveryError> {
        let Some(header) = self.header_at(place).await? else {
            return Ok(None);
        };
        let inside = place + header.padded_bytes() <= self.superblock.region_bytes;
        if header.sequence != sequence || !inside {
            return Ok(None);
        }
        let bytes = self.read(place, header.padded_bytes()).await?;
        Ok(header
            .is_whole(bytes.as_slice())
            .then_some(ScannedCommit { header, bytes }))
    }

    async fn header_at(&mut self, place: u64) -> Result<Option<CommitHeader>, RecoveryError> {
        let incarnation = self.superblock.incarnation;
        let held = self.window.as_ref().is_some_and(|(start, window)| {
            *start <= place && place + PAGE_BYTES <= start + window.len() as u64
        });
        if !held {
            let bytes = WINDOW_BYTES.min(self.superblock.region_bytes - place);
            self.window = Some((place, self.read(place, bytes).await?));
        }
        let Some((start, window)) = &self.window else {
            return Ok(None);
        };
        let page = window
            .as_slice()
            .get(to_usize(place - start)..)
            .unwrap_or_default();
        Ok(CommitHeader::parse(page, incarnation))
    }

    async fn read(&self, place: u64, bytes: u64) -> Result<ExtentWriter, RecoveryError> {
        let bytes = to_usize(bytes);
        let block = self.pool.allocate(bytes);
        let read = self
            .ring
            .read_at(&self.file, block, bytes, SUPERBLOCKS_BYTES + place)
            .await;
        read.map_err(|source| RecoveryError::Io {
            path: self.path.clone(),
            source,
        })
    }
}
