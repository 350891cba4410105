//! Transactions: the coordinator of transactional ids, markers, and what may enter a partition.
//!
//! The rules are pure: `transaction` (one id), `record` (Kafka's format), `transactions` (one
//! partition of `__transaction_state`) with `init`, `partitions`, `end`, `sweep` and `describe`.
//! Shell: `coordinator` (requests and effects), `markers`, `admission` (a producer's first write to
//! a partition), `completions` (whoever waits for a transaction to be over).

pub(crate) mod admission;
pub(crate) mod completions;
pub(crate) mod coordinator;
pub(crate) mod describe;
pub(crate) mod end;
pub(crate) mod init;
pub(crate) mod markers;
pub(crate) mod partitions;
pub(crate) mod record;
mod sweep;
pub(crate) mod transaction;
pub(crate) mod transactions;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
