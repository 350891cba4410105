//! What recovery and opening do with a partition's directory as a whole. Shell.

use std::io;
use std::path::Path;

use protocol::types::Uuid;

use crate::log::{OpenError, directory};
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
