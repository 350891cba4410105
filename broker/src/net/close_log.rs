//! Log lines about connections that the broker closed: a few a second, and how many more there
//! were. A client that sends garbage as fast as it can must not fill the disk with its closes.
//!
//! One for the process, shared by all shards: plain counters, no lock.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use storage::clock;

/// Lines in one second; the rest is counted.
const LINES_A_SECOND_MAX: u64 = 10;

static CLOSES: CloseLog = CloseLog::new();

/// Says that a connection was closed by us, and why; or counts it for [`sum_up`].
pub(crate) fn closed(peer: SocketAddr, reason: &dyn Display) {
    if CLOSES.takes_line(clock::monotonic().as_secs()) {
        sum_up();
        tracing::warn!(%peer, "connection closed: {reason}");
    }
}

/// Tells how many closes had no line of their own.
pub(crate) fn sum_up() {
    let count = CLOSES.untold.swap(0, Ordering::Relaxed);
    if count > 0 {
        tracing::warn!("{count} more connections closed, for reasons such as those told");
    }
}

struct CloseLog {
    second: AtomicU64,
    lines: AtomicU64,
    untold: AtomicU64,
}

impl CloseLog {
    const fn new() -> Self {
        Self {
            second: AtomicU64::new(0),
            lines: AtomicU64::new(0),
            untold: AtomicU64::new(0),
        }
    }

    /// Whether there is a line left in this second; counts what gets none.
    fn takes_line(&self, second: u64) -> bool {
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.lines.store(0, Ordering::Relaxed);
        }
        let takes = self.lines.fetch_add(1, Ordering::Relaxed) < LINES_A_SECOND_MAX;
        if !takes {
            self.untold.fetch_add(1, Ordering::Relaxed);
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_few_lines_and_the_rest_is_counted() {
        let log = CloseLog::new();
        let told = |second| (0..25).filter(|_| log.takes_line(second)).count();
        assert_eq!([told(7), told(8)], [10, 10]);
        assert_eq!(log.untold.load(Ordering::Relaxed), 30);
    }
}
