//! The rules of the active controller: an image and a request in, records and the answer out.
//! Owns nothing at run time; `control` appends the records and parks the answer until they are
//! committed. Pure throughout: the random source is a parameter, time does not occur.

pub(crate) mod brokers;
mod client_metrics_configs;
pub(crate) mod client_quotas;
pub(crate) mod configs;
pub(crate) mod create_partitions;
pub(crate) mod delete_topics;
pub(crate) mod features;
mod group_configs;
pub(crate) mod legacy_configs;
pub(crate) mod placement;
pub(crate) mod producer_ids;
pub(crate) mod scram_credentials;
pub(crate) mod topic_names;
pub(crate) mod topics;
pub(crate) mod unregister_broker;
pub(crate) mod voters;

use protocol::error_code::ErrorCode;

use crate::metadata::config_catalog::ConfigCatalog;
use crate::metadata::records::MetadataRecord;

/// More records than this in one operation are refused, as one operation is one atomic batch.
pub(crate) const OPERATION_RECORDS_MAX: usize = 10_000;
const OPERATION_TOO_LARGE: &str = "Unable to perform excessively large batch operation.";

/// What the rules take from the broker's configuration.
#[derive(Debug)]
pub(crate) struct ControllerSettings {
    /// The broker that the request arrived at: the only one whose own configuration it may change.
    pub(crate) node_id: i32,
    pub(crate) num_partitions: i32,
    pub(crate) default_replication_factor: i16,
    pub(crate) delete_topic_enable: bool,
    pub(crate) limits: TopicLimits,
    pub(crate) catalog: ConfigCatalog,
}

/// How many topics and partitions the cluster may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TopicLimits {
    pub(crate) topics_max: usize,
    pub(crate) partitions_max: usize,
    pub(crate) partitions_per_topic_max: usize,
}

impl TopicLimits {
    /// Whether the cluster may have so many topics and partitions, `of_topic` of them in one topic.
    pub(crate) fn check(
        &self,
        topics: usize,
        partitions: usize,
        of_topic: usize,
    ) -> Result<(), Refusal> {
        let exceeded = |name: &str, most: usize| {
            let text = format!("Not more than {name} = {most} are allowed.");
            Err(Refusal::new(ErrorCode::PolicyViolation, text))
        };
        if of_topic > self.partitions_per_topic_max {
            return exceeded(
                "millrace.partitions.per.topic.max",
                self.partitions_per_topic_max,
            );
        }
        if topics > self.topics_max {
            return exceeded("millrace.topics.max", self.topics_max);
        }
        if partitions > self.partitions_max {
            return exceeded("millrace.partitions.max", self.partitions_max);
        }
        Ok(())
    }
}

/// Random bits for ids and for spreading partitions over brokers; seeded in tests.
pub(crate) type Random<'a> = &'a mut dyn FnMut() -> u64;

/// The records of an operation and its answer; the answer may be sent once they are committed.
pub(crate) type Outcome<R> = (Vec<MetadataRecord>, R);

/// Why one topic or one resource of a request was refused: Kafka's code and, where Kafka has one,
/// its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) message: Option<String>,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: Some(message.into()),
        }
    }

    pub(crate) fn silent(code: ErrorCode) -> Self {
        Self {
            code,
            message: None,
        }
    }

    /// The operation would not fit one atomic batch of records.
    pub(crate) fn too_large() -> Self {
        Self::new(ErrorCode::PolicyViolation, OPERATION_TOO_LARGE)
    }
}

#[cfg(test)]
pub(crate) mod tests;
