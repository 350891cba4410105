//! The share of the disk, and of its thread, that background work may take: bytes a second. Shell.

use std::time::Duration;

use crate::{clock, tasks};

/// How long the work may be ahead of its share before it waits.
const AHEAD: Duration = Duration::from_millis(20);

/// See the module.
#[derive(Debug)]
pub struct Budget {
    bytes_per_second: f64,
    begun: Duration,
    spent: f64,
}

impl Budget {
    #[must_use]
    pub fn new(bytes_per_second: f64) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1.0),
            begun: clock::monotonic(),
            spent: 0.0,
        }
    }

    /// Waits when the work is ahead of its share.
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    pub async fn spend(&mut self, bytes: usize) {
        self.spent += bytes as f64;
        let due = Duration::try_from_secs_f64(self.spent / self.bytes_per_second);
        let due = self.begun.saturating_add(due.unwrap_or(Duration::MAX));
        let ahead = due.saturating_sub(clock::monotonic());
        if ahead > AHEAD {
            tasks::sleep(ahead).await;
        }
    }
}
