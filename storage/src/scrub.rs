//! Looks for bit rot in sealed segments before a reader meets it: every batch of a segment is read
//! from the disk, past the page cache, at a given rate, and its checksum compared. Shell.
//!
//! Whoever runs it has a thread and a ring of its own; a log gives out [`ScrubJob`]s and is told what
//! they found: `log::damage`. The places of the damage come from the same walk as `millrace log
//! verify` has.

use std::io;
use std::path::PathBuf;

use crate::budget::Budget;
use crate::compaction::clean::CleanError;
use crate::compaction::scan::SegmentScan;
use crate::extent::ExtentPool;
use crate::log::tail_scan::EndReason;
use crate::offline::{Hole, Piece, SegmentBytes, SegmentWalk};
use crate::ring::Ring;

/// A sealed segment to check.
#[derive(Debug, Clone)]
pub struct ScrubJob {
    pub path: PathBuf,
    pub base_offset: i64,
    pub(crate) end_offset: i64,
    pub(crate) bytes: u64,
    /// How often segments of the log had been replaced.
    pub(crate) swaps: u64,
}

/// What a check found.
#[derive(Debug)]
pub enum Scrubbed {
    Sound,
    /// It is not there any more.
    Gone,
    Damaged(Vec<Hole>),
    /// From this byte on.
    Unreadable {
        position: u64,
        error: io::Error,
    },
}

impl ScrubJob {
    /// Bytes of the segment.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Checks a segment, no faster than the budget allows.
pub async fn scrub(
    ring: &Ring,
    pool: &ExtentPool,
    job: &ScrubJob,
    budget: &mut Budget,
) -> Scrubbed {
    let opened = SegmentScan::open(ring, pool, &job.path, job.base_offset, job.bytes).await;
    let mut scan = match opened {
        Ok(scan) => scan,
        Err(error) => return failed(job, 0, error),
    };
    let mut next_offset = job.base_offset;
    loop {
        let position = scan.position();
        match scan.next().await {
            Ok(None) => return Scrubbed::Sound,
            Ok(Some((header, batch))) => {
                if header.base_offset < next_offset {
                    return damaged(job, position);
                }
                next_offset = header.next_offset();
                budget.spend(batch.len()).await;
            }
            Err(error) => return failed(job, position, error),
        }
    }
}

/// The check ended at this byte of the segment. Pages that cannot be read are a damaged place too: what
/// lies around them is served.
fn failed(job: &ScrubJob, position: u64, error: CleanError) -> Scrubbed {
    match error {
        CleanError::Io(error) if error.kind() == io::ErrorKind::NotFound => Scrubbed::Gone,
        CleanError::Io(error) => match holes_of(job) {
            Ok(holes) if !holes.is_empty() => Scrubbed::Damaged(holes),
            Ok(_) | Err(_) => Scrubbed::Unreadable { position, error },
        },
        CleanError::Damaged { .. }
        | CleanError::Batch(_)
        | CleanError::Read(_)
        | CleanError::Superseded => damaged(job, position),
    }
}

/// Every damaged place of a segment. Rare, so that it may take its time.
fn damaged(job: &ScrubJob, position: u64) -> Scrubbed {
    match holes_of(job) {
        Ok(holes) => Scrubbed::Damaged(holes),
        Err(error) => Scrubbed::Unreadable { position, error },
    }
}

fn holes_of(job: &ScrubJob) -> io::Result<Vec<Hole>> {
    let bytes = SegmentBytes::open(&job.path)?;
    let file_bytes = bytes.bytes();
    let mut walk = SegmentWalk::new(bytes, job.base_offset, i64::MAX, job.end_offset);
    let mut holes = Vec::new();
    while let Some(piece) = walk.next_piece()? {
        if let Piece::Hole(hole) = piece {
            holes.push(hole);
        }
    }
    let missing = job.bytes.saturating_sub(file_bytes);
    match holes.last_mut() {
        Some(last) if last.next_offset.is_none() => last.bytes += missing,
        _ if missing > 0 => holes.push(Hole {
            position: file_bytes,
            bytes: missing,
            first_offset: walk.next_offset(),
            next_offset: None,
            reason: EndReason::EndOfFile,
        }),
        Some(_) | None => {}
    }
    Ok(holes)
}
