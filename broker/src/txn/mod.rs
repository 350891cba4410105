//! Transactions: their markers in the partitions.

pub(crate) mod markers;
