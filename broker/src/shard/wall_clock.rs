//! Whether the wall clock runs, or was moved. Pure; both times are parameters.
//!
//! Retention deletes by the wall clock: one that is set far ahead by mistake would delete
//! everything. So after a jump nothing is deleted until somebody had the time to see it.

use std::time::Duration;

/// Ahead of the monotonic clock by more than this between two looks is a jump.
const JUMP: Duration = Duration::from_secs(600);
/// How long the clock is not trusted after a jump.
const DISTRUST: Duration = Duration::from_secs(3_600);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct WallClock {
    last: Option<(i64, Duration)>,
    distrusted_until: Option<Duration>,
}

/// What a look at the clocks says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    Runs,
    /// It has just jumped ahead by so many milliseconds.
    Jumped(i64),
    /// It jumped some time ago.
    NotYet,
}

impl WallClock {
    /// Looks at both clocks.
    pub(crate) fn look(&mut self, wall_ms: i64, monotonic: Duration) -> Trust {
        let ahead_ms = self.last.map_or(0, |(last_ms, last)| {
            let passed = monotonic.saturating_sub(last).as_millis();
            let passed = i64::try_from(passed).unwrap_or(i64::MAX);
            wall_ms.saturating_sub(last_ms).saturating_sub(passed)
        });
        self.last = Some((wall_ms, monotonic));
        if u128::try_from(ahead_ms).is_ok_and(|ahead| ahead > JUMP.as_millis()) {
            self.distrusted_until = Some(monotonic.saturating_add(DISTRUST));
            return Trust::Jumped(ahead_ms);
        }
        match self.distrusted_until {
            Some(until) if monotonic < until => Trust::NotYet,
            Some(_) | None => Trust::Runs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 24 * 3_600 * 1_000;

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(60 * minutes)
    }

    #[test]
    fn a_clock_that_runs_is_trusted() {
        let mut clock = WallClock::default();
        assert_eq!(clock.look(1_000, minutes(0)), Trust::Runs);
        assert_eq!(clock.look(301_000, minutes(5)), Trust::Runs);
        // it may be set back, and a little ahead
        assert_eq!(clock.look(-DAY_MS, minutes(10)), Trust::Runs);
        assert_eq!(clock.look(-DAY_MS + 800_000, minutes(15)), Trust::Runs);
    }

    #[test]
    fn after_a_jump_it_has_to_wait() {
        let mut clock = WallClock::default();
        assert_eq!(clock.look(0, minutes(0)), Trust::Runs);
        let ahead = DAY_MS - 300_000;
        assert_eq!(clock.look(DAY_MS, minutes(5)), Trust::Jumped(ahead));
        assert_eq!(clock.look(DAY_MS + 300_000, minutes(10)), Trust::NotYet);
        assert_eq!(clock.look(DAY_MS + 3_600_000, minutes(65)), Trust::Runs);
    }

    #[test]
    fn times_at_the_edge_do_not_overflow() {
        let mut clock = WallClock::default();
        assert_eq!(clock.look(i64::MIN, Duration::MAX), Trust::Runs);
        assert!(matches!(
            clock.look(i64::MAX, Duration::MAX),
            Trust::Jumped(_)
        ));
    }
}
