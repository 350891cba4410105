//! One connection to a broker: requests out, answers in, in the order of the requests. Shell.
//! Several requests may be under way; each answer's correlation id is checked against the oldest.
//! The two directions can be taken apart, so that one task sends while another receives.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use protocol::api_key::ApiKey;
use protocol::codec::{DecodeError, Message, Reader, Request, Writer};
use protocol::frame::{RequestHeader, ResponseHeader};
use storage::ring::{Receiver, Ring, SendPart, Socket};
use storage::tasks::{self, Elapsed};

use super::negotiate::{self, Versions};

/// How long an answer may take; the time in which clients usually give up.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Fetch answers have about 50 MiB at most, unless one batch is larger.
const ANSWER_BYTES_MAX: usize = 256 << 20;
/// From this size on an answer gets memory of its own at once, instead of growing into it.
const LARGE_BYTES: usize = 64 << 10;
const CLIENT_ID: &str = "millrace-bench";

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error("cannot connect to {address}: {source}")]
    Connect {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("the connection to {address} failed: {source}")]
    Io {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("{address} closed the connection{}", if *cut { " within an answer" } else { "" })]
    Closed { address: SocketAddr, cut: bool },
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

impl ConnectionError {
    /// The broker may be back later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Io { .. } | Self::Closed { .. } | Self::Timeout(_) => true,
            Self::Length(_)
            | Self::Correlation { .. }
            | Self::Decode { .. }
            | Self::NoVersion(_) => false,
        }
    }
}

/// Both directions.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) outlet: Outlet,
    pub(crate) inlet: Inlet,
}

/// The direction of the requests.
pub(crate) struct Outlet {
    ring: Ring,
    socket: Socket,
    address: SocketAddr,
    versions: Rc<Versions>,
    next_request: i32,
}

/// The direction of the answers.
pub(crate) struct Inlet {
    receiver: Receiver,
    received: BytesMut,
    address: SocketAddr,
    next_answer: i32,
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Inlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inlet")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects and learns what the broker speaks.
    pub(crate) async fn open(ring: Ring, address: SocketAddr) -> Result<Self, ConnectionError> {
        let connected = tasks::timeout(CONNECT_LIMIT, ring.connect(address)).await?;
        let socket = connected.map_err(|source| ConnectionError::Connect { address, source })?;
        let failed = |source| ConnectionError::Io { address, source };
        socket.stream().set_nodelay(true).map_err(failed)?;
        let inlet = Inlet {
            receiver: ring.receiver(&socket),
            received: BytesMut::new(),
            address,
            next_answer: 0,
        };
        let outlet = Outlet {
            ring,
            socket,
            address,
            versions: Rc::default(),
            next_request: 0,
        };
        let mut connection = Self { outlet, inlet };
        connection.outlet.versions = Rc::new(negotiate::negotiate(&mut connection).await?);
        Ok(connection)
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn call<R: Request>(
        &mut self,
        request: &R,
    ) -> Result<R::Response, ConnectionError> {
        self.call_up_to(request, i16::MAX).await
    }

    /// As [`Self::call`], in a version that is not newer than `newest`.
    pub(crate) async fn call_up_to<R: Request>(
        &mut self,
        request: &R,
        newest: i16,
    ) -> Result<R::Response, ConnectionError> {
        let version = self.outlet.version::<R>()?.min(newest);
        self.outlet.send(request, version).await?;
        let frame = self.inlet.frame().await?;
        self.inlet.decode::<R>(frame, version)
    }

    pub(crate) fn versions(&self) -> &Rc<Versions> {
        &self.outlet.versions
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.outlet.address
    }
}

impl Outlet {
    /// The newest version of an API that both sides know.
    pub(crate) fn version<R: Request>(&self) -> Result<i16, ConnectionError> {
        let version = self.versions.newest::<R>();
        version.ok_or(ConnectionError::NoVersion(R::KEY))
    }

    pub(crate) async fn send<R: Request>(
        &mut self,
        request: &R,
        version: i16,
    ) -> Result<(), ConnectionError> {
        const OWN_BYTES: usize = 256;
        let mut writer = Writer::with_capacity(OWN_BYTES);
        writer.i32(0);
        self.header::<R>(version).encode(&mut writer);
        request.encode(&mut writer, version);
        set_length(&mut writer, 0);
        self.send_parts(vec![writer.freeze().into()]).await
    }

    /// The header of the next request.
    pub(crate) fn header<R: Request>(&mut self, version: i16) -> RequestHeader {
        let correlation_id = self.next_request;
        self.next_request = correlation_id.wrapping_add(1);
        RequestHeader {
            api_key: R::KEY.code(),
            api_version: version,
            correlation_id,
            client_id: Some(CLIENT_ID.to_owned()),
        }
    }

    /// Sends a request's frame, whose header came from [`Self::header`].
    pub(crate) async fn send_parts(&mut self, parts: Vec<SendPart>) -> Result<(), ConnectionError> {
        let address = self.address;
        let sent = self.ring.send(&self.socket, parts, false).await;
        sent.map_err(|source| ConnectionError::Io { address, source })
    }

    /// Ends both directions.
    pub(crate) fn close(&self) {
        // One that is closed already is as good.
        drop(self.ring.shutdown(&self.socket));
    }
}

impl Inlet {
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
        tasks::timeout(ANSWER_LIMIT, self.frame_without_limit()).await?
    }

    /// As [`Self::frame`], for one who sets the limit himself.
    pub(crate) async fn frame_without_limit(&mut self) -> Result<Bytes, ConnectionError> {
        loop {
            if let Some(prefix) = self.received.first_chunk() {
                let length = i32::from_be_bytes(*prefix);
                let bytes = usize::try_from(length)
                    .ok()
                    .filter(|bytes| *bytes <= ANSWER_BYTES_MAX)
                    .ok_or(ConnectionError::Length(length))?;
                let whole = prefix.len() + bytes;
                if self.received.len() >= whole {
                    drop(self.received.split_to(size_of::<i32>()));
                    return Ok(self.received.split_to(bytes).freeze());
                }
                if whole > LARGE_BYTES {
                    self.received.reserve(whole - self.received.len());
                }
            }
            let address = self.address;
            let chunk = self.receiver.chunk().await;
            let chunk = chunk.map_err(|source| ConnectionError::Io { address, source })?;
            let Some(chunk) = chunk else {
                return Err(ConnectionError::Closed {
                    address,
                    cut: !self.received.is_empty(),
                });
            };
            self.received.extend_from_slice(&chunk);
        }
    }
}

/// Writes a frame's length into its place, which the writer begins with; `behind` bytes follow
/// that the writer does not hold.
pub(crate) fn set_length(writer: &mut Writer, behind: usize) {
    let length = i32::try_from(writer.len() - size_of::<i32>() + behind);
    assert!(length.is_ok(), "the workload bounds what a request carries");
    writer.patch_i32(0, length.unwrap_or(i32::MAX));
}
