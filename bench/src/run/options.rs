//! How a run is made, apart from what it does. Pure.

use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Clone)]
pub(crate) struct RunOptions {
    pub(crate) bootstrap: String,
    pub(crate) threads: usize,
    /// A broker on this machine, whose cost is told.
    pub(crate) broker_pid: Option<u32>,
    pub(crate) report: Option<PathBuf>,
    pub(crate) keep_topics: bool,
    /// How long a broker may be away before the run does without it.
    pub(crate) give_up: Duration,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    /// Commands that are run while the load is on, and when.
    pub(crate) faults: Vec<Fault>,
}

/// A command of the shell at a moment of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: Duration,
    pub(crate) command: String,
}

impl std::str::FromStr for Fault {
    type Err = String;

    /// `30s: kill -9 1234`
    fn from_str(text: &str) -> Result<Self, String> {
        let (at, command) = text.split_once(':').ok_or("TIME: COMMAND")?;
        Ok(Self {
            at: crate::workload::units::duration(at)?,
            command: command.trim().to_owned(),
        })
    }
}
