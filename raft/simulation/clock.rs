//! One machine's monotonic clock as it really is: too fast or too slow, and sometimes it jumps.

use std::time::Duration;

/// Maps the world's microseconds to a machine's own.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    world: u64,
    own: u64,
    /// Parts per million of speed above (or below) true time.
    drift_ppm: i64,
}

impl Clock {
    pub(crate) fn new(own: u64, drift_ppm: i64) -> Self {
        Self {
            world: 0,
            own,
            drift_ppm,
        }
    }

    pub(crate) fn now(&self, world: u64) -> Duration {
        Duration::from_micros(self.own + self.scale(world - self.world))
    }

    fn scale(&self, passed: u64) -> u64 {
        let speed = u128::try_from(1_000_000 + self.drift_ppm).unwrap();
        u64::try_from(u128::from(passed) * speed / 1_000_000).unwrap()
    }

    /// The world's time at which this clock shows `own`.
    pub(crate) fn world_at(&self, own: Duration, world_now: u64) -> u64 {
        let ahead = own.saturating_sub(self.now(world_now)).as_micros();
        let speed = u128::try_from(1_000_000 + self.drift_ppm).unwrap();
        world_now + u64::try_from(ahead * 1_000_000 / speed).unwrap() + 1
    }

    /// Jumps, forward or backward.
    pub(crate) fn jump(&mut self, world: u64, by: i64) {
        let own = u64::try_from(self.now(world).as_micros()).unwrap();
        self.own = own.saturating_add_signed(by);
        self.world = world;
    }
}
