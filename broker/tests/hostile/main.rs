//! Hostile clients against the built binary, over real sockets.
//!
//! Each test sends what no honest client would, and checks four things: Kafka's own answer (an error
//! code, or a closed connection), that another connection still produces and fetches, that memory
//! stays bounded, and that no socket is left behind.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod admin;
mod batches;
mod body;
mod broker;
mod client;
mod cluster;
mod fetch;
mod framing;
mod groups;
mod header;
mod memory;
mod overload;
mod produce;
mod requests;
mod samples;
mod transactions;
