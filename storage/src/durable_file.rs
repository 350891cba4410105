//! Replaces a small file so that its name always stands for a whole one. Shell; plain calls, for what
//! works without a ring.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

/// Writes beside, syncs and renames. The directory is the caller's to sync.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("tmp");
    let mut file = File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    std::fs::rename(&unfinished, path)
}
