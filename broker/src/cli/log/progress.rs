//! How far long work is, on standard error: one line that is written over on a terminal, else a line
//! now and then. Shell.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use storage::clock;

const STEP_ON_TERMINAL: Duration = Duration::from_millis(200);
const STEP_ELSEWHERE: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(super) struct Progress {
    total: u64,
    done: u64,
    began: Duration,
    told: Duration,
    step: Duration,
    is_terminal: bool,
    is_quiet: bool,
}

impl Progress {
    pub(super) fn new(total: u64, is_quiet: bool) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let now = clock::monotonic();
        Self {
            total,
            done: 0,
            began: now,
            told: now,
            step: if is_terminal {
                STEP_ON_TERMINAL
            } else {
                STEP_ELSEWHERE
            },
            is_terminal,
            is_quiet,
        }
    }

    /// So many bytes more have been read.
    pub(super) fn add(&mut self, bytes: u64, partition: &str) {
        self.done += bytes;
        let now = clock::monotonic();
        if self.is_quiet || now - self.told < self.step {
            return;
        }
        self.told = now;
        let text = self.text(now, partition);
        let line = if self.is_terminal {
            format!("\r\x1b[K{text}")
        } else {
            format!("{text}\n")
        };
        // nobody is left to tell when this fails
        drop(io::stderr().write_all(line.as_bytes()));
    }

    fn text(&self, now: Duration, partition: &str) -> String {
        let mib = |bytes: u64| bytes >> 20;
        let seconds = (now - self.began).as_secs().max(1);
        format!(
            "{} of {} MiB, {} MiB/s, at {partition}",
            mib(self.done),
            mib(self.total),
            mib(self.done) / seconds
        )
    }

    /// Bytes read, and how long that took.
    pub(super) fn finish(self) -> (u64, Duration) {
        if self.is_terminal && !self.is_quiet {
            drop(io::stderr().write_all(b"\r\x1b[K"));
        }
        (self.done, clock::monotonic() - self.began)
    }
}
