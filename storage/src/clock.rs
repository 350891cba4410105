//! The only place that reads the clock. Shell: rules get the time as a parameter.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

static START: OnceLock<Instant> = OnceLock::new();
/// When simulated time begins, in milliseconds since the epoch.
const SIMULATED_START_MS: i64 = 1_750_000_000_000;

thread_local! {
    /// The time since the simulation of this thread began; none where time is real.
    static SIMULATED: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// From now on it is as late as a simulation says, on this thread.
pub fn simulate(since_start: Duration) {
    SIMULATED.set(Some(since_start));
}

/// Wall-clock time in milliseconds since the epoch, as record timestamps have it.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads it"
)]
pub fn now_ms() -> i64 {
    if let Some(since_start) = SIMULATED.get() {
        let elapsed = i64::try_from(since_start.as_millis()).unwrap_or(i64::MAX);
        return SIMULATED_START_MS.saturating_add(elapsed);
    }
    ms_of(SystemTime::now())
}

/// A point in time as record timestamps have it.
pub(crate) fn ms_of(time: SystemTime) -> i64 {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// Time since the first call in this process; never goes back.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads it"
)]
pub fn monotonic() -> Duration {
    if let Some(since_start) = SIMULATED.get() {
        return since_start;
    }
    Instant::now().duration_since(*START.get_or_init(Instant::now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monotonic_time_never_goes_back() {
        let times: Vec<Duration> = (0..1000).map(|_| monotonic()).collect();
        assert!(times.is_sorted());
    }

    #[test]
    fn wall_clock_is_after_2024() {
        assert!(now_ms() > 1_704_067_200_000);
    }
}
