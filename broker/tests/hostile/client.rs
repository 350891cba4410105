//! A client that sends any bytes, and reads whole answers or the end of the connection.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use protocol::codec::{Message, Reader, Request, Writer};
use protocol::frame::{RequestHeader, ResponseHeader};
use protocol::messages::fetch_response::PartitionData;
use protocol::messages::produce_response::PartitionProduceResponse;
use socket2::SockRef;

use crate::broker::PATIENCE;
use crate::requests;

thread_local! {
    static OPEN: Cell<usize> = const { Cell::new(0) };
}

/// The connections that this test has open.
pub(crate) fn open_here() -> usize {
    OPEN.get()
}

/// One raw connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    correlation_id: i32,
}

impl Drop for Client {
    fn drop(&mut self) {
        OPEN.set(OPEN.get() - 1);
    }
}

/// What came from the broker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A frame, without its length.
    Frame(Bytes),
    Closed,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        OPEN.set(OPEN.get() + 1);
        Self {
            stream,
            correlation_id: 0,
        }
    }

    /// Sends bytes as they are. The broker may have closed already: its answer tells.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        drop(self.stream.write_all(bytes));
    }

    /// Sends one frame, with the right length.
    pub(crate) fn send_frame(&mut self, frame: &[u8]) {
        self.send(&requests::framed(frame));
    }

    /// Writes until the broker takes no more for `patience`; returns how much it took.
    pub(crate) fn flood(&mut self, bytes: &[u8], patience: Duration) -> usize {
        self.stream.set_write_timeout(Some(patience)).unwrap();
        let mut sent = 0;
        while sent < bytes.len() {
            match self.stream.write(&bytes[sent..]) {
                Ok(count) => sent += count,
                Err(_) => break,
            }
        }
        sent
    }

    /// The next answer; fails when there is none in time.
    pub(crate) fn reply(&mut self) -> Reply {
        let mut length = [0; 4];
        match self.stream.read_exact(&mut length) {
            Ok(()) => {}
            Err(error) => return closed(&error),
        }
        let mut frame = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap()];
        match self.stream.read_exact(&mut frame) {
            Ok(()) => Reply::Frame(frame.into()),
            Err(error) => closed(&error),
        }
    }

    /// The next answer's bytes.
    pub(crate) fn frame(&mut self) -> Bytes {
        match self.reply() {
            Reply::Frame(frame) => frame,
            Reply::Closed => panic!("closed instead of answered"),
        }
    }

    /// Checks that the broker closes without an answer.
    #[track_caller]
    pub(crate) fn is_closed(&mut self) {
        assert_eq!(self.reply(), Reply::Closed);
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish_sending(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Ends the connection by a reset.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }

    /// A request as an honest client sends it, and its answer.
    #[track_caller]
    pub(crate) fn call<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        self.send_request(version, request);
        self.response::<R>(version)
    }

    /// A request whose answer is not waited for.
    pub(crate) fn send_request<R: Request>(&mut self, version: i16, request: &R) {
        self.correlation_id += 1;
        let header = RequestHeader {
            api_key: R::KEY.code(),
            api_version: version,
            correlation_id: self.correlation_id,
            client_id: Some("hostile".to_owned()),
        };
        let mut writer = Writer::new();
        header.encode(&mut writer);
        request.encode(&mut writer, version);
        self.send_frame(writer.as_slice());
    }

    /// The answer to a request.
    #[track_caller]
    pub(crate) fn response<R: Request>(&mut self, version: i16) -> R::Response {
        let mut reader = Reader::new(self.frame());
        ResponseHeader::decode(&mut reader, R::KEY, version).unwrap();
        R::Response::decode(&mut reader, version).unwrap()
    }

    /// Produces one batch to partition 0 of a topic, acknowledged.
    #[track_caller]
    pub(crate) fn produce(&mut self, topic: &str, batch: Bytes) -> PartitionProduceResponse {
        let mut response = self.call(9, &requests::produce(topic, -1, vec![(0, Some(batch))]));
        response.responses.remove(0).partition_responses.remove(0)
    }

    /// Fetches from partition 0 of a topic, without a session.
    #[track_caller]
    pub(crate) fn fetch(&mut self, topic: &str, offset: i64) -> PartitionData {
        let mut response = self.call(12, &requests::fetch(topic, offset));
        assert_eq!(response.error_code, 0, "{response:?}");
        response.responses.remove(0).partitions.remove(0)
    }
}

#[track_caller]
fn closed(error: &io::Error) -> Reply {
    let ends = [
        ErrorKind::UnexpectedEof,
        ErrorKind::ConnectionReset,
        ErrorKind::BrokenPipe,
    ];
    assert!(
        ends.contains(&error.kind()),
        "neither an answer nor a close: {error}"
    );
    Reply::Closed
}
