//! Millrace: a Kafka-compatible broker. The table of contents; `cli` reads the command line and
//! calls `startup`, which brings the broker up and waits until it is told to stop.

mod api;
mod background;
mod cleaner;
mod cli;
mod config;
mod control;
mod controller;
mod coordinator;
mod group;
mod limits;
mod loggers;
mod logging;
mod metadata;
mod net;
mod partition;
mod scrubber;
mod shard;
mod startup;
mod telemetry;
mod txn;

/// A request is many small allocations, and a hop frees on one core what another one allocated.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // before any other thread exists, when it costs nothing
    control::membarrier::register();
    cli::run(startup::run)
}
