//! What the group coordinator's rules take from the configuration. Pure.

use std::time::Duration;

use super::consumer_groups::ConsumerGroupSettings;
use super::effective::Reader;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupSettings {
    pub(crate) offset_metadata_length_max: usize,
    pub(crate) offsets_retention: Duration,
    pub(crate) offsets_retention_check: Duration,
    pub(crate) session_timeout_ms_min: i32,
    pub(crate) session_timeout_ms_max: i32,
    pub(crate) initial_rebalance_delay: Duration,
    /// Of one partition of the offsets topic.
    pub(crate) groups_max: usize,
    pub(crate) consumer: ConsumerGroupSettings,
    /// Members of a classic group.
    pub(crate) members_max: usize,
    /// Of a coordinator's partition; `max.message.bytes` of the offsets topic.
    pub(crate) record_bytes_max: usize,
}

impl GroupSettings {
    pub(super) fn read(read: &Reader<'_>) -> Self {
        let minutes = read.u64("offsets.retention.minutes");
        Self {
            consumer: ConsumerGroupSettings::read(read),
            offset_metadata_length_max: usize::try_from(read.long("offset.metadata.max.bytes"))
                .unwrap_or(0),
            offsets_retention: Duration::from_secs(minutes.saturating_mul(60)),
            offsets_retention_check: read.duration("offsets.retention.check.interval.ms"),
            session_timeout_ms_min: read.i32("group.min.session.timeout.ms"),
            session_timeout_ms_max: read.i32("group.max.session.timeout.ms"),
            initial_rebalance_delay: read.duration("group.initial.rebalance.delay.ms"),
            groups_max: usize::try_from(read.long("millrace.groups.per.coordinator.max"))
                .unwrap_or(usize::MAX),
            members_max: usize::try_from(read.long("group.max.size")).unwrap_or(usize::MAX),
            record_bytes_max: usize::try_from(read.long("message.max.bytes")).unwrap_or(usize::MAX),
        }
    }
}
