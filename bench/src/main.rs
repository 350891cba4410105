//! The load generator: a Kafka client of our own on the broker's runtime, so that it costs little
//! beside the broker it measures. One thread, one ring, one task a connection. The table of
//! contents; `arguments` reads the command line, `producer` and `consumer` are the two loads.

mod arguments;
mod assignment;
mod connection;
mod consumer;
mod cpu;
mod negotiate;
mod payload;
mod producer;
mod refusal;
mod report;
mod topic;

use std::io::{self, Write};
use std::process::ExitCode;

use storage::ring::{Ring, RingOptions};
use storage::tasks;

use arguments::Command;
use report::Report;

fn main() -> ExitCode {
    let command = match arguments::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(error) => {
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(&command) {
        Ok(report) => conclude(&report, command.json()),
        Err(error) => {
            drop(writeln!(io::stderr(), "millrace-bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> anyhow::Result<Report> {
    let ring = Ring::new(&RingOptions::default())?;
    match command {
        Command::Produce(arguments) => tasks::block_on(&ring, producer::run(&ring, arguments)),
        Command::Consume(arguments) => tasks::block_on(&ring, consumer::run(&ring, arguments)),
    }
}

fn conclude(report: &Report, json: bool) -> ExitCode {
    let text = if json {
        report.to_json()
    } else {
        report.to_text()
    };
    let written = writeln!(io::stdout(), "{text}");
    if written.is_err() || report.tally.failed() > 0 {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
