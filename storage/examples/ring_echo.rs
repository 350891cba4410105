//! What one small request costs on a ring: an echo server on one thread, a blocking load on
//! another, both in this process. Prints requests per second, and the server thread's CPU time
//! per request.
//!
//! `cargo run --release -p millrace-storage --example ring_echo -- [connections] [seconds]
//! [bytes] [plain|5.19|full]`
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a measurement prints and may stop"
)]

use std::io;
use std::time::Duration;

use bytes::Bytes;
use storage::clock;
use storage::ring::{Fallback, Listener, Ring, RingOptions, Socket};
use storage::tasks::{block_on, sleep, spawn};

struct Load {
    connections: usize,
    seconds: u64,
    bytes: usize,
    fallback: Fallback,
}

fn load() -> Load {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| {
        arguments
            .next()
            .map_or(default, |argument| argument.parse().expect("a number"))
    };
    let (connections, seconds, bytes) = (number(100), number(5) as u64, number(128));
    let fallback = match arguments.next().as_deref() {
        Some("plain") => Fallback::linux_5_10(),
        Some("5.19") => Fallback::linux_5_19(),
        Some(_) | None => Fallback::NONE,
    };
    Load {
        connections,
        seconds,
        bytes,
        fallback,
    }
}

fn main() {
    let load = load();
    let options = RingOptions {
        fallback: load.fallback,
        ..RingOptions::default()
    };
    let (send_address, address) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        let ring = Ring::new(&options).expect("a ring");
        println!("server: {}", ring.features());
        let listener = Listener::bind("127.0.0.1:0").expect("a listener");
        send_address
            .send(listener.local_addr().expect("an address"))
            .expect("the load waits");
        block_on(&ring, serve(&ring, listener, load.connections));
        thread_cpu()
    });
    let address = address.recv().expect("the server listens");
    let ring = Ring::new(&RingOptions::default()).expect("a ring");
    let start = clock::monotonic();
    let requests = block_on(&ring, async {
        let clients: Vec<_> = (0..load.connections)
            .map(|_| {
                let ring = ring.clone();
                let end = start + Duration::from_secs(load.seconds);
                spawn(async move {
                    let socket = ring.connect(address).await.expect("a connection");
                    request_until(&ring, &socket, load.bytes, end)
                        .await
                        .expect("answers")
                })
            })
            .collect();
        let mut requests = 0;
        for client in clients {
            requests += client.await;
        }
        requests
    });
    let elapsed = (clock::monotonic() - start).as_secs_f64();
    drop(ring); // with the last operations, and so the connections
    let cpu = server.join().expect("the server ends").as_secs_f64();
    println!(
        "{} connections, {} bytes: {:.0} requests/s, {:.2} us of server CPU a request",
        load.connections,
        load.bytes,
        requests as f64 / elapsed,
        cpu * 1e6 / requests as f64,
    );
}

async fn serve(ring: &Ring, listener: Listener, connections: usize) {
    let mut incoming = ring.accept_multi(&listener);
    let mut echoes = Vec::new();
    for _ in 0..connections {
        let socket = incoming.next().await.expect("a connection");
        let ring = ring.clone();
        echoes.push(spawn(async move { echo(&ring, &socket).await }));
    }
    for echo in echoes {
        echo.await.expect("an echo");
    }
    sleep(Duration::from_millis(1)).await;
}

async fn echo(ring: &Ring, socket: &Socket) -> io::Result<()> {
    socket.stream().set_nodelay(true)?;
    let mut receiver = ring.receiver(socket);
    while let Some(chunk) = receiver.chunk().await? {
        let bytes = Bytes::copy_from_slice(&chunk);
        drop(chunk);
        ring.send(socket, vec![bytes.into()], false).await?;
    }
    Ok(())
}

async fn request_until(
    ring: &Ring,
    socket: &Socket,
    bytes: usize,
    end: Duration,
) -> io::Result<u64> {
    socket.stream().set_nodelay(true)?;
    let request = Bytes::from(vec![7; bytes]);
    let mut receiver = ring.receiver(socket);
    let mut requests = 0;
    while clock::monotonic() < end {
        ring.send(socket, vec![request.clone().into()], false)
            .await?;
        let mut left = bytes;
        while left > 0 {
            let chunk = receiver
                .chunk()
                .await?
                .ok_or(io::ErrorKind::UnexpectedEof)?;
            left = left.saturating_sub(chunk.len());
        }
        requests += 1;
    }
    Ok(requests)
}

/// CPU time of the calling thread.
fn thread_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("schedstat");
    let nanos = stat
        .split(' ')
        .next()
        .and_then(|nanos| nanos.parse().ok())
        .expect("a number");
    Duration::from_nanos(nanos)
}
