//! Where a value was given, and what is wrong with one or worth telling about it. Pure.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Lines count from 1.
    File { path: Arc<str>, line: u32 },
    /// An environment variable, by name.
    Environment(String),
    /// A flag, such as `--shards`.
    CommandLine(&'static str),
    /// Set at run time, kept in the metadata log.
    Dynamic,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::CommandLine(flag) => write!(f, "command line {flag}"),
            Self::Dynamic => f.write_str("dynamic configuration"),
        }
    }
}

/// One reason not to start: a line for the person who wrote the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// None when the value is a default that does not fit another value.
    pub(crate) place: Option<Place>,
    pub(crate) name: String,
    /// None when the name itself is wrong, or the value must not be shown.
    pub(crate) value: Option<String>,
    pub(crate) reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}", self.name)?;
        if let Some(value) = &self.value {
            write!(f, " = {value:?}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Values that are accepted and have no effect, or another one, for one common reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) names: Vec<(String, Place)>,
    pub(crate) reason: String,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, place)) in self.names.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name} ({place})")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Why there is no configuration to start with.
#[derive(Debug, Error)]
pub(crate) enum ConfigError {
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{} is {bytes} bytes long, more than the {bytes_max} that a configuration may have", path.display())]
    TooLong {
        path: PathBuf,
        bytes: u64,
        bytes_max: u64,
    },
    #[error("{}", lines(.0))]
    Invalid(Vec<Problem>),
}

fn lines(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}
