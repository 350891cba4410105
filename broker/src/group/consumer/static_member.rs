//! Members with an instance id: they may leave for a while and come back under another member id
//! without a rebalance. Pure.

use protocol::error_code::ErrorCode;

use super::group::ConsumerGroup;
use super::member::{LEAVE_STATIC_EPOCH, Member};
use super::records::ConsumerRecord;
use super::step::{Refusal, Work};

/// The member that has the instance id, if it is the one that speaks.
///
/// # Errors
/// Nobody has it, or somebody else.
pub(super) fn holder<'g>(
    group: &'g ConsumerGroup,
    instance: &str,
    member_id: &str,
) -> Result<&'g Member, Refusal> {
    let Some(member) = group.static_member(instance) else {
        let message = format!("Instance id {instance} is unknown.");
        return Err(Refusal::new(ErrorCode::UnknownMemberId, message));
    };
    if member.id != member_id {
        let message = format!(
            "Static member {member_id} with instance id {instance} was fenced by member {}.",
            member.id
        );
        return Err(Refusal::new(ErrorCode::FencedInstanceId, message));
    }
    Ok(member)
}

/// The member that joins with an instance id: a new one, or one that takes over what the instance
/// had before. Between two members of the consumer protocol it must have left before; the classic
/// protocol has no way to say that, so there the last one to join wins.
///
/// # Errors
/// The instance has not left.
pub(super) fn join(
    work: &mut Work<'_>,
    instance: &str,
    member_id: &str,
    joins_by_classic: bool,
) -> Result<Member, Refusal> {
    let Some(old) = work.group.static_member(instance) else {
        // a member that gets an instance id only now stays what it is
        return Ok(work
            .group
            .member(member_id)
            .cloned()
            .unwrap_or_else(|| Member::new(member_id)));
    };
    let both_consumer = !joins_by_classic && old.classic.is_none();
    if both_consumer && old.epoch != LEAVE_STATIC_EPOCH {
        let message = format!(
            "Static member {member_id} with instance id {instance} cannot join the group because \
             the instance id is owned by {} member.",
            old.id
        );
        return Err(Refusal::new(ErrorCode::UnreleasedInstanceId, message));
    }
    let mut new = old.clone();
    member_id.clone_into(&mut new.id);
    new.epoch = 0;
    new.previous_epoch = 0;
    work.records.extend(ConsumerRecord::member_ends(&old.id));
    work.records.push(ConsumerRecord::member(&new));
    let target = work.group.target(&old.id);
    work.records.push(ConsumerRecord::target(&new.id, target));
    work.records.push(ConsumerRecord::current(&new));
    Ok(new)
}
