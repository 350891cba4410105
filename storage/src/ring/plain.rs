//! Plain calls beside the ring's operations: small files as a whole, listings, what is rare or
//! has no ring operation. They hold up the thread.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::simulator::{Request, Simulator};
use super::{Driver, File, Ring, sys};
use crate::clock;

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    pub name: OsString,
    pub is_dir: bool,
}

impl DirEntry {
    /// The name, when it is text, as all of ours are.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.to_str().unwrap_or_default()
    }
}

/// What is known of a file by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileInfo {
    pub bytes: u64,
    /// When it was last written, in milliseconds since the epoch.
    pub modified_ms: i64,
}

impl Ring {
    fn simulator(&self) -> Option<&dyn Simulator> {
        match &self.0.driver {
            Driver::Kernel(_) => None,
            Driver::Simulated(simulator) => Some(&**simulator),
        }
    }

    /// The bytes of a small file.
    ///
    /// # Errors
    /// As open(2) and read(2).
    pub fn read_file(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.simulator() {
            None => std::fs::read(path),
            Some(simulator) => simulator.read_file(path),
        }
    }

    /// The bytes of a small file, `None` when there is none. What cannot be read is not absent.
    ///
    /// # Errors
    /// As open(2) and read(2).
    pub fn read_file_if_there(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        match self.read_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// What a directory holds, in no particular order.
    ///
    /// # Errors
    /// As open(2).
    pub fn list_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        if let Some(simulator) = self.simulator() {
            return simulator.list_dir(path);
        }
        std::fs::read_dir(path)?
            .map(|entry| {
                let entry = entry?;
                Ok(DirEntry {
                    name: entry.file_name(),
                    is_dir: entry.file_type()?.is_dir(),
                })
            })
            .collect()
    }

    /// A file's length and age.
    ///
    /// # Errors
    /// As stat(2).
    pub fn file_info(&self, path: &Path) -> io::Result<FileInfo> {
        if let Some(simulator) = self.simulator() {
            return simulator.file_info(path);
        }
        let metadata = std::fs::metadata(path)?;
        Ok(FileInfo {
            bytes: metadata.len(),
            modified_ms: clock::ms_of(metadata.modified()?),
        })
    }

    /// Whether there is a file or a directory of this name.
    pub fn exists(&self, path: &Path) -> bool {
        self.file_info(path).is_ok()
    }

    /// The length of an open file.
    ///
    /// # Errors
    /// As fstat(2).
    pub fn file_len(&self, file: &File) -> io::Result<u64> {
        match self.simulator() {
            None => sys::with_std(file, |file| Ok(file.metadata()?.len())),
            Some(simulator) => Ok(simulator.file_len(file.simulated())),
        }
    }

    /// Writes all of `bytes` through the page cache.
    ///
    /// # Errors
    /// As pwrite(2).
    pub fn write_now(&self, file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
        let Some(simulator) = self.simulator() else {
            return sys::with_std(file, |file| file.write_all_at(bytes, position));
        };
        checked(simulator.call(Request::Write {
            file: file.simulated(),
            parts: vec![bytes],
            position,
            durable: false,
        }))
    }

    /// Makes a directory and those above it, as far as they are not there.
    ///
    /// # Errors
    /// As mkdir(2).
    pub fn make_dirs(&self, path: &Path) -> io::Result<()> {
        match self.simulator() {
            None => std::fs::create_dir_all(path),
            Some(simulator) if simulator.file_info(path).is_ok() => Ok(()),
            Some(simulator) => checked(simulator.call(Request::MakeDir { path })),
        }
    }

    /// Removes a file.
    ///
    /// # Errors
    /// As unlink(2).
    pub fn unlink_now(&self, path: &Path) -> io::Result<()> {
        match self.simulator() {
            None => std::fs::remove_file(path),
            Some(simulator) => checked(simulator.call(Request::Unlink {
                path,
                directory: false,
            })),
        }
    }

    /// Removes a directory and the files in it; there are no directories in it.
    ///
    /// # Errors
    /// As unlink(2) and rmdir(2).
    pub async fn remove_dir_and_files(&self, path: &Path) -> io::Result<()> {
        for entry in self.list_dir(path)? {
            self.unlink(&path.join(&entry.name)).await?;
        }
        self.remove_dir(path).await
    }
}

/// A simulated call's result.
fn checked(result: i32) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::from_raw_os_error(-result));
    }
    Ok(())
}
