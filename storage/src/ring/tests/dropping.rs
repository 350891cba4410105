use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::tasks::{spawn, timeout, yield_now};

const READ_WRITE: FileOptions = FileOptions {
    read: true,
    write: true,
    create: true,
    create_new: false,
    direct: true,
};

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

async fn pair(ring: &Ring) -> (Socket, Socket) {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let mut incoming = ring.accept_multi(&listener);
    let client = ring.connect(listener.local_addr().unwrap()).await.unwrap();
    (incoming.next().await.unwrap(), client)
}

/// Polls a future once, so that its operation is under way, and drops it.
async fn start_and_drop<F: Future>(future: F) {
    let mut future = Box::pin(future);
    std::future::poll_fn(|context| {
        let _ready = future.as_mut().poll(context).is_ready();
        Poll::Ready(())
    })
    .await;
}

#[test]
fn dropped_file_operations_keep_their_memory_until_they_are_over() {
    with_every_fallback(|ring| {
        let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let (pool, path) = (pool(), directory.path().join("x"));
        block_on(&ring, async {
            let file = ring.open(&path, READ_WRITE).await.unwrap();
            let mut page = pool.allocate(65_536);
            page.append(&[1; 65_536]);
            ring.write_at(&file, vec![page.freeze()], 0, WriteSync::Data)
                .await
                .unwrap();
            let mut allocated = 0;
            for round in 0..3000 {
                start_and_drop(ring.read_at(&file, pool.allocate(65_536), 65_536, 0)).await;
                let mut page = pool.allocate(65_536);
                page.append(&[2; 65_536]);
                let data = vec![page.freeze()];
                start_and_drop(ring.write_at(&file, data, 65_536, WriteSync::None)).await;
                start_and_drop(ring.open(&path, READ_WRITE)).await;
                // What a dropped read still writes to must not be memory that someone else has.
                let mut mine = pool.allocate(65_536);
                mine.append(&[7; 65_536]);
                if round % 10 == 0 {
                    let read = ring
                        .read_at(&file, pool.allocate(4096), 4096, 0)
                        .await
                        .unwrap();
                    assert_eq!(read.as_slice(), [1; 4096]);
                }
                assert!(mine.as_slice().iter().all(|byte| *byte == 7));
                if round == 1000 {
                    allocated = pool.allocated_bytes();
                }
            }
            assert!(
                pool.allocated_bytes() < allocated + (64 << 20),
                "memory grows"
            );
        });
    });
}

#[test]
fn dropped_socket_operations_are_cancelled_and_leave_nothing() {
    with_every_fallback(|ring| {
        block_on(&ring, async {
            let (server, client) = pair(&ring).await;
            let pool = pool();
            for _ in 0..2000 {
                start_and_drop(ring.recv_exact(&server, pool.allocate(8192), 8192)).await;
                start_and_drop(async { ring.receiver(&server).chunk().await.map(drop) }).await;
                start_and_drop(ring.readable(&server)).await;
                let listener = Listener::bind("127.0.0.1:0").unwrap();
                let mut incoming = ring.accept_multi(&listener);
                start_and_drop(async { incoming.next().await.map(drop) }).await;
                if ring.0.slots.borrow().len() > 40 {
                    yield_now().await;
                }
            }
            let settled = async {
                while ring.0.slots.borrow().len() > 1 {
                    yield_now().await;
                }
            };
            timeout(Duration::from_secs(10), settled).await.unwrap();
            ring.send(
                &client,
                vec![Bytes::from_static(b"still here").into()],
                false,
            )
            .await
            .unwrap();
            let got = ring
                .recv_exact(&server, pool.allocate(10), 10)
                .await
                .unwrap();
            assert_eq!(got.as_slice(), b"still here");
        });
    });
}

#[test]
fn receivers_dropped_under_load_lose_no_buffer() {
    with_every_fallback(|ring| {
        block_on(&ring, async {
            for round in 0..600 {
                let (server, client) = pair(&ring).await;
                let handle = ring.clone();
                let sending = spawn(async move {
                    loop {
                        let part = Bytes::from_static(&[5; 20_000]);
                        if handle
                            .send(&client, vec![part.into()], false)
                            .await
                            .is_err()
                        {
                            return;
                        }
                    }
                });
                let mut receiver = ring.receiver(&server);
                for _ in 0..round % 5 {
                    assert!(receiver.chunk().await.unwrap().is_some());
                }
                yield_now().await;
                drop(receiver);
                drop(server);
                if round % 2 == 0 {
                    drop(sending);
                } else {
                    sending.await;
                }
            }
            if let Some(buffers) = &ring.0.buffers {
                assert!(!buffers.all_lent());
            }
        });
        let slots = ring.0.slots.borrow().len();
        assert!(slots < 40, "{slots} operations left");
    });
}

#[test]
fn a_ring_that_is_dropped_cancels_what_is_under_way_and_closes_everything() {
    with_every_fallback(|first| {
        drop(first);
    });
    let fallbacks = fallbacks();
    let mut before = 0;
    for round in 0..200 {
        let ring = ring(fallbacks[round % fallbacks.len()]);
        block_on(&ring, async {
            let (server, _client) = pair(&ring).await;
            start_and_drop(async { ring.receiver(&server).chunk().await.map(drop) }).await;
            start_and_drop(ring.recv_exact(&server, pool().allocate(100), 100)).await;
            let listener = Listener::bind("127.0.0.1:0").unwrap();
            let mut incoming = ring.accept_multi(&listener);
            start_and_drop(async { incoming.next().await.map(drop) }).await;
            yield_now().await;
        });
        if round == 20 {
            before = open_descriptors();
        }
    }
    // Other tests of this process run at the same time, hence the margin; a leak would be 1000.
    assert!(open_descriptors() < before + 400, "descriptors leak");
}

#[test]
fn a_lack_of_descriptors_pauses_accepting_and_does_not_end_it() {
    // Its own errors cannot be made without hurting other tests of this process, so only the
    // pause is shown: a stream that must back off accepts afterwards.
    with_every_fallback(|ring| {
        block_on(&ring, async {
            let listener = Listener::bind("127.0.0.1:0").unwrap();
            let mut incoming = ring.accept_multi(&listener);
            incoming.back_off_for_tests();
            let start = crate::clock::monotonic();
            let _client = ring.connect(listener.local_addr().unwrap()).await.unwrap();
            incoming.next().await.unwrap();
            assert!(crate::clock::monotonic() - start >= Duration::from_millis(100));
        });
    });
}
