//! The timers of one thread: who waits until when. Pure: time is a parameter.
//! Deadlines are rounded up to a common 10 ms grid, so that many timers cost one wake-up, unless
//! the moment itself matters.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::Duration;

const GRID: Duration = Duration::from_millis(10);

#[derive(Debug, Default)]
pub(crate) struct Timers {
    waiting: BTreeMap<(Duration, u64), Waker>,
    next_id: u64,
}

/// Which timer; it is gone once it has fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimerId(Duration, u64);

impl Timers {
    pub(crate) fn insert(&mut self, deadline: Duration, waker: Waker) -> TimerId {
        self.insert_exact(round_up(deadline), waker)
    }

    /// A timer beside the grid.
    pub(crate) fn insert_exact(&mut self, deadline: Duration, waker: Waker) -> TimerId {
        let id = TimerId(deadline, self.next_id);
        self.next_id += 1;
        self.waiting.insert((id.0, id.1), waker);
        id
    }

    /// Changes whom a timer wakes; nothing when it has fired.
    pub(crate) fn update(&mut self, id: TimerId, waker: &Waker) {
        if let Some(waiting) = self.waiting.get_mut(&(id.0, id.1)) {
            waiting.clone_from(waker);
        }
    }

    pub(crate) fn remove(&mut self, id: TimerId) -> Option<Waker> {
        self.waiting.remove(&(id.0, id.1))
    }

    /// Takes out one timer that is due.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<Waker> {
        let first = self.waiting.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// When the next timer fires.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.waiting
            .first_key_value()
            .map(|((deadline, _), _)| *deadline)
    }
}

fn round_up(deadline: Duration) -> Duration {
    let grid = GRID.as_nanos();
    let ticks = deadline.as_nanos().div_ceil(grid);
    let millis = ticks.saturating_mul(GRID.as_millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn deadlines_are_rounded_up_to_the_grid() {
        assert_eq!(round_up(Duration::ZERO), Duration::ZERO);
        assert_eq!(round_up(Duration::from_nanos(1)), GRID);
        assert_eq!(round_up(GRID), GRID);
        assert_eq!(round_up(Duration::from_millis(11)), GRID * 2);
        assert!(round_up(Duration::MAX) > Duration::from_secs(1 << 40));
    }

    proptest! {
        #[test]
        fn timers_fire_in_order_and_never_early(deadlines in prop::collection::vec(1_u64..1000, 1..50)) {
            let mut timers = Timers::default();
            for deadline in &deadlines {
                timers.insert(Duration::from_millis(*deadline), Waker::noop().clone());
            }
            let mut fired = 0;
            while let Some(next) = timers.next() {
                prop_assert!(timers.pop_due(next.saturating_sub(Duration::from_nanos(1))).is_none());
                while timers.pop_due(next).is_some() {
                    fired += 1;
                }
                let due = deadlines.iter().filter(|d| Duration::from_millis(**d) <= next).count();
                prop_assert_eq!(fired, due);
            }
            prop_assert_eq!(fired, deadlines.len());
        }
    }

    #[test]
    fn an_exact_timer_keeps_its_deadline() {
        let mut timers = Timers::default();
        let deadline = Duration::from_micros(1234);
        timers.insert(deadline, Waker::noop().clone());
        timers.insert_exact(deadline, Waker::noop().clone());
        assert_eq!(timers.next(), Some(deadline));
        assert!(timers.pop_due(deadline).is_some());
        assert_eq!(timers.next(), Some(GRID));
    }

    #[test]
    fn a_removed_timer_does_not_fire() {
        let mut timers = Timers::default();
        let id = timers.insert(GRID, Waker::noop().clone());
        timers.update(id, Waker::noop());
        assert!(timers.remove(id).is_some());
        assert!(timers.pop_due(GRID).is_none());
    }
}
