//! A file to open before the first create. Shell.
//! Works around a trap of the executor: it decides by the first file of a device whether to poll for
//! completions, and an empty new file makes it decide wrongly, for a full core and 4 ms a write.

use std::fs;
use std::io;
use std::path::Path;

use glommio::io::DmaFile;

const FILE: &str = "primer";
const BYTES: usize = 4096;

/// Call this on the executor, before it opens anything else below the directory.
pub(crate) async fn open_first(directory: &Path) -> io::Result<()> {
    let path = directory.join(FILE);
    if fs::metadata(&path).map_or(0, |metadata| metadata.len()) < BYTES as u64 {
        fs::write(&path, [0; BYTES])?;
    }
    DmaFile::open(&path).await?.close().await?;
    Ok(())
}
