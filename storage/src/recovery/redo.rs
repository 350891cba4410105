//! Puts the bytes that the journals carry where they belong in the segments. Shell.
//!
//! Written through the page cache, with plain calls: nothing else runs yet, and everything is
//! synced before the first direct read.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use protocol::types::Uuid;

use super::journal_scan::ScannedCommit;
use super::{PartitionKey, RecoveryReport, Touched};
use crate::extent::ExtentPool;
use crate::journal::format::{self, EntryHeader};
use crate::log::tail_scan::DurableEnd;
use crate::log::{adopt_dir, complete_before, directory};
use crate::ring::{File, FileOptions, Ring};

/// Files held open at once.
const FILES_MAX: usize = 256;

pub(super) struct Redo<'a> {
    ring: &'a Ring,
    pool: &'a ExtentPool,
    data_dir: &'a Path,
    known: &'a dyn Fn(Uuid) -> Option<String>,
    /// `None` for partitions of topics that nobody knows.
    touched: BTreeMap<PartitionKey, Option<Touched>>,
    open: BTreeMap<PathBuf, File>,
    entries: u64,
    skipped: u64,
    bytes: u64,
}

impl<'a> Redo<'a> {
    pub(super) fn new(
        ring: &'a Ring,
        pool: &'a ExtentPool,
        data_dir: &'a Path,
        known: &'a dyn Fn(Uuid) -> Option<String>,
    ) -> Self {
        Self {
            ring,
            pool,
            data_dir,
            known,
            touched: BTreeMap::default(),
            open: BTreeMap::default(),
            entries: 0,
            skipped: 0,
            bytes: 0,
        }
    }

    /// Replays one commit.
    pub(super) async fn commit(&mut self, commit: &ScannedCommit, relaxed: bool) -> io::Result<()> {
        let entries = format::entries(commit.bytes.as_slice(), &commit.header)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        for (header, bytes) in entries {
            self.entry(&header, bytes, relaxed).await?;
        }
        Ok(())
    }

    async fn entry(&mut self, header: &EntryHeader, bytes: &[u8], relaxed: bool) -> io::Result<()> {
        self.entries += 1;
        let key = PartitionKey {
            topic_id: header.topic_id,
            partition: header.partition,
        };
        if !self.touched.contains_key(&key) {
            let touched = self.touch(&key).await?;
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
        let file = self.file(&path).await?;
        self.ring.write_now(&file, bytes, header.byte_position)
    }

    /// Finds or makes the directory of a partition.
    async fn touch(&self, key: &PartitionKey) -> io::Result<Option<Touched>> {
        let Some(topic) = (self.known)(key.topic_id) else {
            return Ok(None);
        };
        let dir = directory::partition_path(self.data_dir, &topic, key.partition);
        adopt_dir(self.ring, self.pool, &dir, key.topic_id).await?;
        Ok(Some(Touched {
            complete_before: complete_before(self.ring, &dir).await?,
            dir,
            durable: DurableEnd::default(),
        }))
    }

    async fn file(&mut self, path: &Path) -> io::Result<File> {
        if let Some(file) = self.open.get(path) {
            return Ok(file.clone());
        }
        if self.open.len() >= FILES_MAX {
            self.sync_files().await?;
        }
        let options = FileOptions {
            write: true,
            create: true,
            ..Default::default()
        };
        let file = self.ring.open(path, options).await?;
        self.open.insert(path.to_owned(), file.clone());
        Ok(file)
    }

    async fn sync_files(&mut self) -> io::Result<()> {
        for file in std::mem::take(&mut self.open).into_values() {
            self.ring.sync_data(&file).await?;
        }
        Ok(())
    }

    /// Makes everything that was replayed durable.
    pub(super) async fn finish(&mut self, report: &mut RecoveryReport) -> io::Result<()> {
        self.sync_files().await?;
        for touched in self.touched.values().flatten() {
            self.ring.sync_dir(&touched.dir).await?;
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
