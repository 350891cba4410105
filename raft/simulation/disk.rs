//! A disk that is slow, loses what was not synced, tears it, returns errors and fills up.
//!
//! It knows records, not their meaning: writes become durable in order; a crash keeps the durable ones and any prefix of the
//! records behind them (a torn record is one that is cut).

use std::collections::VecDeque;

use super::random::Random;

#[derive(Debug)]
pub(crate) struct Disk<R> {
    /// Writes that are not durable, oldest first.
    under_way: VecDeque<(u64, Vec<R>)>,
    next_write: u64,
    busy_until: u64,
    pub(crate) latency: (u64, u64),
    /// Writes are not taken up before this time (full, or very slow).
    pub(crate) stalled_until: u64,
    random: Random,
}

impl<R> Disk<R> {
    pub(crate) fn new(latency: (u64, u64), random: Random) -> Self {
        Self {
            under_way: VecDeque::new(),
            next_write: 0,
            busy_until: 0,
            latency,
            stalled_until: 0,
            random,
        }
    }

    /// Starts a write; returns its number and when it will be durable.
    pub(crate) fn write(&mut self, now: u64, records: Vec<R>) -> (u64, u64) {
        self.next_write += 1;
        self.under_way.push_back((self.next_write, records));
        let start = now.max(self.busy_until).max(self.stalled_until);
        self.busy_until = start + self.random.between(self.latency);
        (self.next_write, self.busy_until)
    }

    /// No stall lasts longer; whatever is under way will soon be durable.
    pub(crate) fn recover(&mut self, now: u64) {
        self.stalled_until = now;
        self.busy_until = now + 1_000;
    }

    /// The oldest write is durable: its records.
    pub(crate) fn complete(&mut self, write: u64) -> Vec<R> {
        let (number, records) = self.under_way.pop_front().unwrap();
        assert_eq!(number, write, "writes complete in order");
        records
    }

    /// The power goes: the records that survive beyond the durable ones.
    pub(crate) fn crash(&mut self) -> Vec<R> {
        let records: Vec<R> = self
            .under_way
            .drain(..)
            .flat_map(|(_, records)| records)
            .collect();
        let survive = match self.random.below(3) {
            0 => 0,
            1 => records.len(),
            _ => usize::try_from(self.random.below(records.len() as u64 + 1)).unwrap(),
        };
        self.busy_until = 0;
        records.into_iter().take(survive).collect()
    }
}
