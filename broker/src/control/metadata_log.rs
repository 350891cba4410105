//! The durable side of the Raft shard: `__cluster_metadata-0/` with its segments, snapshots and vote.
//! Owns the files. Shell; formats are `entry_batches`, `checkpoint` and `quorum_state`.
//! Entries are written past the page cache, each write durable when it returns; the last partial page
//! is kept in memory and written again with the next one. A failed write is final, so a full disk is
//! noticed before it: what the next writes take is reserved.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use glommio::io::{DmaFile, OpenOptions};
use raft::{Entry, HardState, Persist, Snapshot};
use storage::durable_file;
use storage::log::is_full;

use crate::control::checkpoint::CheckpointId;
use crate::control::entry_batches::{self, DecodedLog, EntryLogError, offset_of};
use crate::control::quorum_state::{self, QuorumStateError};
use crate::control::{blocking, hold, primer};

pub(crate) const DIRECTORY: &str = "__cluster_metadata-0";
const PAGE: usize = 4096;
/// Reserved behind what is written.
const ROOM_BYTES: u64 = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub(crate) enum MetadataLogError {
    #[error("metadata log: {0}")]
    Io(#[from] io::Error),
    #[error("{DIRECTORY}/{file}: {source}")]
    Damaged { file: String, source: EntryLogError },
    #[error("metadata log {DIRECTORY} ends at offset {end}, but the next segment is {file}")]
    MissingSegment { end: i64, file: String },
    #[error(transparent)]
    QuorumState(#[from] QuorumStateError),
    #[error("metadata log: {written} bytes of {wanted} were written at {position}")]
    ShortWrite {
        position: u64,
        written: usize,
        wanted: usize,
    },
}

impl<T> From<glommio::GlommioError<T>> for MetadataLogError {
    fn from(error: glommio::GlommioError<T>) -> Self {
        Self::Io(error.into())
    }
}

/// What a start finds.
#[derive(Debug)]
pub(crate) struct RecoveredLog {
    pub(crate) hard_state: HardState,
    pub(crate) snapshot: Option<(CheckpointId, Bytes)>,
    pub(crate) entries: Vec<Entry>,
    /// Bytes of a write that a crash cut, now removed.
    pub(crate) cut_bytes: usize,
    last_segment: Segment,
}

/// How much may still be written for sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    Enough,
    /// The disk is full: what is left is for deletions.
    Little,
    None,
}

impl Room {
    fn of(left: u64) -> Self {
        match left {
            left if left >= ROOM_BYTES / 2 => Self::Enough,
            left if left >= ROOM_BYTES / 8 => Self::Little,
            _ => Self::None,
        }
    }
}

/// The segment that is written to.
#[derive(Debug)]
struct Segment {
    first_index: u64,
    length: usize,
    /// What the last, partial page holds.
    tail: Vec<u8>,
}

/// Reads everything back, cuts a torn tail, and makes the first segment where there is none.
pub(crate) fn recover(directory: &Path) -> Result<RecoveredLog, MetadataLogError> {
    fs::create_dir_all(directory)?;
    let hard_state = quorum_state::load(directory)?;
    let names = file_names(directory)?;
    let snapshot = match names
        .iter()
        .filter_map(|name| CheckpointId::parse(name))
        .max()
    {
        Some(id) => Some((id, Bytes::from(fs::read(directory.join(id.file_name()))?))),
        None => None,
    };
    let mut firsts: Vec<u64> = names.iter().filter_map(|name| first_index(name)).collect();
    firsts.sort_unstable();
    if firsts.is_empty() {
        let first = snapshot.as_ref().map_or(1, |(id, _)| id.end_offset + 1);
        fs::write(segment_path(directory, first), [])?;
        durable_file::sync_directory(directory)?;
        firsts.push(first);
    }
    let mut entries: Vec<Entry> = Vec::new();
    let mut last_segment = Segment {
        first_index: 1,
        length: 0,
        tail: Vec::new(),
    };
    let mut cut_bytes = 0;
    for first in firsts {
        let end = entries.last().map_or(first, |entry| entry.index + 1);
        if end != first {
            let (end, file) = (offset_of(end), segment_name(first));
            return Err(MetadataLogError::MissingSegment { end, file });
        }
        let log = Bytes::from(fs::read(segment_path(directory, first))?);
        let DecodedLog {
            entries: found,
            valid_bytes,
        } = entry_batches::decode(&log, first).map_err(|source| MetadataLogError::Damaged {
            file: segment_name(first),
            source,
        })?;
        entries.extend(found);
        let padding = log[valid_bytes..]
            .iter()
            .rev()
            .take_while(|byte| **byte == 0)
            .count();
        cut_bytes = log.len() - valid_bytes - padding;
        if valid_bytes < log.len() {
            cut(&segment_path(directory, first), valid_bytes)?;
        }
        let tail = log[valid_bytes - valid_bytes % PAGE..valid_bytes].to_vec();
        last_segment = Segment {
            first_index: first,
            length: valid_bytes,
            tail,
        };
    }
    Ok(RecoveredLog {
        hard_state,
        snapshot,
        entries,
        cut_bytes,
        last_segment,
    })
}

fn file_names(directory: &Path) -> io::Result<Vec<String>> {
    let name = |entry: io::Result<fs::DirEntry>| {
        entry.map(|entry| entry.file_name().to_string_lossy().into_owned())
    };
    fs::read_dir(directory)?.map(name).collect()
}

fn segment_name(first_index: u64) -> String {
    format!("{:020}.log", offset_of(first_index))
}

fn segment_path(directory: &Path, first_index: u64) -> PathBuf {
    directory.join(segment_name(first_index))
}

fn first_index(file_name: &str) -> Option<u64> {
    let base: u64 = file_name.strip_suffix(".log")?.parse().ok()?;
    base.checked_add(1)
}

fn cut(path: &Path, length: usize) -> io::Result<()> {
    let file = fs::OpenOptions::new().write(true).open(path)?;
    file.set_len(length as u64)?;
    file.sync_all()
}

#[derive(Debug)]
pub(crate) struct MetadataLog {
    directory: PathBuf,
    node_id: i32,
    file: DmaFile,
    segment: Segment,
    /// The file has space up to here.
    reserved: u64,
    next_index: u64,
    /// Since the last snapshot.
    appended_bytes: u64,
}

impl MetadataLog {
    /// Call this on the executor, with what `recover` found.
    pub(crate) async fn open(
        directory: &Path,
        node_id: i32,
        recovered: RecoveredLog,
    ) -> Result<Self, MetadataLogError> {
        primer::open_first(directory).await?;
        let segment = recovered.last_segment;
        let file = open_segment(&segment_path(directory, segment.first_index)).await?;
        let next_index = recovered
            .entries
            .last()
            .map_or(segment.first_index, |entry| entry.index + 1);
        let appended_bytes = segment.length as u64;
        let directory = directory.to_owned();
        Ok(Self {
            directory,
            node_id,
            file,
            segment,
            reserved: 0,
            next_index,
            appended_bytes,
        })
    }

    pub(crate) fn bytes_since_snapshot(&self) -> u64 {
        self.appended_bytes
    }

    /// Reserves space for the next writes when little is left.
    pub(crate) async fn make_room(&mut self) -> Room {
        let length = self.segment.length as u64;
        let wanted = length + ROOM_BYTES;
        if Room::of(self.reserved.saturating_sub(length)) != Room::Enough {
            let reserved = self.file.pre_allocate(wanted, true).await;
            match reserved.map_err(io::Error::from) {
                Ok(()) => self.reserved = wanted,
                Err(error) if is_full(&error) => {}
                // a file system without reservations
                Err(_) => self.reserved = u64::MAX,
            }
        }
        Room::of(self.reserved.saturating_sub(length))
    }

    /// Makes all these writes durable, in their order; entries of several go out as one write.
    pub(crate) async fn write(
        &mut self,
        writes: &[Persist],
        timestamp: i64,
    ) -> Result<(), MetadataLogError> {
        let mut entries: Vec<Entry> = Vec::new();
        for write in writes {
            if write.hard_state().is_some()
                || write.snapshot().is_some()
                || write.truncate_from().is_some()
            {
                self.append(&entries, timestamp).await?;
                entries.clear();
            }
            if let Some(state) = write.hard_state() {
                let (directory, node_id) = (self.directory.clone(), self.node_id);
                blocking::run(move || quorum_state::store(&directory, state, node_id)).await?;
            }
            if let Some(snapshot) = write.snapshot() {
                self.store_snapshot(snapshot).await?;
            }
            if let Some(index) = write.truncate_from() {
                self.truncate(index).await?;
            }
            entries.extend_from_slice(write.entries());
        }
        self.append(&entries, timestamp).await?;
        if let Some(index) = writes.iter().filter_map(Persist::compact_to).max() {
            self.compact(index).await?;
        }
        Ok(())
    }

    async fn append(&mut self, entries: &[Entry], timestamp: i64) -> Result<(), MetadataLogError> {
        let Some(last) = entries.last() else {
            return Ok(());
        };
        let batches = entry_batches::encode(entries, self.node_id, timestamp);
        let start = self.segment.length - self.segment.tail.len();
        let filled = self.segment.tail.len() + batches.len();
        let mut page = self.file.alloc_dma_buffer(filled.next_multiple_of(PAGE));
        let target = page.as_bytes_mut();
        target[..self.segment.tail.len()].copy_from_slice(&self.segment.tail);
        target[self.segment.tail.len()..filled].copy_from_slice(&batches);
        target[filled..].fill(0);
        let tail = target[filled - filled % PAGE..filled].to_vec();
        let (position, wanted) = (start as u64, target.len());
        let written = self.file.write_at(page, position).await?;
        if written != wanted {
            return Err(MetadataLogError::ShortWrite {
                position,
                written,
                wanted,
            });
        }
        self.segment.length = start + filled;
        self.segment.tail = tail;
        self.next_index = last.index + 1;
        self.appended_bytes += batches.len() as u64;
        Ok(())
    }

    async fn store_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), MetadataLogError> {
        let id = CheckpointId {
            end_offset: snapshot.meta.index,
            epoch: snapshot.meta.term,
        };
        let (directory, data) = (self.directory.clone(), snapshot.data.clone());
        blocking::run(move || durable_file::replace(&directory, &id.file_name(), &data)).await?;
        self.appended_bytes = 0;
        Ok(())
    }

    /// Removes an entry and all behind it: the segments are read back and written again without them.
    async fn truncate(&mut self, index: u64) -> Result<(), MetadataLogError> {
        if index >= self.next_index {
            return Ok(());
        }
        let (directory, node_id) = (self.directory.clone(), self.node_id);
        let segment = blocking::run(move || rewrite_below(&directory, index, node_id)).await?;
        self.switch_to(segment, index).await
    }

    async fn switch_to(
        &mut self,
        segment: Segment,
        next_index: u64,
    ) -> Result<(), MetadataLogError> {
        let next = open_segment(&segment_path(&self.directory, segment.first_index)).await?;
        std::mem::replace(&mut self.file, next).close().await?;
        self.segment = segment;
        self.reserved = 0;
        self.next_index = next_index;
        Ok(())
    }

    /// Once a snapshot covers the whole log, a new segment begins and what is covered goes away.
    async fn compact(&mut self, index: u64) -> Result<(), MetadataLogError> {
        if index + 1 < self.next_index || self.segment.first_index == self.next_index {
            return Ok(());
        }
        let first_index = self.next_index;
        let path = segment_path(&self.directory, first_index);
        let (directory, old_length) = (self.directory.clone(), self.segment.length);
        let old_path = segment_path(&self.directory, self.segment.first_index);
        blocking::run(move || {
            cut(&old_path, old_length)?;
            fs::write(path, [])?;
            durable_file::sync_directory(&directory)
        })
        .await?;
        let segment = Segment {
            first_index,
            length: 0,
            tail: Vec::new(),
        };
        self.switch_to(segment, first_index).await?;
        let directory = self.directory.clone();
        Ok(blocking::run(move || remove_covered(&directory, first_index)).await?)
    }

    /// Leaves the segment as long as its batches are, as other tools expect it.
    pub(crate) async fn close(self) -> Result<(), MetadataLogError> {
        let path = segment_path(&self.directory, self.segment.first_index);
        let length = self.segment.length;
        self.file.close().await?;
        Ok(blocking::run(move || cut(&path, length)).await?)
    }
}

async fn open_segment(path: &Path) -> Result<DmaFile, MetadataLogError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_DSYNC);
    let file = options.dma_open(path).await?;
    hold::hold(&file)?;
    Ok(file)
}

/// At the start, before anything is read: a killed process may still have a write under way.
pub(crate) fn wait_until_free(directory: &Path) -> io::Result<()> {
    let Ok(names) = file_names(directory) else {
        return Ok(()); // the first start
    };
    let segments = names.iter().filter(|name| first_index(name).is_some());
    segments
        .map(|name| directory.join(name))
        .try_for_each(|path| hold::wait_until_free(&path))
}

fn rewrite_below(directory: &Path, index: u64, node_id: i32) -> io::Result<Segment> {
    let recovered = recover(directory).map_err(io::Error::other)?;
    let kept: Vec<Entry> = recovered
        .entries
        .into_iter()
        .filter(|entry| entry.index < index)
        .collect();
    let first_index = kept.first().map_or(index, |entry| entry.index);
    let bytes = entry_batches::encode(&kept, node_id, 0);
    durable_file::replace(directory, &segment_name(first_index), &bytes)?;
    for name in file_names(directory)? {
        if self::first_index(&name).is_some_and(|first| first != first_index) {
            fs::remove_file(directory.join(name))?;
        }
    }
    durable_file::sync_directory(directory)?;
    let tail = bytes[bytes.len() - bytes.len() % PAGE..].to_vec();
    Ok(Segment {
        first_index,
        length: bytes.len(),
        tail,
    })
}

/// Removes segments before the one that begins at `first`, and all snapshots but the newest.
fn remove_covered(directory: &Path, first: u64) -> io::Result<()> {
    let names = file_names(directory)?;
    let newest = names
        .iter()
        .filter_map(|name| CheckpointId::parse(name))
        .max();
    for name in &names {
        let old_segment = first_index(name).is_some_and(|index| index < first);
        let checkpoint = CheckpointId::parse(name);
        if old_segment || (checkpoint.is_some() && checkpoint != newest) {
            fs::remove_file(directory.join(name))?;
        }
    }
    durable_file::sync_directory(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_the_room_is_for_deletions() {
        assert_eq!(Room::of(ROOM_BYTES), Room::Enough);
        assert_eq!(Room::of(ROOM_BYTES / 2), Room::Enough);
        assert_eq!(Room::of(ROOM_BYTES / 2 - 1), Room::Little);
        assert_eq!(Room::of(ROOM_BYTES / 8 - 1), Room::None);
        assert_eq!(Room::of(0), Room::None);
    }
}
