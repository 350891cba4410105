//! The numbers of one node, and the relations between them.
//!
//! Pure. Checked once, when the node is made.

use std::time::Duration;

use thiserror::Error;

use crate::entry::{ClusterId, NodeId};

/// How one node behaves. Only `cluster` and the two election timeouts must agree between members:
/// a lease is safe only when every member keeps `election_timeout_min`.
#[derive(Clone, Debug)]
pub struct Config {
    /// This node.
    pub id: NodeId,
    /// Its cluster.
    pub cluster: ClusterId,
    /// No vote is granted within this time of a leader's last word.
    pub election_timeout_min: Duration,
    /// Election timeouts are drawn from `election_timeout_min..election_timeout_max`.
    pub election_timeout_max: Duration,
    /// A leader speaks to every member at least this often.
    pub heartbeat_interval: Duration,
    /// How long an acknowledged round lets a leader answer reads without asking; `None`: it always asks.
    /// `election_timeout_min / lease` is the ratio of clock speeds that is tolerated, and clocks must not jump.
    pub lease: Option<Duration>,
    /// Payload bytes of one entry at most.
    pub entry_bytes_max: usize,
    /// Weight of the entries of one append message at most (one entry always fits).
    pub append_bytes_max: u64,
    /// Append messages under way to one member at most.
    pub inflight_messages_max: usize,
    /// Weight of the entries under way to one member at most (one message always fits).
    pub inflight_bytes_max: u64,
    /// Weight of what a leader accepts ahead of the commit; more is refused as busy.
    pub uncommitted_bytes_max: u64,
    /// Reads that wait for their confirmation at most.
    pub reads_max: usize,
    /// Bytes of one snapshot chunk.
    pub snapshot_chunk_bytes: usize,
    /// A snapshot that is larger is refused.
    pub snapshot_bytes_max: u64,
    /// Entries kept behind a new snapshot, so that a slow member needs no snapshot.
    pub trailing_entries: u64,
    /// How many entries a learner may lack when it is made a voter.
    pub learner_lag_max: u64,
}

impl Config {
    /// Limits for a metadata quorum in one region.
    #[must_use]
    pub fn new(id: NodeId, cluster: ClusterId) -> Self {
        Self {
            id,
            cluster,
            election_timeout_min: Duration::from_secs(1),
            election_timeout_max: Duration::from_secs(2),
            heartbeat_interval: Duration::from_millis(200),
            lease: None,
            entry_bytes_max: 8 << 20,
            append_bytes_max: 1 << 20,
            inflight_messages_max: 64,
            inflight_bytes_max: 8 << 20,
            uncommitted_bytes_max: 64 << 20,
            reads_max: 4096,
            snapshot_chunk_bytes: 1 << 20,
            snapshot_bytes_max: 4 << 30,
            trailing_entries: 10_000,
            learner_lag_max: 1_000,
        }
    }

    /// # Errors
    /// Names the first relation that does not hold.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let rules = [
            (
                self.heartbeat_interval > Duration::ZERO,
                "heartbeat_interval is zero",
            ),
            (
                self.heartbeat_interval * 2 <= self.election_timeout_min,
                "election_timeout_min is less than two heartbeats",
            ),
            (
                self.election_timeout_min < self.election_timeout_max,
                "election_timeout_max is not above election_timeout_min",
            ),
            (
                self.lease
                    .is_none_or(|lease| lease < self.election_timeout_min),
                "lease is not below election_timeout_min",
            ),
            (
                self.inflight_messages_max > 0,
                "inflight_messages_max is zero",
            ),
            (
                self.snapshot_chunk_bytes > 0,
                "snapshot_chunk_bytes is zero",
            ),
            (self.reads_max > 0, "reads_max is zero"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            None => Ok(()),
            Some((_, broken)) => Err(ConfigError(broken)),
        }
    }
}

/// A relation between two settings that does not hold.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("raft configuration: {0}")]
pub struct ConfigError(pub &'static str);

/// Where election timeouts get their randomness. The shell injects it, so that a simulation replays.
pub trait RandomSource: std::fmt::Debug {
    /// The next number, uniform over all of `u64`.
    fn next_u64(&mut self) -> u64;
}
