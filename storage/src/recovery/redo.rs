//! Puts the bytes that the journals carry where they belong in the segments. Shell.
//!
//! Written through the page cache, with plain calls: nothing else runs yet, and everything is
//! synced before the first direct read.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use foldhash::HashMap;
use protocol::types::Uuid;

use super::journal_scan::ScannedCommit;
use super::{PartitionKey, RecoveryReport, Touched};
use crate::journal::format::{self, EntryHeader};
use crate::log::tail_scan::DurableEnd;
use crate::log::{adopt_dir, complete_before, directory};
use crate::ring::Ring;

/// Files held open at once.
const FILES_MAX: usize = 256;

pub(super) struct Redo<'a> {
    data_dir: &'a Path,
    known: &'a dyn Fn(Uuid) -> Option<String>,
    /// `None` for partitions of topics that nobody knows.
    touched: HashMap<PartitionKey, Option<Touched>>,
    open: HashMap<PathBuf, File>,
    entries: u64,
    skipped: u64,
    bytes: u64,
}

impl<'a> Redo<'a> {
    pub(super) fn new(data_dir: &'a Path, known: &'a dyn Fn(Uuid) -> Option<String>) -> Self {
        Self {
            data_dir,
            known,
            touched: HashMap::default(),
            open: HashMap::default(),
            entries: 0,
            skipped: 0,
            bytes: 0,
        }
    }

    /// Replays one commit.
    pub(super) async fn commit(
        &mut self,
        ring: &Ring,
        commit: &ScannedCommit,
        relaxed: bool,
    ) -> io::Result<()> {
        let entries = format::entries(commit.bytes.as_slice(), &commit.header)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        for (header, bytes) in entries {
            self.entry(ring, &header, bytes, relaxed).await?;
        }
        Ok(())
    }

    async fn entry(
        &mut self,
        ring: &Ring,
        header: &EntryHeader,
        bytes: &[u8],
        relaxed: bool,
    ) -> io::Result<()> {
        self.entries += 1;
        let key = PartitionKey {
            topic_id: header.topic_id,
            partition: header.partition,
        };
        if !self.touched.contains_key(&key) {
            let touched = self.touch(ring, &key).await?;
            self.touched.insert(key.clone(), touched);
        }
        let Some(Some(touched)) = self.touched.get_mut(&key) else {
            self.skipped += 1;
            return Ok(());
        };
        if !relaxed {
            touched.durable.note(header);
        }
        if header.segment_base < touched.complete_before {
            return Ok(());
        }
        let path = directory::segment_path(&touched.dir, header.segment_base);
        self.bytes += bytes.len() as u64;
        self.file(&path)?.write_all_at(bytes, header.byte_position)
    }

    /// Finds or makes the directory of a partition.
    async fn touch(&self, ring: &Ring, key: &PartitionKey) -> io::Result<Option<Touched>> {
        let Some(topic) = (self.known)(key.topic_id) else {
            return Ok(None);
        };
        let dir = directory::partition_path(self.data_dir, &topic, key.partition);
        adopt_dir(&dir, key.topic_id)?;
        Ok(Some(Touched {
            complete_before: complete_before(ring, &dir).await?,
            dir,
            durable: DurableEnd::default(),
        }))
    }

    fn file(&mut self, path: &Path) -> io::Result<&File> {
        if !self.open.contains_key(path) {
            if self.open.len() >= FILES_MAX {
                for (_, file) in self.open.drain() {
                    file.sync_data()?;
                }
            }
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?;
            self.open.insert(path.to_owned(), file);
        }
        self.open
            .get(path)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Makes everything that was replayed durable.
    pub(super) async fn finish(
        &mut self,
        ring: &Ring,
        report: &mut RecoveryReport,
    ) -> io::Result<()> {
        for (_, file) in self.open.drain() {
            file.sync_all()?;
        }
        for touched in self.touched.values().flatten() {
            ring.sync_dir(&touched.dir).await?;
        }
        report.entries = self.entries;
        report.skipped_entries = self.skipped;
        report.bytes = self.bytes;
        Ok(())
    }

    pub(super) fn into_touched(self) -> impl Iterator<Item = Touched> {
        self.touched.into_values().flatten()
    }
}
