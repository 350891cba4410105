//! Offsets that are kept no longer, and the groups that go with their last offset. Pure.
//!
//! Kafka's rule (KIP-211): a group without members keeps its offsets for a time from when the last
//! member went; a stable group those of topics that it reads no more, from their commit; a group
//! that never had members each offset from its commit.

use std::time::Duration;

use crate::coordinator::machine::Now;
use crate::group::offsets::Committed;
use crate::group::record::GroupRecord;
use crate::group::{Group, GroupDecision, Groups, Kind};
use crate::metadata::image::ClusterImage;

/// Tombstones of one turn; the rest follows at once.
const RECORDS_MAX: usize = 5_000;

impl Groups {
    /// When [`Groups::expire`] has something to do next.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        let members = self.timers.next();
        Some(members.map_or(self.retention_at, |next| next.min(self.retention_at)))
    }

    /// Does what is due: silent members, steps of rebalances, old offsets.
    pub(crate) fn expire(&mut self, now: Now, image: &ClusterImage) -> GroupDecision<()> {
        let mut decision = GroupDecision::only(());
        decision.is_divisible = true;
        self.members_due((now, image), &mut decision);
        if now.monotonic >= self.retention_at {
            self.offsets_due(now, &mut decision.records);
        }
        decision
    }

    fn offsets_due(&mut self, now: Now, records: &mut Vec<GroupRecord>) {
        let retention = self.settings.offsets_retention.as_millis();
        let retention_ms = i64::try_from(retention).unwrap_or(i64::MAX);
        for group in self.groups.values() {
            group.expired(now.wall_ms, retention_ms, records);
            if records.len() >= RECORDS_MAX {
                return; // the deadline stays where it is: the rest is due too
            }
        }
        self.topic_names
            .retain(|name| std::rc::Rc::strong_count(name) > 1);
        self.retention_at = now.monotonic + self.settings.offsets_retention_check;
    }
}

impl Group {
    /// Tombstones for the offsets that have expired, and for the group if nothing is left.
    fn expired(&self, wall_ms: i64, retention_ms: i64, records: &mut Vec<GroupRecord>) {
        let mut is_left = self.offsets.has_pending();
        for (topic, partitions) in self.offsets.iter() {
            for (partition, committed) in partitions {
                let since = self.kept_since(topic, committed);
                let is_over = match (since, committed.expire_ms()) {
                    (None, _) => false,
                    (Some(_), Some(expire_ms)) => wall_ms >= expire_ms,
                    (Some(since), None) => wall_ms.saturating_sub(since) >= retention_ms,
                };
                if is_over && !self.offsets.is_pending(topic, *partition) {
                    records.push(self.offset_tombstone(topic, *partition));
                } else {
                    is_left = true;
                }
            }
        }
        let is_unused = match &self.kind {
            Kind::Classic(classic) => classic.is_unused(),
            Kind::Consumer(consumer) => consumer.is_empty(),
        };
        if !is_left && is_unused {
            records.extend(self.tombstones());
        }
    }

    /// From when the retention of an offset counts; `None` while it is not to expire.
    fn kept_since(&self, topic: &str, committed: &Committed) -> Option<i64> {
        match &self.kind {
            Kind::Classic(classic) => classic.offset_kept_since(topic, committed.commit_ms),
            Kind::Consumer(consumer) => {
                (!consumer.subscribes_to(topic)).then_some(committed.commit_ms)
            }
        }
    }
}
