//! Members of the classic protocol in a consumer group: what a group has while its application is
//! upgraded one instance at a time. Pure.
//!
//! They join, sync and send heartbeats as ever, and no answer waits for others: a member's
//! generation is its epoch, its assignment what reconciliation gives it, and instead of a leader the
//! broker assigns. A member is told to join again when there is something for it to learn.

use std::collections::BTreeSet;

use protocol::error_code::ErrorCode;
use protocol::messages::data::consumer_protocol_subscription::ConsumerProtocolSubscription;
use protocol::messages::join_group_response::JoinGroupResponse;
use protocol::messages::leave_group_response::MemberResponse;
use protocol::messages::sync_group_response::SyncGroupResponse;

use super::embedded::{self, PROTOCOL_TYPE};
use super::group::ConsumerGroup;
use super::heartbeat::{known_member, too_many};
use super::member::{ClassicMember, Member, MemberState};
use super::records::ConsumerRecord;
use super::resolution::{self, PatternChange};
use super::static_member;
use super::step::{Context, Refusal, Step, Work};
use super::subscription::Preview;
use super::timers::{Timer, TimerChange};
use crate::group::classic::{Joining, Leaving, Syncing};

/// `JoinGroup`. A member that comes without an id is given one, and maybe sent away to come back
/// with it.
///
/// # Errors
/// Kafka's answer to a member that may not join.
pub(crate) fn join(
    group: &ConsumerGroup,
    request: &Joining,
    context: Context<'_>,
) -> Result<Step<JoinGroupResponse>, Refusal> {
    let is_unknown = request.member_id.is_empty();
    let member_id = if is_unknown {
        &request.fresh_id
    } else {
        &request.member_id
    };
    if group.member_count() >= context.settings.members_max && group.member(member_id).is_none() {
        return Err(too_many(context.settings.members_max));
    }
    let subscription = check_protocols(group, request, member_id)?;
    let mut work = Work::on(group, context);
    if is_unknown && request.instance_id.is_none() && request.needs_known_id {
        return Ok(work.answer(JoinGroupResponse {
            error_code: ErrorCode::MemberIdRequired.code(),
            member_id: member_id.to_owned(),
            ..no_join()
        }));
    }
    let before = match &request.instance_id {
        Some(instance) if is_unknown => static_member::join(&mut work, instance, member_id, true)?,
        Some(instance) => static_member::holder(group, instance, member_id)?.clone(),
        None => group
            .member(member_id)
            .cloned()
            .unwrap_or_else(|| Member::new(member_id)),
    };
    let member = with_request(&before, request, &subscription, context);
    let after = settle(&mut work, &before, &member, &subscription)?;
    work.timers.extend([
        TimerChange::Stop {
            member: after.id.clone(),
            timer: Timer::Join,
        },
        work.start(&after.id, Timer::Session, request.session_timeout_ms),
        work.start(&after.id, Timer::Sync, request.rebalance_timeout_ms),
    ]);
    let response = JoinGroupResponse {
        generation_id: after.epoch,
        protocol_type: Some(PROTOCOL_TYPE.to_owned()),
        protocol_name: protocol_name(&after).map(str::to_owned),
        member_id: after.id,
        ..no_join()
    };
    Ok(work.answer(response))
}

/// Brings the group's epoch and target up to what the member joined with, and the member as far
/// towards it as it goes.
fn settle(
    work: &mut Work<'_>,
    before: &Member,
    member: &Member,
    subscription: &ConsumerProtocolSubscription,
) -> Result<Member, Refusal> {
    let replaced = member
        .instance_id
        .as_deref()
        .and_then(|instance| work.group.static_member(instance))
        .filter(|holder| holder.id != member.id);
    let gone: BTreeSet<&str> = replaced.iter().map(|member| member.id.as_str()).collect();
    if member != before {
        work.records.push(ConsumerRecord::member(member));
    }
    let preview = Preview {
        group: work.group,
        gone: &gone,
        come: Some(member),
    };
    // it may take the place of a static member that subscribed by a pattern
    let pattern = resolution::on_heartbeat(work, preview, before.pattern(), member)?;
    let changed = member.topic_names != before.topic_names || pattern != PatternChange::None;
    let epoch = work.next_epoch(preview, changed);
    let (target_epoch, target) = work.next_target(preview, member, epoch);
    let reported = embedded::reported(subscription, work.context.image);
    work.next_member(
        member.clone(),
        (target_epoch, &target),
        changed,
        Some(&reported),
    )
}

/// An answer to a join that says nothing.
fn no_join() -> JoinGroupResponse {
    JoinGroupResponse {
        generation_id: -1,
        ..Default::default()
    }
}

/// The members' own assignors have no say here, but a member must offer one that all others of the
/// classic protocol offer too: the group may go back to that protocol.
fn check_protocols(
    group: &ConsumerGroup,
    request: &Joining,
    member_id: &str,
) -> Result<ConsumerProtocolSubscription, Refusal> {
    let classic = || group.members().filter_map(|member| member.classic.as_ref());
    let all_offer = |name: &str| {
        classic().all(|member| member.protocols.iter().any(|(offered, _)| offered == name))
    };
    let fits = request.protocol_type == PROTOCOL_TYPE
        && request
            .protocols
            .iter()
            .any(|protocol| all_offer(&protocol.name));
    let first = request.protocols.first().filter(|_| fits);
    let Some(first) = first else {
        let message = format!("Member {member_id}'s protocols are not supported.");
        return Err(Refusal::new(ErrorCode::InconsistentGroupProtocol, message));
    };
    embedded::subscription(&first.metadata).map_err(|_| {
        let message = format!("Member {member_id}'s subscription is malformed.");
        Refusal::new(ErrorCode::UnknownServerError, message)
    })
}

fn with_request(
    before: &Member,
    request: &Joining,
    subscription: &ConsumerProtocolSubscription,
    context: Context<'_>,
) -> Member {
    let mut member = before.clone();
    context.client_id.clone_into(&mut member.client_id);
    context.client_host.clone_into(&mut member.client_host);
    if request.instance_id.is_some() {
        member.instance_id.clone_from(&request.instance_id);
    }
    if subscription.rack_id.is_some() {
        member.rack_id.clone_from(&subscription.rack_id);
    }
    if request.rebalance_timeout_ms != -1 {
        member.rebalance_timeout_ms = request.rebalance_timeout_ms;
    }
    member.topic_names = subscription.topics.iter().cloned().collect();
    member.topic_regex = Some(String::new());
    let protocols = request.protocols.iter();
    member.classic = Some(ClassicMember {
        session_timeout_ms: request.session_timeout_ms,
        protocols: protocols
            .map(|protocol| (protocol.name.clone(), protocol.metadata.clone()))
            .collect(),
    });
    member
}

fn protocol_name(member: &Member) -> Option<&str> {
    let first = member.classic.as_ref()?.protocols.first()?;
    Some(&first.0)
}

/// A member that is known and speaks the classic protocol.
fn classic_member<'g>(
    group: &'g ConsumerGroup,
    group_id: &str,
    (member_id, instance): (&str, Option<&str>),
) -> Result<(&'g Member, &'g ClassicMember), Refusal> {
    let member = match instance {
        Some(instance) => static_member::holder(group, instance, member_id)?,
        None => known_member(group, group_id, member_id)?,
    };
    let classic = member.classic.as_ref().ok_or_else(|| {
        let message = format!("Member {member_id} does not use the classic protocol.");
        Refusal::new(ErrorCode::UnknownMemberId, message)
    })?;
    Ok((member, classic))
}

fn check_generation(member: &Member, generation: i32) -> Result<(), Refusal> {
    if member.epoch == generation {
        return Ok(());
    }
    let message = format!(
        "The request generation id {generation} is not equal to the member epoch {} of member {}.",
        member.epoch, member.id
    );
    Err(Refusal::new(ErrorCode::IllegalGeneration, message))
}

/// `SyncGroup`: what the member is to own now.
///
/// # Errors
/// Kafka's answer to a member that may not ask.
pub(crate) fn sync(
    group: &ConsumerGroup,
    group_id: &str,
    request: &Syncing,
    context: Context<'_>,
) -> Result<Step<SyncGroupResponse>, Refusal> {
    let who = (request.member_id.as_str(), request.instance_id.as_deref());
    let (member, classic) = classic_member(group, group_id, who)?;
    check_generation(member, request.generation)?;
    let wrong_type = request
        .protocol_type
        .as_deref()
        .is_some_and(|given| given != PROTOCOL_TYPE);
    let given_name = request.protocol.as_deref();
    if wrong_type || given_name.is_some_and(|given| Some(given) != protocol_name(member)) {
        let message = format!("The protocol of member {} is another one.", member.id);
        return Err(Refusal::new(ErrorCode::InconsistentGroupProtocol, message));
    }
    let mut work = Work::on(group, context);
    // one that gives up partitions has joined for this epoch already and first has to finish
    if group.epoch() > member.epoch && member.state != MemberState::UnrevokedPartitions {
        work.timers.push(join_again(&work, member));
        return Ok(work.answer(SyncGroupResponse {
            error_code: ErrorCode::RebalanceInProgress.code(),
            ..Default::default()
        }));
    }
    work.timers.extend([
        TimerChange::Stop {
            member: member.id.clone(),
            timer: Timer::Sync,
        },
        work.start(&member.id, Timer::Session, classic.session_timeout_ms),
    ]);
    let response = SyncGroupResponse {
        protocol_type: request.protocol_type.clone(),
        protocol_name: request.protocol.clone(),
        assignment: embedded::assignment(member, context.image),
        ..Default::default()
    };
    Ok(work.answer(response))
}

/// `Heartbeat`: the member is alive, and learns whether it has to join again.
///
/// # Errors
/// Kafka's answer to a member that is not, or not any more.
pub(crate) fn heartbeat(
    group: &ConsumerGroup,
    group_id: &str,
    who: (&str, Option<&str>),
    generation: i32,
    context: Context<'_>,
) -> Result<Step<ErrorCode>, Refusal> {
    let (member, classic) = classic_member(group, group_id, who)?;
    check_generation(member, generation)?;
    let mut work = Work::on(group, context);
    work.timers
        .push(work.start(&member.id, Timer::Session, classic.session_timeout_ms));
    let has_news = member.epoch < group.epoch()
        || member.state == MemberState::UnrevokedPartitions
        || (member.state == MemberState::UnreleasedPartitions && !waits(group, member));
    if !has_news {
        return Ok(work.answer(ErrorCode::None));
    }
    work.timers.push(join_again(&work, member));
    Ok(work.answer(ErrorCode::RebalanceInProgress))
}

/// Whether others still hold some of what the target gives the member.
fn waits(group: &ConsumerGroup, member: &Member) -> bool {
    let targets = group.target(&member.id).iter();
    let mut missing = targets.flat_map(|(topic, partitions)| {
        let assigned = member.assigned.get(topic);
        let is_missing = move |p: &&i32| assigned.is_none_or(|assigned| !assigned.contains_key(p));
        partitions
            .iter()
            .filter(is_missing)
            .map(|partition| (*topic, *partition))
    });
    missing.any(|(topic, partition)| group.is_held(topic, partition))
}

fn join_again(work: &Work<'_>, member: &Member) -> TimerChange {
    TimerChange::StartIfIdle {
        member: member.id.clone(),
        timer: Timer::Join,
        deadline: work.context.deadline(member.rebalance_timeout_ms),
    }
}

/// Which of these members `LeaveGroup` removes, and what each of them is answered.
pub(crate) fn leaving(
    group: &ConsumerGroup,
    group_id: &str,
    identities: &[Leaving],
) -> (BTreeSet<String>, Vec<MemberResponse>) {
    let mut gone = BTreeSet::new();
    let mut answers = Vec::new();
    for identity in identities {
        let found = leaver(group, group_id, identity);
        answers.push(MemberResponse {
            member_id: identity.member_id.clone(),
            group_instance_id: identity.instance_id.clone(),
            error_code: found
                .as_ref()
                .err()
                .map_or(0, |refusal| refusal.error.code()),
        });
        gone.extend(found.ok().map(|member| member.id.clone()));
    }
    (gone, answers)
}

/// Members of the consumer protocol may be removed too, and an administrator may remove a static
/// member without knowing its member id.
fn leaver<'g>(
    group: &'g ConsumerGroup,
    group_id: &str,
    identity: &Leaving,
) -> Result<&'g Member, Refusal> {
    let Some(instance) = &identity.instance_id else {
        return known_member(group, group_id, &identity.member_id);
    };
    let current = group.static_member(instance);
    match current.filter(|_| identity.member_id.is_empty()) {
        Some(member) => Ok(member),
        None => static_member::holder(group, instance, &identity.member_id),
    }
}
