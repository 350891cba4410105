//! Names and small texts of a partition's directory. Pure.

use std::path::{Path, PathBuf};

use protocol::types::Uuid;

/// Holds the topic id, in Kafka's format.
pub(crate) const METADATA_FILE: &str = "partition.metadata";
/// Kafka's file of leader epochs.
pub(crate) const EPOCHS_FILE: &str = "leader-epoch-checkpoint";
/// Holds the log start offset.
pub(crate) const OFFSETS_FILE: &str = "partition.offsets";
/// What ends the name of a directory that is being deleted.
pub(crate) const DELETED_SUFFIX: &str = "-delete";

/// `<data dir>/<topic>-<partition>`; a topic whose partitions would have the names of our own files
/// gets a sign that no topic may have.
pub(crate) fn partition_path(data_dir: &Path, topic: &str, partition: i32) -> PathBuf {
    let is_ours = matches!(topic, "journal" | "reserve") || topic.starts_with("salvage-");
    let sign = if is_ours { "%" } else { "" };
    data_dir.join(format!("{topic}{sign}-{partition}"))
}

/// The name of a directory that only waits to be removed.
pub(crate) fn deleted_path(partition: &Path, now_ms: i64) -> PathBuf {
    let mut name = partition.as_os_str().to_owned();
    name.push(format!(".{now_ms:x}{DELETED_SUFFIX}"));
    PathBuf::from(name)
}

pub(crate) fn segment_path(dir: &Path, base_offset: i64) -> PathBuf {
    dir.join(format!("{base_offset:020}.log"))
}

pub(crate) fn index_path(dir: &Path, base_offset: i64) -> PathBuf {
    dir.join(format!("{base_offset:020}.index"))
}

/// Kafka's file of a segment's aborted transactions; there is none when none was aborted.
pub(crate) fn txn_index_path(dir: &Path, base_offset: i64) -> PathBuf {
    dir.join(format!("{base_offset:020}.txnindex"))
}

pub(crate) fn snapshot_path(dir: &Path, end_offset: i64) -> PathBuf {
    dir.join(format!("{end_offset:020}.snapshot"))
}

/// Every file that a segment may have.
pub(crate) fn segment_files(dir: &Path, base_offset: i64) -> [PathBuf; 3] {
    [
        segment_path(dir, base_offset),
        index_path(dir, base_offset),
        txn_index_path(dir, base_offset),
    ]
}

/// A file of a compacted segment before it counts.
pub(crate) fn cleaned(path: &Path) -> PathBuf {
    with_suffix(path, CLEANED_SUFFIX)
}

/// A file of a compacted segment that takes the place of others.
pub(crate) fn swap(path: &Path) -> PathBuf {
    with_suffix(path, SWAP_SUFFIX)
}

/// What ends the name of a file of a compacted segment that does not count yet.
pub(crate) const CLEANED_SUFFIX: &str = ".cleaned";
/// What ends the name of a file of a compacted segment that counts instead of others.
pub(crate) const SWAP_SUFFIX: &str = ".swap";
/// What ends the name of a file that only waits to be removed.
pub(crate) const DELETED_FILE_SUFFIX: &str = ".deleted";

/// The name of a file that only waits to be removed.
pub(crate) fn deleted_file(path: &Path) -> PathBuf {
    with_suffix(path, DELETED_FILE_SUFFIX)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The offset in the name of a file with this extension.
pub(crate) fn offset_in(name: &str, extension: &str) -> Option<i64> {
    let digits = name.strip_suffix(extension)?.strip_suffix('.')?;
    let all_digits = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits {
        digits.parse().ok()
    } else {
        None
    }
}

const METADATA_CHECKSUM: &str = "crc32c: ";

/// Kafka's `partition.metadata`, with a checksum behind it: a directory of another topic is
/// removed, so a changed id must not look like one.
pub(crate) fn metadata_text(topic_id: Uuid) -> String {
    let fields = format!("version: 0\ntopic_id: {topic_id}\n");
    let crc = crc32c::crc32c(fields.as_bytes());
    format!("{fields}{METADATA_CHECKSUM}{crc:08x}\n")
}

/// The topic id in a `partition.metadata`; Kafka's own has no checksum.
pub(crate) fn topic_id_in(text: &str) -> Option<Uuid> {
    let mut lines = text.lines();
    if lines.next()?.trim() != "version: 0" {
        return None;
    }
    let topic_id = lines.next()?.strip_prefix("topic_id:")?.trim();
    let topic_id = topic_id.parse().ok()?;
    let is_whole = lines.next().is_none() || text == metadata_text(topic_id);
    is_whole.then_some(topic_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kafkas() {
        let dir = partition_path(Path::new("/data"), "orders", 3);
        assert_eq!(dir, Path::new("/data/orders-3"));
        assert_eq!(
            segment_path(&dir, 42),
            Path::new("/data/orders-3/00000000000000000042.log")
        );
        assert_eq!(offset_in("00000000000000000042.log", "log"), Some(42));
        assert_eq!(offset_in("00000000000000000042.index", "log"), None);
        assert_eq!(offset_in("42.log", "log"), None);
        assert_eq!(offset_in("-0000000000000000042.log", "log"), None);
    }

    #[test]
    fn no_partition_has_the_name_of_a_journal() {
        let data_dir = Path::new("/data");
        for topic in ["journal", "reserve", "salvage-3"] {
            let path = partition_path(data_dir, topic, 77);
            assert_eq!(path, data_dir.join(format!("{topic}%-77")));
            assert!(!crate::recovery::is_journal(&path), "{topic}");
        }
        for topic in ["journals", "salvage", "journal-1"] {
            let path = partition_path(data_dir, topic, 77);
            assert_eq!(path, data_dir.join(format!("{topic}-77")));
            assert!(!crate::recovery::is_journal(&path), "{topic}");
        }
    }

    #[test]
    fn the_topic_id_returns_from_its_file() {
        let id = Uuid::from_bytes([9; 16]);
        assert_eq!(topic_id_in(&metadata_text(id)), Some(id));
        assert_eq!(topic_id_in("version: 1\ntopic_id: x"), None);
        assert_eq!(topic_id_in(""), None);
        let kafkas = format!("version: 0\ntopic_id: {id}");
        assert_eq!(topic_id_in(&kafkas), Some(id));
    }

    #[test]
    fn a_changed_topic_id_is_none() {
        let written = metadata_text(Uuid::from_bytes([9; 16]));
        for at in 0..written.len() - 1 {
            let mut changed = written.clone().into_bytes();
            changed[at] ^= 2;
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(topic_id_in(&changed), None, "{changed}");
        }
    }
}
