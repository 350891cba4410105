//! A group that changes its protocol while it has members: a classic group that a member of the
//! consumer protocol joins, and a consumer group whose last such member leaves. Pure.

use std::collections::BTreeSet;

use protocol::codec::DecodeError;
use protocol::error_code::ErrorCode;

use super::assignor::Assignment;
use super::embedded;
use super::group::ConsumerGroup;
use super::member::{ClassicMember, Member, MemberState};
use super::records::ConsumerRecord;
use super::step::{Context, Refusal};
use super::subscription::Preview;
use super::timers::{Timer, TimerChange};
use crate::group::classic::{ClassicGroup, Migrant, Protocol};

/// The consumer group that a classic one with members becomes, and the records that make it. Each
/// member keeps what its leader assigned; the generation is the epoch.
///
/// # Errors
/// `GROUP_ID_NOT_FOUND`: the group has to stay what it is.
pub(crate) fn upgraded(
    group_id: &str,
    classic: &ClassicGroup,
    context: Context<'_>,
) -> Result<(ConsumerGroup, Vec<ConsumerRecord>), Refusal> {
    let stays = |cause: &str| {
        let message =
            format!("Cannot upgrade classic group {group_id} to consumer group because {cause}.");
        Refusal::new(ErrorCode::GroupIdNotFound, message)
    };
    if !context.settings.migration.upgrade {
        return Err(stays("online upgrade is disabled"));
    }
    if !classic.is_of_consumers() {
        return Err(stays(
            "the group does not use the consumer embedded protocol",
        ));
    }
    if classic.member_count() > context.settings.members_max {
        return Err(stays(
            "the group size exceeds the consumer group maximum size",
        ));
    }
    let epoch = classic.generation();
    let members: Result<Vec<Member>, DecodeError> = classic
        .migrants()
        .into_iter()
        .map(|migrant| member_of(migrant, epoch, context))
        .collect();
    let members = members.map_err(|_| stays("the embedded consumer protocol is malformed"))?;
    Ok(group_of(&members, epoch, context))
}

fn member_of(migrant: Migrant, epoch: i32, context: Context<'_>) -> Result<Member, DecodeError> {
    let mut member = Member::new(&migrant.id);
    if let Some(first) = migrant.protocols.first() {
        let subscription = embedded::subscription(&first.metadata)?;
        member.topic_names = subscription.topics.into_iter().collect();
        member.rack_id = subscription.rack_id;
    }
    member.assigned = embedded::assigned(&migrant.assignment, epoch, context.image)?;
    member.instance_id = migrant.instance_id;
    member.client_id = migrant.client_id;
    member.client_host = migrant.client_host;
    member.rebalance_timeout_ms = migrant.rebalance_timeout_ms;
    let protocols = migrant.protocols.into_iter();
    member.classic = Some(ClassicMember {
        session_timeout_ms: migrant.session_timeout_ms,
        protocols: protocols
            .map(|protocol| (protocol.name, protocol.metadata))
            .collect(),
    });
    member.epoch = epoch;
    member.previous_epoch = epoch;
    Ok(member)
}

fn group_of(
    members: &[Member],
    epoch: i32,
    context: Context<'_>,
) -> (ConsumerGroup, Vec<ConsumerRecord>) {
    let mut records: Vec<_> = members.iter().map(ConsumerRecord::member).collect();
    let mut taken = BTreeSet::new();
    for member in members {
        // leaders of foreign making may assign a partition twice; the first has it
        let mut member = member.clone();
        for (topic, partitions) in &mut member.assigned {
            partitions.retain(|partition, _| taken.insert((*topic, *partition)));
        }
        member
            .assigned
            .retain(|_, partitions| !partitions.is_empty());
        let target: Assignment = member
            .assigned
            .iter()
            .map(|(topic, partitions)| (*topic, partitions.keys().copied().collect()))
            .collect();
        records.push(ConsumerRecord::target(&member.id, &target));
        records.push(ConsumerRecord::current(&member));
    }
    records.push(ConsumerRecord::target_epoch(epoch, 0));
    let mut group = ConsumerGroup::default();
    records
        .iter()
        .for_each(|record| group.replay(record.clone()));
    let preview = Preview {
        group: &group,
        gone: &BTreeSet::new(),
        come: None,
    };
    let record = ConsumerRecord::epoch(epoch, preview.metadata_hash(context.image));
    group.replay(record.clone());
    records.push(record);
    group
        .timers
        .apply(members.iter().map(|member| session_timer(member, context)));
    (group, records)
}

/// The session of a member that the broker has not heard of since it took the group over.
pub(crate) fn session_timer(member: &Member, context: Context<'_>) -> TimerChange {
    let classic = member.classic.as_ref();
    let timeout_ms = classic.map_or(context.settings.session_timeout_ms, |classic| {
        classic.session_timeout_ms
    });
    TimerChange::Start {
        member: member.id.clone(),
        timer: Timer::Session,
        deadline: context.deadline(timeout_ms),
    }
}

/// What a member is given time for when the group has been loaded: all of it, from now on.
pub(crate) fn loaded_timers(
    member: &Member,
    context: Context<'_>,
) -> impl Iterator<Item = TimerChange> {
    let gives_up = member.classic.is_none() && member.state == MemberState::UnrevokedPartitions;
    let revocation = gives_up.then(|| TimerChange::Start {
        member: member.id.clone(),
        timer: Timer::Revocation,
        deadline: context.deadline(member.rebalance_timeout_ms),
    });
    [session_timer(member, context)]
        .into_iter()
        .chain(revocation)
}

/// The members of the classic group that this one becomes without these members; None if it stays
/// what it is.
pub(crate) fn downgraded(
    group: &ConsumerGroup,
    gone: &BTreeSet<String>,
    context: Context<'_>,
) -> Option<Vec<Migrant>> {
    let stay: Vec<&Member> = group
        .members()
        .filter(|member| !gone.contains(&member.id))
        .collect();
    let allowed = context.settings.migration.downgrade
        && (1..=context.settings.classic_members_max).contains(&stay.len());
    if gone.is_empty() || !allowed {
        return None;
    }
    stay.into_iter()
        .map(|member| migrant_of(member, context))
        .collect()
}

fn migrant_of(member: &Member, context: Context<'_>) -> Option<Migrant> {
    let classic = member.classic.as_ref()?;
    let protocols = classic.protocols.iter();
    Some(Migrant {
        id: member.id.clone(),
        instance_id: member.instance_id.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        rebalance_timeout_ms: member.rebalance_timeout_ms,
        session_timeout_ms: classic.session_timeout_ms,
        protocols: protocols
            .map(|(name, metadata)| Protocol {
                name: name.clone(),
                metadata: metadata.clone(),
            })
            .collect(),
        assignment: embedded::assignment(member, context.image),
    })
}
