//! One response on its way out: pieces of memory and ranges of sealed segments. Shell.
//!
//! Nothing is copied: memory goes out by one vectored send, resident file ranges by `sendfile` in
//! bounded steps, and cold file ranges are read through the ring first, because `sendfile` of a
//! cold page would stop the whole core.

use std::io;

use bytes::Bytes;
use protocol::api_key::ApiKey;
use protocol::codec::{Message, Writer};
use protocol::frame::{RequestHeader, ResponseHeader};
use storage::extent::ExtentSlice;
use storage::log::FileRange;
use storage::ring::{SendPart, Socket};

use crate::shard::Shard;

/// What one `sendfile` turn may move before other tasks of the core have theirs.
const SENDFILE_BYTES_MAX: u32 = 256 * 1024;
/// Enough for most answers, so that a writer does not grow field by field.
const ANSWER_BYTES: usize = 256;

/// A part of a response, in order.
#[derive(Debug)]
pub(crate) enum Part {
    Bytes(Bytes),
    Memory(ExtentSlice),
    File(FileRange),
}

impl Part {
    fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

/// A whole response, length prefix included.
#[derive(Debug, Default)]
pub(crate) struct Response {
    pub(crate) parts: Vec<Part>,
}

impl Response {
    /// The response with this body, in the form that the request asked for.
    pub(crate) fn of<M: Message>(key: ApiKey, request: &RequestHeader, body: &M) -> Self {
        Self::written(key, request, |writer| {
            body.encode(writer, request.api_version)
        })
    }

    /// As [`Response::of`], for a body written by hand.
    pub(crate) fn written(
        key: ApiKey,
        request: &RequestHeader,
        body: impl FnOnce(&mut Writer),
    ) -> Self {
        let mut writer = Self::begin(key, request);
        body(&mut writer);
        let bytes = writer.len() - size_of::<i32>();
        Self::finish(writer, bytes)
    }

    /// A writer that holds the length prefix (still zero) and the response header.
    pub(crate) fn begin(key: ApiKey, request: &RequestHeader) -> Writer {
        let mut writer = Writer::with_capacity(ANSWER_BYTES);
        writer.i32(0);
        let header = ResponseHeader {
            correlation_id: request.correlation_id,
        };
        header.encode(&mut writer, key, request.api_version);
        writer
    }

    /// The response whose first part is in `writer`; `bytes` is its length after the prefix.
    pub(crate) fn finish(mut writer: Writer, bytes: usize) -> Self {
        // a response is bounded by fetch.max.bytes and the size of the request
        writer.patch_i32(0, i32::try_from(bytes).unwrap_or(i32::MAX));
        Self {
            parts: vec![Part::Bytes(writer.freeze())],
        }
    }

    /// The memory that this response alone holds: not the records, which are the log's.
    pub(crate) fn held_bytes(&self) -> usize {
        let held = self.parts.iter().map(|part| match part {
            Part::Bytes(bytes) => bytes.len(),
            Part::Memory(_) | Part::File(_) => 0,
        });
        held.sum()
    }

    /// Sends the whole response.
    ///
    /// # Errors
    /// The peer is gone, or a segment cannot be read; the connection is then of no more use.
    pub(crate) async fn send(self, shard: &Shard, socket: &Socket) -> io::Result<()> {
        let mut parts = self.parts.into_iter();
        loop {
            let file_follows = parts.as_slice().iter().any(Part::is_file);
            let mut file = None;
            let memory = parts.by_ref().map_while(|part| match part {
                Part::Bytes(bytes) => Some(SendPart::Bytes(bytes)),
                Part::Memory(slice) => Some(SendPart::Extent(slice)),
                Part::File(range) => {
                    file = Some(range);
                    None
                }
            });
            shard.ring.send(socket, memory, file_follows).await?;
            match file {
                Some(range) => send_file(shard, socket, range).await?,
                None => return Ok(()),
            }
        }
    }
}

/// Sends a range step by step: what is in the page cache by `sendfile`, the rest read first.
async fn send_file(shard: &Shard, socket: &Socket, mut range: FileRange) -> io::Result<()> {
    while range.bytes > 0 {
        let bytes = range.bytes.min(SENDFILE_BYTES_MAX);
        let step = FileRange {
            bytes,
            ..range.clone()
        };
        if step.is_resident() {
            send_resident(shard, socket, step).await?;
        } else {
            let slices = step.load(&shard.ring, &shard.pool).await?;
            let parts = slices.into_iter().map(SendPart::Extent);
            shard.ring.send(socket, parts, range.bytes > bytes).await?;
        }
        range.position += u64::from(bytes);
        range.bytes -= bytes;
    }
    Ok(())
}

async fn send_resident(shard: &Shard, socket: &Socket, mut step: FileRange) -> io::Result<()> {
    while step.bytes > 0 {
        let (file, bytes) = (step.file.file(), step.bytes as usize);
        match shard.ring.send_file_now(socket, file, step.position, bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(sent) => {
                step.position += sent as u64;
                step.bytes = step
                    .bytes
                    .saturating_sub(u32::try_from(sent).unwrap_or(u32::MAX));
                storage::tasks::yield_now().await;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                shard.ring.writable(socket).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
