//! A broker process of its own for one test, and what is looked at from outside: its memory, its
//! sockets, its log.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use protocol::error_code::ErrorCode;
use protocol::types::Uuid;
use tempfile::TempDir;

use crate::client::{self, Client};
use crate::requests;

/// How long anything that must happen may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);
/// What the broker may have held at any moment of a test, where the test names no other bound.
const MEMORY_BYTES_MAX: u64 = 192 << 20;
/// The topic of the honest client.
pub(crate) const HONEST: &str = "honest";

/// A running broker; killed when dropped.
#[derive(Debug)]
pub(crate) struct Broker {
    process: Child,
    pub(crate) address: SocketAddr,
    log: PathBuf,
    sockets_at_rest: usize,
    honest_topic: Uuid,
    _folder: TempDir,
}

impl Broker {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With these `name=value` settings.
    pub(crate) fn start_with(settings: &[&str]) -> Self {
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_millrace")), settings)
    }

    /// With at most so many descriptors.
    pub(crate) fn start_with_descriptors(count: u32) -> Self {
        let mut limited = Command::new("prlimit");
        limited
            .arg(format!("--nofile={count}:{count}"))
            .arg(env!("CARGO_BIN_EXE_millrace"));
        Self::spawn(limited, &[])
    }

    fn spawn(mut command: Command, settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let data = folder.path().join("data");
        command.env_clear().args([
            "start",
            "--listen",
            "127.0.0.1:0",
            "--shards",
            "2",
            "--data",
        ]);
        command
            .arg(data)
            .args(["--override", "millrace.journal.bytes=8388608"]);
        for setting in settings {
            command.args(["--override", setting]);
        }
        let output = File::create(&log).unwrap();
        command.stdout(output.try_clone().unwrap()).stderr(output);
        let process = command.spawn().unwrap();
        let mut broker = Self {
            process,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            log,
            sockets_at_rest: 0,
            honest_topic: Uuid::ZERO,
            _folder: folder,
        };
        eventually("the broker listens", || broker.listening().is_some());
        broker.address = broker.listening().unwrap();
        broker.sockets_at_rest = broker.sockets();
        broker.honest_topic = broker.create_topic(HONEST, &[]);
        broker.serves();
        broker
    }

    /// The address that the banner names.
    fn listening(&self) -> Option<SocketAddr> {
        let log = self.log();
        let banner = log.split("  listening ").nth(1)?;
        banner.split_once('\n')?.0.trim().parse().ok()
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    pub(crate) fn create_topic(&self, name: &str, configs: &[(&str, &str)]) -> Uuid {
        let request = requests::create_topic(name, 1, configs);
        let response = self.client().call(7, &request);
        assert_eq!(
            response.topics[0].error_code,
            ErrorCode::None.code(),
            "{response:?}"
        );
        response.topics[0].topic_id
    }

    /// An honest client, on a connection of its own, gets its record acknowledged and back.
    pub(crate) fn serves(&self) {
        let mut client = self.client();
        let batch = requests::batch(&[(Some(b"key"), Some(b"honest value"))]);
        let produced = client.produce(HONEST, batch.clone());
        assert_eq!(produced.error_code, ErrorCode::None.code(), "{produced:?}");
        let fetched = client.fetch(HONEST, produced.base_offset);
        let records = fetched.records.unwrap();
        // what the broker writes into a batch stands before its CRC
        assert_eq!(
            records[17..],
            batch[17..],
            "the record is not the one that was sent"
        );
    }

    /// Everything that must hold after an attack; the memory within the usual bound.
    pub(crate) fn is_unharmed(&self) {
        self.is_unharmed_within(MEMORY_BYTES_MAX);
    }

    /// As [`Broker::is_unharmed`], the peak of memory within `bytes_max`.
    pub(crate) fn is_unharmed_within(&self, bytes_max: u64) {
        self.serves();
        let expected = self.sockets_at_rest + client::open_here();
        eventually("every connection is let go", || self.sockets() <= expected);
        let peak = self.peak_memory();
        assert!(peak <= bytes_max, "the broker took {} MiB", peak >> 20);
        assert!(!self.log().contains("panicked"), "{}", self.log());
    }

    /// The most memory that the process has had resident at a time.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kib << 10
    }

    pub(crate) fn cpu_ticks(&self) -> u64 {
        let stat = fs::read_to_string(self.proc("stat")).unwrap();
        let fields: Vec<&str> = stat
            .rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .collect();
        let ticks = |field: usize| fields[field].parse::<u64>().unwrap();
        ticks(11) + ticks(12)
    }

    /// The number of its open sockets.
    pub(crate) fn sockets(&self) -> usize {
        let all = fs::read_dir(self.proc("fd")).unwrap();
        let is_socket = |entry: io::Result<fs::DirEntry>| {
            let target = entry.and_then(|entry| fs::read_link(entry.path()));
            target.is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
        };
        all.map(is_socket).filter(|is| *is).count()
    }

    fn proc(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.process.id()))
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for a log line with this text.
    pub(crate) fn logs(&self, text: &str) {
        eventually(&format!("the log says {text:?}"), || {
            self.log().contains(text)
        });
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            print_log(&self.log());
        }
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[expect(clippy::print_stderr, reason = "what a failed test shows")]
fn print_log(log: &str) {
    eprintln!("--- log of the broker\n{log}");
}

/// Waits until something outside of this process is so.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = now();
    while !holds() {
        assert!(
            start.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        pause(POLL);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test outside the broker has no other clock"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "files of /proc cannot be waited for"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
