//! What one thread counts, an interval at a time. Pure.

use super::latencies::Latencies;

/// The length of an interval.
pub(crate) const INTERVAL_NANOS: u64 = 1_000_000_000;

/// The kinds of latency that are told apart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series {
    /// From the intended start of a record to its acknowledgement: the figure that counts.
    pub(crate) response: Latencies,
    /// From the sending of its request to the acknowledgement.
    pub(crate) service: Latencies,
    /// How late the generator made a record.
    pub(crate) slip: Latencies,
    /// From the intended start to the receiving.
    pub(crate) end_to_end: Latencies,
    /// Of Fetch requests that brought records.
    pub(crate) fetch: Latencies,
    /// From a transaction's first record to its end.
    pub(crate) transaction: Latencies,
}

/// Counts of an interval or of a whole run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Records made.
    pub(crate) sent: u64,
    pub(crate) acked: u64,
    pub(crate) acked_bytes: u64,
    /// Produce requests answered.
    pub(crate) requests: u64,
    /// Records that are not acknowledged and will not be.
    pub(crate) failed: u64,
    pub(crate) received: u64,
    pub(crate) received_bytes: u64,
    pub(crate) fetches: u64,
    pub(crate) transactions: u64,
    pub(crate) aborted: u64,
    pub(crate) commits: u64,
    pub(crate) retries: u64,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Interval {
    pub(crate) counts: Counts,
    pub(crate) series: Series,
}

impl Series {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.response.merge(&other.response);
        self.service.merge(&other.service);
        self.slip.merge(&other.slip);
        self.end_to_end.merge(&other.end_to_end);
        self.fetch.merge(&other.fetch);
        self.transaction.merge(&other.transaction);
    }
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.acked += other.acked;
        self.acked_bytes += other.acked_bytes;
        self.requests += other.requests;
        self.failed += other.failed;
        self.received += other.received;
        self.received_bytes += other.received_bytes;
        self.fetches += other.fetches;
        self.transactions += other.transactions;
        self.aborted += other.aborted;
        self.commits += other.commits;
        self.retries += other.retries;
    }
}

impl Interval {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.counts.add(&other.counts);
        self.series.merge(&other.series);
    }
}
