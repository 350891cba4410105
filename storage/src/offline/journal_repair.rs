//! Puts a copy of the whole commits of a damaged journal in its place, so that a start is possible.
//! Shell.
//!
//! The copy is what a fenced partition's entries are kept in, and the next start replays it. What the
//! damaged commits held is lost; a partition that has later entries shows it as damage of its log.

use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::journal::{JournalFile, Journals};
use super::repair::KEPT_DIR;
use crate::durable_file::sync_directory;
use crate::journal::format::{COMMIT_HEADER_BYTES, CommitHeader, PAGE_BYTES, Superblock};
use crate::journal::new_incarnation;
use crate::log::units::to_usize;
use crate::recovery::{SALVAGE_SHARD, salvage};

/// See the module.
#[derive(Debug)]
pub struct JournalRepair {
    path: PathBuf,
    /// `None` when nothing of it can be read.
    commits: Option<usize>,
}

impl JournalRepair {
    /// One for each journal that a start would refuse.
    #[must_use]
    pub fn all(journals: &Journals) -> Vec<Self> {
        let unreadable = journals.unreadable.iter().map(|(path, _)| Self {
            path: path.clone(),
            commits: None,
        });
        let damaged = journals.journals.iter();
        let damaged = damaged.filter(|journal| !journal.damage.is_empty());
        let damaged = damaged.map(|journal| Self {
            path: journal.path.clone(),
            commits: Some(journal.commits.len()),
        });
        unreadable.chain(damaged).collect()
    }

    /// Copies what is whole, and moves the journal aside; returns where to.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn apply(&self, data_dir: &Path, journals: &Journals, now_ms: i64) -> io::Result<PathBuf> {
        let mut found = journals.journals.iter();
        if let Some(journal) = found.find(|journal| journal.path == self.path)
            && !journal.commits.is_empty()
        {
            let paths = journals.journals.iter().map(|journal| &journal.path);
            let names = paths.filter_map(|path| path.file_name()?.to_str());
            let number = salvage::number_above(names, SALVAGE_SHARD);
            copy(journal, &salvage::path(data_dir, SALVAGE_SHARD, number))?;
        }
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let kept = data_dir.join(KEPT_DIR).join(format!("{name}.{now_ms}"));
        std::fs::create_dir_all(data_dir.join(KEPT_DIR))?;
        std::fs::rename(&self.path, &kept)?;
        sync_directory(data_dir)?;
        Ok(kept)
    }
}

impl fmt::Display for JournalRepair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.commits {
            Some(commits) => write!(
                f,
                "put a copy of its {commits} whole commits in the place of {path}"
            ),
            None => write!(
                f,
                "move {path} aside: nothing of it can be read, what only it had is lost"
            ),
        }
    }
}

/// Writes a journal with the same commits, durably, under its name.
fn copy(journal: &JournalFile, to: &Path) -> io::Result<()> {
    let incarnation = new_incarnation();
    let mut region = Vec::new();
    for (sequence, commit) in (1..).zip(&journal.commits) {
        let bytes = journal.commit_bytes(commit)?;
        let entries = bytes.get(COMMIT_HEADER_BYTES..).unwrap_or_default();
        let header = CommitHeader {
            incarnation,
            sequence,
            ..commit.header
        };
        region.extend_from_slice(&header.encode(std::iter::once(entries)));
        region.extend_from_slice(entries);
        region.resize(region.len().next_multiple_of(to_usize(PAGE_BYTES)), 0);
    }
    let superblock = Superblock {
        generation: 1,
        incarnation,
        region_bytes: region.len() as u64,
        live_start: 0,
        next_sequence: 1,
        relaxed: journal.superblock.relaxed,
        prewritten: true,
    };
    let unfinished = salvage::unfinished(to);
    let mut file = File::create(&unfinished)?;
    // generation 1 is the second page
    file.write_all(&vec![0; to_usize(PAGE_BYTES)])?;
    file.write_all(&superblock.encode())?;
    file.write_all(&region)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, to)?;
    match to.parent() {
        Some(dir) => sync_directory(dir),
        None => Ok(()),
    }
}
