//! The seam of the simulated disk: what takes the kernel's place gets every file operation of a
//! ring as a [`Request`], decides when it is done and with what result, and makes time pass. Pure.
#![expect(unsafe_code, reason = "the buffers of operations under way")]

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use super::action::{Action, FileAction, PathAction};
use super::plain::{DirEntry, FileInfo};

/// A file operation, with what io_uring would be told of it.
#[derive(Debug)]
pub enum Request<'a> {
    /// The flags are those of open(2).
    Open {
        path: &'a Path,
        flags: i32,
    },
    MakeDir {
        path: &'a Path,
    },
    Rename {
        from: &'a Path,
        to: &'a Path,
    },
    Unlink {
        path: &'a Path,
        directory: bool,
    },
    Read {
        file: i32,
        into: &'a mut [u8],
        position: u64,
    },
    Write {
        file: i32,
        parts: Vec<&'a [u8]>,
        position: u64,
        /// Durable when it is done.
        durable: bool,
    },
    Sync {
        file: i32,
    },
    Allocate {
        file: i32,
        position: u64,
        bytes: u64,
    },
    Truncate {
        file: i32,
        len: u64,
    },
}

/// Takes the kernel's place under [`Ring::simulated`](super::Ring::simulated). Results are those
/// of completions: a count, the number of an opened file, or an error number below zero.
pub trait Simulator {
    /// An operation is under way from now on.
    fn begin(&self, id: u64, request: &Request<'_>);

    /// Lets time pass: until the next operation is due, but not beyond `timeout`.
    fn pass(&self, timeout: Option<Duration>);

    /// The next operation that is due now.
    fn next_due(&self) -> Option<u64>;

    /// Carries out an operation that is due.
    fn complete(&self, id: u64, request: Request<'_>) -> i32;

    /// Carries out a plain call, at once.
    fn call(&self, request: Request<'_>) -> i32;

    /// As read(2) of a whole file.
    ///
    /// # Errors
    /// As open(2) and read(2).
    fn read_file(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// What a directory holds.
    ///
    /// # Errors
    /// As open(2).
    fn list_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>>;

    /// As stat(2).
    ///
    /// # Errors
    /// As stat(2).
    fn file_info(&self, path: &Path) -> io::Result<FileInfo>;

    /// The length of an open file.
    fn file_len(&self, file: i32) -> u64;
}

impl Action {
    /// The operation as a simulation sees it.
    pub(super) fn request(&mut self) -> Request<'_> {
        match self {
            Self::Path(action) => action.request(),
            Self::File(action) => action.request(),
            Self::Socket(_) | Self::ReadEvent { .. } => {
                unreachable!("a simulated ring has no sockets")
            }
        }
    }
}

impl PathAction {
    fn request(&self) -> Request<'_> {
        match self {
            Self::Open { path, flags, .. } => Request::Open {
                path: as_path(path),
                flags: *flags,
            },
            Self::MakeDir { path } => Request::MakeDir {
                path: as_path(path),
            },
            Self::Rename { from, to } => Request::Rename {
                from: as_path(from),
                to: as_path(to),
            },
            Self::Unlink { path, directory } => Request::Unlink {
                path: as_path(path),
                directory: *directory,
            },
        }
    }
}

impl FileAction {
    fn request(&mut self) -> Request<'_> {
        match self {
            Self::Read {
                file,
                into,
                len,
                position,
            } => {
                let start = into.spare();
                let len = *len as usize;
                // SAFETY: the action owns the block, which has room for `len` bytes.
                unsafe { start.write_bytes(0, len) };
                // SAFETY: as above, and initialised just now.
                let into = unsafe { std::slice::from_raw_parts_mut(start, len) };
                Request::Read {
                    file: file.simulated(),
                    into,
                    position: *position,
                }
            }
            Self::Write {
                file,
                from,
                position,
                flags,
            } => {
                let parts = from.left().iter().map(|vector| {
                    let start = vector.iov_base.cast_const().cast::<u8>();
                    // SAFETY: the action owns the slices that its vectors point to.
                    unsafe { std::slice::from_raw_parts(start, vector.iov_len) }
                });
                Request::Write {
                    file: file.simulated(),
                    parts: parts.collect(),
                    position: *position,
                    durable: *flags & libc::RWF_DSYNC != 0,
                }
            }
            Self::Sync { file, .. } => Request::Sync {
                file: file.simulated(),
            },
            Self::Allocate {
                file,
                position,
                bytes,
            } => Request::Allocate {
                file: file.simulated(),
                position: *position,
                bytes: *bytes,
            },
            Self::Truncate { file, len } => Request::Truncate {
                file: file.simulated(),
                len: *len,
            },
        }
    }
}

fn as_path(path: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(path.to_bytes()))
}
