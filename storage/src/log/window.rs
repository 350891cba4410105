//! A part of a file in memory that moves along with a scan. Shell.

use std::io;

use crate::extent::ExtentPool;
use crate::log::units::{page_ceil, page_floor, to_usize};
use crate::ring::{File, Ring};

const WINDOW_BYTES: usize = 1024 * 1024;

/// See the module's documentation.
pub(crate) struct Window {
    ring: Ring,
    pool: ExtentPool,
    file: File,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    pub(crate) fn new(ring: &Ring, pool: &ExtentPool, file: &File) -> Self {
        Self {
            ring: ring.clone(),
            pool: pool.clone(),
            file: file.clone(),
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// The bytes from `position` on; at least those that the window has.
    pub(crate) async fn at(&mut self, position: u64) -> io::Result<&[u8]> {
        let skipped = position.checked_sub(self.start).map(to_usize);
        if skipped.is_none_or(|skipped| skipped >= self.bytes.len()) {
            self.read(position, WINDOW_BYTES).await?;
        }
        Ok(self
            .bytes
            .get(to_usize(position - self.start)..)
            .unwrap_or_default())
    }

    /// Reads again, so that at least `needed` bytes from `position` on are there, if the file
    /// has them.
    pub(crate) async fn grow(&mut self, position: u64, needed: usize) -> io::Result<()> {
        self.read(position, needed.max(WINDOW_BYTES)).await
    }

    async fn read(&mut self, position: u64, bytes: usize) -> io::Result<()> {
        self.start = page_floor(position);
        let end = page_ceil(position + bytes as u64);
        let bytes = to_usize(end - self.start);
        let block = self
            .ring
            .read_at(&self.file, self.pool.allocate(bytes), bytes, self.start)
            .await?;
        self.bytes.clear();
        self.bytes.extend_from_slice(block.as_slice());
        Ok(())
    }
}
