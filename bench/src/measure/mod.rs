//! What is measured: latencies, counts an interval, and what processes cost.

pub(crate) mod failures;
pub(crate) mod interval;
pub(crate) mod latencies;
pub(crate) mod process;

use storage::clock;

/// Nanoseconds on the process's monotonic clock.
pub(crate) fn now() -> u64 {
    u64::try_from(clock::monotonic().as_nanos()).unwrap_or(u64::MAX)
}
