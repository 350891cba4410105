//! How many connections each shard serves, so that the acceptor spreads and bounds them.
//!
//! Shared by all shards; counters only, no lock. The acceptor adds, the serving shard subtracts.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Connection counters of the broker.
#[derive(Debug)]
pub(crate) struct ConnectionCounts {
    by_shard: Vec<AtomicUsize>,
    connections_max: usize,
}

impl ConnectionCounts {
    pub(crate) fn new(shards: usize, connections_max: usize) -> Self {
        assert!(shards > 0, "a broker has at least one shard");
        let by_shard = (0..shards).map(|_| AtomicUsize::new(0)).collect();
        Self { by_shard, connections_max }
    }

    /// The shard that takes the next connection, already counted; `None` when the broker is full.
    pub(crate) fn admit(&self) -> Option<usize> {
        let counts = self.by_shard.iter().map(|count| count.load(Ordering::Relaxed));
        let counts: Vec<usize> = counts.collect();
        if counts.iter().sum::<usize>() >= self.connections_max {
            return None;
        }
        let (fewest, _) = counts.iter().enumerate().min_by_key(|(_, count)| **count)?;
        self.by_shard[fewest].fetch_add(1, Ordering::Relaxed);
        Some(fewest)
    }

    /// A connection of this shard is gone.
    pub(crate) fn release(&self, shard: usize) {
        let before = self.by_shard[shard].fetch_sub(1, Ordering::Relaxed);
        assert!(before > 0, "every release follows an admission");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_spread_bounded_and_given_back() {
        let counts = ConnectionCounts::new(2, 3);
        assert_eq!([counts.admit(), counts.admit(), counts.admit()], [Some(0), Some(1), Some(0)]);
        assert_eq!(counts.admit(), None);
        counts.release(0);
        counts.release(0);
        assert_eq!(counts.admit(), Some(0), "the shard with the fewest is next");
    }
}
