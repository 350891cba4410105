//! The segment that a group of segments becomes, written past the page cache under another name:
//! batches, index, aborted transactions, all synced when it is finished. Shell.

use std::io;
use std::path::{Path, PathBuf};

use protocol::records::BatchHeader;

use crate::extent::{ExtentPool, PAGE_BYTES};
use crate::log::aborted::{AbortedIndex, AbortedTransaction};
use crate::log::directory;
use crate::log::index::{BatchPlace, Index};
use crate::log::units::{page_ceil, to_usize};
use crate::ring::{File, FileOptions, Ring, WriteSync};

/// Written at once.
const WRITE_BYTES: usize = 1024 * 1024;

pub(super) struct Output {
    ring: Ring,
    pool: ExtentPool,
    dir: PathBuf,
    base_offset: i64,
    index_interval_bytes: u64,
    file: File,
    index: Index,
    aborted: AbortedIndex,
    /// Not written yet; begins at a page.
    pending: Vec<u8>,
    written: u64,
}

impl Output {
    pub(super) async fn create(
        ring: &Ring,
        pool: &ExtentPool,
        dir: &Path,
        base_offset: i64,
        index_interval_bytes: u64,
    ) -> io::Result<Self> {
        let path = directory::cleaned(&directory::segment_path(dir, base_offset));
        Ok(Self {
            file: create(ring, &path, true).await?,
            ring: ring.clone(),
            pool: pool.clone(),
            dir: dir.to_owned(),
            base_offset,
            index_interval_bytes,
            index: Index::default(),
            aborted: AbortedIndex::default(),
            pending: Vec::with_capacity(2 * WRITE_BYTES),
            written: 0,
        })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    pub(super) fn max_timestamp(&self) -> Option<i64> {
        self.index.max_timestamp()
    }

    /// Where a batch is to be appended.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.pending
    }

    /// Notes the batch that was appended to the buffer.
    pub(super) async fn appended(&mut self, header: &BatchHeader) -> io::Result<()> {
        let bytes = header.size_bytes() as u64;
        let place = BatchPlace {
            offset_delta: (header.base_offset - self.base_offset).unsigned_abs(),
            position: self.bytes() - bytes,
            bytes,
            max_timestamp: header.max_timestamp,
        };
        self.index.note(place, self.index_interval_bytes);
        if self.pending.len() >= WRITE_BYTES {
            let whole = self.pending.len() / PAGE_BYTES * PAGE_BYTES;
            self.write(whole).await?;
        }
        Ok(())
    }

    /// Lists transactions whose markers are in this segment.
    pub(super) fn list_aborted(&mut self, aborted: Vec<AbortedTransaction>) {
        for transaction in aborted {
            self.aborted.push(transaction);
        }
    }

    /// Makes all three files durable; `end_offset` is where the segments end that it replaces.
    pub(super) async fn finish(mut self, end_offset: i64) -> io::Result<()> {
        let bytes = self.bytes();
        self.write(self.pending.len()).await?;
        self.ring.truncate(&self.file, bytes).await?;
        self.ring.sync_all(&self.file).await?;
        let mut index = self.index.encode_from(0, self.base_offset);
        index.extend(self.index.encode_end(end_offset, self.base_offset));
        let path = directory::index_path(&self.dir, self.base_offset);
        self.small(&path, &index).await?;
        let path = directory::txn_index_path(&self.dir, self.base_offset);
        self.small(&path, &self.aborted.encode_from(0)).await
    }

    async fn write(&mut self, bytes: usize) -> io::Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        let padded = to_usize(page_ceil(bytes as u64));
        let mut block = self.pool.allocate(padded);
        let _all = block.append(&self.pending[..bytes]);
        block.zero_page_tail();
        let slice = block.padded_slice(0..block.len());
        self.ring
            .write_at(&self.file, vec![slice], self.written, WriteSync::None)
            .await?;
        self.written += bytes as u64;
        self.pending.drain(..bytes);
        Ok(())
    }

    async fn small(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let file = create(&self.ring, &directory::cleaned(path), false).await?;
        if !bytes.is_empty() {
            let mut block = self.pool.allocate(bytes.len());
            let _all = block.append(bytes);
            self.ring
                .write_at(&file, vec![block.freeze()], 0, WriteSync::None)
                .await?;
        }
        self.ring.sync_all(&file).await
    }
}

async fn create(ring: &Ring, path: &Path, direct: bool) -> io::Result<File> {
    let options = FileOptions {
        write: true,
        create: true,
        direct,
        ..Default::default()
    };
    let file = ring.open(path, options).await?;
    ring.truncate(&file, 0).await?;
    Ok(file)
}
