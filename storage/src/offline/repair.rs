//! Makes a damaged partition servable again, when its operator has seen what that costs. `plan` is
//! pure; [`RepairPlan::apply`] is the shell.
//!
//! Whatever a step replaces or removes is kept under `repaired/` in the data directory. Crash-safe:
//! all new files are written and synced under other names first; then a note in the directory, which
//! keeps the broker away, says what is to be removed; then they take their places; then the note goes.
//! A repair that was interrupted in between is finished by the next one.
//!
//! No offset that was given out is given out again: what is lost leaves a gap, as compaction does.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use protocol::types::Uuid;
use thiserror::Error;

use super::check::{PartitionReport, SegmentReport};
use super::finding::Effect;
use super::journal::Journals;
use super::rewrite::{place_of, write_index, write_segment, write_small};
use super::segment_bytes::SegmentBytes;
use super::segment_walk::SegmentWalk;
use crate::durable_file::{self, sync_directory};
use crate::log::directory;
use crate::log::partition_dir::{DAMAGED_FILE, DirectoryTopic};
use crate::log::partition_offsets::PartitionOffsets;

/// Where replaced files are kept, in the data directory.
pub(super) const KEPT_DIR: &str = "repaired";
const NOTE: &str = "a repair is under way: run `millrace log repair` again\n";
const NOTE_REMOVE: &str = "remove ";

/// What only the operator knows.
#[derive(Debug, Clone, Copy, Default)]
pub struct RepairOptions {
    /// For a partition whose `partition.offsets` is damaged.
    pub log_start_offset: Option<i64>,
    /// For one whose `partition.metadata` is.
    pub topic_id: Option<Uuid>,
}

/// Why there is no plan, or why it was not carried out.
#[derive(Debug, Error)]
pub enum RepairError {
    #[error(
        "partition.offsets is damaged, and says where the log starts: give --log-start-offset, at least {first}, or records that were deleted are there again"
    )]
    NeedsLogStart { first: i64 },
    #[error(
        "partition.metadata is damaged: give --topic-id, the id that `kafka-topics --describe` shows for the topic"
    )]
    NeedsTopicId,
    #[error("a compaction was interrupted here: a start of the broker completes it")]
    InCompaction,
    #[error("partition.offsets is of a newer version of Millrace: use that one")]
    NewerOffsets,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepairStep {
    /// What an interrupted repair has prepared takes its place.
    Finish,
    /// Whole batches stay, with what the journals carry.
    Rewrite {
        base: i64,
        holes: usize,
    },
    /// An empty segment keeps the offsets of lost records from being given out again.
    EndAt {
        offset: i64,
    },
    RebuildIndex {
        base: i64,
    },
    /// The next start makes it again from the log.
    Remove {
        file: PathBuf,
    },
    WriteOffsets(PartitionOffsets),
    WriteTopicId(Uuid),
    /// The broker opens the partition again.
    RemoveMarker,
}

/// See the module.
#[derive(Debug)]
pub struct RepairPlan {
    pub dir: PathBuf,
    pub steps: Vec<RepairStep>,
    /// Offsets of records that are lost, whether it is carried out or not.
    pub lost: Vec<Range<i64>>,
}

impl RepairPlan {
    /// What a checked partition needs; no steps when it is sound.
    ///
    /// # Errors
    /// The operator has to say more first, or the broker has.
    pub fn new(report: &PartitionReport, options: RepairOptions) -> Result<Self, RepairError> {
        let files = &report.files;
        let mut plan = Self {
            dir: files.dir.clone(),
            steps: Vec::new(),
            lost: report.findings.iter().filter_map(lost_of).collect(),
        };
        if files
            .marker
            .as_ref()
            .is_some_and(|text| text.starts_with(NOTE))
        {
            plan.steps.push(RepairStep::Finish);
            return Ok(plan);
        }
        if !files.swaps.is_empty() {
            return Err(RepairError::InCompaction);
        }
        if matches!(files.topic_id, DirectoryTopic::Unreadable) {
            let topic_id = options.topic_id.ok_or(RepairError::NeedsTopicId)?;
            plan.steps.push(RepairStep::WriteTopicId(topic_id));
        }
        let offsets = offsets_of(report, options)?;
        plan.plan_segments(report, offsets);
        if files.marker.is_some() {
            plan.steps.push(RepairStep::RemoveMarker);
        }
        Ok(plan)
    }

    fn plan_segments(&mut self, report: &PartitionReport, offsets: PartitionOffsets) {
        let last = report.segments.last();
        let end_offset = last.map_or(report.end_offset, |last| last.end_offset);
        let ends_early = !self.lost.is_empty() && end_offset < report.durable;
        let gaps_below = self.gaps_below(report, ends_early);
        let is_damaged = |segment: &SegmentReport| {
            let within = |lost: &Range<i64>| segment.base_offset <= lost.start;
            let next = |lost: &Range<i64>| lost.start <= segment.end_offset;
            !segment.holes.is_empty() && self.lost.iter().any(|lost| within(lost) && next(lost))
        };
        // what the journals carry of a segment before the gaps is not replayed any more
        let rewritten = |segment: &&SegmentReport| {
            is_damaged(segment) || (segment.in_journal && segment.base_offset < gaps_below)
        };
        let rewritten: Vec<&SegmentReport> = report.segments.iter().filter(rewritten).collect();
        let from_log = !rewritten.is_empty()
            || ends_early
            || report.files.epochs.is_err()
            || report
                .segments
                .iter()
                .any(|segment| segment.aborted_damaged);
        for segment in &report.segments {
            let base = segment.base_offset;
            if rewritten.iter().any(|other| other.base_offset == base) {
                let holes = segment.holes.len();
                self.steps.push(RepairStep::Rewrite { base, holes });
                self.remove(directory::index_path(&self.dir, base));
            } else if segment.index_damaged && from_log {
                self.remove(directory::index_path(&self.dir, base));
            } else if segment.index_damaged {
                self.steps.push(RepairStep::RebuildIndex { base });
            }
            if segment.aborted_damaged {
                self.remove(directory::txn_index_path(&self.dir, base));
            }
        }
        self.plan_other_files(report, from_log);
        if ends_early {
            let offset = report.durable;
            self.steps.push(RepairStep::EndAt { offset });
        }
        let offsets = PartitionOffsets {
            gaps_below: offsets.gaps_below.max(gaps_below),
            ..offsets
        };
        if report.files.offsets != Ok(offsets) {
            self.steps.push(RepairStep::WriteOffsets(offsets));
        }
    }

    /// Before this offset the repaired log leaves some out.
    fn gaps_below(&self, report: &PartitionReport, ends_early: bool) -> i64 {
        let ends = self.lost.iter().filter(|lost| !lost.is_empty());
        let is_base = |offset| report.files.bases.contains(&offset);
        let behind = ends.map(|lost| lost.end + i64::from(!is_base(lost.end)));
        let behind = behind.max().unwrap_or_default();
        if ends_early { report.durable } else { behind }
    }

    fn plan_other_files(&mut self, report: &PartitionReport, from_log: bool) {
        let damaged = |path: &Path| {
            let mut findings = report.findings.iter();
            findings.any(|finding| finding.file == path && finding.effect.is_damage())
        };
        for offset in &report.files.snapshots {
            let path = directory::snapshot_path(&self.dir, *offset);
            if from_log || damaged(&path) {
                self.remove(path);
            }
        }
        if report.files.epochs.is_err() {
            self.remove(self.dir.join(directory::EPOCHS_FILE));
        }
        for finding in &report.findings {
            let is_segment = finding.file.extension().is_some_and(|end| end == "log");
            let walked = |segment: &SegmentReport| {
                directory::segment_path(&self.dir, segment.base_offset) == finding.file
            };
            let cannot_be_read = is_segment
                && finding.file.exists()
                && finding.position.is_none()
                && matches!(finding.effect, Effect::Lost(_))
                && !report.segments.iter().any(walked);
            if cannot_be_read {
                self.remove(finding.file.clone());
            }
        }
    }

    fn remove(&mut self, file: PathBuf) {
        let step = RepairStep::Remove { file };
        if !self.steps.contains(&step) {
            self.steps.push(step);
        }
    }

    /// Does what the plan says; returns where the replaced files are kept.
    ///
    /// # Errors
    /// A file cannot be read or written; run again, it goes on from there.
    pub fn apply(
        &self,
        journals: &Journals,
        report: &PartitionReport,
        now_ms: i64,
    ) -> Result<PathBuf, RepairError> {
        let data_dir = self.dir.parent().unwrap_or(&self.dir);
        let name = format!("{}.{now_ms}", report.files.name);
        let kept = data_dir.join(KEPT_DIR).join(name);
        std::fs::create_dir_all(&kept)?;
        let mut note = NOTE.to_owned();
        if self.steps.contains(&RepairStep::Finish) {
            note = report.files.marker.clone().unwrap_or_default();
            sync_directory(&self.dir)?;
        } else {
            for leftover in &report.files.repaired {
                std::fs::remove_file(leftover)?;
            }
            for step in &self.steps {
                self.prepare(step, journals, report, &mut note)?;
            }
            durable_file::replace(&self.dir, DAMAGED_FILE, note.as_bytes())?;
        }
        self.finish(&note, &kept)?;
        sync_directory(&kept)?;
        Ok(kept)
    }

    /// Writes what a step puts in a place, under another name.
    fn prepare(
        &self,
        step: &RepairStep,
        journals: &Journals,
        report: &PartitionReport,
        note: &mut String,
    ) -> io::Result<()> {
        let path = |name: &str| self.dir.join(name);
        match step {
            RepairStep::Finish | RepairStep::RemoveMarker => Ok(()),
            RepairStep::Rewrite { base, .. } => {
                write_segment(&self.dir, *base, &mut walk(report, journals, *base)?)
            }
            RepairStep::EndAt { offset } => {
                write_small(&directory::segment_path(&self.dir, *offset), &[])
            }
            RepairStep::RebuildIndex { base } => {
                let mut bases = report.segments.iter().map(|segment| segment.base_offset);
                let end = bases
                    .find(|other| other > base)
                    .unwrap_or(report.end_offset);
                write_index(&self.dir, *base, end, &mut walk(report, journals, *base)?)
            }
            RepairStep::Remove { file } => {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                note.push_str(&format!("{NOTE_REMOVE}{name}\n"));
                Ok(())
            }
            RepairStep::WriteOffsets(offsets) => {
                write_small(&path(directory::OFFSETS_FILE), offsets.to_text().as_bytes())
            }
            RepairStep::WriteTopicId(topic_id) => {
                let text = directory::metadata_text(*topic_id);
                write_small(&path(directory::METADATA_FILE), text.as_bytes())
            }
        }
    }

    /// Everything is prepared: the old files go aside, the new ones take their places.
    fn finish(&self, note: &str, kept: &Path) -> io::Result<()> {
        for name in note
            .lines()
            .filter_map(|line| line.strip_prefix(NOTE_REMOVE))
        {
            keep(&self.dir.join(name), kept)?;
            remove_if_there(&self.dir.join(name))?;
        }
        for entry in std::fs::read_dir(&self.dir)? {
            let prepared = entry?.path();
            let Some(place) = place_of(&prepared) else {
                continue;
            };
            keep(&place, kept)?;
            std::fs::rename(&prepared, &place)?;
        }
        sync_directory(&self.dir)?;
        remove_if_there(&self.dir.join(DAMAGED_FILE))?;
        sync_directory(&self.dir)
    }
}

/// The batches of a segment, with what the journals carry.
fn walk<'a>(
    report: &PartitionReport,
    journals: &'a Journals,
    base: i64,
) -> io::Result<SegmentWalk<'a>> {
    let mut patches = match report.files.topic_id {
        DirectoryTopic::Is(id) => journals.patches(id, report.files.partition),
        DirectoryTopic::Unreadable | DirectoryTopic::Nothing => Default::default(),
    };
    let segment = report.segments.iter().find(|one| one.base_offset == base);
    let in_journal = segment.is_some_and(|segment| segment.in_journal);
    let patches = patches.remove(&base).filter(|_| in_journal);
    let path = directory::segment_path(&report.files.dir, base);
    let bytes = SegmentBytes::with_patches(&path, patches.unwrap_or_default())?;
    let mut bases = report.segments.iter().map(|segment| segment.base_offset);
    let below = bases.find(|other| *other > base).unwrap_or(i64::MAX);
    let offsets = report.files.offsets.map(|offsets| offsets.gaps_below);
    Ok(SegmentWalk::new(
        bytes,
        base,
        offsets.unwrap_or(i64::MAX),
        below,
    ))
}

fn lost_of(finding: &super::Finding) -> Option<Range<i64>> {
    match &finding.effect {
        Effect::Lost(offsets) => Some(offsets.clone()),
        Effect::Ordinary | Effect::Rebuildable | Effect::OutOfService => None,
    }
}

/// The offsets of the partition; from the operator when the file does not tell.
fn offsets_of(
    report: &PartitionReport,
    options: RepairOptions,
) -> Result<PartitionOffsets, RepairError> {
    use crate::log::partition_offsets::OffsetsFileError;
    match report.files.offsets {
        Ok(offsets) => Ok(offsets),
        Err(OffsetsFileError::UnknownVersion) => Err(RepairError::NewerOffsets),
        Err(OffsetsFileError::Damaged) => {
            let first = report.start_offset;
            let log_start = options.log_start_offset;
            Ok(PartitionOffsets {
                log_start: log_start.ok_or(RepairError::NeedsLogStart { first })?,
                first_dirty: 0,
                gaps_below: report.gaps_below,
            })
        }
    }
}

/// Keeps a file that is about to be replaced: the same bytes under a second name.
fn keep(file: &Path, kept: &Path) -> io::Result<()> {
    let to = kept.join(file.file_name().unwrap_or_default());
    match std::fs::hard_link(file, &to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) => std::fs::copy(file, &to).map(drop),
    }
}

fn remove_if_there(file: &Path) -> io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

impl fmt::Display for RepairStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finish => write!(f, "finish the repair that was interrupted"),
            Self::Rewrite { base, holes } => {
                write!(
                    f,
                    "write segment {base} again without {holes} damaged places"
                )
            }
            Self::EndAt { offset } => write!(
                f,
                "let the log go on at offset {offset}, so that no offset is given out twice"
            ),
            Self::RebuildIndex { base } => write!(f, "make the index of segment {base} again"),
            Self::Remove { file } => {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                write!(
                    f,
                    "remove {name}; the next start makes it again where the log tells it"
                )
            }
            Self::WriteOffsets(offsets) => write!(
                f,
                "note that the log starts at offset {} and may leave out others before {}",
                offsets.log_start, offsets.gaps_below
            ),
            Self::WriteTopicId(topic_id) => {
                write!(f, "note that the directory belongs to topic {topic_id}")
            }
            Self::RemoveMarker => write!(f, "let the broker open the partition again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rewrite::repaired;
    use super::*;

    #[test]
    fn what_is_prepared_knows_its_place() {
        let path = Path::new("/d/t-0/00000000000000000000.log");
        assert_eq!(place_of(&repaired(path)).as_deref(), Some(path));
        assert_eq!(place_of(path), None);
    }
}
