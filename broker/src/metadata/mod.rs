//! The cluster's metadata as every shard sees it: the image, what changes it, what describes it.
//! All pure; the log of the records and the thread that owns it are in `control`.

mod buckets;
pub(crate) mod client_quotas;
pub(crate) mod config_catalog;
pub(crate) mod delta;
pub(crate) mod describe_cluster;
pub(crate) mod describe_configs;
pub(crate) mod describe_topic_partitions;
pub(crate) mod describe_topics;
pub(crate) mod image;
pub(crate) mod records;
pub(crate) mod scram_credentials;
pub(crate) mod snapshot;

#[cfg(test)]
mod tests;
