//! A seeded world for state machines without I/O: network, disks and clocks that fail, and the raft cluster that lives in it.
//!
//! `random`, `queue`, `network`, `disk` and `clock` know nothing of raft and are meant to be used by other simulations.
//! One thread, no real time: a seed and a plan replay exactly. Included by tests and examples with `#[path]`.

#![expect(
    clippy::unwrap_used,
    reason = "a simulation that cannot go on is a failed test"
)]

pub(crate) mod clock;
pub(crate) mod cluster;
pub(crate) mod disk;
pub(crate) mod history;
pub(crate) mod invariants;
pub(crate) mod network;
pub(crate) mod plan;
pub(crate) mod queue;
pub(crate) mod random;
pub(crate) mod register;
pub(crate) mod seeds;
pub(crate) mod server;
pub(crate) mod shrink;
