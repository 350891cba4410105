//! The bytes of one segment as a start would find them: its file, with what the journals carry put
//! over it. Shell.
//!
//! A page that cannot be read is read as zeros, and said so: what it held then fails its checksum,
//! and what lies around it is still found.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::journal::Patch;
use crate::journal::format::PAGE_BYTES;
use crate::log::units::to_usize;

/// See the module.
#[derive(Debug)]
pub struct SegmentBytes<'a> {
    /// `None` when only a journal has something of the segment.
    file: Option<File>,
    file_bytes: u64,
    patches: Vec<Patch<'a>>,
    unreadable: BTreeSet<u64>,
}

impl<'a> SegmentBytes<'a> {
    /// The file alone.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::with_patches(path, Vec::new())
    }

    pub(super) fn with_patches(path: &Path, patches: Vec<Patch<'a>>) -> io::Result<Self> {
        let file = match File::open(path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !patches.is_empty() => None,
            Err(error) => return Err(error),
        };
        let file_bytes = match &file {
            Some(file) => file.metadata()?.len(),
            None => 0,
        };
        Ok(Self {
            file,
            file_bytes,
            patches,
            unreadable: BTreeSet::new(),
        })
    }

    /// Where the segment ends.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let patched = self.patches.iter().map(|patch| patch.end());
        patched.fold(self.file_bytes, u64::max)
    }

    /// A journal carries a part of it.
    #[must_use]
    pub fn is_patched(&self) -> bool {
        !self.patches.is_empty()
    }

    /// Pages of the file that could not be read so far.
    #[must_use]
    pub fn unreadable(&self) -> &BTreeSet<u64> {
        &self.unreadable
    }

    /// Bytes from `position` on: so many, or up to the end.
    ///
    /// # Errors
    /// A journal cannot be read.
    pub fn read(&mut self, position: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let left = self.bytes().saturating_sub(position);
        let mut read = vec![0; bytes.min(to_usize(left))];
        let in_file = self.file_bytes.saturating_sub(position);
        let from_file = read.len().min(to_usize(in_file));
        self.read_file(position, &mut read[..from_file]);
        let range = position..position + read.len() as u64;
        for patch in &self.patches {
            let (start, end) = (patch.at.max(range.start), patch.end().min(range.end));
            if start < end {
                let into = to_usize(start - position)..to_usize(end - position);
                patch.read(start, &mut read[into])?;
            }
        }
        Ok(read)
    }

    fn read_file(&mut self, position: u64, into: &mut [u8]) {
        let Some(file) = &self.file else { return };
        if file.read_exact_at(into, position).is_ok() {
            return;
        }
        let mut at = position;
        let end = position + into.len() as u64;
        while at < end {
            let next = (at + 1).next_multiple_of(PAGE_BYTES).min(end);
            let part = &mut into[to_usize(at - position)..to_usize(next - position)];
            if file.read_exact_at(part, at).is_err() {
                part.fill(0);
                self.unreadable.insert(at / PAGE_BYTES * PAGE_BYTES);
            }
            at = next;
        }
    }
}
