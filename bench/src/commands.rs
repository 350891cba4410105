//! The commands: from options to a run, to what is printed, to the exit code. Shell.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::arguments::{Command, DEFAULT_SLO, RunArguments, SearchArguments, TargetArguments};
use crate::report::text;
use crate::run::live::Live;
use crate::run::options::RunOptions;
use crate::run::outcome::{Ended, Outcome};
use crate::run::search::{self, Holding};
use crate::run::slo::Slo;
use crate::run::{conduct, setup, verify};
use crate::workload::{Workload, presets};

/// What the shell expects of a program that SIGINT ended.
const INTERRUPTED: u8 = 130;
/// What a verification does unless it is told otherwise.
const VERIFICATION: &str = "
name: verify
partitionsPerTopic: 8
producersPerTopic: 4
subscriptionsPerTopic: 1
consumerPerSubscription: 3
groups: true
producerRate: 20000
messageSizes: uniform 30..2000
testDurationMinutes: 0.25
consumerConfig: {auto.commit.interval.ms: '500'}
";

#[derive(Debug)]
pub(crate) enum Failure {
    Usage(String),
    Other(String),
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.to_string())
    }
}

pub(crate) fn execute(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Quick(target) => quick(&target),
        Command::Run(arguments) => run(&arguments),
        Command::Search(arguments) => search(&arguments),
        Command::Verify(arguments) => verify(&arguments),
        Command::List => list(),
        Command::Show(arguments) => {
            let workload = presets::find(&arguments.name, arguments.full);
            print(&workload.map_err(Failure::Usage)?.to_yaml())
        }
        Command::SelfTest(_) | Command::Compare(_) => print(""),
    }
}

fn print(text: &str) -> Result<ExitCode, Failure> {
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn list() -> Result<ExitCode, Failure> {
    let lines = presets::list().map(|(name, about)| format!("{name:<28}{about}\n"));
    print(&lines.collect::<String>())
}

/// The first signal ends the load, the second one the program.
fn interruption() -> io::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let code = i32::from(INTERRUPTED);
        flag::register_conditional_shutdown(signal, code, Arc::clone(&interrupted))?;
        flag::register(signal, Arc::clone(&interrupted))?;
    }
    Ok(interrupted)
}

fn quick(target: &TargetArguments) -> Result<ExitCode, Failure> {
    let workload = presets::find("quick", false).map_err(Failure::Other)?;
    run_one(&workload, &target.options())
}

fn run(arguments: &RunArguments) -> Result<ExitCode, Failure> {
    let (workload, options) = resolve(arguments, Workload::default())?;
    let asks_for_the_highest =
        workload.producer_rate == 0.0 && !workload.is_closed() && workload.producers() > 0;
    if asks_for_the_highest {
        let slo = DEFAULT_SLO.parse().map_err(Failure::Other)?;
        return search_with(&workload, &options, &holding(&slo, 5000.0, (5.0, 2.0)));
    }
    run_one(&workload, &options)
}

/// The workload and how it is run; a driver file's brokers count where none are named.
fn resolve(arguments: &RunArguments, base: Workload) -> Result<(Workload, RunOptions), Failure> {
    let (workload, bootstrap) = arguments.load.workload(base).map_err(Failure::Usage)?;
    let mut options = arguments.target.options();
    if let Some(bootstrap) = bootstrap
        && options.bootstrap == "127.0.0.1:9092"
    {
        options.bootstrap = bootstrap;
    }
    Ok((workload, options))
}

fn run_one(workload: &Workload, options: &RunOptions) -> Result<ExitCode, Failure> {
    let interrupted = interruption()?;
    let mut live = Live::new(options.quiet);
    let (setup, target, made) = setup::prepare(workload, options)?;
    let outcome = conduct::conduct(setup, target, options, &mut live, &interrupted)?;
    setup::clean_up(options, &made);
    print(&text::of_run(&outcome))?;
    Ok(code_of(&outcome, &outcome.complaints()))
}

fn code_of(outcome: &Outcome, complaints: &[String]) -> ExitCode {
    match (outcome.ended, complaints.is_empty()) {
        (Ended::Interrupted, _) => ExitCode::from(INTERRUPTED),
        (_, true) => ExitCode::SUCCESS,
        (_, false) => ExitCode::FAILURE,
    }
}

fn holding(slo: &Slo, from: f64, (hold, settle): (f64, f64)) -> Holding<'_> {
    Holding {
        slo,
        from,
        hold_minutes: hold / 60.0,
        settle_minutes: settle / 60.0,
    }
}

fn search(arguments: &SearchArguments) -> Result<ExitCode, Failure> {
    let (workload, options) = resolve(&arguments.run, Workload::default())?;
    let times = (arguments.hold.as_secs_f64(), arguments.settle.as_secs_f64());
    let holding = holding(&arguments.slo, arguments.from, times);
    search_with(&workload, &options, &holding)
}

fn search_with(
    workload: &Workload,
    options: &RunOptions,
    holding: &Holding<'_>,
) -> Result<ExitCode, Failure> {
    let interrupted = interruption()?;
    let mut live = Live::new(options.quiet);
    let found = search::search(workload, options, holding, &mut live, &interrupted)?;
    print(&text::of_search(&found))?;
    Ok(if found.best.is_some() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn verify(arguments: &RunArguments) -> Result<ExitCode, Failure> {
    let base = Workload::parse(VERIFICATION).map_err(Failure::Other)?;
    let (workload, options) = resolve(arguments, base)?;
    let interrupted = interruption()?;
    let mut live = Live::new(options.quiet);
    let verified = verify::verify(&workload, &options, &mut live, &interrupted)?;
    print(&text::of_verification(&verified))?;
    Ok(code_of(&verified.first, &verified.complaints()))
}
