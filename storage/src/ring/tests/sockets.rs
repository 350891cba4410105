use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::tasks::{spawn, timeout, yield_now};

/// Bytes that show where they stand.
fn pattern(len: usize, seed: usize) -> Vec<u8> {
    (0..len)
        .map(|i| ((i * 31 + seed * 7 + i / 255) % 253) as u8)
        .collect()
}

fn listen() -> (Listener, std::net::SocketAddr) {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn pair(ring: &Ring) -> (Socket, Socket) {
    let (listener, address) = listen();
    let mut incoming = ring.accept_multi(&listener);
    let client = ring.connect(address).await.unwrap();
    (incoming.next().await.unwrap(), client)
}

async fn receive_all(receiver: &mut Receiver, len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < len {
        let Some(chunk) = receiver.chunk().await.unwrap() else {
            break;
        };
        bytes.extend_from_slice(&chunk);
    }
    bytes
}

#[test]
fn what_is_sent_arrives_in_order_and_the_end_is_seen() {
    with_every_fallback(|ring| {
        block_on(&ring, async {
            let (server, client) = pair(&ring).await;
            let sent = pattern(1 << 20, 1);
            let sending = {
                let (ring, sent) = (ring.clone(), Bytes::from(sent.clone()));
                spawn(async move {
                    for start in (0..sent.len()).step_by(10_000) {
                        let part = sent.slice(start..sent.len().min(start + 10_000));
                        ring.send(&client, vec![part.into()], false).await.unwrap();
                    }
                })
            };
            let mut receiver = ring.receiver(&server);
            assert!(receive_all(&mut receiver, sent.len()).await == sent);
            sending.await;
            assert!(receiver.chunk().await.unwrap().is_none());
            assert!(receiver.chunk().await.unwrap().is_none());
        });
    });
}

#[test]
fn vectored_sends_of_many_parts_go_out_whole_and_in_order() {
    with_every_fallback(|ring| {
        block_on(&ring, async {
            let (server, client) = pair(&ring).await;
            let (pool, mut parts, mut expected) = (pool(), Vec::new(), Vec::new());
            for i in 0..2500_usize {
                let piece = pattern(i % 1500, i);
                expected.extend_from_slice(&piece);
                if i % 2 == 0 {
                    let mut extent = pool.allocate(piece.len());
                    extent.append(&piece);
                    parts.push(SendPart::from(extent.freeze()));
                } else {
                    parts.push(SendPart::from(Bytes::from(piece)));
                }
            }
            let handle = ring.clone();
            let sending =
                spawn(async move { handle.send(&server, parts, false).await.map(|()| server) });
            let mut receiver = ring.receiver(&client);
            assert!(receive_all(&mut receiver, expected.len()).await == expected);
            sending.await.unwrap();
        });
    });
}

#[test]
fn a_paused_receiver_leaves_the_rest_for_an_exact_receive() {
    with_every_fallback(|ring| {
        block_on(&ring, async {
            let (server, client) = pair(&ring).await;
            let (pool, frame) = (pool(), 300_000);
            let sent = pattern(frame * 20, 5);
            let (handle, bytes) = (ring.clone(), Bytes::from(sent.clone()));
            let sending = spawn(async move {
                handle
                    .send(&client, vec![bytes.into()], false)
                    .await
                    .map(|()| client)
            });
            let mut receiver = ring.receiver(&server);
            let mut received = Vec::new();
            for round in 0..20 {
                let head = if round % 3 == 2 {
                    receiver.once(100).await
                } else {
                    receiver.chunk().await
                };
                received.extend_from_slice(&head.unwrap().unwrap());
                receiver.pause().await;
                while let Some(chunk) = receiver.buffered().unwrap() {
                    received.extend_from_slice(&chunk);
                }
                let rest = (frame * (round + 1)).saturating_sub(received.len());
                let mut body = pool.allocate(rest + 10);
                body.append(b"0123456789");
                let body = ring.recv_exact(&server, body, rest).await.unwrap();
                assert_eq!(body.len(), rest + 10);
                received.extend_from_slice(&body.as_slice()[10..]);
            }
            assert!(received == sent);
            sending.await.unwrap();
        });
    });
}

#[test]
fn an_exact_receive_is_short_when_the_peer_closes() {
    with_every_fallback(|ring| {
        block_on(&ring, async {
            let (server, client) = pair(&ring).await;
            ring.send(&client, vec![Bytes::from_static(b"abc").into()], false)
                .await
                .unwrap();
            drop(client);
            let got = ring
                .recv_exact(&server, pool().allocate(100), 100)
                .await
                .unwrap();
            assert_eq!(got.as_slice(), b"abc");
        });
    });
}

#[test]
fn connections_that_hold_every_shared_buffer_do_not_stop_the_others() {
    with_every_fallback(|ring| {
        block_on(&ring, async {
            let mut connections = Vec::new();
            for _ in 0..40 {
                let (server, client) = pair(&ring).await;
                connections.push((ring.receiver(&server), server, client));
            }
            for round in 0..3_usize {
                let mut held = Vec::new();
                for (i, (receiver, _, client)) in connections.iter_mut().enumerate() {
                    let sent = Bytes::from(pattern(100, i + round));
                    ring.send(client, vec![sent.clone().into()], false)
                        .await
                        .unwrap();
                    let chunk = receiver.chunk().await.unwrap().unwrap();
                    assert_eq!(&chunk[..], &sent[..]);
                    held.push(chunk);
                }
            }
        });
    });
}

#[test]
fn many_idle_receivers_hold_no_buffer() {
    with_every_fallback(|ring| {
        block_on(&ring, async {
            let mut idle = Vec::new();
            for _ in 0..100 {
                let (server, client) = pair(&ring).await;
                let mut receiver = ring.receiver(&server);
                idle.push((
                    spawn(async move { receiver.chunk().await.map(|c| c.is_some()) }),
                    client,
                ));
            }
            yield_now().await;
            let (server, client) = pair(&ring).await;
            let mut receiver = ring.receiver(&server);
            for i in 0..1000 {
                let sent = Bytes::from(pattern(50, i));
                ring.send(&client, vec![sent.clone().into()], false)
                    .await
                    .unwrap();
                assert_eq!(receive_all(&mut receiver, 50).await, sent);
            }
            for (task, client) in idle {
                ring.send(&client, vec![Bytes::from_static(b"x").into()], false)
                    .await
                    .unwrap();
                assert!(task.await.unwrap());
            }
        });
    });
}

#[test]
fn every_connection_of_a_burst_is_accepted() {
    with_every_fallback(|ring| {
        let (listener, address) = listen();
        let clients = std::thread::spawn(move || {
            let streams: Vec<_> = (0..300)
                .map(|_| TcpStream::connect(address).unwrap())
                .collect();
            for mut stream in streams {
                stream.write_all(b"hi").unwrap();
                stream.read_exact(&mut [0; 2]).unwrap();
            }
        });
        block_on(&ring, async {
            let mut incoming = ring.accept_multi(&listener);
            let mut echoes = Vec::new();
            for _ in 0..300 {
                let socket = incoming.next().await.unwrap();
                let ring = ring.clone();
                echoes.push(spawn(async move {
                    let mut receiver = ring.receiver(&socket);
                    let bytes = receive_all(&mut receiver, 2).await;
                    ring.send(&socket, vec![Bytes::from(bytes).into()], false)
                        .await
                        .unwrap();
                }));
            }
            for echo in echoes {
                echo.await;
            }
        });
        clients.join().unwrap();
    });
}

#[test]
fn a_socket_is_writable_again_once_the_peer_reads() {
    with_every_fallback(|ring| {
        block_on(&ring, async {
            let (server, client) = pair(&ring).await;
            let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
            let path = directory.path().join("file");
            let content = pattern(20 << 20, 3);
            std::fs::write(&path, &content).unwrap();
            let options = FileOptions {
                read: true,
                ..Default::default()
            };
            let file = ring.open(&path, options).await.unwrap();
            // the peer reads only once the socket is full
            let (mut receiver, mut reading) = (Some(ring.receiver(&client)), None);
            let mut position = 0;
            while position < content.len() {
                let left = content.len() - position;
                match ring.send_file_now(&server, &file, position as u64, left.min(256 << 10)) {
                    Ok(count) => position += count,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        if let Some(mut receiver) = receiver.take() {
                            reading =
                                Some(spawn(
                                    async move { receive_all(&mut receiver, 20 << 20).await },
                                ));
                        }
                        ring.writable(&server).await.unwrap();
                    }
                    Err(error) => panic!("{error}"),
                }
                yield_now().await;
            }
            let reading = reading.expect("20 MiB are more than a socket takes");
            assert!(reading.await == content);
        });
    });
}

#[test]
fn shutting_down_ends_a_waiting_receive() {
    with_every_fallback(|ring| {
        block_on(&ring, async {
            let (server, _client) = pair(&ring).await;
            let mut receiver = ring.receiver(&server);
            let waiting = spawn(async move { receiver.chunk().await.map(|chunk| chunk.is_none()) });
            yield_now().await;
            ring.shutdown(&server).unwrap();
            assert!(
                timeout(Duration::from_secs(5), waiting)
                    .await
                    .unwrap()
                    .unwrap()
            );
        });
    });
}

#[test]
fn a_refused_connection_is_an_error() {
    with_every_fallback(|ring| {
        let (listener, address) = listen();
        drop(listener);
        let error = block_on(&ring, ring.connect(address)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn sending_to_a_peer_that_is_gone_fails_without_a_signal() {
    with_every_fallback(|ring| {
        block_on(&ring, async {
            let (server, client) = pair(&ring).await;
            drop(client);
            let part = || vec![Bytes::from(vec![0; 100_000]).into()];
            let sends = async {
                loop {
                    ring.send(&server, part(), false).await?;
                }
            };
            let result: Result<io::Result<()>, _> = timeout(Duration::from_secs(5), sends).await;
            assert!(result.unwrap().is_err());
        });
    });
}
