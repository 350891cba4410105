//! What is told of a file that is not as it should be. Pure.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub file: PathBuf,
    /// Byte of the file.
    pub position: Option<u64>,
    pub what: String,
    pub effect: Effect,
}

/// What it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// As any stop may leave it: the next start sees to it.
    Ordinary,
    /// Damaged, but the log tells what it should be.
    Rebuildable,
    /// The broker does not serve this as it is; no record is known to be lost.
    OutOfService,
    /// Records with these offsets are not there any more, as far as they had not been compacted away.
    Lost(Range<i64>),
}

impl Effect {
    /// Whether somebody should know.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        *self != Self::Ordinary
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ordinary => f.write_str("the next start sees to it"),
            Self::Rebuildable => f.write_str("nothing is lost, it can be made again"),
            Self::OutOfService => f.write_str("out of service until it is repaired"),
            Self::Lost(offsets) if offsets.is_empty() => f.write_str("no record is lost"),
            Self::Lost(offsets) => {
                let (first, last) = (offsets.start, offsets.end - 1);
                write!(f, "records are lost, offsets {first} to {last}")
            }
        }
    }
}
