//! `millrace log` without any data: what it refuses, and with which exit code.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::process::{Command, Output};

fn log(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_millrace"))
        .arg("log")
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn what_is_no_data_directory_is_not_called_sound() {
    let empty = tempfile::tempdir().unwrap();
    let dir = empty.path().to_str().unwrap();
    for command in ["verify", "repair"] {
        let output = log(&[command, dir]);
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("is no data directory"), "{told}");
    }
    assert_eq!(log(&["dump", dir]).status.code(), Some(1));
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0);
}

#[test]
fn small_files_are_dumped_as_text_or_json() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leader-epoch-checkpoint");
    std::fs::write(&path, "0\n2\n0 0\n4 120\n").unwrap();
    let path = path.to_str().unwrap();
    let text = String::from_utf8(log(&["dump", path]).stdout).unwrap();
    assert!(
        text.contains("  leaderEpoch epoch: 4 startOffset: 120\n"),
        "{text}"
    );
    let json = String::from_utf8(log(&["dump", "--json", "--files", path]).stdout).unwrap();
    let row = r#"{"kind":"leaderEpoch","epoch":4,"startOffset":120}"#;
    assert!(json.contains(row), "{json}");
}

#[test]
fn wrong_usage_exits_with_2() {
    for arguments in [
        &["dump"][..],
        &["verify"],
        &["repair", "d", "--log-start-offset", "5"],
    ] {
        assert_eq!(log(arguments).status.code(), Some(2), "{arguments:?}");
    }
}
