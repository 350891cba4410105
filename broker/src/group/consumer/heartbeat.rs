//! `ConsumerGroupHeartbeat`: a member joins, says that it is alive and what it owns, learns what it
//! is to own, or leaves. Pure.

use std::collections::BTreeSet;

use protocol::error_code::ErrorCode;
use protocol::messages::consumer_group_heartbeat_request::{
    ConsumerGroupHeartbeatRequest as Request, TopicPartitions as ReportedPartitions,
};
use protocol::messages::consumer_group_heartbeat_response::{
    Assignment as AnsweredAssignment, ConsumerGroupHeartbeatResponse as Response, TopicPartitions,
};

use super::fence;
use super::group::ConsumerGroup;
use super::member::{LEAVE_EPOCH, LEAVE_STATIC_EPOCH, Member};
use super::records::ConsumerRecord;
use super::resolution::{self, PatternChange};
use super::static_member;
use super::step::{Context, Refusal, Settings, Step, Work};
use super::subscription::Preview;
use super::timers::Timer;

/// Checks what can be told without the group.
///
/// # Errors
/// Kafka's answer to the first thing that is wrong.
pub(crate) fn validate(
    request: &Request,
    version: i16,
    settings: &Settings,
) -> Result<(), Refusal> {
    let epoch = request.member_epoch;
    let needs_id = version >= 1 || epoch > 0 || epoch == LEAVE_EPOCH;
    let is_blank = |text: &str| text.trim().is_empty();
    let is_blank_option = |text: &Option<String>| text.as_deref().is_some_and(is_blank);
    let wrong = if needs_id && is_blank(&request.member_id) {
        "MemberId can't be empty."
    } else if is_blank(&request.group_id) {
        "GroupId can't be empty."
    } else if is_blank_option(&request.instance_id) {
        "InstanceId can't be empty."
    } else if is_blank_option(&request.rack_id) {
        "RackId can't be empty."
    } else if epoch == 0 && request.rebalance_timeout_ms == -1 {
        "RebalanceTimeoutMs must be provided in first request."
    } else if epoch == 0
        && request
            .topic_partitions
            .as_ref()
            .is_none_or(|owned| !owned.is_empty())
    {
        "TopicPartitions must be empty when (re-)joining."
    } else if epoch == 0 && !is_subscribed(request) {
        "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining."
    } else if epoch == LEAVE_STATIC_EPOCH && request.instance_id.is_none() {
        "InstanceId can't be null."
    } else if epoch < LEAVE_STATIC_EPOCH {
        "MemberEpoch is invalid."
    } else {
        return validate_assignor(request, settings);
    };
    Err(Refusal::new(ErrorCode::InvalidRequest, wrong))
}

fn is_subscribed(request: &Request) -> bool {
    request.subscribed_topic_names.is_some() || request.subscribed_topic_regex.is_some()
}

fn validate_assignor(request: &Request, settings: &Settings) -> Result<(), Refusal> {
    let Some(wanted) = &request.server_assignor else {
        return Ok(());
    };
    let offered: Vec<&str> = settings
        .assignors
        .iter()
        .map(|assignor| assignor.name())
        .collect();
    if offered.contains(&wanted.as_str()) {
        return Ok(());
    }
    let message = format!(
        "ServerAssignor {wanted} is not supported. Supported assignors: {}.",
        offered.join(", ")
    );
    Err(Refusal::new(ErrorCode::UnsupportedAssignor, message))
}

/// The step of a request that [`validate`] let pass, in the group that it names.
///
/// # Errors
/// Kafka's answer to a member that may not do this.
pub(crate) fn heartbeat(
    group: &ConsumerGroup,
    request: &Request,
    context: Context<'_>,
) -> Result<Step<Response>, Refusal> {
    if request.member_epoch < 0 {
        leave(group, request, context)
    } else {
        stay(group, request, context)
    }
}

fn leave(
    group: &ConsumerGroup,
    request: &Request,
    context: Context<'_>,
) -> Result<Step<Response>, Refusal> {
    let response = Response {
        member_id: Some(request.member_id.clone()),
        member_epoch: request.member_epoch,
        ..Default::default()
    };
    let Some(instance) = &request.instance_id else {
        let member = known_member(group, &request.group_id, &request.member_id)?;
        return Ok(fence::fence(
            group,
            &BTreeSet::from([member.id.as_str()]),
            context,
            response,
        ));
    };
    let member = static_member::holder(group, instance, &request.member_id)?;
    if request.member_epoch == LEAVE_EPOCH {
        return Ok(fence::fence(
            group,
            &BTreeSet::from([member.id.as_str()]),
            context,
            response,
        ));
    }
    let mut work = Work::on(group, context);
    let mut gone = member.clone();
    gone.epoch = LEAVE_STATIC_EPOCH;
    gone.pending_revocation.clear();
    work.records.push(ConsumerRecord::current(&gone));
    Ok(work.answer(response))
}

fn stay(
    group: &ConsumerGroup,
    request: &Request,
    context: Context<'_>,
) -> Result<Step<Response>, Refusal> {
    let member_id = if request.member_id.is_empty() {
        context.new_member_id
    } else {
        &request.member_id
    };
    if group.member_count() >= context.settings.members_max && group.member(member_id).is_none() {
        return Err(too_many(context.settings.members_max));
    }
    let mut work = Work::on(group, context);
    let before = find_or_create(&mut work, request, member_id)?;
    let replaced = request
        .instance_id
        .as_deref()
        .and_then(|instance| group.static_member(instance))
        .filter(|holder| holder.id != before.id);
    let gone: BTreeSet<&str> = replaced.iter().map(|member| member.id.as_str()).collect();

    let member = with_request(&before, request, context);
    if member != before {
        work.records.push(ConsumerRecord::member(&member));
    }
    let preview = Preview {
        group,
        gone: &gone,
        come: Some(&member),
    };
    let names_changed = member.topic_names != before.topic_names;
    let pattern = resolution::on_heartbeat(&mut work, preview, before.pattern(), &member)?;
    let bump = names_changed || pattern == PatternChange::Resolved;
    let epoch = work.next_epoch(preview, bump);
    let (target_epoch, target) = work.next_target(preview, &member, epoch);
    let reported = request.topic_partitions.as_deref();
    let subscription_changed = names_changed || pattern != PatternChange::None;
    let target = (target_epoch, &target);
    let after = work.next_member(member.clone(), target, subscription_changed, reported)?;

    let session = context.settings.session_timeout_ms;
    work.timers
        .push(work.start(&after.id, Timer::Session, session));
    let response = Response {
        member_id: Some(after.id.clone()),
        member_epoch: after.epoch,
        heartbeat_interval_ms: context.settings.heartbeat_interval_ms,
        assignment: (must_tell(request) || after.assigned != before.assigned)
            .then(|| answered(&after)),
        ..Default::default()
    };
    Ok(work.answer(response))
}

/// A request with everything in it comes from a member that joins, or that missed an answer.
fn must_tell(request: &Request) -> bool {
    let is_full = request.rebalance_timeout_ms != -1
        && is_subscribed(request)
        && request.topic_partitions.is_some();
    request.member_epoch == 0 || is_full
}

fn answered(member: &Member) -> AnsweredAssignment {
    let topic_partitions = member
        .assigned
        .iter()
        .map(|(topic, partitions)| TopicPartitions {
            topic_id: *topic,
            partitions: partitions.keys().copied().collect(),
        })
        .collect();
    AnsweredAssignment { topic_partitions }
}

pub(super) fn too_many(members_max: usize) -> Refusal {
    Refusal::new(
        ErrorCode::GroupMaxSizeReached,
        format!("The consumer group has reached its maximum capacity of {members_max} members."),
    )
}

/// # Errors
/// The group has no such member.
pub(super) fn known_member<'g>(
    group: &'g ConsumerGroup,
    group_id: &str,
    member_id: &str,
) -> Result<&'g Member, Refusal> {
    group.member(member_id).ok_or_else(|| {
        let message = format!("Member {member_id} is not a member of group {group_id}.");
        Refusal::new(ErrorCode::UnknownMemberId, message)
    })
}

/// The member that the request is from, as it is now.
fn find_or_create(
    work: &mut Work<'_>,
    request: &Request,
    member_id: &str,
) -> Result<Member, Refusal> {
    let joins = request.member_epoch == 0;
    let reported = request.topic_partitions.as_deref();
    if let Some(instance) = &request.instance_id {
        if joins {
            return static_member::join(work, instance, member_id, false);
        }
        let member = static_member::holder(work.group, instance, member_id)?;
        check_epoch(member, request.member_epoch, reported)?;
        return Ok(member.clone());
    }
    match known_member(work.group, &request.group_id, member_id) {
        Err(_) if joins => Ok(Member::new(member_id)),
        Err(unknown) => Err(unknown),
        Ok(member) => {
            check_epoch(member, request.member_epoch, reported)?;
            Ok(member.clone())
        }
    }
}

/// A member may come with its epoch, or with the one before if it owns nothing that it was not
/// given since: the answer with the new epoch may have been lost. With 0 it joins again.
fn check_epoch(
    member: &Member,
    epoch: i32,
    reported: Option<&[ReportedPartitions]>,
) -> Result<(), Refusal> {
    let missed_answer =
        epoch == member.previous_epoch && reported.is_some_and(|owned| member.covers(owned));
    let relation = if epoch == 0 || epoch == member.epoch {
        return Ok(());
    } else if epoch > member.epoch {
        "greater"
    } else if missed_answer {
        return Ok(());
    } else {
        "smaller"
    };
    let message = format!(
        "The consumer group member has a {relation} member epoch ({epoch}) than the one known by \
         the group coordinator ({}). The member must abandon all its partitions and rejoin.",
        member.epoch
    );
    Err(Refusal::new(ErrorCode::FencedMemberEpoch, message))
}

/// The member with everything that the request says about it; what it leaves out stays.
fn with_request(before: &Member, request: &Request, context: Context<'_>) -> Member {
    let mut member = before.clone();
    context.client_id.clone_into(&mut member.client_id);
    context.client_host.clone_into(&mut member.client_host);
    member.classic = None;
    if request.rebalance_timeout_ms != -1 {
        member.rebalance_timeout_ms = request.rebalance_timeout_ms;
    }
    if let Some(names) = &request.subscribed_topic_names {
        member.topic_names = names.iter().cloned().collect();
    }
    for (given, kept) in [
        (&request.instance_id, &mut member.instance_id),
        (&request.rack_id, &mut member.rack_id),
        (&request.server_assignor, &mut member.server_assignor),
        (&request.subscribed_topic_regex, &mut member.topic_regex),
    ] {
        if given.is_some() {
            kept.clone_from(given);
        }
    }
    member
}
