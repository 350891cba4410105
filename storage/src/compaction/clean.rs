//! A round over one log: learn where each key was last, then copy without what that replaces.
//! Shell; it reads sealed segments and writes files of its own.

use std::io;
use std::path::PathBuf;

use foldhash::HashMap;
use protocol::records::{
    BatchError, BatchHeader, Record, RecordIter, records_of, write_compacted, write_emptied,
};
use thiserror::Error;

use super::cleaned_transactions::CleanedTransactions;
use super::key_map::KeyMap;
use super::output::Output;
use super::plan::{Candidate, group_len};
use super::retain::{LastWritten, Left, RetainRules};
use super::scan::SegmentScan;
use crate::budget::Budget;
use crate::extent::ExtentPool;
use crate::log::aborted::AbortedTransaction;
use crate::log::transactions::TransactionEnd;
use crate::log::{ReadError, directory};
use crate::ring::Ring;

/// A batch is decompressed to look inside; no more than this of it.
const DECOMPRESSED_BYTES_MAX: usize = 128 * 1024 * 1024;

/// What a round is about; the log makes it.
#[derive(Debug, Clone)]
pub struct CleanJob {
    pub(crate) dir: PathBuf,
    /// All of them before the end of the cleanable part, oldest first.
    pub(crate) segments: Vec<Candidate>,
    pub(crate) first_dirty: i64,
    /// Every aborted transaction that these segments list.
    pub(crate) aborted: Vec<AbortedTransaction>,
    pub(crate) last_written: HashMap<i64, LastWritten>,
    pub(crate) limits: CleanLimits,
    pub(crate) now_ms: i64,
    pub(crate) delete_retention_ms: i64,
}

/// How large segments become, and what a round may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CleanLimits {
    pub segment_bytes: u64,
    pub index_interval_bytes: u64,
    pub index_bytes_max: u64,
    /// `log.cleaner.dedupe.buffer.size` and its load factor.
    pub key_bytes_max: usize,
    pub key_load_factor: f64,
    /// `log.cleaner.io.max.bytes.per.second`.
    pub bytes_per_second: f64,
}

/// Segments and the files that are to replace them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanedGroup {
    /// Of the segments that are replaced; the new one has the first of them.
    pub(crate) bases: Vec<i64>,
    pub(crate) end_offset: i64,
    /// Of the new segment.
    pub(crate) bytes: u64,
    pub(crate) max_timestamp: Option<i64>,
}

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Round {
    /// The new first dirty offset.
    pub end_offset: i64,
    pub bytes_before: u64,
    pub bytes_after: u64,
    pub records_before: u64,
    pub records_after: u64,
    pub keys_count: usize,
}

/// Why a round ends early; the log is as it was, but for groups that have been replaced.
#[derive(Debug, Error)]
pub enum CleanError {
    #[error("segment {segment_base} is damaged at byte {position}: {reason}")]
    Damaged {
        segment_base: i64,
        position: u64,
        reason: String,
    },
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("a batch cannot be rebuilt: {0}")]
    Batch(#[from] BatchError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the log changed meanwhile")]
    Superseded,
}

impl From<CleanError> for ReadError {
    /// Damage stays damage; the rest is what a file answers.
    fn from(error: CleanError) -> Self {
        match error {
            CleanError::Damaged {
                segment_base,
                position,
                ..
            } => Self::Damaged {
                segment_base,
                position,
            },
            CleanError::Io(error) => Self::Io(error),
            CleanError::Read(error) => error,
            CleanError::Batch(_) | CleanError::Superseded => Self::Io(io::Error::other(error)),
        }
    }
}

/// Runs a round; `swap` puts each group into the log before the next one is made.
///
/// # Errors
/// A segment cannot be read, or the result cannot be written, or `swap` failed.
pub async fn clean(
    ring: &Ring,
    pool: &ExtentPool,
    job: &CleanJob,
    mut swap: impl AsyncFnMut(CleanedGroup) -> Result<(), CleanError>,
) -> Result<Round, CleanError> {
    let mut cleaner = Cleaner {
        ring,
        pool,
        job,
        budget: Budget::new(job.limits.bytes_per_second),
        round: Round::default(),
    };
    let keys = cleaner.learn_keys().await?;
    let end_offset = keys.latest_offset().saturating_add(1);
    let touched = job
        .segments
        .partition_point(|segment| segment.base_offset < end_offset);
    let rules = RetainRules {
        keys: &keys,
        last_written: &job.last_written,
        end_offset,
        now_ms: job.now_ms,
        delete_retention_ms: job.delete_retention_ms,
    };
    let mut transactions = CleanedTransactions::new(job.aborted.clone());
    let mut rest = &job.segments[..touched];
    while !rest.is_empty() {
        let limits = &job.limits;
        let (group, behind) = rest.split_at(group_len(
            rest,
            limits.segment_bytes,
            limits.index_bytes_max,
        ));
        let cleaned = cleaner.copy(group, &rules, &mut transactions).await?;
        swap(cleaned).await?;
        rest = behind;
    }
    Ok(Round {
        end_offset,
        keys_count: keys.keys_count(),
        ..cleaner.round
    })
}

struct Cleaner<'a> {
    ring: &'a Ring,
    pool: &'a ExtentPool,
    job: &'a CleanJob,
    budget: Budget,
    round: Round,
}

impl Cleaner<'_> {
    async fn scan(&self, segment: &Candidate) -> Result<SegmentScan, CleanError> {
        let path = directory::segment_path(&self.job.dir, segment.base_offset);
        let (base_offset, bytes) = (segment.base_offset, segment.bytes);
        SegmentScan::open(self.ring, self.pool, &path, base_offset, bytes).await
    }

    /// Where each key of the dirty part was last, as far as there is room for the keys.
    async fn learn_keys(&mut self) -> Result<KeyMap, CleanError> {
        let job = self.job;
        let (limits, first_dirty) = (&job.limits, job.first_dirty);
        let end_offset = job.segments.last().map_or(0, |last| last.end_offset);
        let records_max = (end_offset - first_dirty).unsigned_abs();
        let (bytes, load_factor) = (limits.key_bytes_max, limits.key_load_factor);
        let mut keys = KeyMap::new(bytes, load_factor, records_max, random_seed());
        let is_dirty = |segment: &&Candidate| segment.end_offset > first_dirty;
        let dirty = job.segments.iter().filter(is_dirty);
        let begin = dirty.clone().next().map_or(0, |first| first.base_offset);
        let mut aborted = job.aborted.clone();
        aborted.retain(|transaction| transaction.last_offset >= begin);
        let mut transactions = CleanedTransactions::new(aborted);
        for segment in dirty {
            let mut scan = self.scan(segment).await?;
            while let Some((header, batch)) = scan.next().await? {
                let has_room = learn(&mut keys, &mut transactions, &header, batch, first_dirty)?;
                if !has_room {
                    return Ok(keys);
                }
                self.budget.spend(batch.len()).await;
            }
            keys.note_seen(segment.end_offset - 1);
        }
        Ok(keys)
    }

    /// Copies what stays of a group into one new segment.
    async fn copy(
        &mut self,
        group: &[Candidate],
        rules: &RetainRules<'_>,
        transactions: &mut CleanedTransactions,
    ) -> Result<CleanedGroup, CleanError> {
        let job = self.job;
        let (base_offset, end_offset) = match group {
            [first, .., last] => (first.base_offset, last.end_offset),
            [only] => (only.base_offset, only.end_offset),
            [] => (0, 0),
        };
        let interval = job.limits.index_interval_bytes;
        let mut output =
            Output::create(self.ring, self.pool, &job.dir, base_offset, interval).await?;
        for segment in group {
            let mut scan = self.scan(segment).await?;
            while let Some((header, batch)) = scan.next().await? {
                let begin = output.buffer().len();
                write_left(rules, transactions, &header, batch, output.buffer())?;
                self.round.bytes_before += batch.len() as u64;
                self.round.records_before += u64::from(header.records_count.unsigned_abs());
                let written = output.buffer().len() - begin;
                if written > 0 {
                    let header = BatchHeader::parse(&output.buffer()[begin..])?;
                    self.round.bytes_after += written as u64;
                    self.round.records_after += u64::from(header.records_count.unsigned_abs());
                    output.appended(&header).await?;
                }
                output.list_aborted(transactions.take_kept());
                self.budget.spend(batch.len() + written).await;
            }
        }
        let (bytes, max_timestamp) = (output.bytes(), output.max_timestamp());
        output.finish(end_offset).await?;
        Ok(CleanedGroup {
            bases: group.iter().map(|segment| segment.base_offset).collect(),
            end_offset,
            bytes,
            max_timestamp,
        })
    }
}

/// Notes the keys of a batch; `false` when there is no room for one of them.
fn learn(
    keys: &mut KeyMap,
    transactions: &mut CleanedTransactions,
    header: &BatchHeader,
    batch: &[u8],
    first_dirty: i64,
) -> Result<bool, BatchError> {
    let skipped = is_discardable(transactions, header, batch) || header.is_control();
    if !skipped && header.last_offset() >= first_dirty {
        let payload = records_of(batch, header, DECOMPRESSED_BYTES_MAX)?;
        for (index, record) in (0..).zip(RecordIter::new(&payload)) {
            let record = record.map_err(|error| BatchError::BadRecord { index, error })?;
            let offset = header.base_offset + i64::from(record.offset_delta);
            let Some(key) = record.key.filter(|_| offset >= first_dirty) else {
                continue;
            };
            if !keys.put(key, offset) {
                return Ok(false);
            }
        }
    }
    keys.note_seen(header.last_offset());
    Ok(true)
}

/// Whether the records of a batch were aborted, or it is a marker whose transaction has left
/// nothing.
fn is_discardable(
    transactions: &mut CleanedTransactions,
    header: &BatchHeader,
    batch: &[u8],
) -> bool {
    if header.is_control() {
        transactions.see_marker(header, TransactionEnd::of_batch(batch, header))
    } else {
        transactions.see_batch(header)
    }
}

/// Appends what stays of a batch.
fn write_left(
    rules: &RetainRules<'_>,
    transactions: &mut CleanedTransactions,
    header: &BatchHeader,
    batch: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), BatchError> {
    let discardable = is_discardable(transactions, header, batch);
    if rules.keeps_all(header, discardable) {
        out.extend_from_slice(batch);
        return Ok(());
    }
    let payload = records_of(batch, header, DECOMPRESSED_BYTES_MAX)?;
    let records: Result<Vec<Record<'_>>, _> = RecordIter::new(&payload).collect();
    let records = records.map_err(|error| BatchError::BadRecord { index: -1, error })?;
    match rules.left(header, discardable, records.into_iter()) {
        Left::Nothing => Ok(()),
        Left::Emptied => write_emptied(header, out),
        Left::All => {
            out.extend_from_slice(batch);
            Ok(())
        }
        Left::Some {
            records,
            delete_horizon,
        } => write_compacted(header, &records, delete_horizon, out),
    }
}

fn random_seed() -> [u64; 2] {
    [
        crate::journal::new_incarnation(),
        crate::journal::new_incarnation(),
    ]
}
