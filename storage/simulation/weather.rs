//! What goes wrong under a seed, and how often. Pure.

use std::time::Duration;

use super::random::Random;

/// What may be expected of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Only stops, slow and short operations: everything acknowledged is there, at once.
    Stops,
    /// Also operations that fail, and a full disk: a start may fail and be repeated.
    Failures,
    /// Also a medium that changes or misplaces bytes: damage must be named, and never served.
    Damage,
}

/// Chances are per mille of the operations.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    pub(crate) class: Class,
    pub(crate) slow: u64,
    pub(crate) short: u64,
    pub(crate) again: u64,
    pub(crate) read_fails: u64,
    pub(crate) write_fails: u64,
    pub(crate) sync_fails: u64,
    pub(crate) name_fails: u64,
    /// The disk is full for so long, so often.
    pub(crate) full: Option<(Duration, Duration)>,
    /// Writes that land in another place of the disk.
    pub(crate) misplaced: u64,
    /// A bit changes after a clean stop.
    pub(crate) flips: bool,
}

impl Weather {
    pub(crate) fn draw(random: &mut Random) -> Self {
        let class = random.choose(&[Class::Stops, Class::Stops, Class::Failures, Class::Damage]);
        let mut calm = Self {
            class,
            slow: random.choose(&[0, 10, 100]),
            short: random.choose(&[0, 50]),
            again: random.choose(&[0, 20]),
            read_fails: 0,
            write_fails: 0,
            sync_fails: 0,
            name_fails: 0,
            full: None,
            misplaced: 0,
            flips: false,
        };
        match class {
            Class::Stops => {}
            Class::Failures => {
                calm.read_fails = random.choose(&[0, 0, 3]);
                calm.write_fails = random.choose(&[0, 0, 2]);
                calm.sync_fails = random.choose(&[0, 0, 10]);
                calm.name_fails = random.choose(&[0, 0, 10]);
                if random.chance(400) {
                    let lasts = Duration::from_millis(random.between((100, 5_000)));
                    let every = Duration::from_millis(random.between((200, 10_000)));
                    calm.full = Some((lasts, lasts + every));
                }
            }
            Class::Damage => {
                calm.flips = random.chance(600);
                calm.misplaced = if calm.flips { 0 } else { 5 };
            }
        }
        calm
    }

    pub(crate) fn clear(&mut self) {
        (self.read_fails, self.write_fails, self.sync_fails) = (0, 0, 0);
        (self.name_fails, self.misplaced, self.full) = (0, 0, None);
    }

    pub(crate) fn is_full(&self, now: Duration) -> bool {
        self.full
            .is_some_and(|(lasts, every)| now.as_nanos() % every.as_nanos() < lasts.as_nanos())
    }
}
