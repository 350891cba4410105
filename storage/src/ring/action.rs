//! One operation and everything that the kernel uses while it is under way: buffers, vectors,
//! paths, descriptors. The ring's slots own it from the start to the last completion, whatever
//! becomes of the future that waits for it. The only place that makes submission entries.

use std::ffi::CString;
use std::ops::Deref;

use bytes::Bytes;
use io_uring::{opcode, squeue, types};

use super::buffers::GROUP;
use super::files::File;
use super::notify::Notifier;
use super::sockets::{Listener, Socket};
use super::sys;
use crate::extent::{ExtentSlice, ExtentWriter};

/// How many vectors one operation takes.
pub(super) const VECTORS_MAX: usize = 1024;

/// A piece of what [`Ring::send`](super::Ring::send) sends.
#[derive(Debug, Clone)]
pub enum SendPart {
    Bytes(Bytes),
    Extent(ExtentSlice),
}

impl From<Bytes> for SendPart {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<ExtentSlice> for SendPart {
    fn from(slice: ExtentSlice) -> Self {
        Self::Extent(slice)
    }
}

impl Deref for SendPart {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Extent(slice) => slice,
        }
    }
}

/// Parts, and the vectors that point to what is left of them.
pub(super) struct Vectors<P> {
    parts: Vec<P>,
    vectors: Vec<libc::iovec>,
    /// Vectors that are done.
    done: usize,
}

impl<P> Vectors<P> {
    pub(super) fn new(parts: Vec<P>, range: impl Fn(&P) -> (*const u8, usize)) -> Self {
        let mut vectors = Self::empty();
        vectors.fill(parts, range);
        vectors
    }

    fn empty() -> Self {
        Self {
            parts: Vec::new(),
            vectors: Vec::new(),
            done: 0,
        }
    }

    fn fill(&mut self, parts: Vec<P>, range: impl Fn(&P) -> (*const u8, usize)) {
        self.done = 0;
        self.vectors.clear();
        self.vectors
            .extend(
                parts
                    .iter()
                    .map(range)
                    .filter(|(_, len)| *len > 0)
                    .map(|(start, len)| libc::iovec {
                        iov_base: start.cast_mut().cast(),
                        iov_len: len,
                    }),
            );
        self.parts = parts;
    }

    /// Takes `count` bytes off the front.
    pub(super) fn advance(&mut self, mut count: usize) {
        while let Some(vector) = self.vectors.get_mut(self.done) {
            if count < vector.iov_len {
                vector.iov_base = vector.iov_base.cast::<u8>().wrapping_add(count).cast();
                vector.iov_len -= count;
                return;
            }
            count -= vector.iov_len;
            self.done += 1;
        }
        assert!(count == 0, "the kernel took more than there was");
    }

    pub(super) fn is_done(&self) -> bool {
        self.done == self.vectors.len()
    }

    fn left(&mut self) -> &mut [libc::iovec] {
        let end = self.vectors.len().min(self.done + VECTORS_MAX);
        &mut self.vectors[self.done..end]
    }
}

/// What goes out on a socket. Boxed and reused: the message header must not move.
pub(super) struct Outgoing {
    parts: Vectors<SendPart>,
    header: libc::msghdr,
}

impl Outgoing {
    pub(super) fn new() -> Self {
        let header = libc::msghdr {
            msg_name: std::ptr::null_mut(),
            msg_namelen: 0,
            msg_iov: std::ptr::null_mut(),
            msg_iovlen: 0,
            msg_control: std::ptr::null_mut(),
            msg_controllen: 0,
            msg_flags: 0,
        };
        Self {
            parts: Vectors::empty(),
            header,
        }
    }

    pub(super) fn fill(&mut self, parts: Vec<SendPart>) {
        self.parts.fill(parts, |part| (part.as_ptr(), part.len()));
    }

    pub(super) fn advance(&mut self, count: usize) {
        self.parts.advance(count);
    }

    pub(super) fn is_done(&self) -> bool {
        self.parts.is_done()
    }

    /// Lets go of the parts, keeps the memory of the vectors.
    pub(super) fn clear(&mut self) {
        self.parts.parts = Vec::new();
        self.parts.vectors.clear();
    }
}

pub(super) struct Address {
    pub(super) storage: libc::sockaddr_storage,
    pub(super) len: libc::socklen_t,
}

pub(super) enum Action {
    Open {
        path: CString,
        flags: i32,
        mode: u32,
    },
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
        keep_size: bool,
    },
    Truncate {
        file: File,
        len: u64,
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
    ReadEvent {
        notifier: Notifier,
        into: Box<u64>,
    },
    Message {
        target: Notifier,
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
        match self {
            Self::Open { .. } | Self::Accept { .. } => Yields::Descriptor,
            Self::ReceiveMany { .. } | Self::ReceiveOnce { .. } => Yields::Buffer,
            _ => Yields::Count,
        }
    }

    /// Completes many times.
    pub(super) fn is_stream(&self) -> bool {
        matches!(
            self,
            Self::ReceiveMany { .. } | Self::Accept { many: true, .. }
        )
    }

    /// May wait for a peer, so that it must be cancelled when nobody wants it any more. It is
    /// also what is submitted after the file operations of a turn.
    pub(super) fn is_socket(&self) -> bool {
        matches!(
            self,
            Self::Accept { .. }
                | Self::Connect { .. }
                | Self::ReceiveMany { .. }
                | Self::ReceiveOnce { .. }
                | Self::ReceiveInto { .. }
                | Self::Send { .. }
                | Self::Poll { .. }
                | Self::ReadEvent { .. }
                | Self::Message { .. }
        )
    }

    /// The entry for the kernel. Every pointer in it goes to memory on the heap that this action
    /// owns, so it stays right while the action moves.
    pub(super) fn entry(&mut self) -> squeue::Entry {
        match self {
            Self::Accept { .. }
            | Self::Connect { .. }
            | Self::ReceiveMany { .. }
            | Self::ReceiveOnce { .. }
            | Self::ReceiveInto { .. }
            | Self::Send { .. }
            | Self::Poll { .. } => self.socket_entry(),
            Self::MakeDir { .. } | Self::Rename { .. } | Self::Unlink { .. } => self.path_entry(),
            Self::ReadEvent { notifier, into } => {
                let fd = types::Fd(std::os::fd::AsRawFd::as_raw_fd(&notifier.event()));
                opcode::Read::new(fd, (&raw mut **into).cast(), 8).build()
            }
            Self::Message { target } => {
                let fd = types::Fd(target.ring_fd());
                opcode::MsgRingData::new(fd, 0, super::slots::NO_SLOT, None).build()
            }
            Self::Open { .. }
            | Self::Read { .. }
            | Self::Write { .. }
            | Self::Sync { .. }
            | Self::Allocate { .. }
            | Self::Truncate { .. } => self.file_entry(),
        }
    }

    fn path_entry(&self) -> squeue::Entry {
        let here = types::Fd(libc::AT_FDCWD);
        match self {
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
            _ => unreachable!("not an operation on paths"),
        }
    }

    fn file_entry(&mut self) -> squeue::Entry {
        match self {
            Self::Open { path, flags, mode } => {
                let here = types::Fd(libc::AT_FDCWD);
                opcode::OpenAt::new(here, path.as_ptr())
                    .flags(*flags)
                    .mode(*mode)
                    .build()
            }
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
            } => {
                let fd = file.raw();
                match from.left() {
                    [one] => {
                        let len = u32::try_from(one.iov_len).unwrap_or(WRITE_BYTES_MAX);
                        let len = len.min(WRITE_BYTES_MAX);
                        let entry = opcode::Write::new(fd, one.iov_base.cast(), len);
                        entry.offset(*position).rw_flags(*flags).build()
                    }
                    many => {
                        let entry = opcode::Writev::new(fd, many.as_ptr(), many.len() as u32);
                        entry.offset(*position).rw_flags(*flags).build()
                    }
                }
            }
            Self::Sync { file, data_only } => {
                let flags = if *data_only {
                    types::FsyncFlags::DATASYNC
                } else {
                    types::FsyncFlags::empty()
                };
                opcode::Fsync::new(file.raw()).flags(flags).build()
            }
            Self::Allocate {
                file,
                position,
                bytes,
                keep_size,
            } => {
                let mode = if *keep_size { sys::KEEP_SIZE } else { 0 };
                opcode::Fallocate::new(file.raw(), *bytes)
                    .offset(*position)
                    .mode(mode)
                    .build()
            }
            Self::Truncate { file, len } => opcode::Ftruncate::new(file.raw(), *len).build(),
            _ => unreachable!("not an operation on a file"),
        }
    }

    fn socket_entry(&mut self) -> squeue::Entry {
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
            Self::Send { socket, from, more } => {
                let more = if *more { libc::MSG_MORE } else { 0 };
                let flags = libc::MSG_NOSIGNAL | libc::MSG_WAITALL | more;
                send_entry(socket, from, flags)
            }
            Self::Poll { socket, events } => opcode::PollAdd::new(socket.raw(), *events).build(),
            _ => unreachable!("not an operation on a socket"),
        }
    }
}

/// What one write operation takes at most; a multiple of a page.
const WRITE_BYTES_MAX: u32 = 1 << 30;

fn send_entry(socket: &Socket, from: &mut Outgoing, flags: i32) -> squeue::Entry {
    let vectors = from.parts.left();
    if let [one] = vectors {
        let len = u32::try_from(one.iov_len)
            .unwrap_or(WRITE_BYTES_MAX)
            .min(WRITE_BYTES_MAX);
        return opcode::Send::new(socket.raw(), one.iov_base.cast(), len)
            .flags(flags)
            .build();
    }
    from.header.msg_iov = vectors.as_mut_ptr();
    from.header.msg_iovlen = vectors.len();
    opcode::SendMsg::new(socket.raw(), &raw const from.header)
        .flags(flags as u32)
        .build()
}
