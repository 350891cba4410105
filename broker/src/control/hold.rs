//! A lock on a file that lasts as long as a write to it is under way, even after a kill. Shell.
//!
//! The kernel goes on with direct writes of a killed process, each of which keeps the open file
//! and so its lock. Who waits for the lock before reading sees the file as it stays.
#![expect(
    unsafe_code,
    reason = "the executor's file shows its descriptor as a number only"
)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::Path;

/// Locks an open file until the last descriptor and operation on it are gone.
pub(super) fn hold(file: &impl AsRawFd) -> io::Result<()> {
    // SAFETY: the descriptor is open, because `file` owns it and is borrowed.
    let fd = unsafe { BorrowedFd::borrow_raw(file.as_raw_fd()) };
    // a duplicate shares the lock with the original
    File::from(fd.try_clone_to_owned()?).lock()
}

/// Waits until nobody holds the file any more.
pub(super) fn wait_until_free(path: &Path) -> io::Result<()> {
    File::open(path)?.lock()
}

#[cfg(test)]
mod tests {
    use std::fs::TryLockError;

    use super::*;

    #[test]
    fn a_held_file_is_free_once_its_last_descriptor_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let file = File::create(&path).unwrap();
        let under_way = file.try_clone().unwrap();
        hold(&file).unwrap();
        drop(file);
        let later = File::open(&path).unwrap();
        assert!(matches!(later.try_lock(), Err(TryLockError::WouldBlock)));
        drop(under_way);
        wait_until_free(&path).unwrap();
    }
}
