//! Receiving small pieces: one operation for many of them, into buffers that the connections of
//! a ring share. Where the kernel cannot do that, or all buffers are lent, the receiver waits
//! until the socket is readable and then takes what is there into memory of its own.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::ops::Deref;
use std::os::fd::AsFd;
use std::rc::Rc;

use super::action::{Action, SocketAction};
use super::buffers::{Buffers, RECEIVE_BUFFER_BYTES};
use super::slots::{Completion, OpId};
use super::sockets::Socket;
use super::{Inner, Ring, count, is_transient, sys};

/// What arrived on a socket. It lends one of the ring's shared buffers: copy out what must stay.
pub struct RecvChunk(Memory);

enum Memory {
    Lent {
        ring: Rc<Inner>,
        id: u16,
        len: usize,
    },
    Own(Vec<u8>),
}

impl fmt::Debug for RecvChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecvChunk").field(&self.len()).finish()
    }
}

impl Deref for RecvChunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Memory::Lent { ring, id, len } => ring
                .buffers
                .as_ref()
                .map_or(&[], |buffers| buffers.bytes(*id, *len)),
            Memory::Own(bytes) => bytes,
        }
    }
}

impl Drop for RecvChunk {
    fn drop(&mut self) {
        if let Memory::Lent { ring, id, .. } = &self.0
            && let Some(buffers) = &ring.buffers
        {
            buffers.take_back(*id);
        }
    }
}

/// Receives what arrives on one socket; dropping it stops receiving.
#[derive(Debug)]
pub struct Receiver {
    ring: Ring,
    socket: Socket,
    under_way: Option<OpId>,
}

/// What became of one completion.
enum Received {
    Chunk(RecvChunk),
    Closed,
    /// No shared buffer was free.
    Starved,
    Again,
}

impl Ring {
    pub fn receiver(&self, socket: &Socket) -> Receiver {
        Receiver {
            ring: self.clone(),
            socket: socket.clone(),
            under_way: None,
        }
    }
}

impl Receiver {
    /// The next bytes; `None` when the peer closed.
    ///
    /// # Errors
    /// As recv(2).
    pub async fn chunk(&mut self) -> io::Result<Option<RecvChunk>> {
        if self.ring.0.buffers.is_none() {
            return self.chunk_when_readable(RECEIVE_BUFFER_BYTES).await;
        }
        loop {
            if self.under_way.is_none() && self.buffers_all_lent() {
                return self.chunk_when_readable(RECEIVE_BUFFER_BYTES).await;
            }
            let id = *self.under_way.get_or_insert_with(|| {
                self.ring.0.start(
                    Action::Socket(SocketAction::ReceiveMany {
                        socket: self.socket.clone(),
                    }),
                    false,
                )
            });
            let slots = &self.ring.0.slots;
            let arrived = poll_fn(|context| slots.borrow_mut().poll_stream(id, context)).await;
            let Some(completion) = arrived else {
                self.forget();
                continue;
            };
            match self.received(completion)? {
                Received::Chunk(chunk) => return Ok(Some(chunk)),
                Received::Closed => return Ok(None),
                Received::Starved => {
                    self.forget();
                    return self.chunk_when_readable(RECEIVE_BUFFER_BYTES).await;
                }
                Received::Again => {}
            }
        }
    }

    /// The next bytes, at most `len_max` of them, and none after them: for a connection whose
    /// next frame is large, so that its body can go straight into an extent with
    /// [`Ring::recv_exact`]. The receiver must be paused, with nothing left in [`Self::buffered`].
    ///
    /// # Errors
    /// As recv(2).
    ///
    /// # Panics
    /// When the receiver is not paused.
    pub async fn once(&mut self, len_max: usize) -> io::Result<Option<RecvChunk>> {
        assert!(self.under_way.is_none(), "the receiver is not paused");
        let len = len_max.min(RECEIVE_BUFFER_BYTES);
        while self.ring.0.buffers.is_some() && !self.buffers_all_lent() {
            #[expect(clippy::cast_possible_truncation, reason = "at most the buffer's size")]
            let action = Action::Socket(SocketAction::ReceiveOnce {
                socket: self.socket.clone(),
                len: len as u32,
            });
            let (_, completion, _) = self.ring.run(action).await;
            match self.received(completion)? {
                Received::Chunk(chunk) => return Ok(Some(chunk)),
                Received::Closed => return Ok(None),
                Received::Starved => break,
                Received::Again => {}
            }
        }
        self.chunk_when_readable(len).await
    }

    /// Stops receiving: afterwards nothing arrives but what [`Self::buffered`] still has. The
    /// next [`Self::chunk`] goes on.
    pub async fn pause(&mut self) {
        let Some(id) = self.under_way else { return };
        self.ring.0.cancel(id);
        let slots = &self.ring.0.slots;
        poll_fn(|context| slots.borrow_mut().poll_stream_end(id, context)).await;
    }

    /// Bytes that had arrived before the pause; `None` when there are no more, and then the
    /// receiver is idle.
    ///
    /// # Errors
    /// As recv(2), when that is how receiving ended.
    pub fn buffered(&mut self) -> io::Result<Option<RecvChunk>> {
        while let Some(id) = self.under_way {
            let arrived = self.ring.0.slots.borrow_mut().take_arrived(id);
            let Some(completion) = arrived else {
                self.forget();
                break;
            };
            // A close is seen again by the next receive.
            if let Received::Chunk(chunk) = self.received(completion)? {
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }

    fn received(&self, completion: Completion) -> io::Result<Received> {
        let id = io_uring::cqueue::buffer_select(completion.flags);
        match count(completion) {
            Ok(len) => {
                let Some(id) = id else {
                    return Ok(Received::Closed);
                };
                if let Some(buffers) = &self.ring.0.buffers {
                    buffers.lend();
                }
                let chunk = RecvChunk(Memory::Lent {
                    ring: Rc::clone(&self.ring.0),
                    id,
                    len,
                });
                // A buffer may come with a close; dropping the chunk gives it back.
                Ok(if len == 0 {
                    Received::Closed
                } else {
                    Received::Chunk(chunk)
                })
            }
            Err(error) => match error.raw_os_error() {
                Some(libc::ENOBUFS) => Ok(Received::Starved),
                Some(libc::ECANCELED) => Ok(Received::Again),
                Some(_) | None if is_transient(&error) => Ok(Received::Again),
                Some(_) | None => Err(error),
            },
        }
    }

    async fn chunk_when_readable(&self, len_max: usize) -> io::Result<Option<RecvChunk>> {
        loop {
            let mut bytes = vec![0; len_max];
            match sys::receive_now(self.socket.as_fd(), &mut bytes) {
                Ok(0) => return Ok(None),
                Ok(count) => {
                    bytes.truncate(count);
                    return Ok(Some(RecvChunk(Memory::Own(bytes))));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    drop(bytes);
                    self.ring.readable(&self.socket).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn buffers_all_lent(&self) -> bool {
        self.ring.0.buffers.as_ref().is_some_and(Buffers::all_lent)
    }

    fn forget(&mut self) {
        if let Some(id) = self.under_way.take() {
            self.ring.0.abandon(id);
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.forget();
    }
}
