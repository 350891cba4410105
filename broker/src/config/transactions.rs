//! What the transaction coordinator takes from the configuration. Pure.

use std::time::Duration;

use super::effective::Reader;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TransactionSettings {
    /// Longest time that a producer may ask for.
    pub(crate) timeout_ms_max: i32,
    pub(crate) id_expiration: Duration,
    /// How often transactions that took too long are looked for.
    pub(crate) abort_interval: Duration,
    /// How often unused ids are looked for.
    pub(crate) expire_interval: Duration,
    /// How long an addition waits for the transaction before to be complete.
    pub(crate) add_partitions_wait_max: Duration,
    /// Older clients' writes are checked against their transaction.
    pub(crate) verifies_partitions: bool,
}

impl TransactionSettings {
    pub(super) fn read(read: &Reader<'_>) -> Self {
        Self {
            timeout_ms_max: read.i32("transaction.max.timeout.ms"),
            id_expiration: read.duration("transactional.id.expiration.ms"),
            abort_interval: read
                .duration("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
            expire_interval: read
                .duration("transaction.remove.expired.transaction.cleanup.interval.ms"),
            add_partitions_wait_max: read.duration("add.partitions.to.txn.retry.backoff.max.ms"),
            verifies_partitions: read.bool("transaction.partition.verification.enable"),
        }
    }
}
