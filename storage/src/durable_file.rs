//! Replaces a small file so that a crash leaves the old one or the new one, never a part. Shell; plain
//! calls, for what works without a ring.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes beside, syncs, renames, and syncs the directory.
///
/// # Errors
/// One of these failed: the name may stand for either file.
pub fn replace(directory: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let part = directory.join(format!("{name}.part"));
    let mut file = File::create(&part)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&part, directory.join(name))?;
    sync_directory(directory)
}

/// Makes what was created, renamed or removed in a directory durable.
///
/// # Errors
/// As open(2) and fsync(2).
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
