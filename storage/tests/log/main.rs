//! The log on a real directory, through the ring.

#![expect(clippy::future_not_send, reason = "one thread")]

mod basics;
mod crash;
mod faults;
mod harness;
mod idempotence;
mod model;
