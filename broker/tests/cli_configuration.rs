//! The built binary: what it prints, and with which exit code, without starting a broker.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::fs;
use std::process::{Command, Output};

fn millrace(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_millrace"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn help_has_examples_and_exit_codes() {
    let output = millrace(&["--help"], &[]);
    assert_eq!(output.status.code(), Some(0));
    let help = stdout(&output);
    for part in [
        "Examples:",
        "millrace start server.properties --override",
        "Exit codes: 0",
    ] {
        assert!(help.contains(part), "{help}");
    }
    let output = millrace(&["--version"], &[]);
    assert!(stdout(&output).starts_with("millrace "));
}

#[test]
fn wrong_usage_exits_with_2() {
    for arguments in [
        &["--no-such-flag"][..],
        &["start", "--override", "noequals"],
    ] {
        assert_eq!(
            millrace(arguments, &[]).status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
}

#[test]
fn wrong_configuration_exits_with_2_and_one_line_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.properties");
    fs::write(&file, "num.partitions=0\nlog.retention.hour=5\n").unwrap();
    let file = file.to_str().unwrap();
    for arguments in [&["start", file][..], &[file], &["config", file]] {
        let output = millrace(arguments, &[]);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = stderr(&output);
        assert!(
            text.contains("server.properties:1: num.partitions = \"0\": out of range"),
            "{text}"
        );
        assert!(
            text.contains("server.properties:2: log.retention.hour: unknown name"),
            "{text}"
        );
        assert!(text.contains("did you mean log.retention.hours?"), "{text}");
        assert_eq!(text.lines().count(), 3, "{text}");
    }
}

#[test]
fn a_missing_file_exits_with_2_and_its_name() {
    let output = millrace(&["start", "/nonexistent/server.properties"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot read /nonexistent/server.properties"));
}

#[test]
fn config_shows_the_value_that_counts_and_where_it_is_from() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.properties");
    fs::write(
        &file,
        "num.partitions=2\nmessage.max.bytes=9\nnum.io.threads=8\n",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let environment = [("KAFKA_NUM_PARTITIONS", "3"), ("KAFKA_HEAP_OPTS", "-Xmx1g")];
    let output = millrace(
        &["config", file, "--override", "message.max.bytes=8"],
        &environment,
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    let line = |name: &str| {
        text.lines()
            .find(|line| line.starts_with(name))
            .unwrap()
            .to_owned()
    };
    assert!(
        line("num.partitions = 3").ends_with("# environment KAFKA_NUM_PARTITIONS"),
        "{text}"
    );
    assert!(
        line("message.max.bytes = 8").ends_with("# command line --override"),
        "{text}"
    );
    assert!(
        line("# num.io.threads (").contains("no thread pools"),
        "{text}"
    );
    assert!(!text.contains("Xmx"), "{text}");
}

#[test]
fn flags_are_settings() {
    let arguments = [
        "config",
        "--shards",
        "3",
        "--data",
        "/d",
        "--listen",
        "0.0.0.0:1",
        "--advertise",
        "h:2",
    ];
    let text = stdout(&millrace(&arguments, &[]));
    assert!(text.contains("millrace.shards = 3"), "{text}");
    assert!(text.contains("log.dirs = /d"), "{text}");
    assert!(text.contains("listeners = PLAINTEXT://0.0.0.0:1"), "{text}");
    assert!(
        text.contains("advertised.listeners = PLAINTEXT://h:2"),
        "{text}"
    );
    let output = millrace(&["config", "--shards", "many"], &[]);
    assert!(stderr(&output).contains("command line --shards: millrace.shards = \"many\""));
}

#[test]
fn config_prints_json_and_documentation() {
    let json = stdout(&millrace(&["config", "--json"], &[("CLUSTER_ID", "abc")]));
    assert!(json.starts_with("[\n{\"name\":") && json.ends_with("}\n]\n"));
    assert!(
        json.contains("{\"name\":\"cluster.id\",\"value\":\"abc\""),
        "{json}"
    );
    let table = stdout(&millrace(&["config", "--doc"], &[]));
    assert!(table.contains("| `millrace.durability` | string, one of durable, relaxed |"));
}

#[test]
fn a_listener_with_tls_is_refused_with_the_reason() {
    let output = millrace(&["start", "--listen", "SSL://127.0.0.1:0"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("serves PLAINTEXT only"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_wrong_log_filter_is_refused() {
    let output = millrace(&["start"], &[("MILLRACE_LOG", "millrace=loud")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("log filter"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn kafka_habits_of_preparing_storage_are_accepted() {
    let output = millrace(
        &["storage", "format", "-t", "x", "-c", "server.properties"],
        &[],
    );
    assert_eq!(output.status.code(), Some(0));
    let id = stdout(&millrace(&["storage", "random-uuid"], &[]));
    assert_eq!(id.trim().len(), 22);
    assert!(!id.starts_with('-'));
}
