//! Reconciliation: the next step of one member towards its target. Pure.
//!
//! A member first gives up what the target does not give it, and says so in a heartbeat; only then
//! does it enter the target's epoch and get what is free. So a partition has one owner at any time:
//! it is given to a member only when no member holds it, and held until its owner says otherwise.
//!
//! ```text
//!             target moved, must give up           told that it did
//!   Stable ------------------------------> Unrevoked ------------------> (as from Stable)
//!     |
//!     +-- target moved, nothing to give up --> Stable, or Unreleased while others hold some of it
//! ```

use std::collections::{BTreeMap, BTreeSet};

use protocol::messages::consumer_group_heartbeat_request::TopicPartitions as ReportedPartitions;
use protocol::types::Uuid;

use super::assignor::Assignment;
use super::member::{Member, MemberState, Owned};

/// What a member is reconciled with.
pub(crate) struct Reconciliation<'a> {
    pub(crate) target_epoch: i32,
    pub(crate) target: &'a Assignment,
    /// The topics that exist and that the member subscribes to.
    pub(crate) subscribed: &'a BTreeSet<Uuid>,
    /// The member has just changed what it subscribes to: it must not keep anything else.
    pub(crate) subscription_changed: bool,
    /// What the member says it owns; None when it did not say.
    pub(crate) reported: Option<&'a [ReportedPartitions]>,
    /// Whether some member, this one included, holds the partition.
    pub(crate) is_held: &'a dyn Fn(Uuid, i32) -> bool,
}

/// The member in a state that this release does not know has to start over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownState;

/// The next state of the member, equal to the present one when it cannot move on.
///
/// # Errors
/// The state is unknown and the member still owns something.
pub(crate) fn reconcile(
    member: &Member,
    with: &Reconciliation<'_>,
) -> Result<Member, UnknownState> {
    let next = match member.state {
        MemberState::Stable if member.epoch != with.target_epoch => advance(member, with),
        MemberState::Stable if with.subscription_changed => strip(member, with),
        MemberState::Stable => member.clone(),
        MemberState::UnrevokedPartitions if !owns_any(with, &member.pending_revocation) => {
            advance(member, with)
        }
        MemberState::UnrevokedPartitions if with.subscription_changed => strip(member, with),
        MemberState::UnrevokedPartitions => member.clone(),
        MemberState::UnreleasedPartitions => advance(member, with),
        MemberState::Unknown => {
            if with.reported.is_none_or(|reported| !reported.is_empty()) {
                return Err(UnknownState);
            }
            let mut in_target_epoch = member.clone();
            in_target_epoch.epoch = with.target_epoch;
            advance(&in_target_epoch, with)
        }
    };
    debug_assert!(
        next.epoch >= member.epoch || member.state == MemberState::Unknown,
        "an epoch never goes back"
    );
    Ok(next)
}

/// Whether the member may still own one of these: it says so, or says nothing.
fn owns_any(with: &Reconciliation<'_>, owned: &Owned) -> bool {
    let Some(reported) = with.reported else {
        return true;
    };
    reported.iter().any(|topic| {
        owned.get(&topic.topic_id).is_some_and(|owned| {
            let mut partitions = topic.partitions.iter();
            partitions.any(|partition| owned.contains_key(partition))
        })
    })
}

/// Takes away what the member no longer subscribes to and leaves the rest as it is: the new target
/// is still to be worked out.
fn strip(member: &Member, with: &Reconciliation<'_>) -> Member {
    let mut next = member.clone();
    let dropped: Owned;
    (next.assigned, dropped) = std::mem::take(&mut next.assigned)
        .into_iter()
        .partition(|(topic, _)| with.subscribed.contains(topic));
    if dropped.is_empty() {
        return next;
    }
    let mut revoked = member.pending_revocation.clone();
    for (topic, partitions) in dropped {
        revoked.entry(topic).or_default().extend(partitions);
    }
    next.enter(member.epoch);
    if owns_any(with, &revoked) {
        next.state = MemberState::UnrevokedPartitions;
        next.pending_revocation = revoked;
    }
    next
}

/// What becomes of the partitions of a member.
#[derive(Default)]
struct Split {
    kept: Owned,
    revoked: Owned,
    /// In the target and held by nobody else.
    added: Assignment,
    /// Some of the target is held by others.
    waits: bool,
}

fn advance(member: &Member, with: &Reconciliation<'_>) -> Member {
    let split = split(member, with);
    let mut next = member.clone();
    next.assigned = split.kept;
    if !split.revoked.is_empty() && owns_any(with, &split.revoked) {
        next.enter(member.epoch);
        next.state = MemberState::UnrevokedPartitions;
        next.pending_revocation = split.revoked;
        return next;
    }
    for (topic, partitions) in split.added {
        let assigned = next.assigned.entry(topic).or_default();
        assigned.extend(partitions.into_iter().map(|p| (p, with.target_epoch)));
    }
    next.enter(with.target_epoch);
    next.pending_revocation.clear();
    next.state = if split.waits {
        MemberState::UnreleasedPartitions
    } else {
        MemberState::Stable
    };
    next
}

fn split(member: &Member, with: &Reconciliation<'_>) -> Split {
    let nothing = BTreeMap::new();
    let none = BTreeSet::new();
    let mut split = Split::default();
    for (topic, partitions) in &member.assigned {
        let target = if with.subscribed.contains(topic) {
            with.target.get(topic).unwrap_or(&none)
        } else {
            &none
        };
        let (kept, revoked): (BTreeMap<i32, i32>, BTreeMap<i32, i32>) = partitions
            .iter()
            .partition(|(partition, _)| target.contains(partition));
        if !kept.is_empty() {
            split.kept.insert(*topic, kept);
        }
        if !revoked.is_empty() {
            split.revoked.insert(*topic, revoked);
        }
    }
    for (topic, target) in with.target {
        if !with.subscribed.contains(topic) {
            continue;
        }
        let assigned = member.assigned.get(topic).unwrap_or(&nothing);
        // what the member itself is giving up is free again once it has
        let own = member.pending_revocation.get(topic).unwrap_or(&nothing);
        for partition in target
            .iter()
            .filter(|partition| !assigned.contains_key(partition))
        {
            if (with.is_held)(*topic, *partition) && !own.contains_key(partition) {
                split.waits = true;
            } else {
                split.added.entry(*topic).or_default().insert(*partition);
            }
        }
    }
    split
}
