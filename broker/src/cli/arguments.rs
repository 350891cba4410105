//! The command line's grammar and its help. Pure: texts in, a command out.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::log::arguments::LogCommand;
use crate::config::load::Override;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "millrace",
    version,
    about = "Millrace, a Kafka-compatible broker: one process, durable by default, no JVM.",
    long_about = "Millrace, a Kafka-compatible broker: one process, durable by default, no JVM.\n\n\
                  Without arguments it starts a broker on 127.0.0.1:9092 that keeps its data in \
                  ./millrace-data. A second start finds the data again.",
    after_help = "Examples:\n  \
        millrace                                       start, with nothing to prepare\n  \
        millrace start --listen 0.0.0.0:9092 --data /var/lib/millrace\n  \
        millrace start server.properties --override num.partitions=6\n  \
        KAFKA_NUM_PARTITIONS=6 millrace start          as in Kafka's container images\n  \
        millrace config server.properties              check a file, see what counts\n  \
        millrace config --doc                          every setting, explained\n  \
        millrace log verify DIR                        check all files of a data directory\n\n\
        A value is taken from the first of: flags and --override, environment (KAFKA_*, \
        MILLRACE_*), the file\ngiven, /mnt/shared/config/server.properties, the default.\n\n\
        Exit codes: 0 stopped as asked, 1 failed while running, 2 wrong usage or configuration.",
    args_conflicts_with_subcommands = true,
    infer_subcommands = false
)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) start: StartArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a broker (also what `millrace` alone does)
    Start(StartArguments),
    /// Check a configuration and print what counts
    Config(ConfigArguments),
    /// Look at the files of logs, check them, repair them; without a broker
    #[command(subcommand)]
    Log(LogCommand),
    /// Accepted for Kafka's habits: there is nothing to format
    #[command(subcommand)]
    Storage(StorageCommand),
}

#[derive(Args, Clone, Debug, Default)]
pub(crate) struct StartArguments {
    /// Configuration in Kafka's format, with Kafka's names
    #[arg(value_name = "server.properties")]
    pub(crate) file: Option<PathBuf>,
    /// Set one value; may be repeated, the last one counts
    #[arg(long = "override", value_name = "NAME=VALUE", value_parser = parse_override)]
    pub(crate) overrides: Vec<(String, String)>,
    /// Threads that own partitions and connections [default: one a core]
    #[arg(long, value_name = "N")]
    pub(crate) shards: Option<String>,
    /// Directory for everything that is kept [default: ./millrace-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<String>,
    /// Address to listen on; `:PORT` is every interface, port 0 any free one [default: 127.0.0.1:9092]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,
    /// Address that clients are told to connect to [default: the one listened on]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) advertise: Option<String>,
    /// What is logged: a level, or target=level pairs [default: info]
    #[arg(long, value_name = "FILTER")]
    pub(crate) log_level: Option<String>,
    /// Form of the log lines: text or json [default: text]
    #[arg(long, value_name = "FORM")]
    pub(crate) log_format: Option<String>,
}

#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ConfigArguments {
    #[command(flatten)]
    pub(crate) start: StartArguments,
    /// Print every setting, not only those that were given
    #[arg(long)]
    pub(crate) all: bool,
    /// Print every setting as JSON
    #[arg(long, conflicts_with = "doc")]
    pub(crate) json: bool,
    /// Print the table of settings: type, default, values, meaning
    #[arg(long)]
    pub(crate) doc: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StorageCommand {
    /// Does nothing: the first start prepares the data directory
    Format {
        /// Options of Kafka's tool
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        options: Vec<String>,
    },
    /// Print an identity for a cluster
    RandomUuid,
}

impl StartArguments {
    /// The values of all flags; --override beats the others.
    pub(crate) fn values(&self) -> Vec<Override> {
        let flags = [
            ("millrace.shards", "--shards", self.shards.clone()),
            ("log.dirs", "--data", self.data.clone()),
            (
                "listeners",
                "--listen",
                self.listen.as_deref().map(listener),
            ),
            (
                "advertised.listeners",
                "--advertise",
                self.advertise.as_deref().map(listener),
            ),
            ("millrace.log.level", "--log-level", self.log_level.clone()),
            (
                "millrace.log.format",
                "--log-format",
                self.log_format.clone(),
            ),
        ];
        let flags = flags.into_iter().filter_map(|(name, flag, value)| {
            Some(Override {
                name: name.to_owned(),
                value: value?,
                flag,
            })
        });
        let overrides = self.overrides.iter().map(|(name, value)| Override {
            name: name.clone(),
            value: value.clone(),
            flag: "--override",
        });
        flags.chain(overrides).collect()
    }
}

fn parse_override(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        Some(_) | None => Err("expected name=value".to_owned()),
    }
}

/// A flag's short form as Kafka writes it: a port alone is on this machine, `:port` on every
/// interface, and a text with a listener name stays as it is.
fn listener(text: &str) -> String {
    if text.contains("://") {
        text.to_owned()
    } else if text.contains(':') {
        format!("PLAINTEXT://{text}")
    } else {
        format!("PLAINTEXT://127.0.0.1:{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(arguments: &[&str]) -> CommandLine {
        CommandLine::try_parse_from([&["millrace"], arguments].concat()).unwrap()
    }

    #[test]
    fn the_grammar_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn flags_without_a_command_start() {
        let line = parse(&["--shards", "2", "server.properties"]);
        assert!(line.command.is_none());
        assert_eq!(line.start.file, Some(PathBuf::from("server.properties")));
        let values = line.start.values();
        assert_eq!(
            (values[0].name.as_str(), values[0].flag),
            ("millrace.shards", "--shards")
        );
    }

    #[test]
    fn overrides_come_after_the_flags_and_need_a_name() {
        let line = parse(&[
            "start",
            "f",
            "--override",
            "a=b=c",
            "--listen",
            ":9",
            "--override",
            "d=",
        ]);
        let Some(Command::Start(start)) = line.command else {
            panic!("start")
        };
        let values: Vec<_> = start
            .values()
            .into_iter()
            .map(|v| format!("{}={}", v.name, v.value))
            .collect();
        assert_eq!(values, ["listeners=PLAINTEXT://:9", "a=b=c", "d="]);
        let wrong = ["millrace", "--override", "=1"];
        assert_eq!(
            CommandLine::try_parse_from(wrong).unwrap_err().exit_code(),
            2
        );
    }

    #[test]
    fn listen_takes_short_forms() {
        assert_eq!(listener("9092"), "PLAINTEXT://127.0.0.1:9092");
        assert_eq!(listener("[::]:9092"), "PLAINTEXT://[::]:9092");
        assert_eq!(listener("A://h:1"), "A://h:1");
    }

    #[test]
    fn kafka_habits_of_formatting_are_accepted() {
        let line = parse(&["storage", "format", "-t", "id", "-c", "f", "--standalone"]);
        assert!(matches!(
            line.command,
            Some(Command::Storage(StorageCommand::Format { .. }))
        ));
    }
}
