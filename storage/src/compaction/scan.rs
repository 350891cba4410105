//! Walks over the batches of a sealed segment, each with its checksum. Shell.

use std::path::Path;

use protocol::records::{BatchHeader, check_crc};

use crate::compaction::clean::CleanError;
use crate::extent::ExtentPool;
use crate::log::window::Window;
use crate::ring::{File, FileOptions, Ring};

/// See the module.
pub(crate) struct SegmentScan {
    window: Window,
    base_offset: i64,
    position: u64,
    bytes: u64,
}

impl SegmentScan {
    pub(crate) async fn open(
        ring: &Ring,
        pool: &ExtentPool,
        path: &Path,
        base_offset: i64,
        bytes: u64,
    ) -> Result<Self, CleanError> {
        let options = FileOptions {
            read: true,
            direct: true,
            ..Default::default()
        };
        let file: File = ring.open(path, options).await?;
        Ok(Self {
            window: Window::new(ring, pool, &file),
            base_offset,
            position: 0,
            bytes,
        })
    }

    /// Where the next batch begins.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next batch; `None` at the end of the segment.
    pub(crate) async fn next(&mut self) -> Result<Option<(BatchHeader, &[u8])>, CleanError> {
        let position = self.position;
        if position == self.bytes {
            return Ok(None);
        }
        let damaged = |reason: String| CleanError::Damaged {
            segment_base: self.base_offset,
            position,
            reason,
        };
        let front = self.window.at(position).await?;
        let header = match BatchHeader::parse(front) {
            Ok(header) => header,
            Err(_) => {
                self.window.grow(position, 0).await?;
                let front = self.window.at(position).await?;
                BatchHeader::parse(front).map_err(|error| damaged(error.to_string()))?
            }
        };
        let bytes = header.size_bytes();
        if position + bytes as u64 > self.bytes {
            return Err(damaged("the batch is longer than the segment".into()));
        }
        if self.window.at(position).await?.len() < bytes {
            self.window.grow(position, bytes).await?;
        }
        let batch = self.window.at(position).await?;
        let batch = batch
            .get(..bytes)
            .ok_or_else(|| damaged("the file is shorter than the segment".into()))?;
        check_crc(batch, &header).map_err(|error| damaged(error.to_string()))?;
        self.position += bytes as u64;
        Ok(Some((header, batch)))
    }
}
