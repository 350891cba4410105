//! What every step of a consumer group is given and what it answers, and the parts that steps
//! share: the next epoch, the next target, the next state of a member. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use protocol::error_code::ErrorCode;
use protocol::messages::consumer_group_heartbeat_request::TopicPartitions as ReportedPartitions;

use super::assignor::{Assignment, Assignor};
use super::group::ConsumerGroup;
use super::member::{Member, MemberState};
use super::reconcile::{Reconciliation, reconcile};
use super::records::ConsumerRecord;
use super::subscription::{Preview, topic_ids};
use super::target;
use super::timers::{Timer, TimerChange};
use crate::coordinator::machine::Now;
use crate::metadata::image::ClusterImage;

/// Whether a group may go from one protocol to the other while it has members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MigrationPolicy {
    pub(crate) upgrade: bool,
    pub(crate) downgrade: bool,
}

/// The settings of one group: the broker's, or those set for the group within the broker's bounds.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) session_timeout_ms: i32,
    pub(crate) heartbeat_interval_ms: i32,
    /// A target stays for at least this long.
    pub(crate) assignment_interval_ms: i32,
    pub(crate) members_max: usize,
    /// Most members that a classic group may have, and so a consumer group that becomes one.
    pub(crate) classic_members_max: usize,
    /// The first is the one of groups whose members do not ask for any.
    pub(crate) assignors: Vec<Assignor>,
    pub(crate) pattern_refresh_ms: i64,
    pub(crate) migration: MigrationPolicy,
}

/// Everything a step depends on beside the group and the request.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) image: &'a ClusterImage,
    pub(crate) settings: &'a Settings,
    pub(crate) now: Now,
    pub(crate) client_id: &'a str,
    pub(crate) client_host: &'a str,
    /// The id of a member that comes without one.
    pub(crate) new_member_id: &'a str,
}

impl Context<'_> {
    /// A negative timeout is none at all.
    pub(super) fn deadline(&self, timeout_ms: i32) -> Duration {
        let timeout = Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0));
        self.now.monotonic.saturating_add(timeout)
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) error: ErrorCode,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(error: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            error,
            message: message.into(),
        }
    }
}

/// What comes of a request: the answer goes out once the records are durable.
#[derive(Debug)]
pub(crate) struct Step<R> {
    pub(crate) records: Vec<ConsumerRecord>,
    pub(crate) timers: Vec<TimerChange>,
    /// Patterns that are now to be resolved, beside the requests; see `resolution`.
    pub(crate) resolve: BTreeSet<String>,
    /// Members that are removed.
    pub(crate) gone: BTreeSet<String>,
    pub(crate) response: R,
}

/// A step on its way: what it has decided so far.
pub(super) struct Work<'a> {
    pub(super) group: &'a ConsumerGroup,
    pub(super) context: Context<'a>,
    pub(super) records: Vec<ConsumerRecord>,
    pub(super) timers: Vec<TimerChange>,
    pub(super) resolve: BTreeSet<String>,
}

impl<'a> Work<'a> {
    pub(super) fn on(group: &'a ConsumerGroup, context: Context<'a>) -> Self {
        Self {
            group,
            context,
            records: Vec::new(),
            timers: Vec::new(),
            resolve: BTreeSet::new(),
        }
    }

    pub(super) fn answer<R>(self, response: R) -> Step<R> {
        Step {
            records: self.records,
            timers: self.timers,
            resolve: self.resolve,
            gone: BTreeSet::new(),
            response,
        }
    }

    /// The group's epoch from here on. It moves when the subscription did (`bump`), and when the
    /// topics did: these are looked at again when there is a newer image.
    pub(super) fn next_epoch(&mut self, preview: Preview<'_>, bump: bool) -> i32 {
        let image_offset = self.context.image.applied.offset;
        let epoch = self.group.epoch();
        if !bump && !self.group.timers.must_look(image_offset, epoch) {
            return epoch;
        }
        let hash = preview.metadata_hash(self.context.image);
        let moved = bump || hash != self.group.metadata_hash();
        let next = if moved {
            epoch.saturating_add(1)
        } else {
            epoch
        };
        if moved {
            self.records.push(ConsumerRecord::epoch(next, hash));
        }
        self.timers.push(TimerChange::LookedAt {
            image_offset,
            group_epoch: next,
        });
        if self.group.has_partitions_record() {
            self.records.push(ConsumerRecord::PartitionsEnd);
        }
        next
    }

    /// The target's epoch and what it gives to `member`. A target is worked out when it is behind
    /// the group's epoch, but not before the last one has stood for a while: many members that come
    /// at once cost one assignment, not one each.
    pub(super) fn next_target(
        &mut self,
        preview: Preview<'_>,
        member: &Member,
        group_epoch: i32,
    ) -> (i32, Assignment) {
        let interval = i64::from(self.context.settings.assignment_interval_ms);
        let last = self.group.target_timestamp_ms();
        let waits =
            last != 0 && interval != 0 && self.context.now.wall_ms < last.saturating_add(interval);
        if self.group.target_epoch() >= group_epoch || waits {
            return (
                self.group.target_epoch(),
                self.group.target_of(member).clone(),
            );
        }
        let mut next = target::next(preview, self.context);
        self.records.extend(target::changes(self.group, &next));
        self.records.push(ConsumerRecord::target_epoch(
            group_epoch,
            self.context.now.wall_ms,
        ));
        (
            group_epoch,
            next.remove(member.id.as_str()).unwrap_or_default(),
        )
    }

    /// Moves the member towards its target as far as it goes.
    ///
    /// # Errors
    /// The member has to start over.
    pub(super) fn next_member(
        &mut self,
        member: Member,
        (target_epoch, target): (i32, &Assignment),
        subscription_changed: bool,
        reported: Option<&[ReportedPartitions]>,
    ) -> Result<Member, Refusal> {
        if !subscription_changed && member.is_reconciled_to(target_epoch) {
            return Ok(member);
        }
        let next = reconcile(
            &member,
            &Reconciliation {
                target_epoch,
                target,
                subscribed: &topic_ids(&member, self.group, self.context.image),
                subscription_changed,
                reported,
                is_held: &|topic, partition| self.group.is_held(topic, partition),
            },
        )
        .map_err(|_| {
            let message = "The consumer group member is in a unknown state. The member must \
                           abandon all its partitions and rejoin.";
            Refusal::new(ErrorCode::FencedMemberEpoch, message)
        })?;
        if next != member {
            self.records.push(ConsumerRecord::current(&next));
            if next.classic.is_none() {
                self.timers.push(self.revocation_timer(&next));
            }
        }
        Ok(next)
    }

    fn revocation_timer(&self, member: &Member) -> TimerChange {
        if member.state == MemberState::UnrevokedPartitions {
            self.start(&member.id, Timer::Revocation, member.rebalance_timeout_ms)
        } else {
            TimerChange::Stop {
                member: member.id.clone(),
                timer: Timer::Revocation,
            }
        }
    }

    pub(super) fn start(&self, member: &str, timer: Timer, timeout_ms: i32) -> TimerChange {
        TimerChange::Start {
            member: member.to_owned(),
            timer,
            deadline: self.context.deadline(timeout_ms),
        }
    }
}
