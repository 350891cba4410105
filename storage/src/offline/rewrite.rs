//! Writes a segment anew without its holes, and its index. Shell.
//!
//! What is written goes beside the files that are there, under names that nothing else reads.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::partition_files::REPAIRED_SUFFIX;
use super::segment_walk::{Piece, SegmentWalk};
use crate::log::directory;
use crate::log::index::{BatchPlace, Index};
use crate::recovery::INDEX_INTERVAL_BYTES;

/// The name of a file before it takes its place.
pub(super) fn repaired(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(REPAIRED_SUFFIX);
    PathBuf::from(name)
}

/// The name that such a file takes.
pub(super) fn place_of(repaired: &Path) -> Option<PathBuf> {
    let name = repaired.to_str()?.strip_suffix(REPAIRED_SUFFIX)?;
    Some(PathBuf::from(name))
}

/// Copies the batches of a segment that are whole.
pub(super) fn write_segment(dir: &Path, base: i64, walk: &mut SegmentWalk<'_>) -> io::Result<()> {
    let file = File::create(repaired(&directory::segment_path(dir, base)))?;
    let mut file = io::BufWriter::with_capacity(1 << 20, file);
    while let Some(piece) = walk.next_piece()? {
        if let Piece::Batch { position, .. } = piece {
            let batch = walk.bytes_of(position..walk.position())?;
            file.write_all(&batch)?;
        }
    }
    file.into_inner()?.sync_all()
}

/// Writes the index of a sealed segment that has no holes.
pub(super) fn write_index(
    dir: &Path,
    base: i64,
    end_offset: i64,
    walk: &mut SegmentWalk<'_>,
) -> io::Result<()> {
    let mut index = Index::default();
    while let Some(piece) = walk.next_piece()? {
        let Piece::Batch { position, header } = piece else {
            continue;
        };
        let place = BatchPlace {
            offset_delta: (header.base_offset - base).unsigned_abs(),
            position,
            bytes: header.size_bytes() as u64,
            max_timestamp: header.max_timestamp,
        };
        index.note(place, INDEX_INTERVAL_BYTES);
    }
    let mut bytes = index.encode_from(0, base);
    bytes.extend(index.encode_end(end_offset, base));
    write_small(&directory::index_path(dir, base), &bytes)
}

pub(super) fn write_small(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(repaired(path))?;
    file.write_all(bytes)?;
    file.sync_all()
}
