//! The command line's grammar, its help, and the rules between options. Pure: texts in, a command
//! out.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};

/// What one request may carry; brokers take 1 MiB unless told otherwise.
const REQUEST_BYTES_MAX: u64 = 64 << 20;
/// What brokers remember of an idempotent producer: more in flight could be stored out of order.
const IDEMPOTENT_IN_FLIGHT_MAX: u16 = 5;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "millrace-bench",
    version,
    about = "Load for anything that speaks Kafka's protocol, and what it took to serve it.",
    long_about = "Load for anything that speaks Kafka's protocol, and what it took to serve it.\n\n\
                  One thread and one io_uring drive all connections. Every answer is checked: \
                  error codes, rising offsets,\nand when consuming the CRC of every batch.",
    after_help = "Examples:\n  \
        millrace-bench produce --topic load --create --partitions 16 --records 1000000\n  \
        millrace-bench produce --topic load --connections 500 --record-size 1024\n  \
        millrace-bench produce --topic load --records-per-request 1000 --in-flight 5 --idempotent yes\n  \
        millrace-bench consume --topic load --json\n\n\
        The load is closed: a connection sends when one of its requests is answered. Latency is \
        therefore the time\nfrom a request's sending to its answer; it does not show waiting that \
        a fixed rate would have caused.\n\
        MB are 10^6 bytes: of record values when producing, of whole batches when consuming.\n\n\
        Exit codes: 0 every answer was right, 1 something failed, 2 wrong usage."
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send records and wait for their acknowledgements
    Produce(ProduceArguments),
    /// Read a topic from its beginning
    Consume(ConsumeArguments),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Target {
    /// A broker of the cluster
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    pub(crate) bootstrap: String,
    /// The topic
    #[arg(long, value_name = "NAME")]
    pub(crate) topic: String,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ProduceArguments {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Make the topic first; one that exists is used as it is
    #[arg(long)]
    pub(crate) create: bool,
    /// Partitions of the topic that is made [default: the broker's num.partitions]
    #[arg(long, value_name = "N", requires = "create", value_parser = clap::value_parser!(i32).range(1..=100_000))]
    pub(crate) partitions: Option<i32>,
    /// Connections, spread over the brokers that lead partitions
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) connections: u32,
    /// Records in all
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) records: u64,
    /// Bytes of each record's value; random, so that they do not compress
    #[arg(long, value_name = "BYTES", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(0..=64 << 20))]
    pub(crate) record_size: u32,
    /// Records of a request, all for one partition; each connection takes the partitions in turn
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) records_per_request: u32,
    /// Requests of a connection that may wait for their answers at a time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) in_flight: u16,
    /// Who must have a record before it is acknowledged (0 is not offered: nothing could be checked)
    #[arg(long, value_enum, default_value_t = Acks::All)]
    pub(crate) acks: Acks,
    /// Give each connection a producer id, and its batches sequence numbers
    #[arg(long, value_name = "yes|no", default_value = "no", num_args = 0..=1, default_missing_value = "yes",
          action = ArgAction::Set, value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) idempotent: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ConsumeArguments {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Go on until so many records were read, waiting for them [default: all that are there now]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) records: Option<u64>,
    /// Connections, among which the partitions are divided; at least one a leading broker
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) connections: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Acks {
    /// All in-sync replicas
    All,
    /// The leader
    #[value(name = "1")]
    Leader,
}

impl Acks {
    /// As the request carries it.
    pub(crate) fn code(self) -> i16 {
        match self {
            Self::All => -1,
            Self::Leader => 1,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Leader => "1",
        }
    }
}

impl Command {
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Produce(arguments) => arguments.target.json,
            Self::Consume(arguments) => arguments.target.json,
        }
    }
}

impl ProduceArguments {
    /// What is wrong with the options together.
    fn conflict(&self) -> Option<String> {
        let bytes = u64::from(self.record_size) * u64::from(self.records_per_request);
        if bytes > REQUEST_BYTES_MAX {
            return Some(format!(
                "a request would have {bytes} bytes of values: {REQUEST_BYTES_MAX} at most"
            ));
        }
        if self.idempotent && self.acks != Acks::All {
            return Some("--idempotent needs --acks all".to_owned());
        }
        if self.idempotent && self.in_flight > IDEMPOTENT_IN_FLIGHT_MAX {
            return Some(format!(
                "--idempotent needs --in-flight {IDEMPOTENT_IN_FLIGHT_MAX} or less"
            ));
        }
        None
    }
}

/// Reads the command line; the error is also what `--help` and `--version` print.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<Command, clap::Error> {
    let command = CommandLine::try_parse_from(arguments)?.command;
    if let Command::Produce(produce) = &command
        && let Some(conflict) = produce.conflict()
    {
        return Err(CommandLine::command().error(ErrorKind::ArgumentConflict, conflict));
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn produce(line: &str) -> Result<ProduceArguments, String> {
        let words = format!("millrace-bench produce --topic t {line}");
        match parse(words.split_whitespace()).map_err(|error| error.to_string())? {
            Command::Produce(arguments) => Ok(arguments),
            Command::Consume(_) => Err("a consume command".to_owned()),
        }
    }

    #[test]
    fn the_grammar_has_no_contradictions() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn defaults_are_one_plain_durable_record_at_a_time() {
        let arguments = produce("").unwrap();
        assert_eq!(arguments.target.bootstrap, "127.0.0.1:9092");
        let counts = (arguments.connections, arguments.records_per_request);
        assert_eq!((counts, arguments.in_flight), ((1, 1), 1));
        assert_eq!(arguments.acks.code(), -1);
        assert!(!arguments.idempotent && !arguments.create);
    }

    #[test]
    fn idempotent_is_a_switch_with_an_optional_value() {
        for (line, expected) in [
            ("--idempotent", true),
            ("--idempotent yes", true),
            ("--idempotent no", false),
        ] {
            assert_eq!(produce(line).unwrap().idempotent, expected, "{line}");
        }
    }

    #[test]
    fn options_that_do_not_fit_together_are_refused_with_the_reason() {
        for (line, reason) in [
            ("--idempotent --acks 1", "--acks all"),
            ("--idempotent --in-flight 6", "--in-flight 5"),
            ("--record-size 1048576 --records-per-request 65", "at most"),
            ("--partitions 3", "--create"),
            ("--connections 0", "not in 1..=20000"),
            ("--acks 0", "possible values: all, 1"),
        ] {
            let error = produce(line).unwrap_err();
            assert!(error.contains(reason), "{line}: {error}");
        }
    }
}
