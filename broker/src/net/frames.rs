//! Requests off a socket: the length prefix, its bounds, and the body in one piece. Shell.
//!
//! Small requests come through the shard's provided buffers (an idle connection holds no memory).
//! A connection that sends a large body is switched to receiving straight into an extent, and back
//! after a few small requests. The request memory is charged before it is filled, and a large
//! body's memory grows with the bytes that have really come.

use std::io;
use std::rc::Rc;

use bytes::{BufMut, Bytes};
use protocol::api_key::ApiKey;
use protocol::frame::request_length;
use storage::extent::{ExtentPool, ExtentWriter};
use storage::ring::{Receiver, RecvChunk, Socket};

use crate::shard::Shard;
use crate::shard::request_memory::Charge;

/// From this size on a body is received without the detour through provided buffers.
const LARGE_BYTES: usize = 32 * 1024;
/// A large body's first memory; doubled as it fills, so that nobody gets 100 MiB for a promise.
const FIRST_EXTENT_BYTES: usize = 2 << 20;
/// A part of a large body that has a time limit of its own: who stops sending is noticed soon.
const AWAITED_BYTES_MAX: usize = 2 * 1024 * 1024;
/// The largest request but for `Produce`, whatever `socket.request.max.bytes` allows. Records are
/// not copied, but everything else is decoded, and bad bytes decode into fifty times their size.
const DECODED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The key with which every request begins.
const KEY_BYTES: usize = size_of::<i16>();
/// Small requests in a row after which a connection goes back to provided buffers.
const SMALL_IN_A_ROW: u32 = 8;

/// One whole request, without its length prefix.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) bytes: Bytes,
    /// What it was charged; held until the request is answered.
    pub(crate) memory: Charge,
}

/// Why no further request is read from a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error(transparent)]
    Length(#[from] protocol::frame::FrameError),
    #[error("the connection ended inside a request")]
    Torn,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Where the next bytes come from.
#[derive(Debug, Clone, Copy)]
enum Mode {
    /// Provided buffers of the ring, filled as bytes come.
    Small,
    /// Only as much as is wanted, large bodies straight into an extent.
    Large { small_in_a_row: u32 },
}

/// Reads the requests of one connection.
pub(crate) struct FrameReader {
    shard: Rc<Shard>,
    socket: Socket,
    receiver: Receiver,
    /// A received chunk and how much of it is used.
    chunk: Option<(RecvChunk, usize)>,
    mode: Mode,
    bytes_max: usize,
}

impl FrameReader {
    pub(crate) fn new(shard: &Rc<Shard>, socket: &Socket, bytes_max: usize) -> Self {
        Self {
            shard: Rc::clone(shard),
            socket: socket.clone(),
            receiver: shard.ring.receiver(socket),
            chunk: None,
            mode: Mode::Small,
            bytes_max,
        }
    }

    /// The next request; `None` when the peer closed between requests. `awaits` hears how many bytes
    /// the peer has to send now, and 0 when it is our turn.
    pub(crate) async fn next(
        &mut self,
        awaits: impl Fn(usize),
    ) -> Result<Option<Frame>, FrameError> {
        let mut prefix = [0; 4];
        // the key certainly follows
        match self.fill(&mut &mut prefix[..], 4, KEY_BYTES).await? {
            4 => {}
            0 => return Ok(None),
            _ => return Err(FrameError::Torn),
        }
        let length = request_length(prefix, self.bytes_max)?;
        let frame = if length < LARGE_BYTES {
            let memory = self.shard.request_memory.small(length).await;
            if self.in_chunk() < length {
                awaits(length);
            }
            Frame {
                bytes: self.small_body(length).await?,
                memory,
            }
        } else {
            awaits(KEY_BYTES);
            let key = self.key_of(length).await?;
            awaits(0);
            self.large_body(length, key, &awaits).await?
        };
        awaits(0);
        Ok(Some(frame))
    }

    /// The first bytes of a large request: its key, which says how large it may be.
    async fn key_of(&mut self, length: usize) -> Result<[u8; KEY_BYTES], FrameError> {
        let mut key = [0; KEY_BYTES];
        if self.fill(&mut &mut key[..], KEY_BYTES, 0).await? < KEY_BYTES {
            return Err(FrameError::Torn);
        }
        if length > DECODED_BYTES_MAX && i16::from_be_bytes(key) != ApiKey::Produce.code() {
            let length = i32::try_from(length).unwrap_or(i32::MAX);
            let limit = DECODED_BYTES_MAX;
            return Err(protocol::frame::FrameError::TooLarge { length, limit }.into());
        }
        Ok(key)
    }

    async fn small_body(&mut self, length: usize) -> Result<Bytes, FrameError> {
        let mut body = Vec::with_capacity(length);
        if self.fill(&mut body, length, 0).await? < length {
            return Err(FrameError::Torn);
        }
        if let Mode::Large { small_in_a_row } = &mut self.mode {
            *small_in_a_row += 1;
            if *small_in_a_row >= SMALL_IN_A_ROW {
                self.mode = Mode::Small;
            }
        }
        Ok(body.into())
    }

    async fn large_body(
        &mut self,
        length: usize,
        key: [u8; KEY_BYTES],
        awaits: &impl Fn(usize),
    ) -> Result<Frame, FrameError> {
        let shard = Rc::clone(&self.shard);
        let pool = &shard.pool;
        let first_bytes = length.min(FIRST_EXTENT_BYTES);
        let mut memory = shard.request_memory.large(first_bytes).await;
        let mut body = pool.allocate(first_bytes);
        body.append(&key);
        self.receiver.pause().await;
        self.mode = Mode::Large { small_in_a_row: 0 };
        while body.len() < length {
            if body.remaining() == 0 {
                awaits(0);
                let grown = (body.capacity() * 2).min(length);
                shard
                    .request_memory
                    .grow(&mut memory, grown - body.capacity())
                    .await;
                body = copied(pool, &body, grown);
            }
            let wanted = body
                .remaining()
                .min(length - body.len())
                .min(AWAITED_BYTES_MAX);
            if self.append_received(&mut body, wanted)? {
                continue;
            }
            awaits(wanted);
            let have = body.len();
            body = self
                .shard
                .ring
                .recv_exact(&self.socket, body, wanted)
                .await?;
            if body.len() < have + wanted {
                return Err(FrameError::Torn);
            }
        }
        Ok(Frame {
            bytes: body.freeze().into_bytes(),
            memory,
        })
    }

    /// Moves bytes that had come before the switch to the large mode; `false` when there are none.
    fn append_received(
        &mut self,
        body: &mut ExtentWriter,
        wanted: usize,
    ) -> Result<bool, FrameError> {
        if self.chunk.is_none() {
            self.chunk = self.receiver.buffered()?.map(|chunk| (chunk, 0));
        }
        let taken = self.take(wanted, |bytes| {
            body.append(bytes);
        });
        Ok(taken > 0)
    }

    /// Puts `wanted` bytes into `into`; returns how much came before the peer closed. `more` bytes
    /// that certainly follow may be received along with them, for the next.
    async fn fill(
        &mut self,
        into: &mut impl BufMut,
        wanted: usize,
        more: usize,
    ) -> Result<usize, FrameError> {
        let mut filled = 0;
        while filled < wanted {
            let missing = wanted - filled;
            if self.chunk.is_none() && !self.next_chunk(missing + more).await? {
                break;
            }
            filled += self.take(missing, |bytes| into.put_slice(bytes));
        }
        Ok(filled)
    }

    /// Waits for bytes; in the large mode for no more than are wanted now, because what follows
    /// is to go straight into an extent.
    async fn next_chunk(&mut self, wanted: usize) -> Result<bool, FrameError> {
        let chunk = match self.mode {
            Mode::Small => self.receiver.chunk().await?,
            Mode::Large { .. } => match self.receiver.buffered()? {
                Some(chunk) => Some(chunk),
                None => self.receiver.once(wanted).await?,
            },
        };
        self.chunk = chunk.map(|chunk| (chunk, 0));
        Ok(self.chunk.is_some())
    }

    /// Received bytes that are not used yet.
    fn in_chunk(&self) -> usize {
        self.chunk
            .as_ref()
            .map_or(0, |(chunk, used)| chunk.len() - used)
    }

    /// Has `put` copy what the current chunk has, at most `wanted` bytes; returns how many.
    fn take(&mut self, wanted: usize, put: impl FnOnce(&[u8])) -> usize {
        let Some((chunk, used)) = &mut self.chunk else {
            return 0;
        };
        let count = wanted.min(chunk.len() - *used);
        put(&chunk[*used..*used + count]);
        *used += count;
        if *used == chunk.len() {
            self.chunk = None;
        }
        count
    }
}

/// The same bytes in more memory.
fn copied(pool: &ExtentPool, body: &ExtentWriter, bytes: usize) -> ExtentWriter {
    let mut larger = pool.allocate(bytes);
    larger.append(body.as_slice());
    larger
}
