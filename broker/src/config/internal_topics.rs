//! The internal topics as they are made when they are first needed. Pure.

use super::effective::Reader;
use crate::metadata::image::{GROUP_OFFSETS_TOPIC, TRANSACTION_STATE_TOPIC};

/// How an internal topic is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InternalTopic {
    pub(crate) name: &'static str,
    pub(crate) partitions: i32,
    replicas: i16,
    /// The number of replicas was asked for; the default may be less where there are less brokers.
    replicas_given: bool,
    /// The settings that differ from a topic's defaults.
    pub(crate) configs: Vec<(&'static str, String)>,
}

impl InternalTopic {
    /// Replicas in a cluster with so many usable brokers.
    pub(crate) fn replication_factor(&self, brokers: i16) -> i16 {
        if self.replicas_given {
            self.replicas
        } else {
            self.replicas.min(brokers).max(1)
        }
    }

    pub(super) fn group_offsets(read: &Reader<'_>) -> Self {
        Self {
            name: GROUP_OFFSETS_TOPIC,
            partitions: read.i32("offsets.topic.num.partitions"),
            replicas: replicas(read, "offsets.topic.replication.factor"),
            replicas_given: read.layers.is_given("offsets.topic.replication.factor"),
            configs: vec![
                ("cleanup.policy", "compact".to_owned()),
                ("compression.type", "producer".to_owned()),
                ("segment.bytes", text(read, "offsets.topic.segment.bytes")),
            ],
        }
    }

    pub(super) fn transaction_state(read: &Reader<'_>) -> Self {
        Self {
            name: TRANSACTION_STATE_TOPIC,
            partitions: read.i32("transaction.state.log.num.partitions"),
            replicas: replicas(read, "transaction.state.log.replication.factor"),
            replicas_given: read
                .layers
                .is_given("transaction.state.log.replication.factor"),
            configs: vec![
                ("cleanup.policy", "compact".to_owned()),
                ("compression.type", "uncompressed".to_owned()),
                (
                    "min.insync.replicas",
                    text(read, "transaction.state.log.min.isr"),
                ),
                (
                    "segment.bytes",
                    text(read, "transaction.state.log.segment.bytes"),
                ),
                ("unclean.leader.election.enable", "false".to_owned()),
            ],
        }
    }
}

fn replicas(read: &Reader<'_>, name: &str) -> i16 {
    i16::try_from(read.long(name)).unwrap_or(i16::MAX)
}

fn text(read: &Reader<'_>, name: &str) -> String {
    read.text(name).to_owned()
}
