//! The grammar of `millrace log`. Pure.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Print what files of a log, a journal or a partition's directory hold
    Dump(DumpArguments),
    /// Check every checksum and every file of a data directory, or of partitions
    #[command(after_help = "Exit codes: 0 sound, 1 could not check, 2 wrong usage, 3 damaged.")]
    Verify(VerifyArguments),
    /// Make damaged partitions servable again; says what that costs before it does it
    #[command(
        after_help = "Without --execute nothing is changed. Whatever is replaced is kept below \
                            DIR/repaired.\nExit codes: 0 nothing to do or done, 1 failed, 2 wrong usage, \
                            3 there is something to do (without --execute)."
    )]
    Repair(RepairArguments),
}

/// Names as in Kafka's `kafka-dump-log` are understood too.
#[derive(Args, Clone, Debug)]
pub(crate) struct DumpArguments {
    /// Segments, indexes, snapshots, journals, or directories of partitions
    #[arg(value_name = "FILE", required_unless_present = "files")]
    pub(crate) paths: Vec<PathBuf>,
    /// The same, separated by commas
    #[arg(long, value_name = "FILES", value_delimiter = ',', hide = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Every record, not only batches
    #[arg(long, alias = "deep-iteration")]
    pub(crate) deep: bool,
    /// Keys, values and headers of records
    #[arg(long, alias = "print-data-log")]
    pub(crate) print_data: bool,
    /// Nothing before this offset
    #[arg(long, value_name = "OFFSET", default_value_t = 0)]
    pub(crate) from_offset: i64,
    /// Nothing from this offset on
    #[arg(long, value_name = "OFFSET", default_value_t = i64::MAX, hide_default_value = true)]
    pub(crate) to_offset: i64,
    /// How keys and values are shown
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Decoder::Auto)]
    pub(crate) decode: Decoder,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// What the records of a log are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Decoder {
    /// By the name of the directory
    Auto,
    /// Text, or hexadecimal digits
    Raw,
    /// Those of `__consumer_offsets`
    Offsets,
    /// Those of `__transaction_state`
    Transactions,
    /// Those of the metadata log
    Metadata,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct VerifyArguments {
    /// Data directory, or directory of a partition
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Only these partitions, as `topic-0`; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) partition: Vec<String>,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// No progress on standard error
    #[arg(long)]
    pub(crate) quiet: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RepairArguments {
    #[command(flatten)]
    pub(crate) what: VerifyArguments,
    /// Do it; without this only tell what would be done
    #[arg(long)]
    pub(crate) execute: bool,
    /// Where the log starts, for a partition whose `partition.offsets` is damaged
    #[arg(long, value_name = "OFFSET", requires = "partition")]
    pub(crate) log_start_offset: Option<i64>,
    /// Topic of a partition whose `partition.metadata` is damaged
    #[arg(long, value_name = "ID", requires = "partition")]
    pub(crate) topic_id: Option<String>,
}
