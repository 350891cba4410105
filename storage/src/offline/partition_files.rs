//! Which files the directory of a partition has, and what its small ones say. Shell.

use std::io;
use std::path::{Path, PathBuf};

use crate::log::directory;
use crate::log::leader_epochs::{EpochFileError, LeaderEpochs};
use crate::log::partition_dir::{DAMAGED_FILE, DirectoryTopic};
use crate::log::partition_offsets::{OffsetsFileError, PartitionOffsets};

/// What ends the name of a file that a repair has written and not yet put into its place.
pub(super) const REPAIRED_SUFFIX: &str = ".repaired";

/// See the module.
#[derive(Debug)]
pub struct PartitionFiles {
    pub dir: PathBuf,
    pub name: String,
    pub partition: i32,
    pub topic_id: DirectoryTopic,
    /// Base offsets of the segments, sorted.
    pub bases: Vec<i64>,
    /// End offsets of the snapshots, sorted.
    pub snapshots: Vec<i64>,
    pub offsets: Result<PartitionOffsets, OffsetsFileError>,
    pub epochs: Result<LeaderEpochs, EpochFileError>,
    /// Files that a compaction which was interrupted has left.
    pub swaps: Vec<PathBuf>,
    /// What a repair which was interrupted has left.
    pub repaired: Vec<PathBuf>,
    /// What keeps the broker from opening the partition.
    pub marker: Option<String>,
}

impl PartitionFiles {
    /// Lists the files and reads the small ones.
    ///
    /// # Errors
    /// The directory or one of those files cannot be read.
    pub fn read(dir: &Path) -> io::Result<Self> {
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let partition = partition_in(&name).unwrap_or(-1);
        let mut files = Self {
            dir: dir.to_owned(),
            name: name.into_owned(),
            partition,
            topic_id: DirectoryTopic::Nothing,
            bases: Vec::new(),
            snapshots: Vec::new(),
            offsets: Ok(PartitionOffsets::default()),
            epochs: Ok(LeaderEpochs::default()),
            swaps: Vec::new(),
            repaired: Vec::new(),
            marker: None,
        };
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            files.bases.extend(directory::offset_in(name, "log"));
            files
                .snapshots
                .extend(directory::offset_in(name, "snapshot"));
            if name.ends_with(directory::SWAP_SUFFIX) {
                files.swaps.push(entry.path());
            } else if name.ends_with(REPAIRED_SUFFIX) {
                files.repaired.push(entry.path());
            }
        }
        files.bases.sort_unstable();
        files.snapshots.sort_unstable();
        let metadata = text_of(&dir.join(directory::METADATA_FILE))?;
        let metadata = metadata.as_deref().map(str::as_bytes);
        files.topic_id = DirectoryTopic::new(metadata, !files.bases.is_empty());
        if let Some(text) = text_of(&dir.join(directory::OFFSETS_FILE))? {
            files.offsets = PartitionOffsets::from_text(&text);
        }
        if let Some(text) = text_of(&dir.join(directory::EPOCHS_FILE))? {
            files.epochs = LeaderEpochs::from_text(&text);
        }
        files.marker = text_of(&dir.join(DAMAGED_FILE))?;
        Ok(files)
    }
}

/// A small text; `None` when there is no such file.
fn text_of(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The number of the partition in the name of its directory.
fn partition_in(name: &str) -> Option<i32> {
    let (topic, number) = name.rsplit_once('-')?;
    let number: i32 = number.parse().ok()?;
    (number >= 0 && !topic.is_empty()).then_some(number)
}

/// The directories of partitions, sorted; the metadata log is none of them.
///
/// # Errors
/// The data directory cannot be read.
pub fn partitions_in(data_dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(data_dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        let is_partition = partition_in(name).is_some() && !name.starts_with("__cluster_metadata-");
        if is_partition && entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_with_the_number_of_the_partition() {
        assert_eq!(partition_in("orders-3"), Some(3));
        assert_eq!(partition_in("a-b-12"), Some(12));
        for other in ["orders", "journal-x", "-3", "orders-3.18f-delete"] {
            assert_eq!(partition_in(other), None, "{other}");
        }
    }
}
