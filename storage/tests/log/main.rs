//! The log on a real directory, through the ring.

#![expect(clippy::future_not_send, reason = "one thread")]

mod basics;
mod harness;
mod model;
