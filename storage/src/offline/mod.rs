//! A data directory that no broker has open: its segments and journals are walked, what is found
//! is judged, and a partition is repaired when somebody asks for that.
//!
//! Plain calls and no ring, so that it works where a broker cannot start. The formats and the rules
//! are those of `journal`, `log` and `recovery`; `judge` adds what a damaged file costs.

mod check;
mod finding;
mod journal;
mod journal_repair;
mod judge;
mod partition_files;
mod repair;
mod rewrite;
mod segment_bytes;
mod segment_walk;

pub use self::check::{PartitionReport, SegmentReport, bytes_of, check_partition};
pub use self::finding::{Effect, Finding};
pub use self::journal::{Commit, Entry, JournalDamage, JournalFile, Journals};
pub use self::journal_repair::JournalRepair;
pub use self::partition_files::{PartitionFiles, partitions_in};
pub use self::repair::{RepairError, RepairOptions, RepairPlan, RepairStep};
pub use self::segment_bytes::SegmentBytes;
pub use self::segment_walk::{Hole, Piece, SegmentWalk};
