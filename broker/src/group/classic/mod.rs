//! A group of the classic protocol: members join, one of them assigns, all sync. Pure.
//!
//! The state is in memory; when a generation is complete it is written as one record, and read
//! back at load. So unlike all else here a live group is not made by replaying its record.
//! Every request that waits holds a token here, and each token is answered exactly once.

mod describe;
mod join;
mod member;
mod migrate;
mod rebalance;
mod session;
mod static_member;
mod subscription;
mod sync;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use foldhash::HashMap;
use protocol::error_code::ErrorCode;
use protocol::messages::coordinator::group_metadata_value::GroupMetadataValue;
use protocol::messages::join_group_response::JoinGroupResponse;
use protocol::messages::sync_group_response::SyncGroupResponse;

pub(crate) use self::join::Joining;
use self::member::{Member, Session};
pub(crate) use self::member::{MemberId, Protocol};
pub(crate) use self::migrate::Migrant;
use self::rebalance::Step;
pub(crate) use self::session::Leaving;
pub(crate) use self::sync::Syncing;
use crate::config::groups::GroupSettings;
use crate::coordinator::machine::Now;
use crate::group::GroupId;
use crate::group::answer::{Answer, Reply, Token};
use crate::group::offset_commit::Committer;
use crate::group::record::GroupRecord;
use crate::group::timers::{Due, Timers};

/// The protocol type whose metadata the broker understands.
const CONSUMER_PROTOCOL: &str = "consumer";

/// Kafka's states; a group that is gone is `Dead` there, and not here at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum State {
    /// No members; perhaps offsets.
    #[default]
    Empty,
    /// Members are joining.
    PreparingRebalance,
    /// All have joined; the leader's assignment is awaited.
    CompletingRebalance,
    /// Every member has, or can fetch, its assignment.
    Stable,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct ClassicGroup {
    state: State,
    /// When it came into its state, by the wall clock; records of long ago do not say.
    state_since_ms: Option<i64>,
    generation: i32,
    protocol_type: Option<String>,
    /// What the members of this generation have agreed on.
    protocol: Option<String>,
    leader: Option<MemberId>,
    members: HashMap<MemberId, Member>,
    order_next: u64,
    /// The member of each `group.instance.id`.
    static_members: BTreeMap<String, MemberId>,
    /// Those who were given an id and have not joined with it yet.
    pending: BTreeMap<MemberId, Session>,
    awaiting_join: usize,
    /// What the protocols of all members take.
    protocol_bytes: usize,
    /// Members of this generation whose sync has not come.
    unsynced: BTreeSet<MemberId>,
    /// The rebalance under way is the first one of an empty group.
    is_initial: bool,
    /// Somebody joined since the initial delay was last begun.
    has_newcomer: bool,
    step: Option<Step>,
    /// What a stable group of consumers reads; `None` when that cannot be told.
    subscribed: Option<BTreeSet<String>>,
}

/// What an operation on a group may use, and what comes of it.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) group_id: &'a GroupId,
    pub(crate) settings: &'a GroupSettings,
    pub(crate) now: Now,
    pub(crate) timers: &'a mut Timers,
    pub(crate) records: Vec<GroupRecord>,
    pub(crate) replies: Vec<Reply>,
}

impl Turn<'_> {
    fn reply_join(&mut self, token: Token, response: JoinGroupResponse) {
        let answer = Answer::Join(response);
        self.replies.push(Reply { token, answer });
    }

    fn reply_sync(&mut self, token: Token, response: SyncGroupResponse) {
        let answer = Answer::Sync(response);
        self.replies.push(Reply { token, answer });
    }

    fn refuse_join(&mut self, token: Token, member_id: &str, error: ErrorCode) {
        self.reply_join(token, join_refused(member_id, error));
    }

    fn refuse_sync(&mut self, token: Token, error: ErrorCode) {
        self.reply_sync(token, sync_refused(error));
    }
}

/// The answer to a join that fails.
pub(crate) fn join_refused(member_id: &str, error: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse {
        error_code: error.into(),
        protocol_name: None,
        member_id: member_id.to_owned(),
        ..JoinGroupResponse::default()
    }
}

/// The answer to a sync that fails.
pub(crate) fn sync_refused(error: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse {
        error_code: error.into(),
        ..SyncGroupResponse::default()
    }
}

impl ClassicGroup {
    pub(crate) fn from_record(value: &GroupMetadataValue) -> Self {
        let protocol = value.protocol.clone();
        let mut group = Self {
            state: if value.members.is_empty() {
                State::Empty
            } else {
                State::Stable
            },
            state_since_ms: Some(value.current_state_timestamp).filter(|since| *since != -1),
            generation: value.generation,
            protocol_type: Some(value.protocol_type.clone()).filter(|name| !name.is_empty()),
            leader: value.leader.as_deref().map(Rc::from),
            ..Self::default()
        };
        for value in &value.members {
            let member = Member::from_record(value, protocol.as_deref(), group.order_next);
            group.put_in(member);
        }
        group.protocol = protocol;
        group.subscribed = group.subscription();
        group
    }

    /// The record of the generation as it is.
    fn to_record(&self, group_id: &GroupId) -> GroupRecord {
        let protocol = self.protocol.as_deref();
        let members = self.in_order().into_iter();
        let value = GroupMetadataValue {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self
                .leader
                .as_ref()
                .map(|leader| leader.as_ref().to_owned()),
            current_state_timestamp: self.state_since_ms.unwrap_or(-1),
            members: members.map(|member| member.to_record(protocol)).collect(),
        };
        GroupRecord::GroupMetadata {
            group: group_id.as_ref().to_owned(),
            value: Some(value),
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state == State::Empty
    }

    /// Nobody is, and nobody is about to become, a member.
    pub(crate) fn is_unused(&self) -> bool {
        self.is_empty() && self.pending.is_empty()
    }

    /// It never had a generation, so nothing of it was written.
    pub(crate) fn has_no_history(&self) -> bool {
        self.generation == 0
    }

    /// An entry of this group has come up among the timers.
    pub(crate) fn due(&mut self, due: &Due, at: Duration, turn: &mut Turn<'_>) {
        match due {
            Due::Session { member_id } => self.session_due(member_id, at, turn),
            Due::Rebalance => self.step_due(at, turn),
            // of the group before it came from the other protocol
            Due::Consumer => {}
        }
    }

    /// From when an offset's retention counts; `None` while it is not to expire.
    pub(crate) fn offset_kept_since(&self, topic: &str, commit_ms: i64) -> Option<i64> {
        if self.protocol_type.is_none() {
            return Some(commit_ms);
        }
        if self.is_subscribed_to(topic) {
            return None;
        }
        match self.state {
            State::Empty => Some(self.state_since_ms.unwrap_or(commit_ms)),
            State::Stable if self.subscribed.is_some() => Some(commit_ms),
            State::Stable | State::PreparingRebalance | State::CompletingRebalance => None,
        }
    }

    /// Begins to watch the members that were loaded.
    pub(crate) fn loaded(&mut self, turn: &mut Turn<'_>) {
        let ids: Vec<MemberId> = self.members.keys().map(Rc::clone).collect();
        for id in ids {
            self.heard_from(&id, turn);
        }
        if self.members.len() > turn.settings.members_max {
            self.prepare_rebalance(turn);
        }
    }

    /// Everybody who waits is told that the coordinator is elsewhere.
    pub(crate) fn abandon(&mut self, replies: &mut Vec<Reply>) {
        self.dismiss(ErrorCode::NotCoordinator, replies);
    }

    fn dismiss(&mut self, error: ErrorCode, replies: &mut Vec<Reply>) {
        for member in self.members.values_mut() {
            if let Some(token) = member.awaits_join.take() {
                let answer = Answer::Join(join_refused(&member.id, error));
                replies.push(Reply { token, answer });
            }
            if let Some(token) = member.awaits_sync.take() {
                let answer = Answer::Sync(sync_refused(error));
                replies.push(Reply { token, answer });
            }
        }
        self.awaiting_join = 0;
    }

    /// Whether this one may commit offsets of the group.
    pub(crate) fn check_committer(
        &self,
        committer: &Committer,
        in_transaction: bool,
    ) -> Result<(), ErrorCode> {
        let generation = committer.generation_or_epoch;
        // tools, and consumers that manage no group
        if generation < 0 && self.is_empty() {
            return Ok(());
        }
        let instance_id = committer.group_instance_id.as_deref();
        if generation >= 0 || !committer.member_id.is_empty() || instance_id.is_some() {
            self.check_member(&committer.member_id, instance_id)?;
            self.check_generation(generation)?;
        } else if !in_transaction {
            return Err(ErrorCode::UnknownMemberId);
        }
        if !in_transaction && self.state == State::CompletingRebalance {
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    fn check_member(&self, member_id: &str, instance_id: Option<&str>) -> Result<(), ErrorCode> {
        if let Some(instance_id) = instance_id {
            match self.static_members.get(instance_id) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(current) if current.as_ref() != member_id => {
                    return Err(ErrorCode::FencedInstanceId);
                }
                Some(_) => {}
            }
        }
        if self.members.contains_key(member_id) {
            Ok(())
        } else {
            Err(ErrorCode::UnknownMemberId)
        }
    }

    pub(crate) fn generation(&self) -> i32 {
        self.generation
    }

    /// What holds between any two operations.
    #[cfg(test)]
    pub(crate) fn check_invariants(&self) {
        let waiting = |member: &&Member| member.awaits_join.is_some();
        let members = self.members.values();
        assert_eq!(self.awaiting_join, members.filter(waiting).count());
        let protocol_bytes = self.members.values().map(Member::protocol_bytes);
        assert_eq!(self.protocol_bytes, protocol_bytes.sum::<usize>());
        // one that prepares may have lost all members and still expect somebody who has an id
        let may_be_without = matches!(self.state, State::Empty | State::PreparingRebalance);
        assert!(may_be_without || !self.members.is_empty());
        assert!(!self.is_empty() || self.members.is_empty());
        assert_eq!(self.leader.is_some(), !self.members.is_empty());
        if let Some(leader) = &self.leader {
            assert!(self.members.contains_key(leader), "the leader is a member");
        }
        for member in self.members.values() {
            assert!(!self.pending.contains_key(&member.id));
            let joins = self.state == State::PreparingRebalance;
            assert!(member.awaits_join.is_none() || joins);
            let syncs = self.state == State::CompletingRebalance;
            assert!(member.awaits_sync.is_none() || syncs);
            let entry_at = member.session.entry_at;
            assert!(
                entry_at
                    .is_some_and(|at| at <= member.session.deadline || member.is_kept_waiting())
            );
        }
        for (instance_id, member_id) in &self.static_members {
            let member = self.members.get(member_id);
            assert!(member.is_some_and(|member| member.instance_id.as_ref() == Some(instance_id)));
        }
        let rebalances = matches!(
            self.state,
            State::PreparingRebalance | State::CompletingRebalance
        );
        assert!(
            !rebalances || self.step.is_some(),
            "a rebalance always ends"
        );
    }

    fn check_generation(&self, generation: i32) -> Result<(), ErrorCode> {
        if generation == self.generation {
            Ok(())
        } else {
            Err(ErrorCode::IllegalGeneration)
        }
    }

    fn is_leader(&self, member_id: &str) -> bool {
        self.leader.as_deref() == Some(member_id)
    }

    /// The members as they came.
    fn in_order(&self) -> Vec<&Member> {
        let mut members: Vec<&Member> = self.members.values().collect();
        members.sort_unstable_by_key(|member| member.order);
        members
    }

    fn ids_in_order(&self) -> Vec<MemberId> {
        let members = self.in_order().into_iter();
        members.map(|member| Rc::clone(&member.id)).collect()
    }

    fn put_in(&mut self, mut member: Member) {
        member.order = self.order_next;
        self.order_next += 1;
        let id = Rc::clone(&member.id);
        if let Some(instance_id) = &member.instance_id {
            self.static_members
                .insert(instance_id.clone(), Rc::clone(&id));
        }
        if self.leader.is_none() {
            self.leader = Some(Rc::clone(&id));
        }
        self.awaiting_join += usize::from(member.awaits_join.is_some());
        self.protocol_bytes += member.protocol_bytes();
        self.pending.remove(&id);
        self.members.insert(id, member);
    }

    /// Takes a member out; whatever of it waits is answered `error`.
    fn take_out(&mut self, member_id: &str, error: ErrorCode, turn: &mut Turn<'_>) {
        self.pending.remove(member_id);
        let Some(member) = self.members.remove(member_id) else {
            return;
        };
        self.protocol_bytes -= member.protocol_bytes();
        self.unsynced.remove(member_id);
        if let Some(instance_id) = &member.instance_id {
            self.static_members.remove(instance_id);
        }
        if let Some(token) = member.awaits_join {
            self.awaiting_join -= 1;
            turn.refuse_join(token, "", error);
        }
        if let Some(token) = member.awaits_sync {
            turn.refuse_sync(token, error);
        }
        if self.is_leader(member_id) {
            let first = self.members.values().min_by_key(|member| member.order);
            self.leader = first.map(|member| Rc::clone(&member.id));
        }
    }

    fn enter(&mut self, state: State, turn: &Turn<'_>) {
        self.state = state;
        self.state_since_ms = Some(turn.now.wall_ms);
    }

    /// A member's session begins anew.
    fn heard_from(&mut self, member_id: &str, turn: &mut Turn<'_>) {
        if let Some(member) = self.members.get_mut(member_id) {
            let time = member.session_timeout();
            let due = || Due::Session {
                member_id: Rc::clone(&member.id),
            };
            member.session.extend(time, due, turn);
        }
    }

    /// As [`ClassicGroup::heard_from`], with a time of its own.
    fn allow_silence(&mut self, member_id: &str, time: Duration, turn: &mut Turn<'_>) {
        if let Some(member) = self.members.get_mut(member_id) {
            let due = || Due::Session {
                member_id: Rc::clone(&member.id),
            };
            member.session.extend(time, due, turn);
        }
    }
}

impl Session {
    /// Something must be heard within `time` from now.
    fn extend(&mut self, time: Duration, due: impl FnOnce() -> Due, turn: &mut Turn<'_>) {
        self.deadline = turn.now.monotonic.saturating_add(time);
        let is_covered = self
            .entry_at
            .is_some_and(|entry_at| entry_at <= self.deadline);
        if !is_covered {
            self.entry_at = Some(self.deadline);
            turn.timers.add(self.deadline, turn.group_id, due());
        }
    }
}
