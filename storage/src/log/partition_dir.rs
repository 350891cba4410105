//! What recovery and opening do with a partition's directory as a whole. Shell.

use std::io;
use std::path::Path;

use protocol::types::Uuid;

use crate::extent::ExtentPool;
use crate::log::disk::write_file;
use crate::log::leader_epochs::LeaderEpochs;
use crate::log::partition_offsets::{OffsetsFileError, PartitionOffsets};
use crate::log::producers::Producers;
use crate::log::snapshot::{self, RecoveryPoint};
use crate::log::{OpenError, directory, swap};
use crate::ring::Ring;

/// Written into the directory of a partition whose acknowledged records are damaged.
pub(crate) const DAMAGED_FILE: &str = "damaged.txt";

/// The topic that a directory belongs to.
pub(crate) fn topic_id_of(ring: &Ring, dir: &Path) -> Option<Uuid> {
    let text = ring.read_text(&dir.join(directory::METADATA_FILE)).ok()?;
    directory::topic_id_in(&text)
}

/// Removes the files that only waited for that.
pub(crate) async fn remove_deleted(ring: &Ring, dir: &Path) -> io::Result<()> {
    for entry in ring.list_dir(dir)? {
        if entry.name().ends_with(directory::DELETED_FILE_SUFFIX) {
            ring.unlink(&dir.join(&entry.name)).await?;
        }
    }
    Ok(())
}

/// Removes a segment and its indexes.
pub(crate) async fn unlink_segment(ring: &Ring, dir: &Path, base: i64) -> io::Result<()> {
    for path in directory::segment_files(dir, base) {
        match ring.unlink(&path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Leaves a note that keeps a partition closed until somebody has looked at it.
pub(crate) async fn mark_damaged(
    ring: &Ring,
    pool: &ExtentPool,
    dir: &Path,
    error: &OpenError,
) -> io::Result<()> {
    let path = dir.join(DAMAGED_FILE);
    write_file(ring, pool, &path, error.to_string().as_bytes()).await?;
    ring.sync_dir(dir).await
}

/// Makes sure that a directory is there and belongs to a topic; one of another topic moves away.
pub(crate) async fn adopt_dir(
    ring: &Ring,
    pool: &ExtentPool,
    dir: &Path,
    topic_id: Uuid,
) -> io::Result<()> {
    if topic_id_of(ring, dir) == Some(topic_id) {
        return Ok(());
    }
    if ring.exists(dir) {
        let stale = directory::deleted_path(dir, crate::clock::now_ms());
        ring.rename(dir, &stale).await?;
        ring.remove_dir_and_files(&stale).await?;
    }
    ring.make_dir(dir).await?;
    let metadata = directory::metadata_text(topic_id);
    let path = dir.join(directory::METADATA_FILE);
    write_file(ring, pool, &path, metadata.as_bytes()).await
}

/// The base offsets of the segments and the offsets of the snapshots, sorted.
pub(crate) fn list(ring: &Ring, dir: &Path) -> io::Result<(Vec<i64>, Vec<i64>)> {
    let (mut bases, mut snapshots) = (Vec::new(), Vec::new());
    for entry in ring.list_dir(dir)? {
        bases.extend(directory::offset_in(entry.name(), "log"));
        snapshots.extend(directory::offset_in(entry.name(), "snapshot"));
    }
    bases.sort_unstable();
    snapshots.sort_unstable();
    Ok((bases, snapshots))
}

/// The newest snapshot that is whole and belongs to the segments that are there.
pub(crate) fn newest_snapshot(
    ring: &Ring,
    dir: &Path,
    bases: &[i64],
    snapshots: Vec<i64>,
) -> (Option<RecoveryPoint>, Producers) {
    for offset in snapshots.into_iter().rev() {
        let path = directory::snapshot_path(dir, offset);
        let decoded = ring.read_file(&path).map(|bytes| snapshot::decode(&bytes));
        match decoded {
            Ok(Ok((point, producers))) if is_usable(ring, dir, bases, point) => {
                return (Some(point), producers);
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!("{}: {error}", path.display()),
            Err(error) => tracing::warn!("{}: {error}", path.display()),
        }
    }
    (None, Producers::default())
}

fn is_usable(ring: &Ring, dir: &Path, bases: &[i64], point: RecoveryPoint) -> bool {
    if point.position == 0 {
        return bases.last().is_none_or(|last| point.segment_base >= *last)
            || bases.contains(&point.segment_base);
    }
    let path = directory::segment_path(dir, point.segment_base);
    ring.file_info(&path)
        .is_ok_and(|file| file.bytes >= point.position)
}

/// The offsets that the segments cannot tell. Without the file, or with a damaged one, the log
/// starts where its segments do, and nothing counts as compacted.
pub(crate) fn read_offsets(ring: &Ring, dir: &Path) -> io::Result<PartitionOffsets> {
    let path = dir.join(directory::OFFSETS_FILE);
    let text = match ring.read_file(&path) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(PartitionOffsets::default());
        }
        Err(error) => return Err(error),
    };
    match PartitionOffsets::from_text(&text) {
        Ok(offsets) => Ok(offsets),
        Err(error @ OffsetsFileError::UnknownVersion) => {
            Err(io::Error::new(io::ErrorKind::InvalidData, error))
        }
        Err(error @ OffsetsFileError::Damaged) => {
            let path = path.display();
            tracing::error!("{path}: {error}; deleted records may be there again");
            Ok(PartitionOffsets::default())
        }
    }
}

/// The leader epochs; none when their file does not count.
pub(crate) fn read_epochs(ring: &Ring, dir: &Path) -> LeaderEpochs {
    let path = dir.join(directory::EPOCHS_FILE);
    let Ok(text) = ring.read_text(&path) else {
        return LeaderEpochs::default();
    };
    LeaderEpochs::from_text(&text).unwrap_or_else(|error| {
        tracing::warn!("{}: {error}", path.display());
        LeaderEpochs::default()
    })
}

/// The offset before which every segment is complete without the journal; a swap of compacted
/// segments that was interrupted is completed for it.
pub(crate) async fn complete_before(ring: &Ring, dir: &Path) -> io::Result<i64> {
    swap::complete(ring, dir).await?;
    let offsets = read_offsets(ring, dir)?;
    let (bases, snapshots) = list(ring, dir)?;
    let (point, _) = newest_snapshot(ring, dir, &bases, snapshots);
    let sealed_before = point.map_or(0, |point| point.segment_base);
    Ok(offsets.gaps_below.max(sealed_before))
}
