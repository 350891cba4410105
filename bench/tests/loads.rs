//! The built generator against a broker that tells the truth, and against brokers that do not.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails where the generator cannot be run"
)]

mod fake_broker;

use std::process::Command;
use std::sync::Arc;

use protocol::error_code::ErrorCode;

use fake_broker::{FakeBroker, Lie, PARTITIONS, STORED, TOPIC};

const NEWEST: (i16, i16) = (4, 13);

/// Whether the command succeeded, and what it printed.
fn bench(broker: &Arc<FakeBroker>, line: &str) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millrace-bench"));
    let bootstrap = format!("127.0.0.1:{}", broker.port);
    let words = line.split_whitespace();
    command
        .args(words)
        .args(["--bootstrap", &bootstrap, "--topic", TOPIC]);
    let done = command.output().unwrap();
    let printed = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8(printed).unwrap())
}

#[test]
fn every_record_is_acknowledged_and_reported() {
    let broker = FakeBroker::start(Lie::Nothing, NEWEST);
    let load = "produce --connections 5 --records 1003 --records-per-request 10 --in-flight 3";
    let (succeeded, output) = bench(&broker, &format!("{load} --record-size 7 --json"));
    assert!(succeeded, "{output}");
    assert_eq!(broker.produced(), 1003);
    let counts = r#""records": 1003, "requests": 101, "bytes": 7021"#;
    assert!(
        output.contains(counts) && output.contains(r#""errors": 0"#),
        "{output}"
    );
}

#[test]
fn older_brokers_are_spoken_to_in_their_versions() {
    let broker = FakeBroker::start(Lie::Nothing, (2, 8));
    let (succeeded, output) = bench(&broker, "produce --records 10");
    assert!(succeeded, "{output}");
    assert_eq!(broker.produced(), 10);
}

#[test]
fn a_broker_with_nothing_in_common_is_named_as_such() {
    let broker = FakeBroker::start(Lie::Nothing, (4, 2));
    let (succeeded, output) = bench(&broker, "produce --records 10");
    assert!(
        !succeeded && output.contains("no version of Produce"),
        "{output}"
    );
}

#[test]
fn wrong_answers_fail_the_load() {
    for (lie, told) in [
        (
            Lie::Refuses(ErrorCode::NotEnoughReplicas),
            "NOT_ENOUGH_REPLICAS",
        ),
        (Lie::StoresAtZero, "before ones that were sent earlier"),
        (
            Lie::Closes,
            "closed the connection with 1 requests unanswered",
        ),
    ] {
        let broker = FakeBroker::start(lie, NEWEST);
        let (succeeded, output) = bench(&broker, "produce --records 20 --connections 2");
        assert!(!succeeded && output.contains(told), "{lie:?}: {output}");
    }
}

#[test]
fn all_records_are_consumed() {
    let broker = FakeBroker::start(Lie::Nothing, NEWEST);
    let stored = i64::from(PARTITIONS) * STORED;
    for connections in [1, 2, 9] {
        let (succeeded, output) = bench(&broker, &format!("consume --connections {connections}"));
        assert!(
            succeeded && output.contains(&format!("{stored} records in")),
            "{output}"
        );
    }
}

#[test]
fn a_damaged_batch_fails_the_load() {
    let broker = FakeBroker::start(Lie::DamagesBatches, NEWEST);
    let (succeeded, output) = bench(&broker, "consume");
    assert!(
        !succeeded && output.contains("batch at offset 0"),
        "{output}"
    );
}
