//! Loggers and their levels: what the broker-logger resources of `DescribeConfigs` and
//! `IncrementalAlterConfigs` are about. Pure; `logging` takes the filter up.
//!
//! A logger is a target of log lines, a part of the program; `root` is for all that have no level
//! of their own. Levels have Kafka's names and are forgotten by a restart, as in Kafka.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use protocol::error_code::ErrorCode;

use crate::controller::Refusal;

pub(crate) const ROOT: &str = "root";

/// The parts of the program that can be told apart.
const NAMES: [&str; 16] = [
    "millrace",
    "millrace::api",
    "millrace::config",
    "millrace::control",
    "millrace::controller",
    "millrace::coordinator",
    "millrace::group",
    "millrace::limits",
    "millrace::metadata",
    "millrace::net",
    "millrace::partition",
    "millrace::shard",
    "millrace::startup",
    "millrace::txn",
    "millrace_raft",
    "millrace_storage",
];
/// Kafka's names, sorted as it lists them, and ours; nothing here is fatal and still logged.
const LEVELS: [(&str, &str); 6] = [
    ("DEBUG", "debug"),
    ("ERROR", "error"),
    ("FATAL", "off"),
    ("INFO", "info"),
    ("TRACE", "trace"),
    ("WARN", "warn"),
];

/// The loggers that were given a level, `root` always among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Loggers {
    levels: BTreeMap<String, &'static str>,
}

impl Loggers {
    /// Those of a filter as the configuration has it: levels, and levels of targets.
    pub(crate) fn read(filter: &str) -> Self {
        let mut levels = BTreeMap::from([(ROOT.to_owned(), "ERROR")]);
        for directive in filter.split(',') {
            let (name, level) = directive.split_once('=').unwrap_or((ROOT, directive));
            let level = level.trim();
            let known = LEVELS
                .iter()
                .find(|(_, ours)| ours.eq_ignore_ascii_case(level));
            if let Some((kafka, _)) = known {
                levels.insert(name.trim().to_owned(), kafka);
            }
        }
        Self { levels }
    }

    /// Every logger with the level that counts for it.
    pub(crate) fn all(&self) -> BTreeMap<&str, &'static str> {
        let own = self.levels.keys().map(String::as_str);
        let names = own.chain(NAMES);
        names.map(|name| (name, self.level_of(name))).collect()
    }

    /// Its own, or that of the nearest part around it.
    fn level_of(&self, name: &str) -> &'static str {
        let mut part = name;
        loop {
            if let Some(level) = self.levels.get(part) {
                return level;
            }
            part = match part.rsplit_once("::") {
                Some((outer, _)) => outer,
                None if part == ROOT => return "ERROR",
                None => ROOT,
            };
        }
    }

    /// Gives a logger a level.
    ///
    /// # Errors
    /// Kafka's text for a logger or a level that does not exist.
    pub(crate) fn set(&mut self, name: &str, level: &str) -> Result<(), Refusal> {
        self.check_name(name)?;
        let Some((level, _)) = LEVELS.iter().find(|(kafka, _)| *kafka == level) else {
            let known: Vec<&str> = LEVELS.iter().map(|(kafka, _)| *kafka).collect();
            let known = known.join(", ");
            return Err(invalid(format!(
                "Cannot set the log level of {name} to {level} as it is not a supported log level. \
                 Valid log levels are {known}"
            )));
        };
        self.levels.insert(name.to_owned(), level);
        Ok(())
    }

    /// Takes a logger's own level away.
    ///
    /// # Errors
    /// There is no such logger, or it is the root.
    pub(crate) fn unset(&mut self, name: &str) -> Result<(), Refusal> {
        self.check_name(name)?;
        if name == ROOT {
            let text = "Removing the log level of the root logger is not allowed";
            return Err(Refusal::new(ErrorCode::InvalidRequest, text));
        }
        self.levels.remove(name);
        Ok(())
    }

    fn check_name(&self, name: &str) -> Result<(), Refusal> {
        if self.levels.contains_key(name) || NAMES.contains(&name) {
            return Ok(());
        }
        Err(invalid(format!("Logger {name} does not exist!")))
    }

    /// As the filter of log lines reads it.
    pub(crate) fn filter(&self) -> String {
        let mut filter = String::new();
        for (name, kafka) in &self.levels {
            let ours = LEVELS.iter().find(|(level, _)| level == kafka);
            let ours = ours.map_or("error", |(_, ours)| ours);
            let separator = if filter.is_empty() { "" } else { "," };
            // writing to a String cannot fail
            let _ = if name == ROOT {
                write!(filter, "{separator}{ours}")
            } else {
                write!(filter, "{separator}{name}={ours}")
            };
        }
        filter
    }
}

fn invalid(text: String) -> Refusal {
    Refusal::new(ErrorCode::InvalidConfig, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(refused: Result<(), Refusal>) -> String {
        refused.unwrap_err().message.unwrap_or_default()
    }

    #[test]
    fn a_filter_is_read_and_written() {
        let loggers = Loggers::read("info, millrace::net=debug,other=trace");
        assert_eq!(loggers.filter(), "millrace::net=debug,other=trace,info");
        assert_eq!(Loggers::read(&loggers.filter()), loggers);
        let all = loggers.all();
        assert_eq!(
            (all[ROOT], all["millrace::net"], all["other"]),
            ("INFO", "DEBUG", "TRACE")
        );
        assert_eq!(all["millrace_storage"], "INFO");
    }

    #[test]
    fn a_part_has_the_level_of_what_is_around_it() {
        let mut loggers = Loggers::read("warn");
        loggers.set("millrace", "TRACE").unwrap();
        assert_eq!(loggers.all()["millrace::net"], "TRACE");
        assert_eq!(loggers.all()["millrace_raft"], "WARN");
        loggers.set("millrace::net", "FATAL").unwrap();
        assert_eq!(loggers.filter(), "millrace=trace,millrace::net=off,warn");
        loggers.unset("millrace::net").unwrap();
        assert_eq!(loggers.all()["millrace::net"], "TRACE");
    }

    #[test]
    fn unknown_loggers_and_levels_are_refused_in_kafkas_words() {
        let mut loggers = Loggers::read("info");
        let text = message(loggers.set(ROOT, "warn"));
        assert!(
            text.ends_with("Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN"),
            "{text}"
        );
        let text = message(loggers.set("kafka.server.KafkaApis", "WARN"));
        assert_eq!(text, "Logger kafka.server.KafkaApis does not exist!");
        let text = message(loggers.unset(ROOT));
        assert_eq!(
            text,
            "Removing the log level of the root logger is not allowed"
        );
    }
}
