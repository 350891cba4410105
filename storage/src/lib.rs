//! One partition's durable log, the core's journal, and the io_uring driver under both.
