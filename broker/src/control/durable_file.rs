//! Replaces a small file so that a crash leaves the old one or the new one, never a part. Shell.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes beside, syncs, renames, and syncs the directory.
pub(crate) fn replace(directory: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let part = directory.join(format!("{name}.part"));
    let mut file = File::create(&part)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&part, directory.join(name))?;
    sync_directory(directory)
}

pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
