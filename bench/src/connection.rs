//! One connection to a broker: requests out, answers in, in the order of the requests. Shell.
//! Several requests may be under way; each answer's correlation id is checked against the oldest.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use protocol::api_key::ApiKey;
use protocol::codec::{DecodeError, Message, Reader, Request, Writer};
use protocol::frame::{RequestHeader, ResponseHeader};
use storage::ring::{Receiver, Ring, SendPart, Socket};
use storage::tasks::{self, Elapsed};

use crate::negotiate::{self, Versions};

/// How long an answer may take; the time in which clients usually give up.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Fetch answers have about 50 MiB at most, unless one batch is larger.
const ANSWER_BYTES_MAX: usize = 256 << 20;
const CLIENT_ID: &str = "millrace-bench";

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error("cannot connect to {address}: {source}")]
    Connect {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    #[error("the broker closed the connection with {unanswered} requests unanswered")]
    Closed { unanswered: i32 },
    #[error("no answer within {} s", ANSWER_LIMIT.as_secs())]
    Timeout(#[from] Elapsed),
    #[error("the length of an answer is {0}")]
    Length(i32),
    #[error("answer {answered} came where {expected} was due")]
    Correlation { answered: i32, expected: i32 },
    #[error("{api} is answered with what cannot be read: {source}")]
    Decode { api: ApiKey, source: DecodeError },
    #[error("the broker has no version of {0} that this client knows")]
    NoVersion(ApiKey),
}

pub(crate) struct Connection {
    ring: Ring,
    socket: Socket,
    receiver: Receiver,
    received: BytesMut,
    versions: Versions,
    /// The correlation id of the next request, and of the next answer.
    next_request: i32,
    next_answer: i32,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects and learns what the broker speaks.
    pub(crate) async fn open(ring: Ring, address: SocketAddr) -> Result<Self, ConnectionError> {
        let connected = tasks::timeout(ANSWER_LIMIT, ring.connect(address)).await?;
        let socket = connected.map_err(|source| ConnectionError::Connect { address, source })?;
        socket.stream().set_nodelay(true)?;
        let mut connection = Self {
            receiver: ring.receiver(&socket),
            ring,
            socket,
            received: BytesMut::new(),
            versions: Versions::default(),
            next_request: 0,
            next_answer: 0,
        };
        connection.versions = negotiate::negotiate(&mut connection).await?;
        Ok(connection)
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn call<R: Request>(
        &mut self,
        request: &R,
    ) -> Result<R::Response, ConnectionError> {
        self.send(request).await?;
        self.answer::<R>().await
    }

    /// Sends a request in the newest version that both sides know.
    pub(crate) async fn send<R: Request>(&mut self, request: &R) -> Result<(), ConnectionError> {
        let version = self.version::<R>()?;
        self.send_version(request, version).await
    }

    pub(crate) async fn send_version<R: Request>(
        &mut self,
        request: &R,
        version: i16,
    ) -> Result<(), ConnectionError> {
        let frame = frame(request, version, self.next_request);
        self.next_request = self.next_request.wrapping_add(1);
        let parts = vec![SendPart::Bytes(frame)];
        Ok(self.ring.send(&self.socket, parts, false).await?)
    }

    /// The answer to the oldest request that has none yet, which was an `R`.
    pub(crate) async fn answer<R: Request>(&mut self) -> Result<R::Response, ConnectionError> {
        let version = self.version::<R>()?;
        let frame = self.frame().await?;
        self.decode::<R>(frame, version)
    }

    /// Reads an answer's frame.
    pub(crate) fn decode<R: Request>(
        &mut self,
        frame: Bytes,
        version: i16,
    ) -> Result<R::Response, ConnectionError> {
        let unreadable = |source| ConnectionError::Decode {
            api: R::KEY,
            source,
        };
        let mut reader = Reader::new(frame);
        let header = ResponseHeader::decode(&mut reader, R::KEY, version).map_err(unreadable)?;
        if header.correlation_id != self.next_answer {
            return Err(ConnectionError::Correlation {
                answered: header.correlation_id,
                expected: self.next_answer,
            });
        }
        self.next_answer = self.next_answer.wrapping_add(1);
        R::Response::decode(&mut reader, version).map_err(unreadable)
    }

    /// The next answer, without its length.
    pub(crate) async fn frame(&mut self) -> Result<Bytes, ConnectionError> {
        tasks::timeout(ANSWER_LIMIT, self.receive_frame()).await?
    }

    async fn receive_frame(&mut self) -> Result<Bytes, ConnectionError> {
        loop {
            if let Some(prefix) = self.received.first_chunk() {
                let length = i32::from_be_bytes(*prefix);
                let bytes = usize::try_from(length)
                    .ok()
                    .filter(|bytes| *bytes <= ANSWER_BYTES_MAX)
                    .ok_or(ConnectionError::Length(length))?;
                if self.received.len() >= prefix.len() + bytes {
                    drop(self.received.split_to(size_of::<i32>()));
                    return Ok(self.received.split_to(bytes).freeze());
                }
            }
            let Some(chunk) = self.receiver.chunk().await? else {
                let unanswered = self.next_request.wrapping_sub(self.next_answer);
                return Err(ConnectionError::Closed { unanswered });
            };
            self.received.extend_from_slice(&chunk);
        }
    }

    fn version<R: Request>(&self) -> Result<i16, ConnectionError> {
        let version = self.versions.newest::<R>();
        version.ok_or(ConnectionError::NoVersion(R::KEY))
    }
}

fn frame<R: Request>(request: &R, version: i16, correlation_id: i32) -> Bytes {
    const OWN_BYTES: usize = 256;
    let mut writer = Writer::with_capacity(OWN_BYTES);
    let header = RequestHeader {
        api_key: R::KEY.code(),
        api_version: version,
        correlation_id,
        client_id: Some(CLIENT_ID.to_owned()),
    };
    writer.i32(0);
    header.encode(&mut writer);
    request.encode(&mut writer, version);
    let length = i32::try_from(writer.len() - size_of::<i32>());
    assert!(length.is_ok(), "arguments bound what a request carries");
    writer.patch_i32(0, length.unwrap_or(i32::MAX));
    writer.freeze()
}
