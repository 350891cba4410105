//! `millrace log dump`: what the files of a log hold, one row a thing. Shell; reads only.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use protocol::records::{
    BATCH_HEADER_BYTES, BatchHeader, ControlRecord, Record, RecordIter, records_of,
};
use storage::log::aborted::AbortedIndex;
use storage::log::index::Index;
use storage::log::leader_epochs::LeaderEpochs;
use storage::log::partition_offsets::PartitionOffsets;
use storage::log::snapshot;
use storage::offline::{JournalFile, Piece, SegmentBytes, SegmentWalk};

use super::Output;
use super::arguments::{Decoder, DumpArguments};
use super::decode::readable;
use super::row::Row;

/// Most that one compressed batch may unfold to here.
const DECOMPRESSED_BYTES_MAX: usize = 1 << 30;
/// Files of a partition that are told before its segments.
const SMALL_FILES: [&str; 4] = [
    "partition.metadata",
    "partition.offsets",
    "leader-epoch-checkpoint",
    "damaged.txt",
];

/// Dumps every file that was named.
pub(super) fn run(arguments: &DumpArguments, output: &mut Output) -> anyhow::Result<()> {
    for path in arguments.paths.iter().chain(&arguments.files) {
        if path.is_dir() {
            for file in files_of(path)? {
                dump_file(&file, arguments, output)?;
            }
        } else {
            dump_file(path, arguments, output)?;
        }
    }
    Ok(())
}

/// The files of a partition in the order in which they are told; indexes only when they are named.
fn files_of(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        let is_told = ["log", "txnindex", "snapshot", "checkpoint"]
            .iter()
            .any(|extension| path.extension().is_some_and(|found| found == *extension));
        if is_told {
            files.push(path);
        }
    }
    if files.is_empty() {
        bail!(
            "{} holds no log; name files or the directory of a partition",
            dir.display()
        );
    }
    files.sort();
    let small = SMALL_FILES.iter().map(|name| dir.join(name));
    Ok(small.filter(|path| path.exists()).chain(files).collect())
}

fn dump_file(path: &Path, arguments: &DumpArguments, output: &mut Output) -> anyhow::Result<()> {
    output.row(&Row::new("file").with("path", path.display().to_string()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let dumped = match (&*name, &*extension) {
        ("partition.offsets", _) => dump_offsets(path, output),
        ("leader-epoch-checkpoint", _) => dump_epochs(path, output),
        (_, "log" | "checkpoint" | "swap" | "cleaned" | "deleted" | "repaired") => {
            Segment::new(path, arguments, output).dump()
        }
        (_, "index") => dump_index(path, output),
        (_, "txnindex") => dump_aborted(path, output),
        (_, "snapshot") => dump_snapshot(path, output),
        (name, _) if name.starts_with("journal-") || name.starts_with("salvage-") => {
            dump_journal(path, arguments, output)
        }
        _ => dump_text(path, output),
    };
    dumped.with_context(|| path.display().to_string())
}

/// The base offset in the name of a file.
fn base_of(path: &Path) -> Option<i64> {
    let name = path.file_name()?.to_str()?;
    name.get(..20)?.parse().ok()
}

/// The dump of one segment.
struct Segment<'a> {
    path: &'a Path,
    arguments: &'a DumpArguments,
    decoder: Decoder,
    output: &'a mut Output,
}

impl<'a> Segment<'a> {
    fn new(path: &'a Path, arguments: &'a DumpArguments, output: &'a mut Output) -> Self {
        Self {
            path,
            decoder: arguments.decode.for_file(path),
            arguments,
            output,
        }
    }

    fn dump(mut self) -> anyhow::Result<()> {
        let bytes = SegmentBytes::open(self.path)?;
        let base = match self.path.extension() {
            Some(extension) if extension == "checkpoint" => 0,
            Some(_) | None => base_of(self.path).unwrap_or_default(),
        };
        let mut walk = SegmentWalk::new(bytes, base, i64::MAX, i64::MAX);
        while let Some(piece) = walk.next_piece()? {
            match piece {
                Piece::Hole(hole) => {
                    let row = Row::new("hole")
                        .with("position", hole.position)
                        .with("size", hole.bytes)
                        .with("expectedOffset", hole.first_offset)
                        .with("reason", hole.reason.to_string());
                    self.output.row(&row.below(1))?;
                }
                Piece::Batch { header, .. } if header.base_offset >= self.arguments.to_offset => {
                    break;
                }
                Piece::Batch { header, .. }
                    if header.last_offset() < self.arguments.from_offset => {}
                Piece::Batch { position, header } => {
                    self.output.row(&batch_row(position, &header))?;
                    if self.arguments.deep || self.arguments.print_data {
                        let batch = walk.bytes_of(position..walk.position())?;
                        self.records(&header, &batch)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn records(&mut self, header: &BatchHeader, batch: &[u8]) -> io::Result<()> {
        let payload = match records_of(batch, header, DECOMPRESSED_BYTES_MAX) {
            Ok(payload) => payload,
            Err(error) => {
                let row = Row::new("unreadable").with("reason", error.to_string());
                return self.output.row(&row.below(2));
            }
        };
        for record in RecordIter::new(&payload) {
            let row = match record {
                Ok(record) if self.is_wanted(header, &record) => self.record_row(header, &record),
                Ok(_) => continue,
                Err(error) => Row::new("unreadable").with("reason", error.to_string()),
            };
            self.output.row(&row.below(2))?;
        }
        Ok(())
    }

    fn is_wanted(&self, header: &BatchHeader, record: &Record<'_>) -> bool {
        let offset = header.base_offset + i64::from(record.offset_delta);
        (self.arguments.from_offset..self.arguments.to_offset).contains(&offset)
    }

    fn record_row(&self, header: &BatchHeader, record: &Record<'_>) -> Row {
        let mut row = Row::new("record")
            .with(
                "offset",
                header.base_offset + i64::from(record.offset_delta),
            )
            .with(
                "timestamp",
                header.base_timestamp.saturating_add(record.timestamp_delta),
            )
            .with("keySize", record.key.map(<[u8]>::len))
            .with("valueSize", record.value.map(<[u8]>::len));
        if header.is_control() {
            let control = match ControlRecord::from_record(record) {
                Ok(Some(control)) => format!("{control:?}"),
                Ok(None) => "of an unknown type".to_owned(),
                Err(error) => error.to_string(),
            };
            return row.with("control", control);
        }
        if !self.arguments.print_data {
            return row;
        }
        if let Some(words) = self.decoder.record(record.key, record.value) {
            return row.with("says", words);
        }
        let headers = record.headers.into_iter();
        let headers = headers.map(|header| {
            let value = header.value.map_or_else(|| "-".to_owned(), readable);
            format!("{}={value}", readable(header.key))
        });
        let headers: Vec<String> = headers.collect();
        row = row
            .with("key", record.key.map(readable))
            .with("value", record.value.map(readable));
        if headers.is_empty() {
            row
        } else {
            row.with("headers", headers.join(","))
        }
    }
}

fn batch_row(position: u64, header: &BatchHeader) -> Row {
    let codec = header.compression().map_or("unknown", |codec| codec.name());
    Row::new("batch")
        .below(1)
        .with("baseOffset", header.base_offset)
        .with("lastOffset", header.last_offset())
        .with("count", header.records_count)
        .with("position", position)
        .with("size", header.size_bytes())
        .with("maxTimestamp", header.max_timestamp)
        .with("compression", codec)
        .with("producerId", header.producer_id)
        .with("producerEpoch", header.producer_epoch)
        .with("baseSequence", header.base_sequence)
        .with("partitionLeaderEpoch", header.partition_leader_epoch)
        .with("isTransactional", header.is_transactional())
        .with("isControl", header.is_control())
        .with("deleteHorizonMs", header.delete_horizon())
        .with("crc", header.crc)
}

fn dump_index(path: &Path, output: &mut Output) -> anyhow::Result<()> {
    let base = base_of(path).context("the name has no base offset")?;
    let stored = fs::read(path)?;
    let index = Index::decode(&stored, base, u64::MAX);
    for entry in index.entries() {
        let row = Row::new("entry")
            .with("offset", base + i64::from(entry.offset_delta))
            .with("position", entry.position)
            .with("maxTimestampBefore", entry.max_timestamp);
        output.row(&row.below(1))?;
    }
    let valid = index.bytes();
    if valid < stored.len() as u64 {
        let row = Row::new("rest").with("position", valid);
        output.row(&row.with("size", stored.len() as u64 - valid).below(1))?;
    }
    Ok(())
}

fn dump_aborted(path: &Path, output: &mut Output) -> anyhow::Result<()> {
    let stored = fs::read(path)?;
    let listed = AbortedIndex::decode(&stored).context("is damaged")?;
    for entry in listed.entries() {
        let row = Row::new("aborted")
            .with("producerId", entry.producer_id)
            .with("firstOffset", entry.first_offset)
            .with("lastOffset", entry.last_offset)
            .with("lastStableOffset", entry.last_stable_offset);
        output.row(&row.below(1))?;
    }
    Ok(())
}

fn dump_snapshot(path: &Path, output: &mut Output) -> anyhow::Result<()> {
    let (point, producers) = snapshot::decode(&fs::read(path)?)?;
    let row = Row::new("recoveryPoint")
        .with("endOffset", point.end_offset)
        .with("segment", point.segment_base)
        .with("position", point.position);
    output.row(&row.below(1))?;
    for (producer_id, producer) in producers.iter() {
        let last = producer.marks().last();
        let row = Row::new("producer")
            .with("producerId", producer_id)
            .with("producerEpoch", producer.epoch)
            .with("lastTimestamp", producer.last_timestamp)
            .with("coordinatorEpoch", producer.coordinator_epoch)
            .with("currentTxnFirstOffset", producer.txn_first_offset)
            .with("firstSequence", last.map(|mark| mark.first_sequence))
            .with("lastSequence", last.map(|mark| mark.last_sequence))
            .with("lastOffset", last.map(|mark| mark.last_offset))
            .with("batches", producer.marks().len());
        output.row(&row.below(1))?;
    }
    Ok(())
}

fn dump_offsets(path: &Path, output: &mut Output) -> anyhow::Result<()> {
    let offsets = PartitionOffsets::from_text(&fs::read_to_string(path)?)?;
    let row = Row::new("offsets")
        .with("logStartOffset", offsets.log_start)
        .with("firstDirtyOffset", offsets.first_dirty)
        .with("gapsBelowOffset", offsets.gaps_below);
    Ok(output.row(&row.below(1))?)
}

fn dump_epochs(path: &Path, output: &mut Output) -> anyhow::Result<()> {
    let epochs = LeaderEpochs::from_text(&fs::read_to_string(path)?)?;
    for start in epochs.starts() {
        let row = Row::new("leaderEpoch").with("epoch", start.epoch);
        output.row(&row.with("startOffset", start.start_offset).below(1))?;
    }
    Ok(())
}

fn dump_text(path: &Path, output: &mut Output) -> anyhow::Result<()> {
    let text = fs::read(path)?;
    if text.len() > BATCH_HEADER_BYTES * 1024 || std::str::from_utf8(&text).is_err() {
        bail!("is no file of a log that this tool knows");
    }
    for line in String::from_utf8_lossy(&text).lines() {
        output.row(&Row::new("line").with("text", line).below(1))?;
    }
    Ok(())
}

fn dump_journal(path: &Path, arguments: &DumpArguments, output: &mut Output) -> anyhow::Result<()> {
    let journal = JournalFile::read(path)??;
    let superblock = journal.superblock;
    let row = Row::new("superblock")
        .with("generation", superblock.generation)
        .with("incarnation", superblock.incarnation)
        .with("regionBytes", superblock.region_bytes)
        .with("liveStart", superblock.live_start)
        .with("nextSequence", superblock.next_sequence)
        .with("relaxed", superblock.relaxed)
        .with("prewritten", superblock.prewritten);
    output.row(&row.below(1))?;
    for damage in &journal.damage {
        let row = Row::new("damage")
            .with("position", damage.position)
            .with("sequence", damage.sequence)
            .with("nextWholeSequence", damage.later);
        output.row(&row.below(1))?;
    }
    for commit in &journal.commits {
        let row = Row::new("commit")
            .with("sequence", commit.header.sequence)
            .with("position", commit.position)
            .with("size", commit.header.bytes)
            .with("entries", commit.entries.len());
        output.row(&row.below(1))?;
        if !arguments.deep && !arguments.print_data {
            continue;
        }
        for entry in &commit.entries {
            let header = &entry.header;
            let row = Row::new("entry")
                .with("topicId", header.topic_id.to_string())
                .with("partition", header.partition)
                .with("segment", header.segment_base)
                .with("appendPosition", header.append_position)
                .with("bytePosition", header.byte_position)
                .with("appendOffset", header.append_offset)
                .with("endOffset", header.end_offset)
                .with("durableOffset", header.durable_offset)
                .with("size", header.bytes)
                .with("position", entry.position);
            output.row(&row.below(2))?;
        }
    }
    Ok(())
}
