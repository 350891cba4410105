//! The settings of consumer groups: the broker's, and those of single groups within the bounds that
//! the broker sets. Pure.

use super::effective::Reader;
use crate::group::consumer::assignor::Assignor;
use crate::group::consumer::step::{MigrationPolicy, Settings};
use crate::metadata::image::{ClusterImage, ConfigResource, ResourceType};

/// A time that single groups may set for themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bounded {
    default_ms: i32,
    min_ms: i32,
    max_ms: i32,
    /// The key of the group's own setting.
    group_key: &'static str,
}

impl Bounded {
    fn read(read: &Reader<'_>, name: &str, group_key: &'static str) -> Self {
        Self {
            default_ms: read.i32(&format!("group.consumer.{name}")),
            min_ms: read.i32(&format!("group.consumer.min.{name}")),
            max_ms: read.i32(&format!("group.consumer.max.{name}")),
            group_key,
        }
    }

    fn of(&self, group: &ConfigResource, image: &ClusterImage) -> i32 {
        let own = image.configs.value(group, self.group_key);
        let own = own.and_then(|text| text.trim().parse::<i32>().ok());
        let within = |time: i32| time.min(self.max_ms).max(self.min_ms);
        own.map_or(self.default_ms, within)
    }
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConsumerGroupSettings {
    session_timeout: Bounded,
    heartbeat_interval: Bounded,
    assignment_interval: Bounded,
    members_max: usize,
    classic_members_max: usize,
    assignors: Vec<Assignor>,
    pattern_refresh_ms: i64,
    migration: MigrationPolicy,
    /// Whether the broker offers the protocol at all.
    pub(crate) is_offered: bool,
}

impl ConsumerGroupSettings {
    pub(super) fn read(read: &Reader<'_>) -> Self {
        let assignors = read.text("group.consumer.assignors").split(',');
        let protocols = read
            .text("group.coordinator.rebalance.protocols")
            .split(',');
        let policy = read
            .text("group.consumer.migration.policy")
            .to_ascii_lowercase();
        Self {
            session_timeout: Bounded::read(
                read,
                "session.timeout.ms",
                "consumer.session.timeout.ms",
            ),
            heartbeat_interval: Bounded::read(
                read,
                "heartbeat.interval.ms",
                "consumer.heartbeat.interval.ms",
            ),
            assignment_interval: Bounded::read(
                read,
                "assignment.interval.ms",
                "consumer.assignment.interval.ms",
            ),
            members_max: count(read, "group.consumer.max.size"),
            classic_members_max: count(read, "group.max.size"),
            assignors: assignors
                .filter_map(|name| Assignor::from_name(name.trim()))
                .collect(),
            pattern_refresh_ms: read.long("group.consumer.regex.refresh.interval.ms"),
            migration: MigrationPolicy {
                upgrade: matches!(policy.as_str(), "upgrade" | "bidirectional"),
                downgrade: matches!(policy.as_str(), "downgrade" | "bidirectional"),
            },
            is_offered: protocols.into_iter().any(|name| name.trim() == "consumer"),
        }
    }

    /// The settings of a group.
    pub(crate) fn of(&self, group_id: &str, image: &ClusterImage) -> Settings {
        let group = ConfigResource {
            kind: ResourceType::Group,
            name: group_id.to_owned(),
        };
        Settings {
            session_timeout_ms: self.session_timeout.of(&group, image),
            heartbeat_interval_ms: self.heartbeat_interval.of(&group, image),
            assignment_interval_ms: self.assignment_interval.of(&group, image),
            members_max: self.members_max,
            classic_members_max: self.classic_members_max,
            assignors: self.assignors.clone(),
            pattern_refresh_ms: self.pattern_refresh_ms,
            migration: self.migration,
        }
    }

    /// The assignor of groups whose members ask for none.
    pub(crate) fn default_assignor(&self) -> Assignor {
        self.assignors.first().copied().unwrap_or(Assignor::Uniform)
    }
}

fn count(read: &Reader<'_>, name: &str) -> usize {
    usize::try_from(read.long(name)).unwrap_or(usize::MAX)
}

#[cfg(test)]
impl Default for ConsumerGroupSettings {
    /// The defaults, but with sessions that tests can wait for.
    fn default() -> Self {
        let bounded = |default_ms, group_key| Bounded {
            default_ms,
            min_ms: 0,
            max_ms: i32::MAX,
            group_key,
        };
        Self {
            session_timeout: bounded(45_000, "consumer.session.timeout.ms"),
            heartbeat_interval: bounded(5_000, "consumer.heartbeat.interval.ms"),
            assignment_interval: bounded(0, "consumer.assignment.interval.ms"),
            members_max: 1_000,
            classic_members_max: 1_000,
            assignors: vec![Assignor::Uniform, Assignor::Range],
            pattern_refresh_ms: 600_000,
            migration: MigrationPolicy {
                upgrade: true,
                downgrade: true,
            },
            is_offered: true,
        }
    }
}
