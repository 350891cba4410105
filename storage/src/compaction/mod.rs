//! Compaction: of each key only the latest record stays, offsets never change.
//!
//! A round (`clean`) reads the dirty part of a log once to learn where each key was last, then
//! copies the log, segment by segment, without the records that newer ones replace. Rules and I/O
//! are apart: `plan`, `retain`, `key_map` and `cleaned_transactions` decide, `clean` reads and
//! writes, and the log itself takes the result over (`log::swap`).
//!
//! A round runs on a thread of its own, not on the shard's: opening and rebuilding compressed
//! batches takes milliseconds at a time, which a produce request would wait for. It touches only
//! sealed segments, which nobody else changes, and files that nobody else knows; what it replaces is
//! handed to the shard group by group.

pub mod clean;
pub mod cleaned_transactions;
pub mod key_map;
mod output;
pub mod plan;
pub mod retain;
pub(crate) mod scan;
