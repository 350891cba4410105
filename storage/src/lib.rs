//! One partition's durable log, the core's journal, and the io_uring driver under both.

pub mod budget;
pub mod clock;
pub mod compaction;
pub mod durable_file;
pub mod extent;
pub mod journal;
pub mod log;
pub mod offline;
pub mod recovery;
pub mod ring;
pub mod scrub;
pub mod store;
pub mod tasks;
mod timers;
pub mod watermark;
