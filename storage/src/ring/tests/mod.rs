//! The ring against the running kernel, with all its features and without each that matters.
#![expect(clippy::cast_possible_truncation, reason = "bytes of test patterns")]

mod dropping;
mod files;
mod sockets;
mod waking;

use super::*;
use crate::extent::{ExtentPool, PoolOptions};
use crate::tasks::block_on;

fn fallbacks() -> Vec<Fallback> {
    vec![
        Fallback::NONE,
        Fallback::linux_5_19(),
        Fallback::linux_5_10(),
        Fallback::without(&[Feature::DeferTaskrun]),
        Fallback::without(&[Feature::DeferTaskrun, Feature::CoopTaskrun]),
        Fallback::without(&[Feature::MultishotReceive]),
        Fallback::without(&[Feature::MultishotAccept]),
        Fallback::without(&[Feature::MsgRing]),
        Fallback::without(&[Feature::TimedWait]),
    ]
}

fn ring(fallback: Fallback) -> Ring {
    Ring::new(&RingOptions {
        entries: 64,
        small_buffers: 16,
        fallback,
    })
    .unwrap()
}

/// Runs a test for every fallback, each on a thread of its own.
fn with_every_fallback(test: impl Fn(Ring) + Send + Sync + Clone + 'static) {
    for fallback in fallbacks() {
        let test = test.clone();
        let run = std::thread::spawn(move || test(ring(fallback))).join();
        assert!(run.is_ok(), "with {fallback:?}");
    }
}

fn pool() -> ExtentPool {
    ExtentPool::new(PoolOptions {
        idle_bytes_max: 8 << 20,
    })
}
