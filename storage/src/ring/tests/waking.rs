use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::clock;
use crate::tasks::{Scheduler, sleep, spawn, timeout, turn_end, yield_now};

#[test]
fn a_wait_without_events_ends_at_its_timeout() {
    with_every_fallback(|ring| {
        for _ in 0..3 {
            let start = clock::monotonic();
            block_on(&ring, sleep(Duration::from_millis(30)));
            let slept = clock::monotonic() - start;
            assert!(slept >= Duration::from_millis(30), "{slept:?}");
            assert!(slept < Duration::from_millis(500), "{slept:?}");
        }
    });
}

#[test]
fn a_timeout_leaves_a_future_that_takes_too_long() {
    let ring = ring(Fallback::NONE);
    let result = block_on(
        &ring,
        timeout(Duration::from_millis(10), std::future::pending::<()>()),
    );
    assert!(result.is_err());
    let result = block_on(&ring, timeout(Duration::from_secs(10), async { 5 }));
    assert_eq!(result, Ok(5));
}

#[test]
fn tasks_run_in_the_order_in_which_they_become_ready_and_the_turn_ends_after_them() {
    let ring = ring(Fallback::NONE);
    let order = Rc::new(RefCell::new(Vec::new()));
    block_on(&ring, async {
        let last = {
            let order = Rc::clone(&order);
            spawn(async move {
                turn_end().await;
                order.borrow_mut().push(100);
            })
        };
        let others: Vec<_> = (0..5)
            .map(|i| {
                let order = Rc::clone(&order);
                spawn(async move {
                    order.borrow_mut().push(i);
                    yield_now().await;
                    order.borrow_mut().push(10 + i);
                })
            })
            .collect();
        last.await;
        for other in others {
            other.await;
        }
    });
    assert_eq!(*order.borrow(), [0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 100]);
}

#[test]
fn a_cancelled_task_drops_its_future() {
    let ring = ring(Fallback::NONE);
    let held = Rc::new(());
    block_on(&ring, async {
        let inside = Rc::clone(&held);
        let task = spawn(async move {
            sleep(Duration::from_secs(1000)).await;
            drop(inside);
        });
        yield_now().await;
        task.cancel().await;
    });
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn a_waker_that_another_thread_uses_wakes_the_task() {
    with_every_fallback(|ring| {
        let (sender, receiver) = mpsc::channel::<std::task::Waker>();
        let count = Arc::new(AtomicU64::new(0));
        let other = {
            let count = Arc::clone(&count);
            std::thread::spawn(move || {
                for waker in receiver {
                    count.fetch_add(1, Ordering::Release);
                    waker.wake();
                }
            })
        };
        let wait_for = |wanted: u64| {
            let (sender, count) = (sender.clone(), Arc::clone(&count));
            let mut sent = false;
            std::future::poll_fn(move |context| {
                if count.load(Ordering::Acquire) >= wanted {
                    return Poll::Ready(());
                }
                if !std::mem::replace(&mut sent, true) {
                    sender.send(context.waker().clone()).unwrap();
                }
                Poll::Pending
            })
        };
        for wanted in 1..2000 {
            // In turn by the root future and by a task.
            if wanted % 2 == 0 {
                block_on(&ring, wait_for(wanted));
            } else {
                block_on(&ring, spawn(wait_for(wanted)));
            }
        }
        drop(sender);
        other.join().unwrap();
    });
}

/// One direction of a mailbox: a number that only rises.
#[derive(Clone, Default)]
struct Lane(Arc<AtomicU64>);

/// A pause of a length that differs from round to round, to meet every moment of going to sleep.
fn jitter(state: &mut u64) {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    let spins = match (*state >> 60) % 4 {
        0 => 0,
        1 => (*state >> 40) % 50,
        2 => (*state >> 40) % 1000,
        _ => (*state >> 40) % 10_000,
    };
    for _ in 0..spins {
        std::hint::spin_loop();
    }
}

/// Answers every number on `inbox` with the same number on `outbox`, until `rounds`.
fn ping_pong(
    ring: &Ring,
    peer: &Notifier,
    (inbox, outbox): (&Lane, &Lane),
    (rounds, serves): (u64, bool),
) {
    let scheduler = Scheduler::new(ring.clone());
    let arrived = Rc::new(Cell::new(0));
    let waiter = Rc::new(RefCell::new(None::<std::task::Waker>));
    {
        let (arrived, waiter, inbox) = (Rc::clone(&arrived), Rc::clone(&waiter), inbox.clone());
        scheduler.add_source(move || {
            let now = inbox.0.load(Ordering::Acquire);
            if now != arrived.replace(now)
                && let Some(waker) = waiter.take()
            {
                waker.wake();
            }
            false
        });
    }
    scheduler.run_until(async {
        let mut random = rounds + u64::from(serves);
        for round in 1..=rounds {
            if serves {
                jitter(&mut random);
                outbox.0.store(round, Ordering::Release);
                ring.notify_ring(peer);
            }
            std::future::poll_fn(|context| {
                if arrived.get() >= round {
                    return Poll::Ready(());
                }
                *waiter.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            })
            .await;
            if !serves {
                jitter(&mut random);
                outbox.0.store(round, Ordering::Release);
                ring.notify_ring(peer);
            }
        }
        // The last notification may still be an operation of this ring.
        yield_now().await;
    });
    ring.submit();
}

/// A wake-up that is lost makes the two threads sleep for ever, so a third one watches.
#[test]
fn no_wake_up_is_lost_between_two_rings() {
    const ROUNDS: u64 = 50_000;
    for fallback in [
        Fallback::NONE,
        Fallback::linux_5_19(),
        Fallback::linux_5_10(),
        Fallback::without(&[Feature::MsgRing]),
    ] {
        let (there, back) = (Lane::default(), Lane::default());
        let (give, take) = (mpsc::channel::<Notifier>(), mpsc::channel::<Notifier>());
        let (done, finished) = mpsc::channel::<()>();
        let first = {
            let (there, back, done) = (there.clone(), back.clone(), done.clone());
            std::thread::spawn(move || {
                let ring = ring(fallback);
                give.0.send(ring.notifier()).unwrap();
                let peer = take.1.recv().unwrap();
                ping_pong(&ring, &peer, (&back, &there), (ROUNDS, true));
                done.send(()).unwrap();
            })
        };
        let second = {
            let (there, back) = (there.clone(), back.clone());
            std::thread::spawn(move || {
                let ring = ring(fallback);
                take.0.send(ring.notifier()).unwrap();
                let peer = give.1.recv().unwrap();
                ping_pong(&ring, &peer, (&there, &back), (ROUNDS, false));
                done.send(()).unwrap();
            })
        };
        for _ in 0..2 {
            let end = finished.recv_timeout(Duration::from_secs(120));
            let at = (
                there.0.load(Ordering::Relaxed),
                back.0.load(Ordering::Relaxed),
            );
            assert!(end.is_ok(), "{fallback:?} stopped at {at:?}");
        }
        first.join().unwrap();
        second.join().unwrap();
    }
}

#[test]
fn notifications_from_threads_without_a_ring_all_arrive() {
    with_every_fallback(|ring| {
        const EACH: u64 = 20_000;
        let sum = Arc::new(AtomicU64::new(0));
        let threads: Vec<_> = (0..3)
            .map(|seed| {
                let (notifier, sum) = (ring.notifier(), Arc::clone(&sum));
                std::thread::spawn(move || {
                    let mut random = seed;
                    for _ in 0..EACH {
                        jitter(&mut random);
                        sum.fetch_add(1, Ordering::Release);
                        notifier.notify();
                    }
                })
            })
            .collect();
        while sum.load(Ordering::Acquire) < 3 * EACH {
            ring.reap();
            let before = sum.load(Ordering::Acquire);
            let start = clock::monotonic();
            ring.wait(Some(Duration::from_secs(20)));
            let lost = clock::monotonic() - start >= Duration::from_secs(20);
            assert!(
                !lost || sum.load(Ordering::Acquire) == before,
                "a wake-up was lost"
            );
        }
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_message_to_a_ring_that_is_gone_does_no_harm() {
    with_every_fallback(|ring| {
        let gone = std::thread::spawn(|| {
            let other = super::ring(Fallback::NONE);
            other.wait(Some(Duration::from_millis(1)));
            let notifier = other.notifier();
            assert!(notifier.fall_asleep());
            notifier
        });
        let gone = gone.join().unwrap();
        ring.notify_ring(&gone);
        block_on(&ring, sleep(Duration::from_millis(1)));
        assert!(!gone.mark());
    });
}
