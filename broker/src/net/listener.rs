//! The listening sockets, and who serves what they accept. Shell; accepting runs on shard 0.
//!
//! Our own sockets without `SO_REUSEPORT`: a second broker on the same port fails to bind instead
//! of silently taking half of the connections. One acceptor hands each new connection to the
//! shard with the fewest, so connections are spread evenly whatever the kernel would have done.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use socket2::{Domain, Protocol, SockRef, TcpKeepalive, Type};
use storage::clock;
use storage::ring::{Listener, Socket};

use crate::config::effective::SocketSettings;
use crate::limits;
use crate::net::connection;
use crate::shard::Shard;

/// A peer that takes nothing of what we sent, or vanished, is cut after this time.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(60);
/// How long a port without a process behind it is waited for.
const DEAD_HOLDER_WAIT: Duration = Duration::from_secs(5);
const DEAD_HOLDER_POLL: Duration = Duration::from_millis(5);
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);

/// Binds one listener.
///
/// # Errors
/// Names the address, and for a port in use the process that holds it.
pub(crate) fn bind(
    host: &str,
    port: u16,
    settings: &SocketSettings,
) -> anyhow::Result<TcpListener> {
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    let address = (host, port)
        .to_socket_addrs()
        .with_context(|| format!("cannot resolve the listener's host {host}"))?
        .next()
        .with_context(|| format!("the listener's host {host} has no address"))?;
    let deadline = clock::monotonic() + DEAD_HOLDER_WAIT;
    loop {
        match bind_address(address, settings) {
            Err(error) if is_held_by_the_dead(&error, address) && clock::monotonic() < deadline => {
                #[expect(clippy::disallowed_methods, reason = "before there is any task")]
                std::thread::sleep(DEAD_HOLDER_POLL);
            }
            bound => return bound.map_err(|error| explain(address, &error)),
        }
    }
}

/// The sockets of a killed broker outlive it for the moment that the kernel needs for its rings.
fn is_held_by_the_dead(error: &io::Error, address: SocketAddr) -> bool {
    let in_use = error.raw_os_error() == Some(libc::EADDRINUSE);
    in_use && limits::ports::holder(address.port()).is_none_or(|holder| holder.process.is_none())
}

fn bind_address(address: SocketAddr, settings: &SocketSettings) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?; // a restart need not wait for TIME_WAIT
    // accepted sockets take both over; the window scale is settled before anything is accepted
    if let Some(bytes) = settings.receive_buffer_bytes {
        socket.set_recv_buffer_size(bytes as usize)?;
    }
    if let Some(bytes) = settings.send_buffer_bytes {
        socket.set_send_buffer_size(bytes as usize)?;
    }
    socket.bind(&address.into())?;
    socket.listen(settings.backlog)?;
    Ok(socket.into())
}

fn explain(address: SocketAddr, error: &io::Error) -> anyhow::Error {
    if error.raw_os_error() != Some(libc::EADDRINUSE) {
        return anyhow::anyhow!("cannot listen on {address}: {error}");
    }
    anyhow::anyhow!(limits::ports::in_use(&address.to_string(), address.port()))
}

/// Accepts on one listener until the broker stops. A task of shard 0.
pub(crate) async fn accept(shard: Rc<Shard>, listening: TcpListener, listener: usize) {
    let listening = match Listener::from_std(listening) {
        Ok(listening) => listening,
        Err(error) => return tracing::error!(%error, "cannot accept connections"),
    };
    let mut stream = shard.ring.accept_multi(&listening);
    while !shard.stop.is_requested() {
        match stream.next().await {
            Ok(_) if shard.stop.is_requested() => break,
            Ok(socket) => assign(&shard, &socket, listener),
            // the stream itself waits before it tries again
            Err(error) => tracing::warn!(%error, "cannot accept a connection"),
        }
    }
}

/// Gives a new connection to the shard with the fewest.
fn assign(shard: &Rc<Shard>, socket: &Socket, listener: usize) {
    let Ok(peer) = prepare(socket.stream()) else {
        return;
    }; // reset before it was accepted
    let target = match shard.connection_counts.admit(peer.ip()) {
        Ok(target) => target,
        Err(refused) => return tracing::warn!(%peer, "connection refused: {refused}"),
    };
    if target == shard.index {
        connection::open(shard, socket.clone(), peer, listener);
        return;
    }
    let Ok(stream) = socket.stream().try_clone() else {
        shard.connection_counts.release(target, peer.ip());
        return;
    };
    let mailbox = Rc::clone(&shard.mailbox);
    storage::tasks::spawn(async move {
        let call = move |shard: Rc<Shard>| {
            connection::take_over(&shard, stream, peer, listener);
            std::future::ready(())
        };
        mailbox.send(target, call).await.await;
    })
    .detach();
}

fn prepare(stream: &TcpStream) -> io::Result<SocketAddr> {
    let socket = SockRef::from(stream);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_AFTER))?;
    stream.peer_addr()
}
