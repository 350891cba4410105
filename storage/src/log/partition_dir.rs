//! What recovery and opening do with a partition's directory as a whole. Shell.

use std::io;
use std::path::Path;

use protocol::types::Uuid;

use crate::log::leader_epochs::LeaderEpochs;
use crate::log::partition_offsets::{OffsetsFileError, PartitionOffsets};
use crate::log::producers::Producers;
use crate::log::snapshot::{self, RecoveryPoint};
use crate::log::{OpenError, directory, swap};
use crate::ring::Ring;

/// Written into the directory of a partition whose acknowledged records are damaged.
pub(crate) const DAMAGED_FILE: &str = "damaged.txt";

/// The topic that a directory belongs to.
pub(crate) fn topic_id_of(dir: &Path) -> Option<Uuid> {
    let text = std::fs::read_to_string(dir.join(directory::METADATA_FILE)).ok()?;
    directory::topic_id_in(&text)
}

/// Removes the files that only waited for that.
pub(crate) async fn remove_deleted(ring: &Ring, dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        if name.ends_with(directory::DELETED_FILE_SUFFIX) {
            ring.unlink(&entry.path()).await?;
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

/// Writes a small file so that its name always stands for a whole one.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    let unfinished = path.with_extension("tmp");
    let mut file = std::fs::File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    std::fs::rename(&unfinished, path)
}

/// Leaves a note that keeps a partition closed until somebody has looked at it.
pub(crate) fn mark_damaged(dir: &Path, error: &OpenError) -> io::Result<()> {
    replace_file(&dir.join(DAMAGED_FILE), error.to_string().as_bytes())
}

/// Makes sure that a directory is there and belongs to a topic; one of another topic moves away.
pub(crate) fn adopt_dir(dir: &Path, topic_id: Uuid) -> io::Result<()> {
    if topic_id_of(dir) == Some(topic_id) {
        return Ok(());
    }
    if dir.exists() {
        let stale = directory::deleted_path(dir, crate::clock::now_ms());
        std::fs::rename(dir, &stale)?;
        std::fs::remove_dir_all(&stale)?;
    }
    std::fs::create_dir(dir)?;
    replace_file(
        &dir.join(directory::METADATA_FILE),
        directory::metadata_text(topic_id).as_bytes(),
    )
}

/// The base offsets of the segments and the offsets of the snapshots, sorted.
pub(crate) fn list(dir: &Path) -> io::Result<(Vec<i64>, Vec<i64>)> {
    let (mut bases, mut snapshots) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else { continue };
        bases.extend(directory::offset_in(name, "log"));
        snapshots.extend(directory::offset_in(name, "snapshot"));
    }
    bases.sort_unstable();
    snapshots.sort_unstable();
    Ok((bases, snapshots))
}

/// The newest snapshot that is whole and belongs to the segments that are there.
pub(crate) fn newest_snapshot(
    dir: &Path,
    bases: &[i64],
    snapshots: Vec<i64>,
) -> (Option<RecoveryPoint>, Producers) {
    for offset in snapshots.into_iter().rev() {
        let path = directory::snapshot_path(dir, offset);
        let decoded = std::fs::read(&path).map(|bytes| snapshot::decode(&bytes));
        match decoded {
            Ok(Ok((point, producers))) if is_usable(dir, bases, point) => {
                return (Some(point), producers);
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!("{}: {error}", path.display()),
            Err(error) => tracing::warn!("{}: {error}", path.display()),
        }
    }
    (None, Producers::default())
}

fn is_usable(dir: &Path, bases: &[i64], point: RecoveryPoint) -> bool {
    if point.position == 0 {
        return bases.last().is_none_or(|last| point.segment_base >= *last)
            || bases.contains(&point.segment_base);
    }
    let path = directory::segment_path(dir, point.segment_base);
    std::fs::metadata(path).is_ok_and(|file| file.len() >= point.position)
}

/// The offsets that the segments cannot tell. Without the file, or with a damaged one, the log
/// starts where its segments do, and nothing counts as compacted.
pub(crate) fn read_offsets(dir: &Path) -> io::Result<PartitionOffsets> {
    let path = dir.join(directory::OFFSETS_FILE);
    let text = match std::fs::read(&path) {
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
pub(crate) fn read_epochs(dir: &Path) -> LeaderEpochs {
    let path = dir.join(directory::EPOCHS_FILE);
    let Ok(text) = std::fs::read_to_string(&path) else {
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
    let offsets = read_offsets(dir)?;
    let (bases, snapshots) = list(dir)?;
    let (point, _) = newest_snapshot(dir, &bases, snapshots);
    let sealed_before = point.map_or(0, |point| point.segment_base);
    Ok(offsets.gaps_below.max(sealed_before))
}
