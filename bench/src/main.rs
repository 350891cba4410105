//! The load generator: a Kafka client of our own on the broker's runtime, so that it costs little
//! beside the broker it measures. The table of contents; `arguments` reads the command line,
//! `workload` is what a run does, `load` does it, `run` conducts it, `report` tells it.

mod arguments;
mod client;
mod commands;
mod compare;
mod load;
mod measure;
mod report;
mod run;
mod self_test;
mod workload;

use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let command = match arguments::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(error) => return wrong_usage(&error),
    };
    match commands::execute(command) {
        Ok(code) => code,
        Err(commands::Failure::Usage(why)) => wrong_usage(&arguments::conflict(&why)),
        Err(commands::Failure::Other(why)) => {
            drop(writeln!(io::stderr(), "millrace-bench: {why}"));
            ExitCode::FAILURE
        }
    }
}

/// Also what `--help` and `--version` print, which is no failure.
fn wrong_usage(error: &clap::Error) -> ExitCode {
    drop(error.print());
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
