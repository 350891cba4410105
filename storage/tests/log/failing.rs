//! Writes and syncs that fail while the store runs: the descriptor of a file is replaced by one
//! that refuses writes, or that takes them, forgets them and fails to sync.

#![expect(
    unsafe_code,
    reason = "descriptors are replaced behind the store's back"
)]

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use storage::log::{AppendError, Log, LogConfig};
use storage::store::{Store, StoreError};
use storage::tasks::timeout;

use crate::faults::journal;
use crate::harness::{
    Broker, JOURNAL_BYTES, Setup, append, append_durably, batch, id, numbers, read_all, run, valid,
};

const CHILD: &str = "MILLRACE_FAILING_TEST";
const SEGMENT: &str = "00000000000000000000.log";

/// Makes every open descriptor of `path` lead to `to`.
fn replace(path: &Path, to: &File) {
    let path = path.canonicalize().unwrap();
    let mut replaced = 0;
    for entry in std::fs::read_dir("/proc/self/fd").unwrap() {
        let entry = entry.unwrap().path();
        if std::fs::read_link(&entry).is_ok_and(|target| target == path) {
            let fd: i32 = entry
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .parse()
                .unwrap();
            // SAFETY: the descriptor goes on being open, as whoever owns it expects.
            assert_eq!(unsafe { libc::dup2(to.as_raw_fd(), fd) }, fd);
            replaced += 1;
        }
    }
    assert!(replaced > 0, "{} is not open", path.display());
}

fn refuse_writes(path: &Path) {
    replace(path, &File::open(path).unwrap());
}

fn forget_writes_and_fail_syncs(path: &Path) {
    let zero = OpenOptions::new().read(true).write(true).open("/dev/zero");
    replace(path, &zero.unwrap());
}

fn open(store: &Rc<Store>, partition: i32) -> Rc<Log> {
    Log::create(store, id(partition), LogConfig::default())
}

async fn all(store: &Rc<Store>, partition: i32) -> Vec<u64> {
    let log = Log::open(store, id(partition), LogConfig::default());
    let log = log.await.unwrap();
    numbers(&read_all(store, &log, 0, 1 << 20).await)
}

/// Enough for the journal to be written several times over.
async fn fill_the_journal(store: &Rc<Store>, log: &Rc<Log>) -> u64 {
    let batches = 4 * JOURNAL_BYTES / 4096;
    for number in 0..batches {
        let record = batch(number, 1, 4000);
        let appended = append_durably(store, log, &record);
        let appended = timeout(Duration::from_secs(20), appended).await;
        assert!(appended.is_ok(), "the shard stands still at batch {number}");
    }
    batches
}

#[test]
fn a_failed_write_of_the_journal_fences_the_whole_shard() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let (first, second) = (open(&store, 0), open(&store, 1));
            for number in 0..20 {
                append_durably(&store, &first, &batch(number, 1, 500)).await;
                append_durably(&store, &second, &batch(number, 1, 500)).await;
            }
            refuse_writes(&journal(dir.path()));
            let lost = append(&store, &first, &batch(20, 1, 500)).await;
            let waited = first.durable().wait_for(lost.last_offset + 1).await;
            waited.unwrap_err();
            assert!(store.is_failed() && second.durable().is_failed());
            let batch = batch(21, 1, 500);
            for log in [&first, &second] {
                let refused = log.append(&batch, &valid(&batch), 0, 5_000);
                assert_eq!(refused, Err(AppendError::StorageFailed));
                assert_eq!(log.durable().get(), 20);
            }
            store.admit(100).await.unwrap_err();
            let read = first.read(0, 1 << 20, 20, true).await.unwrap();
            assert!(!read.is_empty(), "what was acknowledged can be read");
            assert!(matches!(store.close().await, Err(StoreError::Failed)));
        },
    );
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, report }| {
            assert!(report.refused.is_empty(), "{:?}", report.refused);
            let expected: Vec<u64> = (0..20).collect();
            assert_eq!(all(&store, 0).await, expected);
            assert_eq!(all(&store, 1).await, expected);
        },
    );
}

#[test]
fn a_journal_that_cannot_be_released_fails_the_close_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let log = open(&store, 0);
            for number in 0..20 {
                append_durably(&store, &log, &batch(number, 1, 500)).await;
            }
            refuse_writes(&journal(dir.path()));
            store.close().await.unwrap_err();
            assert!(store.is_failed());
        },
    );
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            assert_eq!(all(&store, 0).await, (0..20).collect::<Vec<_>>());
        },
    );
}

#[test]
fn a_failed_write_of_a_segment_fences_its_log_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let others = run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let (bad, good) = (open(&store, 0), open(&store, 1));
            append_durably(&store, &bad, &batch(0, 100, 2_000)).await;
            for number in 100..110 {
                append_durably(&store, &bad, &batch(number, 1, 500)).await;
            }
            refuse_writes(&dir.path().join("topic7-0").join(SEGMENT));
            let lost = append(&store, &bad, &batch(110, 100, 2_000)).await;
            let waited = bad.durable().wait_for(lost.last_offset + 1).await;
            waited.unwrap_err();
            let one = batch(300, 1, 500);
            let refused = bad.append(&one, &valid(&one), 0, 5_000);
            assert_eq!(refused, Err(AppendError::StorageFailed));
            assert!(!store.is_failed());
            let batches = fill_the_journal(&store, &good).await;
            store.close().await.unwrap_err();
            batches
        },
    );
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, report }| {
            assert!(report.refused.is_empty(), "{:?}", report.refused);
            assert_eq!(all(&store, 0).await, (0..110).collect::<Vec<_>>());
            assert_eq!(all(&store, 1).await, (0..others).collect::<Vec<_>>());
        },
    );
    assert_eq!(salvaged(dir.path()), 0, "copies are replayed once");
}

#[test]
fn a_failed_sync_of_a_segment_leaves_its_records_to_recovery() {
    let dir = tempfile::tempdir().unwrap();
    let others = run(
        dir.path(),
        Setup::default(),
        async |Broker { store, .. }| {
            let (bad, good) = (open(&store, 0), open(&store, 1));
            append_durably(&store, &bad, &batch(0, 100, 2_000)).await;
            forget_writes_and_fail_syncs(&dir.path().join("topic7-0").join(SEGMENT));
            for number in 100..110 {
                append_durably(&store, &bad, &batch(number, 1, 500)).await;
            }
            let batches = fill_the_journal(&store, &good).await;
            assert!(bad.durable().is_failed() && !store.is_failed());
            assert!(salvaged(dir.path()) > 0, "the journal was released");
            batches
        },
    );
    let unfinished = dir.path().join("salvage-0-00000000000000000099.new");
    File::create(&unfinished).unwrap();
    run(
        dir.path(),
        Setup::default(),
        async |Broker { store, report }| {
            assert!(report.refused.is_empty(), "{:?}", report.refused);
            assert_eq!(all(&store, 0).await, (0..110).collect::<Vec<_>>());
            assert_eq!(all(&store, 1).await, (0..others).collect::<Vec<_>>());
        },
    );
    assert_eq!(salvaged(dir.path()), 0, "copies are replayed once");
}

fn salvaged(dir: &Path) -> usize {
    let names = std::fs::read_dir(dir).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("salvage-")).count()
}

#[test]
fn a_process_out_of_descriptors_waits_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 64 && exec \"$0\" --exact failing::child_out_of_descriptors --ignored",
        ])
        .arg(program)
        .env(CHILD, dir.path())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{printed}"
    );
}

#[test]
#[ignore = "run by a_process_out_of_descriptors_waits_for_them"]
fn child_out_of_descriptors() {
    let Some(dir) = std::env::var_os(CHILD) else {
        return;
    };
    let dir = Path::new(&dir);
    run(dir, Setup::default(), async |Broker { store, .. }| {
        let log = open(&store, 0);
        let mut held = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            held.push(file);
        }
        assert!(held.len() < 64, "the limit counts");
        let appended = append(&store, &log, &batch(0, 100, 2_000)).await;
        let waited = log.durable().wait_for(appended.last_offset + 1);
        assert!(timeout(Duration::from_millis(1_200), waited).await.is_err());
        drop(held);
        let waited = log.durable().wait_for(appended.last_offset + 1);
        timeout(Duration::from_secs(10), waited)
            .await
            .unwrap()
            .unwrap();
        store.close().await.unwrap();
    });
}
