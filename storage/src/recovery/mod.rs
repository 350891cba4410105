//! What happens before any store opens: every journal found is replayed into the segments, the
//! touched partitions are scanned and cut after their last valid batch, the journals are emptied. A
//! partition whose files are damaged or cannot be used is left aside, with what the journals have of it.
//! Shell. Its work is bounded by the journals' size and the touched segments' tails.

mod format_mark;
mod journal_scan;
mod redo;
pub(crate) mod salvage;

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use protocol::types::Uuid;
use thiserror::Error;

pub use self::format_mark::{FormatMarkError, check_format};
use self::journal_scan::JournalScan;
use self::redo::{Outcome, Redo};
use crate::extent::ExtentPool;
use crate::journal::format::{EntryHeader, FormatError};
use crate::log::directory::DELETED_SUFFIX;
use crate::log::tail_scan::DurableEnd;
use crate::log::{LoadRules, OpenError, load, mark_damaged};
use crate::ring::{DirEntry, Ring};

/// Density of the indexes that recovery and repair rebuild; Kafka's default.
pub(crate) const INDEX_INTERVAL_BYTES: u64 = 4096;
const PRODUCERS_MAX: usize = 100_000;
/// Whose copies those are that recovery makes.
pub(crate) const SALVAGE_SHARD: u32 = 0;

/// Why nothing can be opened.
#[derive(Debug, Error)]
pub enum RecoveryError {
    #[error("{path}: {source}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path}: {source}")]
    Format {
        path: PathBuf,
        #[source]
        source: FormatError,
    },
    /// Records may have been acknowledged that are in the damaged part.
    #[error(
        "{path}: commit {sequence} is damaged, but commit {later} after it is not: acknowledged records are lost; `millrace log verify` tells which, and `millrace log repair` keeps the rest"
    )]
    DamagedJournal {
        path: PathBuf,
        sequence: u64,
        later: u64,
    },
}

/// What recovery did.
#[derive(Debug, Default)]
pub struct RecoveryReport {
    pub journals: usize,
    pub commits: u64,
    pub entries: u64,
    pub bytes: u64,
    /// Partitions that had entries in a journal.
    pub partitions: usize,
    /// Entries of topics that nobody knows any more.
    pub skipped_entries: u64,
    /// Paths of partitions whose files cannot be read or written, or have lost acknowledged records.
    pub refused: Vec<(String, OpenError)>,
    /// The same partitions; nobody may open them before the next start.
    pub fenced: Vec<(Uuid, i32)>,
}

/// A partition that the journals mention.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct PartitionKey {
    topic_id: Uuid,
    partition: i32,
}

/// What the journals say of one partition: its directory, and what was durable.
#[derive(Debug)]
struct Touched {
    dir: PathBuf,
    /// Segments that begin before this offset are complete without the journal, and may have been
    /// deleted or compacted since: it has nothing to add to them.
    complete_before: i64,
    durable: DurableEnd,
}

/// Replays every journal in `data_dir`, whatever the number of shards that wrote them. `known`
/// names the topics that exist; entries of others are skipped.
///
/// # Errors
/// A journal cannot be read or is damaged in its middle; then nothing may be opened.
pub async fn recover(
    ring: &Ring,
    pool: &ExtentPool,
    data_dir: &Path,
    known: &dyn Fn(Uuid) -> Option<String>,
) -> Result<RecoveryReport, RecoveryError> {
    let io = |source| RecoveryError::Io {
        path: data_dir.to_owned(),
        source,
    };
    let mut report = RecoveryReport::default();
    let paths = list_journals(ring, data_dir).await.map_err(io)?;
    let mut redo = Redo::new(ring, pool, data_dir, known);
    let mut journals = Vec::new();
    for path in paths {
        let mut scan = JournalScan::open(ring, pool, &path).await?;
        while let Some(commit) = scan.next().await? {
            report.commits += 1;
            let replayed = redo.commit(&commit, scan.is_relaxed()).await;
            replayed.map_err(io)?;
        }
        scan.check_end().await?;
        journals.push(scan);
    }
    report.journals = journals.len();
    redo.finish(&mut report).await.map_err(io)?;
    let Outcome {
        touched,
        mut fenced,
    } = redo.into_outcome();
    for (key, touched) in touched {
        report.partitions += 1;
        if let Err(error) = settle(ring, pool, touched, &key, &mut report).await {
            fenced.push((key, error));
        }
    }
    keep_entries(ring, pool, data_dir, &journals, &fenced).await?;
    for (key, error) in fenced {
        report.refuse(&key, error);
    }
    ring.sync_dir(data_dir).await.map_err(io)?;
    for scan in &journals {
        scan.empty().await?;
    }
    for scan in journals.iter().filter(|scan| is_salvage(scan.path())) {
        ring.unlink(scan.path()).await.map_err(io)?;
    }
    Ok(report)
}

/// Brings one touched partition into the state that a clean stop leaves. Damage is noted in its
/// directory, which has then all that the journals carry; after an I/O error it may not.
async fn settle(
    ring: &Ring,
    pool: &ExtentPool,
    touched: Touched,
    key: &PartitionKey,
    report: &mut RecoveryReport,
) -> Result<(), OpenError> {
    let io = |source| OpenError::Io {
        path: touched.dir.clone(),
        source,
    };
    let rules = LoadRules {
        index_interval_bytes: INDEX_INTERVAL_BYTES,
        producers_max: PRODUCERS_MAX,
        durable: touched.durable,
    };
    let error = match load(ring, pool, &touched.dir, &rules).await {
        Ok(loaded) => {
            let settled = loaded.settle(ring, pool, &touched.dir).await;
            return settled.map(drop).map_err(io);
        }
        Err(error @ OpenError::Io { .. }) => return Err(error),
        Err(error @ (OpenError::Damaged { .. } | OpenError::Refused { .. })) => error,
    };
    let marked = mark_damaged(ring, pool, &touched.dir, &error).await;
    marked.map_err(io)?;
    report.refuse(key, error);
    Ok(())
}

/// Copies what the journals have of fenced partitions, before the journals are emptied.
async fn keep_entries(
    ring: &Ring,
    pool: &ExtentPool,
    data_dir: &Path,
    journals: &[JournalScan],
    fenced: &[(PartitionKey, OpenError)],
) -> Result<(), RecoveryError> {
    if fenced.is_empty() {
        return Ok(());
    }
    let wanted = |entry: &EntryHeader| {
        let mut keys = fenced.iter().map(|(key, _)| key);
        keys.any(|key| entry.is_of(key.topic_id, key.partition))
    };
    let mut number = salvage::next_number(ring, data_dir, SALVAGE_SHARD);
    for scan in journals {
        let to = salvage::path(data_dir, SALVAGE_SHARD, number);
        let (journal, before) = (scan.path(), scan.sequence());
        number += salvage::copy(ring, pool, journal, &to, before, wanted)
            .await?
            .min(1);
    }
    Ok(())
}

impl RecoveryReport {
    fn refuse(&mut self, key: &PartitionKey, error: OpenError) {
        tracing::error!("a partition stays out of service: {error}");
        self.fenced.push((key.topic_id, key.partition));
        let name = match &error {
            OpenError::Io { path, .. }
            | OpenError::Damaged { path, .. }
            | OpenError::Refused { path, .. } => path,
        };
        self.refused.push((name.display().to_string(), error));
    }
}

fn is_salvage(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str);
    name.is_some_and(salvage::is_copy)
}

/// The journals of a data directory in the order in which they are replayed: copies of old
/// entries first. What a stop left unfinished there is removed.
async fn list_journals(ring: &Ring, data_dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut journals = Vec::new();
    let entries = match ring.list_dir(data_dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(journals),
        Err(error) => return Err(error),
    };
    let is_deleted = |entry: &DirEntry| entry.is_dir && entry.name().ends_with(DELETED_SUFFIX);
    if entries.iter().any(is_deleted) {
        // Their new names may not be durable: a power cut would bring back a part of them.
        ring.sync_dir(data_dir).await?;
    }
    for entry in entries {
        let name = entry.name();
        let path = data_dir.join(name);
        if is_journal(&path) {
            journals.push(path);
        } else if is_deleted(&entry) {
            ring.remove_dir_and_files(&path).await?;
        } else if salvage::is_unfinished(name) {
            ring.unlink(&path).await?;
        }
    }
    sort_for_replay(&mut journals);
    Ok(journals)
}

/// Whether a path is that of a journal, or of a copy of entries of one.
pub(crate) fn is_journal(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str);
    let shard = name.and_then(|name| name.strip_prefix("journal-"));
    shard.is_some_and(|shard| shard.parse::<u32>().is_ok()) || is_salvage(path)
}

/// Copies of old entries first.
pub(crate) fn sort_for_replay(journals: &mut [PathBuf]) {
    journals.sort_unstable_by_key(|path| (!is_salvage(path), path.clone()));
}
