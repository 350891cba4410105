//! One operation and everything that the kernel uses while it is under way: buffers, vectors,
//! paths, descriptors. The ring's slots own it from the start to the last completion, whatever
//! becomes of the future that waits for it. The only place that makes submission entries.

use std::ffi::CString;
use std::os::fd::AsRawFd;

use io_uring::{opcode, squeue, types};

use super::buffers::GROUP;
use super::files::File;
use super::notify::Notifier;
use super::sockets::{Listener, Socket};
use super::vectors::{Outgoing, Vectors};
use crate::extent::{ExtentSlice, ExtentWriter};

pub(super) struct Address {
    pub(super) storage: libc::sockaddr_storage,
    pub(super) len: libc::socklen_t,
}

/// On names.
pub(super) enum PathAction {
    Open {
        path: CString,
        flags: i32,
        mode: u32,
    },
    MakeDir {
        path: CString,
    },
    Rename {
        from: CString,
        to: CString,
    },
    Unlink {
        path: CString,
        directory: bool,
    },
}

/// On an open file.
pub(super) enum FileAction {
    Read {
        file: File,
        into: ExtentWriter,
        len: u32,
        position: u64,
    },
    Write {
        file: File,
        from: Box<Vectors<ExtentSlice>>,
        position: u64,
        flags: i32,
    },
    Sync {
        file: File,
        data_only: bool,
    },
    Allocate {
        file: File,
        position: u64,
        bytes: u64,
    },
    Truncate {
        file: File,
        len: u64,
    },
}

/// On a socket.
pub(super) enum SocketAction {
    Accept {
        listener: Listener,
        many: bool,
    },
    Connect {
        socket: Socket,
        address: Box<Address>,
    },
    ReceiveMany {
        socket: Socket,
    },
    ReceiveOnce {
        socket: Socket,
        len: u32,
    },
    ReceiveInto {
        socket: Socket,
        into: ExtentWriter,
        len: u32,
    },
    Send {
        socket: Socket,
        from: Box<Outgoing>,
        more: bool,
    },
    Poll {
        socket: Socket,
        events: u32,
    },
}

pub(super) enum Action {
    Path(PathAction),
    File(FileAction),
    Socket(SocketAction),
    /// Waits for a notification from another thread.
    ReadEvent {
        notifier: Notifier,
        into: Box<u64>,
    },
}

/// What a completion's result is, beside an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Yields {
    Count,
    Descriptor,
    /// Maybe a provided buffer, named in the flags.
    Buffer,
}

impl Action {
    pub(super) fn yields(&self) -> Yields {
        use SocketAction::{Accept, ReceiveMany, ReceiveOnce};
        if matches!(
            self,
            Self::Path(PathAction::Open { .. }) | Self::Socket(Accept { .. })
        ) {
            Yields::Descriptor
        } else if matches!(self, Self::Socket(ReceiveMany { .. } | ReceiveOnce { .. })) {
            Yields::Buffer
        } else {
            Yields::Count
        }
    }

    /// Completes many times.
    pub(super) fn is_stream(&self) -> bool {
        use SocketAction::{Accept, ReceiveMany};
        matches!(
            self,
            Self::Socket(ReceiveMany { .. } | Accept { many: true, .. })
        )
    }

    /// May wait for a peer, so that it must be cancelled when nobody wants it any more. It is
    /// also what is submitted after the file operations of a turn.
    pub(super) fn waits_for_others(&self) -> bool {
        matches!(self, Self::Socket(_) | Self::ReadEvent { .. })
    }

    /// The entry for the kernel. Every pointer in it goes to memory on the heap that this action
    /// owns, so it stays right while the action moves.
    pub(super) fn entry(&mut self) -> squeue::Entry {
        match self {
            Self::Path(action) => action.entry(),
            Self::File(action) => action.entry(),
            Self::Socket(action) => action.entry(),
            Self::ReadEvent { notifier, into } => {
                let fd = types::Fd(notifier.event().as_raw_fd());
                opcode::Read::new(fd, (&raw mut **into).cast(), 8).build()
            }
        }
    }
}

impl PathAction {
    fn entry(&self) -> squeue::Entry {
        let here = types::Fd(libc::AT_FDCWD);
        match self {
            Self::Open { path, flags, mode } => opcode::OpenAt::new(here, path.as_ptr())
                .flags(*flags)
                .mode(*mode)
                .build(),
            Self::MakeDir { path } => opcode::MkDirAt::new(here, path.as_ptr())
                .mode(0o755)
                .build(),
            Self::Rename { from, to } => {
                opcode::RenameAt::new(here, from.as_ptr(), here, to.as_ptr()).build()
            }
            Self::Unlink { path, directory } => {
                let flags = if *directory { libc::AT_REMOVEDIR } else { 0 };
                opcode::UnlinkAt::new(here, path.as_ptr())
                    .flags(flags)
                    .build()
            }
        }
    }
}

impl FileAction {
    fn entry(&mut self) -> squeue::Entry {
        match self {
            Self::Read {
                file,
                into,
                len,
                position,
            } => opcode::Read::new(file.raw(), into.spare(), *len)
                .offset(*position)
                .build(),
            Self::Write {
                file,
                from,
                position,
                flags,
            } => match from.left() {
                [one] => {
                    let len = one_length(one);
                    let entry = opcode::Write::new(file.raw(), one.iov_base.cast(), len);
                    entry.offset(*position).rw_flags(*flags).build()
                }
                many => {
                    let count = count_of(many);
                    let entry = opcode::Writev::new(file.raw(), many.as_ptr(), count);
                    entry.offset(*position).rw_flags(*flags).build()
                }
            },
            Self::Sync { file, data_only } => {
                let data_only = data_only.then_some(types::FsyncFlags::DATASYNC);
                let flags = data_only.unwrap_or(types::FsyncFlags::empty());
                opcode::Fsync::new(file.raw()).flags(flags).build()
            }
            Self::Allocate {
                file,
                position,
                bytes,
            } => opcode::Fallocate::new(file.raw(), *bytes)
                .offset(*position)
                .build(),
            Self::Truncate { file, len } => opcode::Ftruncate::new(file.raw(), *len).build(),
        }
    }
}

impl SocketAction {
    fn entry(&mut self) -> squeue::Entry {
        const ACCEPT_FLAGS: i32 = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        match self {
            Self::Accept {
                listener,
                many: true,
            } => opcode::AcceptMulti::new(listener.raw())
                .flags(ACCEPT_FLAGS)
                .build(),
            Self::Accept {
                listener,
                many: false,
            } => {
                let nobody = (std::ptr::null_mut(), std::ptr::null_mut());
                opcode::Accept::new(listener.raw(), nobody.0, nobody.1)
                    .flags(ACCEPT_FLAGS)
                    .build()
            }
            Self::Connect { socket, address } => {
                let to = (&raw const address.storage).cast();
                opcode::Connect::new(socket.raw(), to, address.len).build()
            }
            Self::ReceiveMany { socket } => opcode::RecvMulti::new(socket.raw(), GROUP).build(),
            Self::ReceiveOnce { socket, len } => {
                let entry = opcode::Recv::new(socket.raw(), std::ptr::null_mut(), *len);
                entry
                    .buf_group(GROUP)
                    .build()
                    .flags(squeue::Flags::BUFFER_SELECT)
            }
            Self::ReceiveInto { socket, into, len } => {
                let entry = opcode::Recv::new(socket.raw(), into.spare(), *len);
                entry.flags(libc::MSG_WAITALL).build()
            }
            Self::Send { socket, from, more } => send_entry(socket, from, *more),
            Self::Poll { socket, events } => opcode::PollAdd::new(socket.raw(), *events).build(),
        }
    }
}

/// What one operation with one range takes at most; a multiple of a page.
const ONE_BYTES_MAX: u32 = 1 << 30;

fn one_length(vector: &libc::iovec) -> u32 {
    u32::try_from(vector.iov_len)
        .unwrap_or(ONE_BYTES_MAX)
        .min(ONE_BYTES_MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a bounded number of vectors"
)]
fn count_of(vectors: &[libc::iovec]) -> u32 {
    vectors.len() as u32
}

fn send_entry(socket: &Socket, from: &mut Outgoing, more: bool) -> squeue::Entry {
    let more = if more { libc::MSG_MORE } else { 0 };
    let flags = libc::MSG_NOSIGNAL | libc::MSG_WAITALL | more;
    let vectors = from.parts.left();
    if let [one] = vectors {
        let entry = opcode::Send::new(socket.raw(), one.iov_base.cast(), one_length(one));
        return entry.flags(flags).build();
    }
    from.header.msg_iov = vectors.as_mut_ptr();
    from.header.msg_iovlen = vectors.len();
    opcode::SendMsg::new(socket.raw(), &raw const from.header)
        .flags(flags.cast_unsigned())
        .build()
}
