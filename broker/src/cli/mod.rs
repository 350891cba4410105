//! The command line: what `millrace` does when it is called, and with which exit code. Shell.
//!
//! `main` gives [`run`] the function that starts a broker; everything before and after it is here:
//! parsing, configuration, logging, and telling what went wrong.

mod arguments;
pub(crate) mod banner;
mod log;
mod show;

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::config::Settings;
use crate::config::effective::Machine;
use crate::config::load::{Inputs, MOUNTED_FILE, load};
use crate::config::problem::{ConfigError, Notice};
use crate::limits::cores;
use crate::logging;
use arguments::{Command, CommandLine, ConfigArguments, StartArguments, StorageCommand};

/// Failed while starting or running. (0: stopped as asked.)
const FAILED: u8 = 1;
/// Wrong usage or configuration: nothing was started or written.
const WRONG_CONFIGURATION: u8 = 2;

/// Does what the command line says; `start` runs a broker until it is told to stop.
pub(crate) fn run(start: impl FnOnce(Settings) -> anyhow::Result<()>) -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => {
            // Help and version are such errors too, with code 0. Nobody is left to tell when
            // printing fails.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(WRONG_CONFIGURATION));
        }
    };
    match line.command {
        None => run_broker(&line.start, start),
        Some(Command::Start(arguments)) => run_broker(&arguments, start),
        Some(Command::Config(arguments)) => print_config(&arguments),
        Some(Command::Log(command)) => log::run(&command),
        Some(Command::Storage(StorageCommand::Format { .. })) => print(
            "nothing to format: the first start prepares the data directory. An identity of the \
             cluster is given as CLUSTER_ID or --override cluster.id=ID.\n",
        ),
        Some(Command::Storage(StorageCommand::RandomUuid)) => random_uuid(),
    }
}

fn run_broker(
    arguments: &StartArguments,
    start: impl FnOnce(Settings) -> anyhow::Result<()>,
) -> ExitCode {
    let (settings, notices) = match configure(arguments) {
        Ok(configured) => configured,
        Err(error) => return refuse(&error),
    };
    let log = match logging::start(&settings.log_filter, settings.log_format) {
        Ok(log) => log,
        Err(error) => return complain(&error.to_string(), WRONG_CONFIGURATION),
    };
    for notice in &notices {
        tracing::info!(target: "millrace::config", "{notice}");
    }
    let result = start(settings);
    drop(log);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&format!("{error:#}"), FAILED),
    }
}

fn configure(arguments: &StartArguments) -> Result<(Settings, Vec<Notice>), ConfigError> {
    let environment = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let inputs = Inputs {
        file: arguments.file.clone(),
        mounted_file: PathBuf::from(MOUNTED_FILE),
        environment: environment.collect(),
        overrides: arguments.values(),
    };
    load(
        &inputs,
        &Machine {
            cores: cores::count(),
            host_name: host_name(),
        },
    )
}

/// The name of this machine, as the kernel has it.
fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" | "(none)" => "localhost".to_owned(),
        name => name.to_owned(),
    }
}

fn print_config(arguments: &ConfigArguments) -> ExitCode {
    if arguments.doc {
        return print(&show::documentation());
    }
    let (settings, notices) = match configure(&arguments.start) {
        Ok(configured) => configured,
        Err(error) => return refuse(&error),
    };
    if arguments.json {
        print(&show::json(settings.layers()))
    } else {
        print(&show::text(settings.layers(), &notices, arguments.all))
    }
}

/// Kafka's tools do not like an identity that looks like a flag, so it never starts with a dash.
fn random_uuid() -> ExitCode {
    let mut text = String::from("-");
    while text.starts_with('-') {
        match fs::read_to_string("/proc/sys/kernel/random/uuid") {
            Ok(hex) => text = show::short_uuid(&hex),
            Err(error) => return complain(&format!("cannot draw an identity: {error}"), FAILED),
        }
    }
    print(&format!("{text}\n"))
}

fn print(text: &str) -> ExitCode {
    match io::stdout().lock().write_all(text.as_bytes()) {
        // A reader that has seen enough (`| head`) is no failure.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("cannot write: {error}"), FAILED)
        }
        _ => ExitCode::SUCCESS,
    }
}

/// One line a problem.
fn refuse(error: &ConfigError) -> ExitCode {
    let code = complain(&error.to_string(), WRONG_CONFIGURATION);
    drop(writeln!(
        io::stderr(),
        "millrace: not started; `millrace config --doc` explains every setting"
    ));
    code
}

fn complain(text: &str, code: u8) -> ExitCode {
    let mut stderr = io::stderr().lock();
    for line in text.lines() {
        // Nobody is left to tell when this fails.
        drop(writeln!(stderr, "millrace: {line}"));
    }
    ExitCode::from(code)
}
