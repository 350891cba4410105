//! The commands: from options to a run, to what is printed, to the exit code. Shell.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::arguments::{
    Command, CompareArguments, DEFAULT_SLO, RunArguments, SearchArguments, SelfTestArguments,
    TargetArguments,
};
use crate::compare::{self, Limits};
use crate::measure::interval::Series;
use crate::measure::process::Cost;
use crate::report::json::Report;
use crate::report::{files, text};
use crate::run::live::Live;
use crate::run::options::RunOptions;
use crate::run::outcome::{Ended, Outcome};
use crate::run::search::{self, Holding};
use crate::run::slo::Slo;
use crate::run::{conduct, setup, verify};
use crate::self_test;
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
        Command::SelfTest(arguments) => self_test(&arguments),
        Command::Compare(arguments) => compare(&arguments),
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
    let (interrupted, mut live) = begin(options)?;
    let (setup, target, made) = setup::prepare(workload, options)?;
    let outcome = conduct::conduct(setup, target, options, &mut live, &interrupted)?;
    setup::clean_up(options, &made);
    let report = Report::new(&outcome);
    tell(options, &report, &outcome.series, &text::of_run(&outcome))?;
    Ok(code_of(&outcome, &outcome.complaints()))
}

/// What must be there before a load begins: the report's directory too.
fn begin(options: &RunOptions) -> Result<(Arc<AtomicBool>, Live), Failure> {
    if let Some(directory) = &options.report {
        files::prepare(directory)?;
    }
    if let Some(pid) = options.broker_pid {
        let cost = Cost::of(pid);
        cost.map_err(|error| Failure::Other(format!("--broker-pid {pid}: {error}")))?;
    }
    Ok((interruption()?, Live::new(options.quiet || options.json)))
}

/// Prints the result, and writes the report where one is wanted.
fn tell(options: &RunOptions, report: &Report, series: &Series, text: &str) -> Result<(), Failure> {
    if options.json {
        print(&(report.to_text() + "\n"))?;
    } else {
        print(text)?;
    }
    if let Some(directory) = &options.report {
        files::write(directory, report, series)?;
        let page = directory.join("report.html");
        drop(writeln!(io::stderr(), "report: {}", page.display()));
    }
    Ok(())
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
    let (interrupted, mut live) = begin(options)?;
    let found = search::search(workload, options, holding, &mut live, &interrupted)?;
    let shown = found.steps.get(found.best.unwrap_or(0));
    if let (Some(report), Some(step)) = (Report::of_search(&found), shown) {
        tell(
            options,
            &report,
            &step.outcome.series,
            &text::of_search(&found),
        )?;
    }
    if interrupted.load(Ordering::Relaxed) {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(if found.best.is_some() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn verify(arguments: &RunArguments) -> Result<ExitCode, Failure> {
    let base = Workload::parse(VERIFICATION).map_err(Failure::Other)?;
    let (workload, options) = resolve(arguments, base)?;
    let (interrupted, mut live) = begin(&options)?;
    let verified = verify::verify(&workload, &options, &mut live, &interrupted)?;
    let report = Report {
        complaints: verified.complaints(),
        ..Report::new(&verified.first)
    };
    let text = text::of_verification(&verified);
    tell(&options, &report, &verified.first.series, &text)?;
    Ok(code_of(&verified.first, &verified.complaints()))
}

fn self_test(arguments: &SelfTestArguments) -> Result<ExitCode, Failure> {
    let interrupted = interruption()?;
    let mut live = Live::new(true);
    let lines = self_test::run(arguments.hold, arguments.stall, &mut live, &interrupted)?;
    let text: String = lines.iter().map(|line| line.to_text() + "\n").collect();
    let json = serde_json::to_string_pretty(&lines)? + "\n";
    print(if arguments.json { &json } else { &text })?;
    let passed = lines.iter().all(|line| line.passed);
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn compare(arguments: &CompareArguments) -> Result<ExitCode, Failure> {
    let limits: Limits = match &arguments.fail_if {
        Some(text) => text.parse().map_err(Failure::Usage)?,
        None => Limits::default(),
    };
    let comparison = compare::compare(compare::read(&arguments.reports)?);
    if let Some(path) = &arguments.html {
        std::fs::write(path, compare::html(&comparison))?;
    }
    print(&if arguments.markdown {
        compare::markdown(&comparison)
    } else {
        compare::text(&comparison)
    })?;
    let broken = limits.broken(&comparison);
    for limit in &broken {
        drop(writeln!(io::stderr(), "millrace-bench: {limit}"));
    }
    Ok(if broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
