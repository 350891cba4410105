//! One client connection: reads requests, has them answered, sends the answers in order. Shell.
//!
//! First step of both walks. Two tasks of the shard that accepted it: the reader takes a frame off
//! the socket and asks `api::answer`, which returns as soon as the next request may be read; the
//! writer awaits the answers in request order. Bad bytes close this connection and no other.

use std::cell::{Cell, RefCell};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use storage::clock;
use storage::ring::Socket;

use crate::api::{self, Answer, Outcome};
use crate::net::close_log;
use crate::net::frames::{FrameError, FrameReader};
use crate::net::outbox::Outbox;
use crate::shard::Shard;

/// What is awaited of a request must come within this time, plus its time at the slowest rate.
const REQUEST_TIME: Duration = Duration::from_secs(30);
const REQUEST_BYTES_PER_SECOND_MIN: u64 = 64 * 1024;

/// A client connection and what the broker knows of it.
pub(crate) struct Connection {
    pub(crate) shard: Rc<Shard>,
    pub(crate) peer: SocketAddr,
    /// Index of the listener it came in on: clients are told that listener's address.
    pub(crate) listener: usize,
    /// Name and version of the client's software, once it has told them.
    pub(crate) client_software: RefCell<(String, String)>,
    socket: Socket,
    last_request_at: Cell<Duration>,
    /// When the part of a request that is awaited must be there.
    request_due: Cell<Option<Duration>>,
    /// No further request is read: what waits for more than it has is answered now.
    has_ended: Cell<bool>,
    /// The writer, while it waits for an answer that the end would bring about.
    awaits_end: RefCell<Option<Waker>>,
}

impl Connection {
    /// Makes both tasks end; what is already queued may still be sent by the kernel.
    pub(crate) fn shut_down(&self) {
        self.end();
        // an error means that the peer was faster
        drop(self.socket.stream().shutdown(Shutdown::Both));
    }

    fn end(&self) {
        self.has_ended.set(true);
        if let Some(waker) = self.awaits_end.take() {
            waker.wake();
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.get()
    }

    /// Waits until no further request is read. For the answer that the writer awaits.
    pub(crate) async fn ended(&self) {
        std::future::poll_fn(|context| {
            if self.has_ended.get() {
                return Poll::Ready(());
            }
            *self.awaits_end.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// The peer has to send so many bytes now; none while it is our turn.
    fn awaits(&self, bytes: usize) {
        let seconds = bytes as u64 / REQUEST_BYTES_PER_SECOND_MIN;
        let allowed = REQUEST_TIME + Duration::from_secs(seconds);
        let due = (bytes > 0).then(|| clock::monotonic() + allowed);
        self.request_due.set(due);
    }

    /// Stops reading; requests already read are still answered.
    pub(crate) fn stop_reading(&self) {
        drop(self.socket.stream().shutdown(Shutdown::Read));
    }

    /// Why this connection should be cut now, if it should.
    pub(crate) fn overdue(
        &self,
        now: Duration,
        idle_max: Option<Duration>,
    ) -> Option<&'static str> {
        if self.request_due.get().is_some_and(|due| now > due) {
            return Some("its request does not make progress");
        }
        let idle = now.saturating_sub(self.last_request_at.get());
        let idle_too_long = idle_max.is_some_and(|idle_max| idle > idle_max);
        idle_too_long.then_some("it was idle for connections.max.idle.ms")
    }
}

/// Why a connection ended, when it was not the peer's clean close.
#[derive(Debug, thiserror::Error)]
enum ConnectionError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Close(#[from] api::CloseReason),
}

/// Serves a socket that another shard has accepted.
pub(crate) fn take_over(shard: &Rc<Shard>, stream: TcpStream, peer: SocketAddr, listener: usize) {
    match Socket::from_std(stream) {
        Ok(socket) => open(shard, socket, peer, listener),
        Err(error) => {
            tracing::debug!(%peer, %error, "connection ended");
            shard.release_connection(peer.ip());
        }
    }
}

/// Serves an accepted socket on this shard.
pub(crate) fn open(shard: &Rc<Shard>, socket: Socket, peer: SocketAddr, listener: usize) {
    let connection = Rc::new(Connection {
        shard: Rc::clone(shard),
        peer,
        listener,
        client_software: RefCell::default(),
        socket,
        last_request_at: Cell::new(clock::monotonic()),
        request_due: Cell::new(None),
        has_ended: Cell::new(false),
        awaits_end: RefCell::default(),
    });
    storage::tasks::spawn(serve(connection)).detach();
}

async fn serve(connection: Rc<Connection>) {
    let shard = Rc::clone(&connection.shard);
    let registered = shard
        .connections
        .borrow_mut()
        .insert(Rc::clone(&connection));
    let answers_max = shard.settings.limits.connection_requests_max as usize;
    let (reader_end, writer_end) = Outbox::pair(answers_max);
    let writer = storage::tasks::spawn(write_answers(Rc::clone(&connection), writer_end));
    let ended = read_requests(&connection, &reader_end).await;
    reader_end.close();
    connection.end();
    if let Err(error) = ended {
        log_end(&connection, &error);
    }
    writer.await;
    connection.shut_down();
    shard.connections.borrow_mut().remove(registered);
    shard.release_connection(connection.peer.ip());
}

async fn read_requests(
    connection: &Rc<Connection>,
    outbox: &Outbox,
) -> Result<(), ConnectionError> {
    let shard = &connection.shard;
    let mut frames = FrameReader::new(
        shard,
        &connection.socket,
        shard.settings.limits.request_bytes_max as usize,
    );
    while outbox.has_room().await {
        let Some(frame) = frames.next(|bytes| connection.awaits(bytes)).await? else {
            return Ok(());
        };
        connection.last_request_at.set(clock::monotonic());
        outbox.push(api::answer(connection, frame).await?);
    }
    Ok(())
}

async fn write_answers(connection: Rc<Connection>, outbox: Outbox) {
    while let Some(answer) = outbox.next().await {
        let outcome = match answer {
            Answer::Ready(outcome) => outcome,
            Answer::Pending { outcome, .. } => outcome.await,
        };
        let sent = match outcome {
            Outcome::Respond(response) => response
                .send(&connection.shard, &connection.socket)
                .await
                .is_ok(),
            Outcome::Silence => true,
            Outcome::Close(reason) => {
                log_end(&connection, &reason.into());
                false
            }
        };
        if !sent {
            break;
        }
    }
    outbox.close();
    connection.shut_down();
}

/// Says once why a connection was closed by us; a peer that went away is its own business.
fn log_end(connection: &Connection, error: &ConnectionError) {
    let peer = connection.peer;
    match error {
        ConnectionError::Frame(FrameError::Torn | FrameError::Io(_)) => {
            tracing::debug!(%peer, %error, "connection ended");
        }
        ConnectionError::Frame(FrameError::Length(_)) | ConnectionError::Close(_) => {
            close_log::closed(peer, error);
        }
    }
}
