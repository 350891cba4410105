//! The command line's grammar and its help. Pure: texts in, a command out.

mod load;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};

pub(crate) use load::LoadArguments;

use crate::run::options::{Fault, RunOptions};
use crate::run::slo::Slo;
use crate::workload::units;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "millrace-bench",
    version,
    about = "Load for anything that speaks Kafka's protocol, and what it took to serve it",
    long_about = "Load for anything that speaks Kafka's protocol, and what it took to serve it.\n\n\
                  In an open load every record has an intended start, and its response time counts \
                  from there: a broker that stalls\ncannot hide it by making the generator wait. \
                  The service time, from the sending of the request, stands beside it.\nEvery \
                  record is accounted for: acknowledged, received, lost, duplicated, out of order, \
                  changed on the way.",
    after_help = "Examples:\n  \
        millrace-bench quick                                  one screen in 20 s\n  \
        millrace-bench run singles --broker-pid 1234          a preset, with the broker's cost\n  \
        millrace-bench run --producers 8 --consumers 4 --rate 50k/s --duration 1m --report out\n  \
        millrace-bench run workload.yaml --driver kafka.yaml  files of the OpenMessaging Benchmark\n  \
        millrace-bench search --slo 'p99<20ms,errors=0'       the highest rate that is good enough\n  \
        millrace-bench compare out-a out-b                    two reports, side by side\n\n\
        MB are 10^6 bytes and MiB 2^20; bytes are of record values.\n\n\
        Exit codes: 0 everything was right, 1 something failed or was wrong, 2 wrong usage, \
        130 interrupted."
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A first impression: 20 s, one screen, no arguments
    Quick(TargetArguments),
    /// Run a load: a preset, a workload file, or options alone
    Run(Box<RunArguments>),
    /// Find the highest rate that meets limits, and how latency grows on the way there
    Search(Box<SearchArguments>),
    /// Produce and read again in several ways, and account for every record
    Verify(Box<RunArguments>),
    /// Name the presets
    List,
    /// Print a preset as a workload file
    Show(ShowArguments),
    /// Measure the generator itself, and show that a stall cannot hide
    SelfTest(SelfTestArguments),
    /// Compare report directories
    Compare(CompareArguments),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct TargetArguments {
    /// Brokers of the cluster
    #[arg(
        long,
        visible_alias = "bootstrap-server",
        value_name = "HOST:PORT,...",
        default_value = "127.0.0.1:9092"
    )]
    pub(crate) bootstrap: String,
    /// A broker's process on this machine: its CPU, memory and disk are measured
    #[arg(long, value_name = "PID")]
    pub(crate) broker_pid: Option<u32>,
    /// Threads of the generator
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: u16,
    /// Write a report into this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
    /// Leave the topics that were made
    #[arg(long)]
    pub(crate) keep_topics: bool,
    /// How long a broker may be away before the run does without it
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::duration)]
    pub(crate) give_up: Duration,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Show nothing while the run goes on
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Run a command while the load is on: '30s: kill -9 1234'
    #[arg(long, value_name = "TIME: COMMAND")]
    pub(crate) fault: Vec<Fault>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) load: LoadArguments,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct SearchArguments {
    /// What must be met: p99<20ms, e2e.p99.9<1s, errors=0, backlog<1s
    #[arg(long, value_name = "LIMITS", default_value = DEFAULT_SLO)]
    pub(crate) slo: Slo,
    /// The first rate, in records a second
    #[arg(long, value_name = "RATE", default_value = "5k", value_parser = units::quantity)]
    pub(crate) from: f64,
    /// How long each rate is held, after it has settled
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = units::duration)]
    pub(crate) hold: Duration,
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = units::duration)]
    pub(crate) settle: Duration,
    #[command(flatten)]
    pub(crate) run: RunArguments,
}

/// What a search without limits, and a workload that asks for the highest rate, must meet.
pub(crate) const DEFAULT_SLO: &str = "p99<100ms,errors=0,backlog<1s";

#[derive(Args, Clone, Debug)]
pub(crate) struct ShowArguments {
    /// The preset's name
    pub(crate) name: String,
    /// At its published size instead of one for two cores
    #[arg(long)]
    pub(crate) full: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct SelfTestArguments {
    /// How long each ceiling is measured
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = units::duration)]
    pub(crate) hold: Duration,
    /// How long the sink stalls in the middle of a fixed rate
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::duration)]
    pub(crate) stall: Duration,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct CompareArguments {
    /// Report directories, the first is what the others are compared with. Several runs of one
    /// side are given with commas between them
    #[arg(required = true, num_args = 2.., value_name = "DIR[,DIR...]")]
    pub(crate) reports: Vec<String>,
    /// What must not happen: 'throughput<-3%,p99>+10%'
    #[arg(long, value_name = "LIMITS", allow_hyphen_values = true)]
    pub(crate) fail_if: Option<String>,
    /// Print a Markdown table
    #[arg(long)]
    pub(crate) markdown: bool,
    /// Write a page with the figures over each other
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

impl TargetArguments {
    pub(crate) fn options(&self) -> RunOptions {
        let mut faults = self.fault.clone();
        faults.sort_by_key(|fault| fault.at);
        RunOptions {
            bootstrap: self.bootstrap.clone(),
            threads: usize::from(self.threads),
            broker_pid: self.broker_pid,
            report: self.report.clone(),
            keep_topics: self.keep_topics,
            give_up: self.give_up,
            json: self.json,
            quiet: self.quiet,
            faults,
        }
    }
}

/// Reads the command line; the error is also what `--help` and `--version` print.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<Command, clap::Error> {
    Ok(CommandLine::try_parse_from(arguments)?.command)
}

/// An error of usage that only shows when the options are put together.
pub(crate) fn conflict(why: &str) -> clap::Error {
    CommandLine::command().error(ErrorKind::ArgumentConflict, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Workload;

    fn workload(line: &str) -> Result<Workload, String> {
        let words = format!("millrace-bench run {line}");
        let command = parse(words.split_whitespace()).map_err(|error| error.to_string())?;
        let Command::Run(arguments) = command else {
            return Err("another command".to_owned());
        };
        let read = arguments.load.workload(Workload::default());
        read.map(|(workload, _)| workload)
    }

    #[test]
    fn the_grammar_has_no_contradictions() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn options_reach_the_workload() {
        let line = "--producers 500 --partitions 100 --closed --records 300k --record-size 1KiB \
                    -P batch.size=0 -P linger.ms=0 --duration 30s --keys none";
        let own = workload(line).unwrap();
        assert_eq!(
            (own.producers_per_topic, own.partitions_per_topic),
            (500, 100)
        );
        assert_eq!((own.records, own.is_closed()), (Some(300_000), true));
        assert_eq!(own.producer_config["batch.size"], "0");
        assert_eq!(own.duration(), Duration::from_secs(30));
    }

    #[test]
    fn a_preset_can_be_changed() {
        let own = workload("singles --producers 7").unwrap();
        assert_eq!((own.name.as_str(), own.producers_per_topic), ("singles", 7));
        assert!(workload("no-such-preset").unwrap_err().contains("list"));
    }

    #[test]
    fn a_rate_in_bytes_is_one_of_records() {
        let own = workload("--rate 1MB/s --record-size 100").unwrap();
        assert_eq!(own.producer_rate, 10_000.0);
    }

    #[test]
    fn what_is_wrong_is_refused_with_the_reason() {
        for (line, reason) in [
            ("--rate fast", "no number"),
            ("--producers 0", "neither producers nor consumers"),
            ("-P acks=7", "acks"),
            ("-P acks", "NAME=VALUE"),
            ("--rate 5k --closed", "cannot be used with"),
            ("--record-size huge", "no number"),
            ("--nonsense", "unexpected argument"),
        ] {
            let error = workload(line).unwrap_err();
            assert!(error.contains(reason), "{line}: {error}");
        }
    }
}
