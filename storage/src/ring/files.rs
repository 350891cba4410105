//! Files on the ring: open, read, write, sync, allocate, and changes of directories; plain calls
//! where this kernel has no ring operation for it.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use io_uring::types;

use super::action::{Action, FileAction, PathAction};
use super::features::Feature;
use super::vectors::Vectors;
use super::{Ring, is_transient, sys};
use crate::extent::{ExtentSlice, ExtentWriter, PAGE_BYTES};

/// An open file, for any ring of the process. Closed when the last clone and operation is gone.
#[derive(Debug, Clone)]
pub struct File {
    handle: Handle,
    direct: bool,
}

/// Whose file it is.
#[derive(Debug, Clone)]
pub(super) enum Handle {
    Kernel(Arc<OwnedFd>),
    Simulated(i32),
}

impl File {
    pub(super) fn raw(&self) -> types::Fd {
        types::Fd(self.descriptor().map_or(-1, |fd| fd.as_raw_fd()))
    }

    /// The kernel's descriptor; a simulated file has none.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match &self.handle {
            Handle::Kernel(fd) => Some(fd.as_fd()),
            Handle::Simulated(_) => None,
        }
    }

    /// The simulation's number of the file.
    pub(super) fn simulated(&self) -> i32 {
        match &self.handle {
            Handle::Kernel(_) => -1,
            Handle::Simulated(number) => *number,
        }
    }

    /// Opened past the page cache: addresses, lengths and positions must be whole pages.
    pub fn is_direct(&self) -> bool {
        self.direct
    }
}

#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of open(2), named")]
pub struct FileOptions {
    pub read: bool,
    pub write: bool,
    pub create: bool,
    /// Fails when the file exists.
    pub create_new: bool,
    pub direct: bool,
}

impl FileOptions {
    fn flags(self) -> i32 {
        let mut flags = match (self.read, self.write) {
            (true, true) => libc::O_RDWR,
            (false, true) => libc::O_WRONLY,
            (true | false, false) => libc::O_RDONLY,
        };
        flags |= libc::O_CLOEXEC;
        for (wanted, flag) in [
            (self.create, libc::O_CREAT),
            (self.create_new, libc::O_CREAT | libc::O_EXCL),
            (self.direct, libc::O_DIRECT),
        ] {
            flags |= if wanted { flag } else { 0 };
        }
        flags
    }
}

/// How durable a write is when it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteSync {
    None,
    /// The data, and what is needed to read it back.
    Data,
}

impl Ring {
    /// Opens a file.
    ///
    /// # Errors
    /// As open(2).
    pub async fn open(&self, path: &Path, options: FileOptions) -> io::Result<File> {
        self.open_flags(path, options.flags()).await
    }

    async fn open_flags(&self, path: &Path, flags: i32) -> io::Result<File> {
        let path = c_path(path)?;
        let (result, completion, _) = self
            .run(Action::Path(PathAction::Open {
                path,
                flags,
                mode: 0o644,
            }))
            .await;
        result.map(|_| File {
            handle: self.0.handle(completion.result),
            direct: flags & libc::O_DIRECT != 0,
        })
    }

    /// Writes all the slices, one after the other, from `position` on.
    ///
    /// # Errors
    /// As pwritev2(2). After an error any part may have been written.
    ///
    /// # Panics
    /// When the file is direct and something is not whole pages.
    pub async fn write_at(
        &self,
        file: &File,
        data: impl IntoIterator<Item = ExtentSlice>,
        position: u64,
        sync: WriteSync,
    ) -> io::Result<()> {
        let range = |slice: &ExtentSlice| (slice.disk_start(), slice.disk_len());
        let mut from = Box::new(Vectors::new(data, range));
        if file.direct {
            assert_pages(position, from.parts().iter().map(range));
        }
        let flags = match sync {
            WriteSync::None => 0,
            WriteSync::Data => libc::RWF_DSYNC,
        };
        let mut position = position;
        while !from.is_done() {
            let file = file.clone();
            let (result, _, action) = self
                .run(Action::File(FileAction::Write {
                    file,
                    from,
                    position,
                    flags,
                }))
                .await;
            let Action::File(FileAction::Write { from: left, .. }) = action else {
                unreachable!("a write")
            };
            from = left;
            match result {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    from.advance(count);
                    position += count as u64;
                }
                Err(error) if is_transient(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads up to `len` bytes at `position` and appends them; fewer only at the file's end.
    ///
    /// # Errors
    /// As pread(2).
    ///
    /// # Panics
    /// When the extent has no room, or the file is direct and something is not whole pages.
    pub async fn read_at(
        &self,
        file: &File,
        mut into: ExtentWriter,
        len: usize,
        position: u64,
    ) -> io::Result<ExtentWriter> {
        assert!(len <= into.remaining(), "no room for {len} bytes");
        if file.direct {
            assert_pages(position, [(into.spare().cast_const(), len)].into_iter());
        }
        let (start, end) = (into.len(), into.len() + len);
        while into.len() < end {
            let at = position + (into.len() - start) as u64;
            let (result, filled) = self.read_once(file, into, end, at).await;
            into = filled;
            match result {
                Ok(0) => break,
                // The rest of a page that the file does not fill cannot be asked for directly.
                Ok(count) if file.direct && !count.is_multiple_of(PAGE_BYTES) => break,
                Ok(_) => {}
                Err(error) if is_transient(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(into)
    }

    async fn read_once(
        &self,
        file: &File,
        into: ExtentWriter,
        end: usize,
        position: u64,
    ) -> (io::Result<usize>, ExtentWriter) {
        let len = read_len(end - into.len());
        let action = Action::File(FileAction::Read {
            file: file.clone(),
            into,
            len,
            position,
        });
        let (result, _, action) = self.run(action).await;
        let Action::File(FileAction::Read { mut into, .. }) = action else {
            unreachable!("a read")
        };
        if let Ok(count) = result {
            super::grow(&mut into, count, len);
        }
        (result, into)
    }

    /// fdatasync.
    ///
    /// # Errors
    /// As fdatasync(2). What was written before must be taken for lost then.
    pub async fn sync_data(&self, file: &File) -> io::Result<()> {
        self.file_action(Action::File(FileAction::Sync {
            file: file.clone(),
            data_only: true,
        }))
        .await
    }

    /// fsync.
    ///
    /// # Errors
    /// As fsync(2). What was written before must be taken for lost then.
    pub async fn sync_all(&self, file: &File) -> io::Result<()> {
        self.file_action(Action::File(FileAction::Sync {
            file: file.clone(),
            data_only: false,
        }))
        .await
    }

    /// Reserves space, and makes the file as long as that.
    ///
    /// # Errors
    /// As fallocate(2).
    pub async fn allocate(&self, file: &File, position: u64, bytes: u64) -> io::Result<()> {
        let file = file.clone();
        self.file_action(Action::File(FileAction::Allocate {
            file,
            position,
            bytes,
        }))
        .await
    }

    /// Sets the file's length.
    ///
    /// # Errors
    /// As ftruncate(2).
    pub async fn truncate(&self, file: &File, len: u64) -> io::Result<()> {
        if self.features().has(Feature::Truncate) {
            return self
                .file_action(Action::File(FileAction::Truncate {
                    file: file.clone(),
                    len,
                }))
                .await;
        }
        sys::with_std(file, |file| file.set_len(len))
    }

    /// Makes one directory.
    ///
    /// # Errors
    /// As mkdir(2).
    pub async fn make_dir(&self, path: &Path) -> io::Result<()> {
        if self.features().has(Feature::MakeDir) {
            return self
                .file_action(Action::Path(PathAction::MakeDir {
                    path: c_path(path)?,
                }))
                .await;
        }
        std::fs::create_dir(path)
    }

    /// Renames a file or directory; what had the new name is gone.
    ///
    /// # Errors
    /// As rename(2).
    pub async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.features().has(Feature::PathOps) {
            let (from, to) = (c_path(from)?, c_path(to)?);
            return self
                .file_action(Action::Path(PathAction::Rename { from, to }))
                .await;
        }
        std::fs::rename(from, to)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// As unlink(2).
    pub async fn unlink(&self, path: &Path) -> io::Result<()> {
        if self.features().has(Feature::PathOps) {
            return self
                .file_action(Action::Path(PathAction::Unlink {
                    path: c_path(path)?,
                    directory: false,
                }))
                .await;
        }
        std::fs::remove_file(path)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// As rmdir(2).
    pub async fn remove_dir(&self, path: &Path) -> io::Result<()> {
        if self.features().has(Feature::PathOps) {
            return self
                .file_action(Action::Path(PathAction::Unlink {
                    path: c_path(path)?,
                    directory: true,
                }))
                .await;
        }
        std::fs::remove_dir(path)
    }

    /// Makes what was created, renamed or removed in a directory durable.
    ///
    /// # Errors
    /// As open(2) and fsync(2).
    pub async fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
        let directory = self.open_flags(path, flags).await?;
        self.sync_all(&directory).await
    }

    async fn file_action(&self, action: Action) -> io::Result<()> {
        self.run(action).await.0.map(drop)
    }
}

/// What one read operation takes at most; a multiple of a page.
fn read_len(len: usize) -> u32 {
    const MAX: u32 = 1 << 30;
    u32::try_from(len).unwrap_or(MAX).min(MAX)
}

fn assert_pages(position: u64, ranges: impl Iterator<Item = (*const u8, usize)>) {
    let page = PAGE_BYTES as u64;
    assert!(
        position.is_multiple_of(page),
        "direct I/O at position {position}"
    );
    for (start, len) in ranges {
        assert!(
            start.addr().is_multiple_of(PAGE_BYTES),
            "direct I/O from inside a page"
        );
        assert!(len.is_multiple_of(PAGE_BYTES), "direct I/O of {len} bytes");
    }
}

fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}
