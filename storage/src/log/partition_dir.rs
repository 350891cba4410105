//! What recovery and opening do with a partition's directory as a whole. Shell.

use std::io;
use std::path::{Path, PathBuf};

use protocol::types::Uuid;

use crate::extent::ExtentPool;
use crate::log::disk::write_file;
use crate::log::leader_epochs::LeaderEpochs;
use crate::log::partition_offsets::PartitionOffsets;
use crate::log::producers::Producers;
use crate::log::snapshot::{self, RecoveryPoint};
use crate::log::{OpenError, directory, swap};
use crate::ring::Ring;

/// Written into the directory of a partition whose acknowledged records are damaged.
pub(crate) const DAMAGED_FILE: &str = "damaged.txt";

/// What a directory says of the topic that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryTopic {
    Is(Uuid),
    /// There is none, or a stop came before it was whole: it holds no records.
    Nothing,
    /// It has segments, and nothing tells whose they are. Nobody may remove them.
    Unreadable,
}

impl DirectoryTopic {
    /// What the metadata file says, if there is one, and whether there are segments.
    pub(crate) fn new(metadata: Option<&[u8]>, has_segments: bool) -> Self {
        let text = metadata.map(String::from_utf8_lossy);
        match text.and_then(|text| directory::topic_id_in(&text)) {
            Some(topic_id) => Self::Is(topic_id),
            None if has_segments => Self::Unreadable,
            None => Self::Nothing,
        }
    }
}

/// The topic that a directory belongs to.
pub(crate) fn topic_of(ring: &Ring, dir: &Path) -> io::Result<DirectoryTopic> {
    let metadata = ring.read_file_if_there(&dir.join(directory::METADATA_FILE))?;
    let found = DirectoryTopic::new(metadata.as_deref(), false);
    if found == DirectoryTopic::Nothing && ring.exists(dir) {
        let has_segments = !list(ring, dir)?.0.is_empty();
        return Ok(DirectoryTopic::new(metadata.as_deref(), has_segments));
    }
    Ok(found)
}

/// Why a directory is left alone that has segments of nobody knows which topic.
pub(crate) fn of_unknown_topic() -> io::Error {
    let what = "partition.metadata is damaged or missing, and the directory has segments";
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// What an earlier recovery, or an interrupted repair, has left to keep a partition closed.
pub(crate) fn refused(ring: &Ring, dir: &Path) -> io::Result<Option<OpenError>> {
    let reason = ring.read_file_if_there(&dir.join(DAMAGED_FILE))?;
    Ok(reason.map(|reason| OpenError::Refused {
        path: dir.to_owned(),
        marker: DAMAGED_FILE,
        reason: String::from_utf8_lossy(&reason).into_owned(),
    }))
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

/// Takes its name from a directory, durably: a power cut while its files are removed must not bring
/// a part of them back under it. Returns its new path.
pub(crate) async fn take_name(ring: &Ring, dir: &Path) -> io::Result<PathBuf> {
    let stale = directory::deleted_path(dir, crate::clock::now_ms());
    ring.rename(dir, &stale).await?;
    if let Some(parent) = dir.parent() {
        ring.sync_dir(parent).await?;
    }
    Ok(stale)
}

/// Makes sure that a directory is there and belongs to a topic; one of another topic moves away.
pub(crate) async fn adopt_dir(
    ring: &Ring,
    pool: &ExtentPool,
    dir: &Path,
    topic_id: Uuid,
) -> io::Result<()> {
    match topic_of(ring, dir)? {
        DirectoryTopic::Is(found) if found == topic_id => {
            if list(ring, dir)?.0.is_empty() {
                // Its metadata may have just been written: no segment may last without it.
                ring.sync_dir(dir).await?;
            }
            return Ok(());
        }
        DirectoryTopic::Is(_) | DirectoryTopic::Nothing => {}
        DirectoryTopic::Unreadable => return Err(of_unknown_topic()),
    }
    if ring.exists(dir) {
        let stale = take_name(ring, dir).await?;
        ring.remove_dir_and_files(&stale).await?;
    }
    ring.make_dir(dir).await?;
    let metadata = directory::metadata_text(topic_id);
    let path = dir.join(directory::METADATA_FILE);
    write_file(ring, pool, &path, metadata.as_bytes()).await?;
    ring.sync_dir(dir).await
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

/// What the snapshots of a partition tell.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    /// The newest recovery point that belongs to the segments that are there.
    pub(crate) point: Option<RecoveryPoint>,
    pub(crate) producers: Producers,
    /// Everything before this offset was synced once, whether the segments still have it or not.
    pub(crate) durable: i64,
}

impl Snapshots {
    /// Reads them, the newest first, until one can be used. `read` reads a file, and `bytes_of` says
    /// how long one is.
    ///
    /// # Errors
    /// Those of `read`: one that cannot be read is not passed over, because an older one may lack
    /// what was deleted since.
    pub(crate) fn read(
        dir: &Path,
        bases: &[i64],
        snapshots: &[i64],
        read: impl Fn(&Path) -> io::Result<Vec<u8>>,
        bytes_of: impl Fn(&Path) -> io::Result<u64>,
    ) -> io::Result<Self> {
        let mut found = Self::default();
        for offset in snapshots.iter().rev() {
            let path = directory::snapshot_path(dir, *offset);
            match snapshot::decode(&read(&path)?) {
                Ok((point, producers)) => {
                    found.durable = found.durable.max(point.end_offset);
                    if is_usable(dir, bases, point, &bytes_of) {
                        found.point = Some(point);
                        found.producers = producers;
                        return Ok(found);
                    }
                }
                Err(error) => tracing::warn!("{}: {error}", path.display()),
            }
        }
        Ok(found)
    }

    pub(crate) fn of(
        ring: &Ring,
        dir: &Path,
        bases: &[i64],
        snapshots: &[i64],
    ) -> io::Result<Self> {
        let read = |path: &Path| ring.read_file(path);
        let bytes_of = |path: &Path| Ok(ring.file_info(path)?.bytes);
        Self::read(dir, bases, snapshots, read, bytes_of)
    }
}

fn is_usable(
    dir: &Path,
    bases: &[i64],
    point: RecoveryPoint,
    bytes_of: impl Fn(&Path) -> io::Result<u64>,
) -> bool {
    if point.position == 0 {
        return bases.last().is_none_or(|last| point.segment_base >= *last)
            || bases.contains(&point.segment_base);
    }
    let path = directory::segment_path(dir, point.segment_base);
    bytes_of(&path).is_ok_and(|bytes| bytes >= point.position)
}

/// The offsets that the segments cannot tell. Without the file the log starts where its segments
/// do, and nothing counts as compacted.
///
/// # Errors
/// It cannot be read, or is damaged: then the partition is not opened, because deleted records
/// would be there again.
pub(crate) fn read_offsets(ring: &Ring, dir: &Path) -> io::Result<PartitionOffsets> {
    let path = dir.join(directory::OFFSETS_FILE);
    let Some(text) = ring.read_file_if_there(&path)? else {
        return Ok(PartitionOffsets::default());
    };
    PartitionOffsets::from_text(&String::from_utf8_lossy(&text))
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The leader epochs; none when there is no file, or a damaged one.
pub(crate) fn read_epochs(ring: &Ring, dir: &Path) -> io::Result<LeaderEpochs> {
    let path = dir.join(directory::EPOCHS_FILE);
    let Some(text) = ring.read_file_if_there(&path)? else {
        return Ok(LeaderEpochs::default());
    };
    let read = LeaderEpochs::from_text(&String::from_utf8_lossy(&text));
    Ok(read.unwrap_or_else(|error| {
        tracing::warn!("{}: {error}", path.display());
        LeaderEpochs::default()
    }))
}

/// The offset before which every segment is complete without the journal; a swap of compacted
/// segments that was interrupted is completed for it.
pub(crate) async fn complete_before(ring: &Ring, dir: &Path) -> io::Result<i64> {
    swap::complete(ring, dir).await?;
    let offsets = read_offsets(ring, dir)?;
    let (bases, snapshots) = list(ring, dir)?;
    let point = Snapshots::of(ring, dir, &bases, &snapshots)?.point;
    let sealed_before = point.map_or(0, |point| point.segment_base);
    Ok(offsets.gaps_below.max(sealed_before))
}
