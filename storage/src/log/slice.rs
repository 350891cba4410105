//! What a read returns: memory of the tail, or a range of a sealed segment's file. Never copied,
//! and free to be sent on by another thread. Shell: it reads files.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::extent::{ExtentPool, ExtentSlice};
use crate::log::residency;
use crate::ring::{File, Ring};

/// A file range is loaded in pieces of at most this size.
const PIECE_BYTES: usize = 1024 * 1024;

/// The file of a sealed segment, opened through the page cache. It never changes any more; it
/// may be unlinked while it is read.
#[derive(Debug)]
pub struct SegmentFile {
    file: File,
    /// Where it was when it was opened.
    path: PathBuf,
}

impl SegmentFile {
    pub(crate) fn new(file: File, path: PathBuf) -> Arc<Self> {
        Arc::new(Self { file, path })
    }

    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }
}

/// Bytes of a sealed segment.
#[derive(Debug, Clone)]
pub struct FileRange {
    pub file: Arc<SegmentFile>,
    pub position: u64,
    pub bytes: u32,
}

impl FileRange {
    /// Whether all of it is in the page cache, so that `sendfile` does not wait for the disk.
    #[must_use]
    pub fn is_resident(&self) -> bool {
        let file = self.file.file.descriptor();
        file.is_some_and(|file| residency::is_resident(file, self.position, u64::from(self.bytes)))
    }

    /// Reads the range without holding up the thread.
    ///
    /// # Errors
    /// As pread(2); a file shorter than the range is an unexpected end. The log names the file.
    pub async fn load(&self, ring: &Ring, pool: &ExtentPool) -> io::Result<Vec<ExtentSlice>> {
        let loaded = self.load_pieces(ring, pool).await;
        if let Err(error) = &loaded {
            let (path, position) = (self.file.path.display(), self.position);
            tracing::error!(
                position,
                bytes = self.bytes,
                "{path} cannot be read: {error}"
            );
        }
        loaded
    }

    async fn load_pieces(&self, ring: &Ring, pool: &ExtentPool) -> io::Result<Vec<ExtentSlice>> {
        let mut pieces = Vec::new();
        let mut position = self.position;
        let mut left = self.bytes as usize;
        while left > 0 {
            let bytes = left.min(PIECE_BYTES);
            let piece = ring
                .read_at(&self.file.file, pool.allocate(bytes), bytes, position)
                .await?;
            if piece.len() < bytes {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            position += bytes as u64;
            left -= bytes;
            pieces.push(piece.freeze());
        }
        Ok(pieces)
    }
}

/// A piece of what a read returns.
#[derive(Debug, Clone)]
pub enum LogPart {
    Memory(ExtentSlice),
    File(FileRange),
}

/// Whole batches, in order; the first one holds the offset that was asked for. A batch may go on
/// from one part to the next.
#[derive(Debug, Clone, Default)]
pub struct LogSlice {
    pub parts: Vec<LogPart>,
    /// Of all parts together.
    pub bytes: usize,
    /// Exclusive: no batch goes on to it. Means nothing when there are no bytes.
    pub end_offset: i64,
}

impl LogSlice {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    pub(crate) fn from_memory(slices: impl Iterator<Item = ExtentSlice>, end_offset: i64) -> Self {
        let parts: Vec<LogPart> = slices.map(LogPart::Memory).collect();
        let bytes = parts.iter().map(LogPart::bytes).sum();
        Self {
            parts,
            bytes,
            end_offset,
        }
    }

    /// All bytes in one piece of memory, for whoever must look inside.
    ///
    /// # Errors
    /// As [`FileRange::load`].
    pub async fn to_vec(&self, ring: &Ring, pool: &ExtentPool) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        for part in &self.parts {
            match part {
                LogPart::Memory(slice) => all.extend_from_slice(slice),
                LogPart::File(range) => {
                    for piece in range.load(ring, pool).await? {
                        all.extend_from_slice(&piece);
                    }
                }
            }
        }
        Ok(all)
    }
}

impl LogPart {
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Memory(slice) => slice.len(),
            Self::File(range) => range.bytes as usize,
        }
    }
}
