//! The built generator in the hands of people: bad input, interruption, reports.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails where the generator cannot be run"
)]
#![expect(clippy::disallowed_methods, reason = "a test may sleep")]

mod fake_broker;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use fake_broker::{FakeBroker, Lie, TOPIC};

const NEWEST: (i16, i16) = (4, 13);
const FILES: [&str; 6] = [
    "report.json",
    "report.html",
    "series.csv",
    "response.hgrm",
    "env.json",
    "workload.yaml",
];

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millrace-bench"));
    command.args(words);
    command
}

fn run(words: &[&str]) -> (Option<i32>, String) {
    said(&command(words).output().unwrap())
}

fn said(done: &Output) -> (Option<i32>, String) {
    let printed = [done.stdout.as_slice(), &done.stderr].concat();
    (done.status.code(), String::from_utf8(printed).unwrap())
}

/// A load of this rate against the broker, with a report.
fn load(broker: &Arc<FakeBroker>, seconds: &str, report: &Path) -> Command {
    let bootstrap = format!("127.0.0.1:{}", broker.port);
    let mut load = command(&["run", "--bootstrap", &bootstrap, "--topic", TOPIC]);
    load.args([
        "--rate",
        "1k",
        "--duration",
        seconds,
        "--consumers",
        "1",
        "--give-up",
        "1s",
    ]);
    load.args(["-P", "enable.idempotence=false", "--report"])
        .arg(report);
    load.stdout(Stdio::piped()).stderr(Stdio::piped());
    load
}

fn check_report(directory: &Path) {
    for file in FILES {
        let text = std::fs::read_to_string(directory.join(file)).unwrap();
        assert!(!text.is_empty(), "{file}");
    }
    let page = std::fs::read_to_string(directory.join("report.html")).unwrap();
    assert!(page.contains("<svg") && page.ends_with("</html>\n"));
    assert!(
        !page.contains("http://") && !page.contains("https://"),
        "it needs nothing else"
    );
}

#[test]
fn wrong_usage_is_told_apart_from_failures() {
    let (code, output) = run(&["run", "--rate", "fast"]);
    assert!(code == Some(2) && output.contains("no number"), "{output}");
    let (code, output) = run(&["run", "-P", "acks=7"]);
    assert!(
        code == Some(2) && output.contains("acks cannot be '7'"),
        "{output}"
    );
    let (code, output) = run(&["run", "no-such-preset"]);
    assert!(code == Some(2) && output.contains("no preset"), "{output}");
    let (code, _) = run(&["--help"]);
    assert_eq!(code, Some(0));
}

#[test]
fn an_unreachable_broker_is_named() {
    let (code, output) = run(&["quick", "--bootstrap", "127.0.0.1:1"]);
    assert!(
        code == Some(1) && output.contains("cannot connect to 127.0.0.1:1"),
        "{output}"
    );
    let (code, output) = run(&["quick", "--bootstrap", "no.such.host.invalid:9092"]);
    assert!(
        code == Some(1) && output.contains("no.such.host.invalid"),
        "{output}"
    );
}

#[test]
fn a_report_that_cannot_be_written_is_noticed_before_the_load() {
    let broker = FakeBroker::start(Lie::Nothing, NEWEST);
    let file = tempfile::NamedTempFile::new().unwrap();
    let done = load(&broker, "1s", &file.path().join("report"))
        .output()
        .unwrap();
    let (code, output) = said(&done);
    assert!(
        code == Some(1) && output.contains("cannot be written"),
        "{output}"
    );
    assert_eq!(broker.produced(), 0);
}

#[test]
fn an_interrupted_run_reports_what_was_measured() {
    let broker = FakeBroker::start(Lie::Nothing, NEWEST);
    let report = tempfile::tempdir().unwrap();
    let running = load(&broker, "60s", report.path()).spawn().unwrap();
    thread::sleep(Duration::from_secs(2));
    let pid = running.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let (code, output) = said(&running.wait_with_output().unwrap());
    assert!(
        code == Some(130) && output.contains("interrupted"),
        "{output}"
    );
    assert!(output.contains(" 0 lost"), "{output}");
    check_report(report.path());
}

#[test]
fn a_broker_that_goes_away_ends_the_run_with_a_report() {
    let broker = FakeBroker::start(Lie::Nothing, NEWEST);
    let report = tempfile::tempdir().unwrap();
    let running = load(&broker, "30s", report.path()).spawn().unwrap();
    thread::sleep(Duration::from_secs(1));
    broker.go_away();
    let (code, output) = said(&running.wait_with_output().unwrap());
    assert!(
        code == Some(1) && output.contains("trying again"),
        "{output}"
    );
    assert!(output.contains("records were not acknowledged"), "{output}");
    check_report(report.path());
}

#[test]
fn reports_are_compared() {
    let broker = FakeBroker::start(Lie::Nothing, NEWEST);
    let reports = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for report in &reports {
        let (code, output) = said(&load(&broker, "1s", report.path()).output().unwrap());
        assert_eq!(code, Some(0), "{output}");
        check_report(report.path());
    }
    let paths = reports
        .each_ref()
        .map(|report| report.path().to_str().unwrap());
    let (code, output) = run(&["compare", paths[0], paths[1]]);
    assert!(code == Some(0) && output.contains("throughput"), "{output}");
    let (code, output) = run(&[
        "compare",
        paths[0],
        paths[1],
        "--fail-if",
        "throughput<+900%",
    ]);
    assert!(
        code == Some(1) && output.contains("throughput changed by"),
        "{output}"
    );
    let (code, output) = run(&["compare", paths[0], "/nonexistent"]);
    assert!(
        code == Some(1) && output.contains("/nonexistent"),
        "{output}"
    );
}

#[test]
fn presets_are_shown_and_read_again() {
    let (code, output) = run(&["list"]);
    assert!(
        code == Some(0) && output.contains("linkedin-2014"),
        "{output}"
    );
    let (_, shown) = run(&["show", "singles", "--full"]);
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), shown).unwrap();
    let path = file.path().to_str().unwrap();
    let (code, output) = run(&["run", path, "--bootstrap", "127.0.0.1:1"]);
    assert!(
        code == Some(1) && output.contains("cannot connect"),
        "{output}"
    );
}

/// A whole second of the sink's stall shows, although only few requests were under way in it.
#[test]
fn a_stall_cannot_hide() {
    let (_, output) = run(&["self-test", "--hold", "0.2s", "--stall", "1s"]);
    let mut lines = output.lines();
    let stalled = lines.find(|line| line.contains("with a stall")).unwrap();
    assert!(stalled.starts_with("ok"), "{output}");
}
