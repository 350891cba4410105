//! The live commits of the journals of a directory, read at once. Shell; the bytes are
//! `journal::format`'s.
//!
//! A commit that is damaged, while a later one is not, is named; those behind it are read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use protocol::types::Uuid;

use crate::journal::format::{
    self, COMMIT_HEADER_BYTES, CommitHeader, ENTRY_HEADER_BYTES, EntryHeader, FormatError,
    PAGE_BYTES, SUPERBLOCKS_BYTES, Superblock,
};
use crate::log::tail_scan::DurableEnd;
use crate::log::units::to_usize;
use crate::recovery;

/// One journal.
#[derive(Debug)]
pub struct JournalFile {
    pub path: PathBuf,
    pub superblock: Superblock,
    pub commits: Vec<Commit>,
    pub damage: Vec<JournalDamage>,
    file: File,
}

/// A commit that is whole.
#[derive(Debug, Clone)]
pub struct Commit {
    pub header: CommitHeader,
    /// Byte of the file at which it begins.
    pub position: u64,
    pub entries: Vec<Entry>,
}

/// An entry of a commit.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub header: EntryHeader,
    /// Byte of the file at which the carried bytes begin.
    pub position: u64,
}

/// Commits that are not there, while a later one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalDamage {
    /// Byte of the file at which the first of them should be.
    pub position: u64,
    /// Its sequence.
    pub sequence: u64,
    /// The next one that is whole.
    pub later: u64,
    /// What the first of them says that it held, although its checksum is wrong.
    pub held: Vec<EntryHeader>,
}

/// Bytes of a segment that a journal carries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patch<'a> {
    /// Byte of the segment.
    pub(super) at: u64,
    bytes: u64,
    journal: &'a JournalFile,
    position: u64,
}

impl Patch<'_> {
    pub(super) fn end(&self) -> u64 {
        self.at + self.bytes
    }

    /// Reads what the journal has from a byte of the segment on.
    pub(super) fn read(&self, from: u64, into: &mut [u8]) -> io::Result<()> {
        let position = self.position + (from - self.at);
        self.journal.file.read_exact_at(into, position)
    }
}

impl JournalFile {
    /// Reads the superblock and every live commit.
    ///
    /// # Errors
    /// The file cannot be read, or (inside) has no superblock of a known format.
    pub fn read(path: &Path) -> io::Result<Result<Self, FormatError>> {
        let file = File::open(path)?;
        let mut pages = vec![0; to_usize(SUPERBLOCKS_BYTES)];
        file.read_exact_at(&mut pages, 0)?;
        let superblock = match Superblock::newest(&pages) {
            Ok(superblock) => superblock,
            Err(error) => return Ok(Err(error)),
        };
        let mut journal = Self {
            path: path.to_owned(),
            superblock,
            commits: Vec::new(),
            damage: Vec::new(),
            file,
        };
        journal.read_commits()?;
        Ok(Ok(journal))
    }

    fn read_commits(&mut self) -> io::Result<()> {
        let (region, start) = (self.superblock.region_bytes, self.superblock.live_start);
        let (mut position, mut sequence) = (start, self.superblock.next_sequence);
        loop {
            let lap_end = (position + 1).next_multiple_of(region);
            let mut next = None;
            for place in [position, lap_end] {
                if next.is_none() && place - start < region {
                    let commit = self.commit_at(place % region, |found| found == sequence)?;
                    next = commit.map(|commit| (place, commit));
                }
            }
            if next.is_none() && !self.superblock.relaxed {
                next = self.later_commit(position, sequence)?;
                if let Some((_, later)) = &next {
                    self.damage.push(JournalDamage {
                        position: SUPERBLOCKS_BYTES + position % region,
                        sequence,
                        later: later.header.sequence,
                        held: self.held_at(position % region)?,
                    });
                }
            }
            let Some((place, commit)) = next else {
                return Ok(());
            };
            position = place + commit.header.padded_bytes();
            sequence = commit.header.sequence + 1;
            self.commits.push(commit);
        }
    }

    /// The whole commit with the lowest sequence above `sequence`, in the part of the circle that
    /// may hold one.
    fn later_commit(&self, from: u64, sequence: u64) -> io::Result<Option<(u64, Commit)>> {
        let region = self.superblock.region_bytes;
        let end = self.superblock.live_start + region;
        let mut later: Option<(u64, Commit)> = None;
        let mut position = from;
        while position < end {
            if let Some(commit) = self.commit_at(position % region, |found| found > sequence)?
                && later
                    .as_ref()
                    .is_none_or(|(_, other)| commit.header.sequence < other.header.sequence)
            {
                later = Some((position, commit));
            }
            position += PAGE_BYTES;
        }
        Ok(later)
    }

    /// The entries of a damaged commit, when its headers still add up.
    fn held_at(&self, place: u64) -> io::Result<Vec<EntryHeader>> {
        let Some(header) = self.header_at(place)? else {
            return Ok(Vec::new());
        };
        let bytes = self.read_at(SUPERBLOCKS_BYTES + place, header.bytes)?;
        let entries = format::entries(&bytes, &header).unwrap_or_default();
        Ok(entries.into_iter().map(|(entry, _)| entry).collect())
    }

    /// A whole commit as it is in the file, without its padding.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn commit_bytes(&self, commit: &Commit) -> io::Result<Vec<u8>> {
        self.read_at(commit.position, commit.header.bytes)
    }

    fn commit_at(&self, place: u64, wanted: impl Fn(u64) -> bool) -> io::Result<Option<Commit>> {
        let position = SUPERBLOCKS_BYTES + place;
        // a place that cannot be read has no commit
        let Ok(Some(header)) = self.header_at(place) else {
            return Ok(None);
        };
        if !wanted(header.sequence) {
            return Ok(None);
        }
        let bytes = self.read_at(position, header.bytes)?;
        if !header.is_whole(&bytes) {
            return Ok(None);
        }
        let Ok(carried) = format::entries(&bytes, &header) else {
            return Ok(None);
        };
        let mut at = position + COMMIT_HEADER_BYTES as u64;
        let entries = carried.into_iter().map(|(header, bytes)| {
            let position = at + ENTRY_HEADER_BYTES as u64;
            at = position + bytes.len() as u64;
            Entry { header, position }
        });
        let entries = entries.collect();
        Ok(Some(Commit {
            header,
            position,
            entries,
        }))
    }

    /// The header of a commit that ends inside the region; its checksum may be wrong.
    fn header_at(&self, place: u64) -> io::Result<Option<CommitHeader>> {
        let mut front = [0; COMMIT_HEADER_BYTES];
        self.file
            .read_exact_at(&mut front, SUPERBLOCKS_BYTES + place)?;
        let header = CommitHeader::parse(&front, self.superblock.incarnation);
        let inside =
            |header: &CommitHeader| place + header.padded_bytes() <= self.superblock.region_bytes;
        Ok(header.filter(inside))
    }

    fn read_at(&self, position: u64, bytes: u32) -> io::Result<Vec<u8>> {
        let mut read = vec![0; bytes as usize];
        self.file.read_exact_at(&mut read, position)?;
        Ok(read)
    }
}

/// Every journal of a directory, in the order in which a start replays them.
#[derive(Debug, Default)]
pub struct Journals {
    pub journals: Vec<JournalFile>,
    /// Those that hold nothing that can be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
}

impl Journals {
    /// Reads all of them.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn read(data_dir: &Path) -> io::Result<Self> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(data_dir)? {
            let entry = entry?;
            if recovery::is_journal(&entry.path()) {
                paths.push(entry.path());
            }
        }
        recovery::sort_for_replay(&mut paths);
        let mut all = Self::default();
        for path in paths {
            match JournalFile::read(&path) {
                Ok(Ok(journal)) => all.journals.push(journal),
                Ok(Err(error)) => all.unreadable.push((path, error.to_string())),
                Err(error) => all.unreadable.push((path, error.to_string())),
            }
        }
        Ok(all)
    }

    /// What they carry of one partition, by segment, in the order of replay.
    pub(super) fn patches(&self, topic_id: Uuid, partition: i32) -> BTreeMap<i64, Vec<Patch<'_>>> {
        let mut patches: BTreeMap<i64, Vec<Patch<'_>>> = BTreeMap::new();
        for (journal, entry) in self.entries_of(topic_id, partition) {
            patches
                .entry(entry.header.segment_base)
                .or_default()
                .push(Patch {
                    at: entry.header.byte_position,
                    bytes: u64::from(entry.header.bytes),
                    journal,
                    position: entry.position,
                });
        }
        patches
    }

    /// What they say to have been durable of one partition.
    pub(super) fn durable_end(&self, topic_id: Uuid, partition: i32) -> DurableEnd {
        let mut durable = DurableEnd::default();
        for (journal, entry) in self.entries_of(topic_id, partition) {
            if !journal.superblock.relaxed {
                durable.note(&entry.header);
            }
        }
        durable
    }

    fn entries_of(
        &self,
        topic_id: Uuid,
        partition: i32,
    ) -> impl Iterator<Item = (&JournalFile, &Entry)> {
        let entries = self.journals.iter().flat_map(|journal| {
            let commits = journal.commits.iter();
            commits.flat_map(move |commit| commit.entries.iter().map(move |entry| (journal, entry)))
        });
        entries.filter(move |(_, entry)| entry.header.is_of(topic_id, partition))
    }
}
