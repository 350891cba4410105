//! Text scenarios: each file in `tests/scenarios/` is a story of commands and the whole trace that they leave.
//!
//! A block is one command per line, a line `----`, the trace, and an empty line. `REWRITE=1` writes the traces anew, to be
//! read before they are committed. The commands are listed in `scenario/mod.rs`.

#![expect(clippy::unwrap_used, reason = "what cannot go on is a failed test")]

mod scenario;

use std::fs;
use std::path::Path;

use scenario::Scenario;

fn run(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/scenarios")
        .join(name);
    let text = fs::read_to_string(&path).unwrap();
    let mut scenario = Scenario::default();
    let mut written = String::new();
    for block in text.trim_end().split("\n\n") {
        let (commands, _) = block.split_once("\n----").unwrap_or((block, ""));
        written.push_str(commands);
        let is_prose = commands.lines().all(|line| line.starts_with('#'));
        if !is_prose {
            written.push_str("\n----\n");
            for command in commands.lines().filter(|line| !line.starts_with('#')) {
                written.push_str(&scenario.run(command));
            }
            written.truncate(written.trim_end().len());
        }
        written.push_str("\n\n");
    }
    written.truncate(written.trim_end().len());
    written.push('\n');
    if std::env::var_os("REWRITE").is_some() {
        fs::write(&path, written).unwrap();
    } else if written != text {
        let differs = written
            .lines()
            .zip(text.lines())
            .find(|(now, then)| now != then);
        panic!("{name} differs: (now, expected) = {differs:#?}\n{written}");
    }
}

macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {
        $(#[test] fn $name() { run(concat!(stringify!($name), ".txt")); })+

        #[test]
        fn every_file_is_run() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
            let files = fs::read_dir(folder).unwrap().count();
            assert_eq!(files, [$(stringify!($name)),+].len());
        }
    };
}

scenarios!(
    bad_input,
    check_quorum,
    commit_of_current_term,
    conflict_back_off,
    election,
    flow_control,
    joint_election,
    joint_membership,
    leadership_transfer,
    lease,
    lost_messages,
    membership_one_by_one,
    persist_before_send,
    pre_vote,
    quorum_of_one,
    read_index,
    removed_leader,
    removed_server,
    restart,
    snapshot_created,
    snapshot_install,
    snapshot_over_a_wrong_tail,
);
