//! Checks one partition: every batch, the order of the offsets, the files beside the log. Shell;
//! `judge` decides.

use std::io;
use std::path::Path;

use protocol::types::Uuid;

use super::finding::{Effect, Finding};
use super::journal::{Journals, Patch};
use super::judge::{AbortedCheck, Around, IndexCheck, cost_of, missing_between};
use super::partition_files::PartitionFiles;
use super::segment_bytes::SegmentBytes;
use super::segment_walk::{Hole, Piece, SegmentWalk};
use crate::log::aborted::AbortedIndex;
use crate::log::directory;
use crate::log::index::Index;
use crate::log::partition_dir::{DAMAGED_FILE, DirectoryTopic, Snapshots};
use crate::log::partition_offsets::PartitionOffsets;
use crate::log::snapshot::{self, RecoveryPoint};
use crate::log::tail_scan::Damaged;
use crate::log::transactions::TransactionEnd;

/// What was found in one partition.
#[derive(Debug)]
pub struct PartitionReport {
    pub files: PartitionFiles,
    pub segments: Vec<SegmentReport>,
    pub point: Option<RecoveryPoint>,
    /// Everything before this offset is known to have been durable.
    pub durable: i64,
    pub start_offset: i64,
    pub end_offset: i64,
    /// Before this offset some are left out, as compaction does.
    pub gaps_below: i64,
    pub findings: Vec<Finding>,
}

/// What was found in one segment.
#[derive(Debug)]
pub struct SegmentReport {
    pub base_offset: i64,
    /// As a start would find it, with what the journals carry.
    pub bytes: u64,
    /// The offset after the last batch.
    pub end_offset: i64,
    pub holes: Vec<Hole>,
    /// Its index has to be made again.
    pub index_damaged: bool,
    /// So has its list of aborted transactions.
    pub aborted_damaged: bool,
    /// A journal carries something of it that a start would put into its file.
    pub in_journal: bool,
}

impl PartitionReport {
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.effect.is_damage())
    }

    fn note(&mut self, file: &Path, position: Option<u64>, what: String, effect: Effect) {
        self.findings.push(Finding {
            file: file.to_owned(),
            position,
            what,
            effect,
        });
    }
}

/// Checks the partition of a directory. `progress` hears how many bytes were read.
///
/// # Errors
/// The directory or a journal cannot be read. What is wrong in the files themselves is a finding.
pub fn check_partition(
    dir: &Path,
    journals: &Journals,
    progress: &mut dyn FnMut(u64),
) -> io::Result<PartitionReport> {
    let files = PartitionFiles::read(dir)?;
    // without them any offset may be left out
    let offsets = files.offsets.unwrap_or_else(|_| PartitionOffsets {
        gaps_below: i64::MAX,
        ..PartitionOffsets::default()
    });
    let (read, bytes_of) = (
        // What cannot be read is damaged; the others are looked at too.
        |path: &Path| Ok(std::fs::read(path).unwrap_or_default()),
        |path: &Path| std::fs::metadata(path).map(|file| file.len()),
    );
    let snapshots = Snapshots::read(dir, &files.bases, &files.snapshots, read, bytes_of)?;
    let noted = files.marker.as_deref().and_then(Damaged::durable_offset_in);
    let mut report = PartitionReport {
        segments: Vec::new(),
        point: snapshots.point,
        durable: snapshots.durable.max(noted.unwrap_or_default()),
        start_offset: offsets.log_start,
        end_offset: offsets.log_start,
        gaps_below: 0,
        findings: Vec::new(),
        files,
    };
    check_small_files(&mut report);
    check_snapshots(&mut report);
    if !report.files.swaps.is_empty() {
        let what = "a compaction was interrupted here; the segments are not checked before a start has completed it";
        report.note(dir, None, what.to_owned(), Effect::Ordinary);
        return Ok(report);
    }
    Segments::new(&mut report, offsets, journals).check(progress)?;
    Ok(report)
}

fn check_small_files(report: &mut PartitionReport) {
    let dir = report.files.dir.clone();
    if let Some(reason) = report.files.marker.clone() {
        let what = format!("the broker refuses this partition: {}", reason.trim_end());
        report.note(&dir.join(DAMAGED_FILE), None, what, Effect::OutOfService);
    }
    if !matches!(report.files.topic_id, DirectoryTopic::Is(_)) {
        let what = "does not say which topic the directory belongs to".to_owned();
        let path = dir.join(directory::METADATA_FILE);
        report.note(&path, None, what, Effect::OutOfService);
    }
    if let Err(error) = report.files.offsets {
        let what = format!("{error}: where the log starts is not known");
        let path = dir.join(directory::OFFSETS_FILE);
        report.note(&path, None, what, Effect::OutOfService);
    }
    if let Err(error) = &report.files.epochs {
        let what = error.to_string();
        let path = dir.join(directory::EPOCHS_FILE);
        report.note(&path, None, what, Effect::Rebuildable);
    }
    for path in report.files.repaired.clone() {
        let what = "left by a repair that was interrupted".to_owned();
        report.note(&path, None, what, Effect::Ordinary);
    }
}

fn check_snapshots(report: &mut PartitionReport) {
    for offset in report.files.snapshots.clone() {
        let path = directory::snapshot_path(&report.files.dir, offset);
        let decoded = std::fs::read(&path).map(|bytes| snapshot::decode(&bytes));
        let what = match decoded {
            Ok(Ok((point, _))) if point.end_offset == offset => continue,
            Ok(Ok((point, _))) => format!("is the snapshot of offset {}", point.end_offset),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        report.note(&path, None, what, Effect::Rebuildable);
    }
}

/// The walk over all segments of a partition.
struct Segments<'a> {
    report: &'a mut PartitionReport,
    offsets: PartitionOffsets,
    /// Base offsets, and what the journals carry of each.
    segments: Vec<(i64, Vec<Patch<'a>>)>,
    aborted: AbortedCheck,
}

impl<'a> Segments<'a> {
    fn new(
        report: &'a mut PartitionReport,
        offsets: PartitionOffsets,
        journals: &'a Journals,
    ) -> Self {
        let mut patches = match report.files.topic_id {
            DirectoryTopic::Is(id) => patches_of(report, offsets, journals, id),
            DirectoryTopic::Unreadable | DirectoryTopic::Nothing => Default::default(),
        };
        let mut bases = report.files.bases.clone();
        bases.extend(patches.keys());
        bases.sort_unstable();
        bases.dedup();
        // segments wholly before the start of the log do not count
        let kept = bases.partition_point(|base| *base <= offsets.log_start);
        bases.drain(..kept.saturating_sub(1));
        let segments = bases.into_iter();
        let segments = segments.map(|base| (base, patches.remove(&base).unwrap_or_default()));
        Self {
            segments: segments.collect(),
            report,
            offsets,
            aborted: AbortedCheck::default(),
        }
    }

    fn check(mut self, progress: &mut dyn FnMut(u64)) -> io::Result<()> {
        let segments = std::mem::take(&mut self.segments);
        let bases: Vec<i64> = segments.iter().map(|(base, _)| *base).collect();
        let first = bases.first().copied().unwrap_or(self.offsets.log_start);
        self.report.start_offset = self.offsets.log_start.max(first);
        let mut end = first;
        for (at, (base, patches)) in segments.into_iter().enumerate() {
            self.check_between(end, base);
            let around = Around {
                next_base: bases.get(at + 1).copied(),
                durable: self.report.durable,
            };
            end = self.check_segment(base, patches, around, progress)?;
        }
        self.check_between(end, self.report.durable.max(end));
        self.report.end_offset = end.max(self.offsets.log_start);
        Ok(())
    }

    /// Where one segment ends the next must begin, and the last one at the durable end.
    fn check_between(&mut self, end: i64, next: i64) {
        let gaps_below = self.offsets.gaps_below.max(self.offsets.log_start);
        self.note_gap(end, next.saturating_sub(1));
        let holes = self.report.segments.last().map(|last| &last.holes);
        let told = holes.is_some_and(|holes| holes.iter().any(|hole| hole.next_offset.is_none()));
        let path = directory::segment_path(&self.report.files.dir, next);
        if let Some(missing) = missing_between(end, next, gaps_below).filter(|_| !told) {
            let what = format!("the log has nothing between offsets {end} and {next}");
            self.report.note(&path, None, what, Effect::Lost(missing));
        } else if end > next {
            let what = format!("begins at offset {next}, but the segment before ends at {end}");
            self.report.note(&path, None, what, Effect::OutOfService);
        }
    }

    /// What compaction left out is told from what is missing by `partition.offsets` alone.
    fn note_gap(&mut self, expected: i64, base_offset: i64) {
        if base_offset > expected {
            let gaps_below = &mut self.report.gaps_below;
            *gaps_below = (*gaps_below).max(base_offset + 1);
        }
    }

    /// Returns the offset after the last batch.
    fn check_segment(
        &mut self,
        base: i64,
        patches: Vec<Patch<'a>>,
        around: Around,
        progress: &mut dyn FnMut(u64),
    ) -> io::Result<i64> {
        let path = directory::segment_path(&self.report.files.dir, base);
        let bytes = match SegmentBytes::with_patches(&path, patches) {
            Ok(bytes) => bytes,
            Err(error) => {
                let lost = Effect::Lost(base..around.next_base.unwrap_or(around.durable).max(base));
                self.report.note(&path, None, error.to_string(), lost);
                return Ok(around.next_base.unwrap_or(base));
            }
        };
        let in_journal = bytes.is_patched();
        let (mut index, index_damaged) = self.stored_index(base, &bytes);
        let below = around.next_base.unwrap_or(i64::MAX);
        let mut walk = SegmentWalk::new(bytes, base, self.offsets.gaps_below, below);
        let mut segment = SegmentReport {
            base_offset: base,
            bytes: walk.segment().bytes(),
            end_offset: base,
            holes: Vec::new(),
            index_damaged,
            aborted_damaged: false,
            in_journal,
        };
        loop {
            let expected = walk.next_offset();
            let Some(piece) = walk.next_piece()? else {
                break;
            };
            match piece {
                Piece::Batch { position, header } => {
                    self.note_gap(expected, header.base_offset);
                    progress(header.size_bytes() as u64);
                    index.note_batch(position, &header);
                    self.aborted.note_data(&header);
                    if header.is_control() {
                        let batch = walk.bytes_of(position..walk.position())?;
                        if let Some(end) = TransactionEnd::of_batch(&batch, &header) {
                            self.aborted.note_marker(&header, end);
                        }
                    }
                }
                Piece::Hole(hole) => {
                    index.note_hole(hole.position..hole.position + hole.bytes);
                    self.note_hole(&path, &hole, around);
                    segment.holes.push(hole);
                }
            }
        }
        segment.end_offset = walk.next_offset();
        for page in walk.segment().unreadable() {
            let what = "cannot be read".to_owned();
            self.report
                .note(&path, Some(*page), what, Effect::Lost(0..0));
        }
        segment.index_damaged |= self.judge_index(base, index);
        segment.aborted_damaged = self.check_aborted(base);
        let end_offset = segment.end_offset;
        self.report.segments.push(segment);
        Ok(end_offset)
    }

    fn note_hole(&mut self, path: &Path, hole: &Hole, around: Around) {
        let effect = cost_of(hole, around);
        let (bytes, reason) = (hole.bytes, &hole.reason);
        let what = if effect.is_damage() {
            format!("{bytes} bytes are no valid batch: {reason}")
        } else {
            format!("{bytes} bytes behind the last batch: {reason}")
        };
        self.report.note(path, Some(hole.position), what, effect);
    }

    /// The complete part of a log: its files are not touched by a start.
    fn is_sealed(&self, base: i64) -> bool {
        self.report
            .point
            .is_some_and(|point| base < point.segment_base)
    }

    /// The entries that the index of a segment should have; says whether they are damaged.
    fn stored_index(&mut self, base: i64, bytes: &SegmentBytes<'_>) -> (IndexCheck, bool) {
        let path = directory::index_path(&self.report.files.dir, base);
        let stored = std::fs::read(&path).unwrap_or_default();
        if !self.is_sealed(base) {
            let point = self.report.point.filter(|point| point.segment_base == base);
            let covered = point.map_or(0, |point| point.position);
            let index = Index::decode(&stored, base, covered);
            return (IndexCheck::new(base, index.entries()), false);
        }
        if let Some(index) = Index::decode_sealed(&stored, base, bytes.bytes()) {
            return (IndexCheck::new(base, index.entries()), false);
        }
        let what = "is damaged, or does not end where its segment does".to_owned();
        self.report.note(&path, None, what, Effect::Rebuildable);
        (IndexCheck::new(base, &[]), true)
    }

    fn judge_index(&mut self, base: i64, index: IndexCheck) -> bool {
        let Some(position) = index.finish() else {
            return false;
        };
        let path = directory::index_path(&self.report.files.dir, base);
        let what = format!("says something else than byte {position} of the segment");
        self.report.note(&path, None, what, Effect::Rebuildable);
        true
    }

    fn check_aborted(&mut self, base: i64) -> bool {
        let path = directory::txn_index_path(&self.report.files.dir, base);
        let stored = std::fs::read(&path).unwrap_or_default();
        let listed = AbortedIndex::decode(&stored);
        let whole = stored
            .len()
            .is_multiple_of(crate::log::aborted::ENTRY_BYTES);
        let missing = self.aborted.missing_in(listed.as_ref());
        if !self.is_sealed(base) {
            return false;
        }
        let what = match listed {
            Some(_) if whole && missing == 0 => return false,
            Some(_) if whole => format!("lacks {missing} aborted transactions of its segment"),
            Some(_) | None => "is damaged".to_owned(),
        };
        self.report.note(&path, None, what, Effect::Rebuildable);
        true
    }
}

type Patches<'a> = std::collections::BTreeMap<i64, Vec<Patch<'a>>>;

/// What the journals carry of a partition that a start would replay.
fn patches_of<'a>(
    report: &mut PartitionReport,
    offsets: PartitionOffsets,
    journals: &'a Journals,
    topic_id: Uuid,
) -> Patches<'a> {
    let partition = report.files.partition;
    let sealed_before = report.point.map_or(0, |point| point.segment_base);
    let compacted = report.files.offsets.is_ok().then_some(offsets.gaps_below);
    let complete_before = sealed_before.max(compacted.unwrap_or_default());
    let durable = journals.durable_end(topic_id, partition).offset();
    report.durable = report.durable.max(durable);
    let mut patches = journals.patches(topic_id, partition);
    patches.retain(|base, _| *base >= complete_before);
    patches
}

/// Bytes of all segments of a partition, for whoever shows progress.
///
/// # Errors
/// The directory cannot be read.
pub fn bytes_of(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.ends_with(".log")) {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}
