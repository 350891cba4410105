//! The data directory belongs to one process: a locked file in it, with that process's number.
//! Shell.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use storage::clock;
use thiserror::Error;

pub(crate) use super::system::{Volume, volume};

use super::ports;

/// A killed broker's rings keep the lock until the last write under way has landed: a new broker
/// must not read the journals before. This is for a disk that answers late.
const DEAD_HOLDER_WAIT: Duration = Duration::from_secs(60);
const DEAD_HOLDER_POLL: Duration = Duration::from_millis(2);
/// Kafka's name for it.
pub(crate) const LOCK_FILE: &str = ".lock";

#[derive(Debug, Error)]
pub(crate) enum DirectoryError {
    #[error("cannot use the data directory {}: {source}", path.display())]
    Unusable { path: PathBuf, source: io::Error },
    #[error("the data directory {} is in use by {holder}; stop it, or give another one with --data DIR", path.display())]
    InUse { path: PathBuf, holder: String },
}

/// The data directory, held until this is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    file: File,
}

impl DirectoryLock {
    /// Makes the directory when it is not there, and takes it.
    ///
    /// # Errors
    /// It cannot be made or written, or another process holds it.
    pub(crate) fn take(directory: &Path) -> Result<Self, DirectoryError> {
        let unusable = |source| DirectoryError::Unusable {
            path: directory.to_owned(),
            source,
        };
        fs::create_dir_all(directory).map_err(unusable)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(directory.join(LOCK_FILE))
            .map_err(unusable)?;
        let deadline = clock::monotonic() + DEAD_HOLDER_WAIT;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => return Err(unusable(source)),
            }
            let pid = holder(&mut file).map_err(unusable)?;
            let lives = pid.is_none_or(|pid| Path::new(&format!("/proc/{pid}")).exists());
            if lives || clock::monotonic() > deadline {
                let path = directory.to_owned();
                return Err(DirectoryError::InUse {
                    path,
                    holder: describe(pid),
                });
            }
            #[expect(clippy::disallowed_methods, reason = "before there is any task")]
            thread::sleep(DEAD_HOLDER_POLL);
        }
        file.set_len(0).map_err(unusable)?;
        file.rewind().map_err(unusable)?;
        writeln!(file, "{}", std::process::id()).map_err(unusable)?;
        Ok(Self { file })
    }

    /// The locked file, for whoever must keep the directory until its own end.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

/// The process number in the file, if there is one.
fn holder(file: &mut File) -> io::Result<Option<u32>> {
    let mut text = String::new();
    file.rewind()?;
    file.take(32).read_to_string(&mut text)?;
    Ok(text.trim().parse().ok())
}

fn describe(pid: Option<u32>) -> String {
    let Some(pid) = pid else {
        return "another process".to_owned();
    };
    match ports::command(pid) {
        command if command.is_empty() => format!("process {pid}"),
        command => format!("process {pid} ({command})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_learns_who_holds_the_directory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let lock = DirectoryLock::take(&path).unwrap();
        let error = DirectoryLock::take(&path).unwrap_err().to_string();
        assert!(
            error.contains(&format!("in use by process {} (", std::process::id())),
            "{error}"
        );
        drop(lock);
        DirectoryLock::take(&path).unwrap();
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = DirectoryLock::take(&file.join("below")).unwrap_err();
        assert!(matches!(error, DirectoryError::Unusable { .. }), "{error}");
    }
}
