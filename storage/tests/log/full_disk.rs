//! A disk that is full for a while. The file system is a small one in memory, mounted by a child
//! process in a mount namespace of its own; where that is not allowed the tests say so.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use storage::log::{AppendError, Log, LogConfig};
use storage::store::Store;
use storage::tasks::{sleep, timeout};

use crate::harness::{
    Broker, Setup, append, append_durably, batch, id, numbers, read_all, run, valid,
};

const CHILD: &str = "MILLRACE_FULL_DISK_TEST";
const RECORD_BYTES: usize = 2_000;
const RECORDS: u64 = 100;

/// Runs a test of this file again where `directory` is a file system of its own.
fn in_small_file_system(test: &str) {
    let unshare = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--mount"])
            .args(arguments);
        command
    };
    let allowed = unshare(&["mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        let mut stderr = std::io::stderr();
        writeln!(stderr, "SKIPPED {test}: no mount namespaces here").unwrap();
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let script = format!(
        "mount -t tmpfs -o size=40m tmpfs {dir} && exec {program} --exact {test} --ignored --nocapture",
        dir = dir.path().display(),
        program = program.display(),
    );
    let output = unshare(&["sh", "-c", &script])
        .env(CHILD, dir.path())
        .output();
    let output = output.unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{printed}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn appends_are_refused_while_the_disk_is_full_and_go_on_afterwards() {
    in_small_file_system("full_disk::child_full_for_a_while");
}

#[test]
fn a_full_disk_does_not_keep_a_store_from_being_closed() {
    in_small_file_system("full_disk::child_closed_while_full");
}

/// Takes all the space that there is.
fn fill(dir: &Path) {
    let mut filler = File::options()
        .create(true)
        .append(true)
        .open(dir.join("filler"))
        .unwrap();
    for bytes in [1 << 20, 4096] {
        while filler.write(&vec![1; bytes]).is_ok() {}
    }
}

fn free(dir: &Path) {
    std::fs::remove_file(dir.join("filler")).unwrap();
}

/// Appends until the store notices that the disk is full; returns the number of records that
/// were accepted, and of those that were acknowledged.
async fn append_until_full(store: &Rc<Store>, log: &Rc<Log>) -> (u64, u64) {
    let mut accepted = 0;
    loop {
        let records = batch(accepted, RECORDS, RECORD_BYTES);
        match log.append(&records, &valid(&records), 0, 5_000) {
            Ok(_) => accepted += RECORDS,
            Err(AppendError::JournalFull) => {
                store.admit(records.len()).await.unwrap();
                continue;
            }
            Err(error) => {
                assert_eq!(error, AppendError::DiskFull);
                break;
            }
        }
        let end = i64::try_from(accepted).unwrap();
        let durable = log.durable().wait_for(end);
        if timeout(Duration::from_millis(300), durable).await.is_err() {
            assert!(store.is_disk_full(), "a write waits for space");
            break;
        }
    }
    (accepted, log.durable().get().unsigned_abs())
}

async fn reads(store: &Rc<Store>, log: &Rc<Log>, upto: u64) {
    let upto = i64::try_from(upto).unwrap();
    let mut offset = 0;
    while offset < upto {
        let slice = log.read(offset, 1 << 20, upto, true).await.unwrap();
        let bytes = slice.to_vec(store.ring(), store.pool()).await.unwrap();
        let numbers = numbers(&bytes);
        assert_eq!(numbers[0], offset.unsigned_abs());
        offset += i64::try_from(numbers.len()).unwrap();
    }
}

#[test]
#[ignore = "run by appends_are_refused_while_the_disk_is_full_and_go_on_afterwards"]
fn child_full_for_a_while() {
    let Some(dir) = std::env::var_os(CHILD) else {
        return;
    };
    let dir = Path::new(&dir);
    let setup = Setup {
        tail_bytes_max: 1 << 20,
        ..Setup::default()
    };
    let total = run(dir, setup, async |Broker { store, .. }| {
        let log = Log::create(&store, id(0), LogConfig::default());
        for number in 0..10 {
            append_durably(
                &store,
                &log,
                &batch(number * RECORDS, RECORDS, RECORD_BYTES),
            )
            .await;
        }
        drop(log);
        let log = Log::create(&store, id(1), LogConfig::default());
        append_durably(&store, &log, &batch(0, RECORDS, RECORD_BYTES)).await;
        let config = LogConfig {
            uses_reserve: true,
            ..LogConfig::default()
        };
        let internal = Log::create(&store, id(9), config);
        let mut total = 0;
        for round in 0..3_u64 {
            let partition = i32::try_from(round).unwrap() + 2;
            let log = Log::create(&store, id(partition), LogConfig::default());
            fill(dir);
            let (accepted, acknowledged) = append_until_full(&store, &log).await;
            fill(dir);
            sleep(Duration::from_millis(1_200)).await;
            assert!(store.is_disk_full());
            let one = batch(0, 1, 100);
            let refused = log.append(&one, &valid(&one), 0, 5_000);
            assert_eq!(refused, Err(AppendError::DiskFull));
            append_durably(&store, &internal, &batch(round, 1, 100)).await;
            reads(&store, &log, acknowledged).await;
            free(dir);
            let back = async {
                while store.is_disk_full() {
                    sleep(Duration::from_millis(20)).await;
                }
                append_durably(&store, &log, &batch(accepted, RECORDS, RECORD_BYTES)).await;
            };
            timeout(Duration::from_secs(10), back).await.unwrap();
            reads(&store, &log, accepted + RECORDS).await;
            total = accepted + RECORDS;
        }
        store.close().await.unwrap();
        total
    });
    run(dir, setup, async |Broker { store, report }| {
        assert!(report.refused.is_empty(), "{:?}", report.refused);
        let log = Log::open(&store, id(4), LogConfig::default())
            .await
            .unwrap();
        assert_eq!(log.end_offset().unsigned_abs(), total);
        let found = numbers(&read_all(&store, &log, 0, 1 << 20).await);
        assert_eq!(found, (0..total).collect::<Vec<_>>());
        let internal = Log::open(&store, id(9), LogConfig::default())
            .await
            .unwrap();
        let found = numbers(&read_all(&store, &internal, 0, 1 << 20).await);
        assert_eq!(found, [0, 1, 2], "the reserve is for internal topics");
    });
}

#[test]
#[ignore = "run by a_full_disk_does_not_keep_a_store_from_being_closed"]
fn child_closed_while_full() {
    let Some(dir) = std::env::var_os(CHILD) else {
        return;
    };
    let dir = Path::new(&dir);
    let acknowledged = run(dir, Setup::default(), async |Broker { store, .. }| {
        let small = Log::create(&store, id(1), LogConfig::default());
        for number in 0..50 {
            append_durably(&store, &small, &batch(number, 1, 500)).await;
        }
        fill(dir);
        let log = Log::create(&store, id(0), LogConfig::default());
        append(&store, &log, &batch(0, 1, 500)).await;
        log.durable().wait_for(1).await.unwrap();
        let (_, acknowledged) = append_until_full(&store, &log).await;
        fill(dir);
        let closed = timeout(Duration::from_secs(10), store.close()).await;
        closed.unwrap().unwrap_err();
        acknowledged
    });
    free(dir);
    run(dir, Setup::default(), async |Broker { store, report }| {
        assert!(report.refused.is_empty(), "{:?}", report.refused);
        let small = Log::open(&store, id(1), LogConfig::default())
            .await
            .unwrap();
        let found = numbers(&read_all(&store, &small, 0, 1 << 20).await);
        assert_eq!(found, (0..50).collect::<Vec<_>>());
        let log = Log::open(&store, id(0), LogConfig::default())
            .await
            .unwrap();
        assert!(log.end_offset().unsigned_abs() >= acknowledged.max(1));
    });
}
