//! What members of consumer groups ask for, of either protocol: which group it is for, whether that
//! is the kind of group they take it for, and what becomes of a group that changes its kind. Pure.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use protocol::error_code::ErrorCode;
use protocol::messages::consumer_group_describe_response::DescribedGroup;
use protocol::messages::consumer_group_heartbeat_request::ConsumerGroupHeartbeatRequest;
use protocol::messages::consumer_group_heartbeat_response::ConsumerGroupHeartbeatResponse;
use protocol::messages::leave_group_response::MemberResponse;

use crate::coordinator::machine::Now;
use crate::group::answer::{Answer, Reply};
use crate::group::classic::{ClassicGroup, Joining, Leaving, Syncing, join_refused, sync_refused};
use crate::group::consumer::group::ConsumerGroup;
use crate::group::consumer::heartbeat::{heartbeat, validate};
use crate::group::consumer::records::ConsumerRecord;
use crate::group::consumer::step::{Context, Refusal, Settings, Step};
use crate::group::consumer::{classic_member, fence, migration, resolution};
use crate::group::record::GroupRecord;
use crate::group::timers::Due;
use crate::group::{GroupDecision, GroupId, Groups, Kind};
use crate::metadata::image::ClusterImage;

/// Lengths, offsets and the like of a record, at most.
const RECORD_OVERHEAD_BYTES: usize = 32;
/// The header of a batch.
const BATCH_OVERHEAD_BYTES: usize = 61;

/// Who sends a request, as far as the group keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    /// The id of a member that comes without one.
    pub(crate) fresh_id: String,
}

/// The answer to a heartbeat, and the patterns that it made due for resolution.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) response: ConsumerGroupHeartbeatResponse,
    pub(crate) resolve: BTreeSet<String>,
}

/// A group that is not there yet, or not as a consumer group; it is put in place with the first
/// step that succeeds.
struct Fresh {
    group: ConsumerGroup,
    records: Vec<GroupRecord>,
}

impl Groups {
    pub(crate) fn consumer_heartbeat(
        &mut self,
        request: &ConsumerGroupHeartbeatRequest,
        version: i16,
        sender: &Sender,
        (now, image): (Now, &ClusterImage),
    ) -> GroupDecision<Result<Heard, Refusal>> {
        let group_id = request.group_id.as_str();
        let settings = self.settings.consumer.of(group_id, image);
        let context = context(&settings, sender, now, image);
        let joins = request.member_epoch == 0;
        let begun = validate(request, version, &settings)
            .and_then(|()| self.fresh(group_id, joins, context));
        let mut fresh = match begun {
            Ok(fresh) => fresh,
            Err(refusal) => return GroupDecision::only(Err(refusal)),
        };
        let known = self.consumer(group_id);
        let Some(group) = fresh.as_ref().map(|fresh| &fresh.group).or(known) else {
            return GroupDecision::only(Err(not_found(group_id)));
        };
        let step = match heartbeat(group, request, context) {
            Ok(step) => step,
            Err(refusal) => return GroupDecision::only(Err(refusal)),
        };
        let records = fresh.iter().flat_map(|fresh| fresh.records.iter());
        if fresh.is_some() && !self.fits(group_id, records, &step.records) {
            return GroupDecision::only(Err(too_large()));
        }
        let replaced = fresh.take().map(|fresh| self.put_in_place(group_id, fresh));
        let (records, replies) = replaced.unwrap_or_default();
        let mut decision = self.take_up(group_id, step, context);
        decision.records.splice(0..0, records);
        decision.effects.splice(0..0, replies);
        let heard = |(response, resolve)| Ok(Heard { response, resolve });
        with_response(decision, heard)
    }

    /// The consumer group that a join makes, where there is none.
    fn fresh(
        &self,
        group_id: &str,
        joins: bool,
        context: Context<'_>,
    ) -> Result<Option<Fresh>, Refusal> {
        let empty = |records| {
            let group = ConsumerGroup::default();
            Ok(Some(Fresh { group, records }))
        };
        match self.get(group_id).map(|group| &group.kind) {
            Some(Kind::Consumer(_)) => Ok(None),
            None | Some(Kind::Classic(_)) if !joins => Err(not_found(group_id)),
            None if self.groups.len() >= self.settings.groups_max => {
                let message = "The coordinator takes no more groups.";
                Err(Refusal::new(ErrorCode::GroupMaxSizeReached, message))
            }
            None => empty(Vec::new()),
            Some(Kind::Classic(classic)) if classic.is_empty() => {
                let has_record = !classic.has_no_history();
                empty(
                    has_record
                        .then(|| classic_end(group_id))
                        .into_iter()
                        .collect(),
                )
            }
            Some(Kind::Classic(classic)) => {
                let (group, records) = migration::upgraded(group_id, classic, context)?;
                let mut all = vec![classic_end(group_id)];
                all.extend(of_group(group_id, records));
                Ok(Some(Fresh {
                    group,
                    records: all,
                }))
            }
        }
    }

    /// The group is a consumer group from now on; who waits in the classic one is sent away.
    fn put_in_place(&mut self, group_id: &str, fresh: Fresh) -> (Vec<GroupRecord>, Vec<Reply>) {
        let group = self.group_or_new(group_id);
        let before = std::mem::replace(&mut group.kind, Kind::Consumer(fresh.group));
        let replies = match before {
            Kind::Classic(mut classic) => classic.depart(),
            Kind::Consumer(_) => Vec::new(),
        };
        (fresh.records, replies)
    }

    /// Whether the records can be written in one batch: what changes the kind of a group must not
    /// fail when it has been done.
    fn fits<'r>(
        &self,
        group_id: &str,
        records: impl Iterator<Item = &'r GroupRecord>,
        more: &[ConsumerRecord],
    ) -> bool {
        let size = |(key, value): (Bytes, Option<Bytes>)| {
            key.len() + value.map_or(0, |value| value.len()) + RECORD_OVERHEAD_BYTES
        };
        let records = records.map(GroupRecord::encode);
        let first: usize = records
            .map(|encoded| size((encoded.key, encoded.value)))
            .sum();
        let rest: usize = more
            .iter()
            .map(|record| size(record.encode(group_id)))
            .sum();
        BATCH_OVERHEAD_BYTES + first + rest <= self.settings.record_bytes_max
    }

    pub(super) fn consumer(&self, group_id: &str) -> Option<&ConsumerGroup> {
        match &self.get(group_id)?.kind {
            Kind::Consumer(group) => Some(group),
            Kind::Classic(_) => None,
        }
    }

    /// Keeps what a step decided. A group without a member of the consumer protocol left goes back
    /// to the classic one.
    fn take_up<R>(
        &mut self,
        group_id: &str,
        step: Step<R>,
        context: Context<'_>,
    ) -> GroupDecision<(R, BTreeSet<String>)> {
        let response = (step.response, step.resolve);
        let Some(group) = self.groups.get_mut(group_id) else {
            return GroupDecision::only(response);
        };
        let Kind::Consumer(consumer) = &mut group.kind else {
            return GroupDecision::only(response);
        };
        if let Some(migrants) = migration::downgraded(consumer, &step.gone, context) {
            let records = of_group(group_id, fence::end(consumer));
            let (generation, wall_ms) = (consumer.epoch(), context.now.wall_ms);
            group.kind = Kind::Classic(ClassicGroup::of_migrants(migrants, generation, wall_ms));
            let arrived = self.classic(group_id, context.now, ClassicGroup::arrive);
            let mut decision = arrived.unwrap_or_else(|| GroupDecision::only(()));
            decision.records.splice(0..0, records);
            return with_response(decision, |()| response);
        }
        consumer.timers.apply(step.timers);
        if let Some(at) = consumer.timers.plan() {
            self.timers.add(at, &group.id, Due::Consumer);
        }
        GroupDecision::with(of_group(group_id, step.records).collect(), response)
    }

    /// A step in a consumer group that exists.
    fn in_consumer<R>(
        &mut self,
        group_id: &str,
        sender: &Sender,
        (now, image): (Now, &ClusterImage),
        act: impl FnOnce(&ConsumerGroup, Context<'_>) -> Result<Step<R>, Refusal>,
    ) -> GroupDecision<Result<R, Refusal>> {
        let settings = self.settings.consumer.of(group_id, image);
        let context = context(&settings, sender, now, image);
        let Some(group) = self.consumer(group_id) else {
            return GroupDecision::only(Err(not_found(group_id)));
        };
        match act(group, context) {
            Ok(step) => {
                let decision = self.take_up(group_id, step, context);
                with_response(decision, |(response, _)| Ok(response))
            }
            Err(refusal) => GroupDecision::only(Err(refusal)),
        }
    }

    /// A member of the classic protocol joins a consumer group; it need not wait for the others.
    pub(super) fn join_consumer(
        &mut self,
        group_id: &str,
        joining: &Joining,
        at: (Now, &ClusterImage),
    ) -> GroupDecision<()> {
        let sender = Sender {
            client_id: joining.client_id.clone(),
            client_host: joining.client_host.clone(),
            fresh_id: joining.fresh_id.clone(),
        };
        let joined = self.in_consumer(group_id, &sender, at, |group, context| {
            classic_member::join(group, joining, context)
        });
        let member_id = joining.member_id.as_str();
        reply(joined, joining.token, |joined| {
            Answer::Join(joined.unwrap_or_else(|error| join_refused(member_id, error)))
        })
    }

    pub(super) fn sync_consumer(
        &mut self,
        group_id: &str,
        syncing: &Syncing,
        at: (Now, &ClusterImage),
    ) -> GroupDecision<()> {
        let synced = self.in_consumer(group_id, &Sender::default(), at, |group, context| {
            classic_member::sync(group, group_id, syncing, context)
        });
        reply(synced, syncing.token, |synced| {
            Answer::Sync(synced.unwrap_or_else(sync_refused))
        })
    }

    pub(super) fn heartbeat_consumer(
        &mut self,
        group_id: &str,
        who: (&str, Option<&str>),
        generation: i32,
        at: (Now, &ClusterImage),
    ) -> GroupDecision<ErrorCode> {
        let heard = self.in_consumer(group_id, &Sender::default(), at, |group, context| {
            classic_member::heartbeat(group, group_id, who, generation, context)
        });
        with_response(heard, |heard| heard.unwrap_or_else(|refusal| refusal.error))
    }

    pub(super) fn leave_consumer(
        &mut self,
        group_id: &str,
        leaving: &[Leaving],
        at: (Now, &ClusterImage),
    ) -> GroupDecision<Vec<MemberResponse>> {
        let left = self.in_consumer(group_id, &Sender::default(), at, |group, context| {
            let (gone, responses) = classic_member::leaving(group, group_id, leaving);
            let gone = gone.iter().map(String::as_str).collect();
            Ok(fence::fence(group, &gone, context, responses))
        });
        with_response(left, Result::unwrap_or_default)
    }

    /// Patterns of a group have been matched with the topics of an image.
    pub(crate) fn patterns_resolved(
        &mut self,
        group_id: &str,
        topics: &BTreeMap<String, BTreeSet<String>>,
        at: (Now, &ClusterImage),
    ) -> GroupDecision<()> {
        let resolved = self.in_consumer(group_id, &Sender::default(), at, |group, context| {
            Ok(resolution::resolved(group, topics, context))
        });
        // the group may be gone meanwhile
        with_response(resolved, |resolved| resolved.unwrap_or(()))
    }

    /// Some deadline of the group may have passed.
    pub(super) fn consumer_due(
        &mut self,
        group_id: &GroupId,
        at: (Now, &ClusterImage),
    ) -> GroupDecision<()> {
        let Some(Kind::Consumer(group)) = self.groups.get_mut(group_id).map(|g| &mut g.kind) else {
            return GroupDecision::only(());
        };
        let due = group.timers.due(at.0.monotonic);
        for member in &due {
            tracing::info!(
                group = &**group_id,
                member,
                "a silent or late member is fenced"
            );
        }
        let gone = due.iter().map(String::as_str).collect();
        let fenced = self.in_consumer(group_id, &Sender::default(), at, |group, context| {
            Ok(fence::fence(group, &gone, context, ()))
        });
        with_response(fenced, |fenced| fenced.unwrap_or(()))
    }

    /// Begins to watch the members of a group that was loaded.
    pub(super) fn consumer_loaded(&mut self, group_id: &GroupId, at: (Now, &ClusterImage)) {
        let settings = self.settings.consumer.of(group_id, at.1);
        let sender = Sender::default();
        let context = context(&settings, &sender, at.0, at.1);
        let Some(Kind::Consumer(group)) = self.groups.get_mut(group_id).map(|g| &mut g.kind) else {
            return;
        };
        let timers: Vec<_> = group
            .members()
            .flat_map(|member| migration::loaded_timers(member, context))
            .collect();
        group.timers.apply(timers);
        if let Some(at) = group.timers.plan() {
            self.timers.add(at, group_id, Due::Consumer);
        }
    }

    /// A consumer group, with its members.
    pub(crate) fn describe_consumer(&self, group_id: &str, image: &ClusterImage) -> DescribedGroup {
        if let Some(group) = self.consumer(group_id) {
            return group.describe(group_id, self.settings.consumer.default_assignor(), image);
        }
        let message = match self.get(group_id) {
            Some(_) => format!("Group {group_id} is not a consumer group."),
            None => format!("Group {group_id} not found."),
        };
        DescribedGroup {
            group_id: group_id.to_owned(),
            error_code: ErrorCode::GroupIdNotFound.into(),
            error_message: Some(message),
            ..DescribedGroup::default()
        }
    }
}

fn context<'a>(
    settings: &'a Settings,
    sender: &'a Sender,
    now: Now,
    image: &'a ClusterImage,
) -> Context<'a> {
    Context {
        image,
        settings,
        now,
        client_id: &sender.client_id,
        client_host: &sender.client_host,
        new_member_id: &sender.fresh_id,
    }
}

fn not_found(group_id: &str) -> Refusal {
    let message = format!("Group {group_id} not found.");
    Refusal::new(ErrorCode::GroupIdNotFound, message)
}

fn too_large() -> Refusal {
    let message = "The group's records would be larger than a batch may be.";
    Refusal::new(ErrorCode::UnknownServerError, message)
}

fn classic_end(group_id: &str) -> GroupRecord {
    GroupRecord::GroupMetadata {
        group: group_id.to_owned(),
        value: None,
    }
}

/// The records, each with the group that it is about.
pub(super) fn of_group(
    group_id: &str,
    records: Vec<ConsumerRecord>,
) -> impl Iterator<Item = GroupRecord> {
    records
        .into_iter()
        .map(move |record| GroupRecord::Consumer {
            group: group_id.to_owned(),
            record,
        })
}

/// The same decision, with the response that `convert` makes of its own.
fn with_response<R, S>(
    decision: GroupDecision<R>,
    convert: impl FnOnce(R) -> S,
) -> GroupDecision<S> {
    GroupDecision {
        records: decision.records,
        transaction: decision.transaction,
        is_divisible: decision.is_divisible,
        effects: decision.effects,
        response: convert(decision.response),
    }
}

/// The same decision, with its response as the answer of a request that waits.
fn reply<R>(
    decision: GroupDecision<Result<R, Refusal>>,
    token: crate::group::answer::Token,
    answer: impl FnOnce(Result<R, ErrorCode>) -> Answer,
) -> GroupDecision<()> {
    let mut answered = None;
    let mut decision = with_response(decision, |response| {
        answered = Some(answer(response.map_err(|refusal| refusal.error)));
    });
    decision
        .effects
        .extend(answered.map(|answer| Reply { token, answer }));
    decision
}
