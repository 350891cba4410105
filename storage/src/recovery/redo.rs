//! Puts the bytes that the journals carry where they belong in the segments. Shell.
//!
//! Written through the page cache, with plain calls: nothing else runs yet, and everything is
//! synced before the first direct read. A partition whose files cannot be used is left aside, and
//! the others go on.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use protocol::types::Uuid;

use super::journal_scan::ScannedCommit;
use super::{PartitionKey, RecoveryReport, Touched};
use crate::extent::ExtentPool;
use crate::journal::format::{self, EntryHeader};
use crate::log::partition_dir::refused;
use crate::log::tail_scan::DurableEnd;
use crate::log::{
    OpenError, adopt_dir, complete_before, directory, is_full, is_out_of_descriptors,
};
use crate::ring::{File, FileOptions, Ring};

/// Files held open at once.
const FILES_MAX: usize = 256;

pub(super) struct Redo<'a> {
    ring: &'a Ring,
    pool: &'a ExtentPool,
    data_dir: &'a Path,
    known: &'a dyn Fn(Uuid) -> Option<String>,
    places: BTreeMap<PartitionKey, Place>,
    open: BTreeMap<PathBuf, (PartitionKey, File)>,
    entries: u64,
    skipped: u64,
    bytes: u64,
}

/// What becomes of the entries of a partition.
enum Place {
    /// Nobody knows the topic any more.
    Unknown,
    Touched(Touched),
    /// Its files cannot be used: the entries are kept for the next start.
    Fenced(OpenError),
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
            places: BTreeMap::default(),
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
        if !self.places.contains_key(&key) {
            let place = self.touch(&key).await?;
            self.places.insert(key.clone(), place);
        }
        let touched = match self.places.get_mut(&key) {
            Some(Place::Touched(touched)) => touched,
            Some(Place::Fenced(_)) => return Ok(()),
            Some(Place::Unknown) | None => {
                self.skipped += 1;
                return Ok(());
            }
        };
        if !relaxed {
            touched.durable.note(header);
        }
        if header.segment_base < touched.complete_before {
            return Ok(());
        }
        let path = directory::segment_path(&touched.dir, header.segment_base);
        self.bytes += bytes.len() as u64;
        let written = match self.file(&key, &path).await {
            Ok(file) => self.ring.write_now(&file, bytes, header.byte_position),
            Err(error) => Err(error),
        };
        written.or_else(|error| self.fence(&key, path, error))
    }

    /// Finds or makes the directory of a partition.
    async fn touch(&self, key: &PartitionKey) -> io::Result<Place> {
        let Some(topic) = (self.known)(key.topic_id) else {
            return Ok(Place::Unknown);
        };
        let dir = directory::partition_path(self.data_dir, &topic, key.partition);
        match refused(self.ring, &dir) {
            Ok(None) => {}
            Ok(Some(refused)) => return Ok(Place::Fenced(refused)),
            Err(source) if concerns_all(&source) => return Err(source),
            Err(source) => return Ok(Place::Fenced(OpenError::Io { path: dir, source })),
        }
        let adopted = match adopt_dir(self.ring, self.pool, &dir, key.topic_id).await {
            Ok(()) => complete_before(self.ring, &dir).await,
            Err(error) => Err(error),
        };
        match adopted {
            Ok(complete_before) => Ok(Place::Touched(Touched {
                complete_before,
                dir,
                durable: DurableEnd::default(),
            })),
            Err(source) if concerns_all(&source) => Err(source),
            Err(source) => Ok(Place::Fenced(OpenError::Io { path: dir, source })),
        }
    }

    /// The other partitions go on without this one.
    fn fence(&mut self, key: &PartitionKey, path: PathBuf, source: io::Error) -> io::Result<()> {
        if concerns_all(&source) {
            return Err(source);
        }
        let fenced = Place::Fenced(OpenError::Io { path, source });
        self.places.insert(key.clone(), fenced);
        Ok(())
    }

    async fn file(&mut self, key: &PartitionKey, path: &Path) -> io::Result<File> {
        if let Some((_, file)) = self.open.get(path) {
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
        let opened = (key.clone(), file.clone());
        self.open.insert(path.to_owned(), opened);
        Ok(file)
    }

    async fn sync_files(&mut self) -> io::Result<()> {
        for (path, (key, file)) in std::mem::take(&mut self.open) {
            if let Err(error) = self.ring.sync_data(&file).await {
                self.fence(&key, path, error)?;
            }
        }
        Ok(())
    }

    /// Makes everything that was replayed durable.
    pub(super) async fn finish(&mut self, report: &mut RecoveryReport) -> io::Result<()> {
        self.sync_files().await?;
        let mut unsynced = Vec::new();
        for (key, place) in &self.places {
            if let Place::Touched(touched) = place
                && let Err(error) = self.ring.sync_dir(&touched.dir).await
            {
                unsynced.push((key.clone(), touched.dir.clone(), error));
            }
        }
        for (key, dir, error) in unsynced {
            self.fence(&key, dir, error)?;
        }
        report.entries = self.entries;
        report.skipped_entries = self.skipped;
        report.bytes = self.bytes;
        Ok(())
    }

    pub(super) fn into_outcome(self) -> Outcome {
        let mut outcome = Outcome::default();
        for (key, place) in self.places {
            match place {
                Place::Unknown => {}
                Place::Touched(place) => outcome.touched.push((key, place)),
                Place::Fenced(error) => outcome.fenced.push((key, error)),
            }
        }
        outcome
    }
}

/// The partitions that the journals mention: what was replayed, and what could not be.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) touched: Vec<(PartitionKey, Touched)>,
    pub(super) fenced: Vec<(PartitionKey, OpenError)>,
}

/// Not the fault of one partition's files: no space, no quota, no descriptors, no memory.
fn concerns_all(error: &io::Error) -> bool {
    is_full(error) || is_out_of_descriptors(error) || error.raw_os_error() == Some(libc::ENOMEM)
}
