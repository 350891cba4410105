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
/// The fake broker gives out no producer ids.
const PLAIN: &str = "-P enable.idempotence=false";

/// The exit code, and what was printed.
fn bench(broker: &Arc<FakeBroker>, line: &str) -> (Option<i32>, String) {
    let bootstrap = format!("127.0.0.1:{}", broker.port);
    let line = format!("run {line} {PLAIN} --bootstrap {bootstrap} --topic {TOPIC}");
    run(&line)
}

fn run(line: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millrace-bench"));
    let done = command.args(line.split_whitespace()).output().unwrap();
    let printed = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8(printed).unwrap())
}

#[test]
fn every_record_is_acknowledged_and_reported() {
    let broker = FakeBroker::start(Lie::Nothing, NEWEST);
    let load = "--producers 5 --closed --records 1003 --record-size 70 -P batch.size=1000";
    let (code, output) = bench(&broker, &format!("{load} --json"));
    assert_eq!(code, Some(0), "{output}");
    assert_eq!(broker.produced(), 1003);
    for part in [r#""records": 1003"#, r#""bytes": 70210"#, r#""errors": 0"#] {
        assert!(output.contains(part), "{part}: {output}");
    }
}

#[test]
fn one_record_a_request_is_what_no_batches_mean() {
    let broker = FakeBroker::start(Lie::Nothing, NEWEST);
    let load = "--closed --records 50 -P batch.size=0 -P linger.ms=0 \
                -P max.in.flight.requests.per.connection=1";
    let (code, output) = bench(&broker, load);
    assert!(
        code == Some(0) && output.contains("50 records in 50 requests"),
        "{output}"
    );
}

#[test]
fn every_record_is_read_again_and_accounted_for() {
    let broker = FakeBroker::start(Lie::Nothing, NEWEST);
    let load = "--producers 3 --subscriptions 2 --consumers 2 --rate 5k --duration 1s \
                --keys sequential --tombstones 0.1 --headers 2 -P compression.type=zstd";
    let (code, output) = bench(&broker, load);
    assert_eq!(code, Some(0), "{output}");
    assert!(
        output.contains("0 lost, 0 duplicated, 0 out of order, 0 damaged"),
        "{output}"
    );
}

#[test]
fn threads_share_the_load() {
    let broker = FakeBroker::start(Lie::Nothing, NEWEST);
    let load = "--threads 3 --producers 5 --consumers 4 --rate 4k --arrivals poisson --duration 1s";
    let (code, output) = bench(&broker, load);
    assert!(code == Some(0) && output.contains(" 0 lost"), "{output}");
}

#[test]
fn older_brokers_are_spoken_to_in_their_versions() {
    let broker = FakeBroker::start(Lie::Nothing, (2, 8));
    let (code, output) = bench(&broker, "--closed --records 10");
    assert_eq!(code, Some(0), "{output}");
    assert_eq!(broker.produced(), 10);
}

#[test]
fn a_broker_with_nothing_in_common_is_named_as_such() {
    let broker = FakeBroker::start(Lie::Nothing, (4, 2));
    let (code, output) = bench(&broker, "--closed --records 10");
    assert!(
        code == Some(1) && output.contains("no version of Produce"),
        "{output}"
    );
}

#[test]
fn wrong_answers_fail_the_load() {
    for (lie, told) in [
        (Lie::Refuses(ErrorCode::InvalidRecord), "INVALID_RECORD"),
        (
            Lie::Refuses(ErrorCode::NotEnoughReplicas),
            "NOT_ENOUGH_REPLICAS",
        ),
        (Lie::StoresAtZero, "before ones that were sent earlier"),
        (Lie::Closes, "closed the connection"),
    ] {
        let broker = FakeBroker::start(lie, NEWEST);
        let load = "--closed --producers 2 --records 2000 --give-up 1s";
        let (code, output) = bench(&broker, load);
        assert!(
            code == Some(1) && output.contains(told),
            "{lie:?}: {output}"
        );
    }
}

#[test]
fn what_a_broker_does_to_records_is_noticed() {
    for (lie, told) in [
        (Lie::Loses, "records were acknowledged and lost"),
        (Lie::StoresTwice, "records came more than once"),
        (Lie::DamagesBatches, "the stored crc is"),
    ] {
        let broker = FakeBroker::start(lie, NEWEST);
        let load =
            "--producers 2 --consumers 2 --rate 2k --duration 1s --give-up 1s -P linger.ms=1";
        let (code, output) = bench(&broker, load);
        assert!(
            code == Some(1) && output.contains(told),
            "{lie:?}: {output}"
        );
    }
}

#[test]
fn what_is_there_already_is_read_to_its_end() {
    let broker = FakeBroker::start(Lie::Nothing, NEWEST);
    broker.fill();
    let stored = i64::from(PARTITIONS) * STORED;
    for consumers in [1, 2, 9] {
        let line = format!("--producers 0 --consumers {consumers}");
        let (code, output) = bench(&broker, &line);
        assert_eq!(code, Some(0), "{output}");
        assert!(output.contains(&format!("{stored} records in")), "{output}");
    }
}
