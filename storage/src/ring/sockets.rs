//! Stream sockets on the ring: connect, exact receives straight into an extent, vectored sends,
//! and what the send-a-file path needs.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use io_uring::types;

use super::action::{Action, Address, SocketAction};
use super::files::File;
use super::vectors::SendPart;
use super::{Ring, is_transient, sys};
use crate::extent::ExtentWriter;

// The kernel caps it at net.core.somaxconn.
const BACKLOG: i32 = 4096;

/// A listening socket of one ring's thread.
#[derive(Debug, Clone)]
pub struct Listener(Rc<TcpListener>);

impl Listener {
    /// Listens, without sharing the port with other processes.
    ///
    /// # Errors
    /// As bind(2) and listen(2).
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        Self::from_std(TcpListener::bind(address)?)
    }

    /// Takes over a listener, such as a clone of one that another shard accepts from too.
    ///
    /// # Errors
    /// As listen(2).
    pub fn from_std(listener: TcpListener) -> io::Result<Self> {
        // A ring's accept on a non-blocking listener answers EAGAIN instead of waiting.
        listener.set_nonblocking(false)?;
        sys::listen(listener.as_fd(), BACKLOG)?;
        Ok(Self(Rc::new(listener)))
    }

    /// # Errors
    /// As getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    pub(super) fn raw(&self) -> types::Fd {
        types::Fd(self.0.as_raw_fd())
    }
}

/// A connected socket of one ring's thread, in non-blocking mode. Closed when the last clone and
/// operation is gone.
#[derive(Debug, Clone)]
pub struct Socket(Rc<TcpStream>);

impl Socket {
    /// Takes over a connected socket.
    ///
    /// # Errors
    /// As fcntl(2).
    pub fn from_std(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self(Rc::new(stream)))
    }

    pub(super) fn from_accepted(fd: OwnedFd) -> Self {
        Self(Rc::new(fd.into()))
    }

    /// For addresses and options.
    pub fn stream(&self) -> &TcpStream {
        &self.0
    }

    pub(super) fn raw(&self) -> types::Fd {
        types::Fd(self.0.as_raw_fd())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Ring {
    /// Connects to an address.
    ///
    /// # Errors
    /// As connect(2).
    pub async fn connect(&self, address: SocketAddr) -> io::Result<Socket> {
        let (storage, len) = sys::socket_address(&address);
        let socket = Socket::from_accepted(sys::stream_socket(i32::from(storage.ss_family))?);
        let address = Box::new(Address { storage, len });
        let action = Action::Socket(SocketAction::Connect {
            socket: socket.clone(),
            address,
        });
        self.run(action).await.0?;
        Ok(socket)
    }

    /// Receives exactly `len` bytes into the extent, behind what it holds; fewer only when the
    /// peer closed. A [`Receiver`](super::Receiver) of the socket must be paused.
    ///
    /// # Errors
    /// As recv(2).
    ///
    /// # Panics
    /// When the extent has no room.
    pub async fn recv_exact(
        &self,
        socket: &Socket,
        mut into: ExtentWriter,
        len: usize,
    ) -> io::Result<ExtentWriter> {
        const LEN_MAX: usize = 1 << 30;
        assert!(len <= into.remaining(), "no room for {len} bytes");
        let end = into.len() + len;
        while into.len() < end {
            #[expect(clippy::cast_possible_truncation, reason = "at most LEN_MAX")]
            let len = (end - into.len()).min(LEN_MAX) as u32;
            let action = Action::Socket(SocketAction::ReceiveInto {
                socket: socket.clone(),
                into,
                len,
            });
            let (result, _, action) = self.run(action).await;
            let Action::Socket(SocketAction::ReceiveInto {
                into: mut filled, ..
            }) = action
            else {
                unreachable!("a receive")
            };
            match result {
                Ok(0) => return Ok(filled),
                Ok(count) => super::grow(&mut filled, count, len),
                Err(error) if is_transient(&error) => {}
                Err(error) => return Err(error),
            }
            into = filled;
        }
        Ok(into)
    }

    /// Sends all the parts; with `more` the kernel may wait for the next send to fill a packet.
    /// Only one send of a socket may be under way.
    ///
    /// # Errors
    /// As sendmsg(2).
    pub async fn send(
        &self,
        socket: &Socket,
        parts: impl IntoIterator<Item = SendPart>,
        more: bool,
    ) -> io::Result<()> {
        let mut from = self.0.outgoing();
        from.fill(parts);
        while !from.is_done() {
            let socket = socket.clone();
            let (result, _, action) = self
                .run(Action::Socket(SocketAction::Send { socket, from, more }))
                .await;
            let Action::Socket(SocketAction::Send { from: left, .. }) = action else {
                unreachable!("a send")
            };
            from = left;
            match result {
                Ok(count) => from.advance(count),
                Err(error) if is_transient(&error) => {}
                Err(error) => {
                    self.0.reuse(from);
                    return Err(error);
                }
            }
        }
        self.0.reuse(from);
        Ok(())
    }

    /// Resolves when the socket takes bytes, or has failed.
    ///
    /// # Errors
    /// As poll(2).
    pub async fn writable(&self, socket: &Socket) -> io::Result<()> {
        self.poll(socket, libc::POLLOUT).await
    }

    pub(super) async fn readable(&self, socket: &Socket) -> io::Result<()> {
        self.poll(socket, libc::POLLIN).await
    }

    async fn poll(&self, socket: &Socket, events: i16) -> io::Result<()> {
        let action = Action::Socket(SocketAction::Poll {
            socket: socket.clone(),
            events: u32::from(events.cast_unsigned()),
        });
        self.run(action).await.0.map(drop)
    }

    /// sendfile now, as much as the socket takes; the range should be in the page cache.
    ///
    /// # Errors
    /// As sendfile(2); `WouldBlock` when the socket is full: see [`Self::writable`].
    pub fn send_file_now(
        &self,
        socket: &Socket,
        file: &File,
        position: u64,
        bytes: usize,
    ) -> io::Result<usize> {
        let file = file.descriptor().ok_or(io::ErrorKind::Unsupported)?;
        sys::send_file(socket.as_fd(), file, position, bytes)
    }

    /// Ends both directions: a receive of the socket ends too.
    ///
    /// # Errors
    /// As shutdown(2).
    pub fn shutdown(&self, socket: &Socket) -> io::Result<()> {
        socket.0.shutdown(std::net::Shutdown::Both)
    }
}
