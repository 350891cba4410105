//! The log on a real directory, through the ring.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod basics;
mod compaction;
mod crash;
mod failing;
mod faults;
mod fences;
mod full_disk;
mod harness;
mod idempotence;
mod model;
mod relaxed;
mod repair;
mod retention;
mod scrub;
mod start_offset;
mod transactions;
