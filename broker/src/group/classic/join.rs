//! `JoinGroup`: who becomes a member, and whether that begins a rebalance. Pure.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use protocol::error_code::ErrorCode;
use protocol::messages::join_group_response::JoinGroupResponse;

use super::member::{Member, MemberId, Protocol, Session, millis, protocol_bytes};
use super::{ClassicGroup, State, Turn};
use crate::group::answer::Token;
use crate::group::timers::Due;

/// A new member cannot send heartbeats while its join waits, and a client that gave up cannot be
/// seen: such a join ends after this time, and whoever is still there joins again.
const NEW_MEMBER_JOIN_TIME: Duration = Duration::from_mins(5);
/// Those who got an id and have not come back with it; beyond, more are sent away.
const PENDING_MEMBERS_MAX: usize = 10_000;

/// A join request, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joining {
    pub(crate) token: Token,
    /// Empty for somebody new.
    pub(crate) member_id: String,
    /// The id that somebody new gets.
    pub(crate) fresh_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) session_timeout_ms: i32,
    pub(crate) protocol_type: String,
    pub(crate) protocols: Vec<Protocol>,
    /// Somebody new must come again with the id that it got (KIP-394).
    pub(crate) needs_known_id: bool,
    /// The client knows what `skip_assignment` is (KIP-814).
    pub(crate) can_skip_assignment: bool,
}

impl ClassicGroup {
    /// Takes up a join; it is answered now, or when the rebalance has all members.
    pub(crate) fn join(&mut self, joining: Joining, turn: &mut Turn<'_>) {
        let token = joining.token;
        let says_too_much = self.says_too_much(&joining, turn);
        if says_too_much || !self.has_room_for(&joining.member_id, turn) {
            let error = ErrorCode::GroupMaxSizeReached;
            self.take_out(&joining.member_id, error, turn);
            return turn.refuse_join(token, "", error);
        }
        if !self.can_agree_with(&joining) {
            let error = ErrorCode::InconsistentGroupProtocol;
            return turn.refuse_join(token, &joining.member_id, error);
        }
        if joining.member_id.is_empty() {
            match &joining.instance_id {
                Some(instance_id) => match self.static_members.get(instance_id) {
                    Some(current) => {
                        let current = Rc::clone(current);
                        self.replace_static(&current, joining, turn);
                    }
                    None => self.add(joining, turn),
                },
                None if joining.needs_known_id => self.give_id(&joining, turn),
                None => self.add(joining, turn),
            }
        } else if self.pending.contains_key(joining.member_id.as_str()) {
            if joining.instance_id.is_some() {
                let error = ErrorCode::UnknownServerError; // ids are not given to static members
                return turn.refuse_join(token, &joining.member_id, error);
            }
            self.add(joining, turn);
        } else {
            self.rejoin(joining, turn);
        }
    }

    /// Of what all members say only one protocol's part is written, so some of it may be beyond
    /// what can be written; memory is bounded by it.
    fn says_too_much(&self, joining: &Joining, turn: &Turn<'_>) -> bool {
        const PROTOCOLS: usize = 4;
        let member = self.members.get(joining.member_id.as_str());
        let before = self.protocol_bytes - member.map_or(0, Member::protocol_bytes);
        let bytes_max = turn.settings.record_bytes_max.saturating_mul(PROTOCOLS);
        before + protocol_bytes(&joining.protocols) > bytes_max
    }

    /// Counted by those who wait while members join, because the others may be gone already.
    fn has_room_for(&self, member_id: &str, turn: &Turn<'_>) -> bool {
        let members_max = turn.settings.members_max;
        let member = self.members.get(member_id);
        match self.state {
            State::Empty => true,
            State::PreparingRebalance => {
                let waits = member.is_some_and(|member| member.awaits_join.is_some());
                waits || self.awaiting_join < members_max
            }
            State::CompletingRebalance | State::Stable => {
                member.is_some() || self.members.len() < members_max
            }
        }
    }

    /// Whether there is a protocol that all members and this one can take part in.
    fn can_agree_with(&self, joining: &Joining) -> bool {
        if self.is_empty() {
            return !joining.protocol_type.is_empty() && !joining.protocols.is_empty();
        }
        let supported_by_all = |protocol: &Protocol| {
            let mut members = self.members.values();
            members.all(|member| member.supports(&protocol.name))
        };
        self.protocol_type.as_ref() == Some(&joining.protocol_type)
            && joining.protocols.iter().any(supported_by_all)
    }

    fn give_id(&mut self, joining: &Joining, turn: &mut Turn<'_>) {
        if self.pending.len() >= PENDING_MEMBERS_MAX {
            return turn.refuse_join(joining.token, "", ErrorCode::GroupMaxSizeReached);
        }
        let id: MemberId = joining.fresh_id.as_str().into();
        let mut session = Session::default();
        let time = millis(joining.session_timeout_ms);
        let member_id = Rc::clone(&id);
        session.extend(time, || Due::Session { member_id }, turn);
        self.pending.insert(id, session);
        let error = ErrorCode::MemberIdRequired;
        turn.refuse_join(joining.token, &joining.fresh_id, error);
    }

    fn add(&mut self, joining: Joining, turn: &mut Turn<'_>) {
        let id: MemberId = if joining.member_id.is_empty() {
            joining.fresh_id.into()
        } else {
            joining.member_id.into()
        };
        if self.members.is_empty() {
            self.protocol_type = Some(joining.protocol_type);
        }
        let member = Member {
            id: Rc::clone(&id),
            instance_id: joining.instance_id,
            client_id: joining.client_id,
            client_host: joining.client_host,
            rebalance_timeout_ms: joining.rebalance_timeout_ms,
            session_timeout_ms: joining.session_timeout_ms,
            protocols: joining.protocols,
            assignment: Bytes::new(),
            awaits_join: Some(joining.token),
            awaits_sync: None,
            is_new: true,
            order: 0,
            session: Session::default(),
        };
        if self.state == State::PreparingRebalance && self.is_initial {
            self.has_newcomer = true;
        }
        self.put_in(member);
        self.allow_silence(&id, NEW_MEMBER_JOIN_TIME, turn);
        self.rebalance_or_complete(turn);
    }

    /// A join of somebody who says to be a member already.
    fn rejoin(&mut self, joining: Joining, turn: &mut Turn<'_>) {
        let member_id = joining.member_id.as_str();
        if let Err(error) = self.check_member(member_id, joining.instance_id.as_deref()) {
            return turn.refuse_join(joining.token, member_id, error);
        }
        let says_the_same = self
            .members
            .get(member_id)
            .is_some_and(|member| member.protocols == joining.protocols);
        let is_leader = self.is_leader(member_id);
        match self.state {
            State::PreparingRebalance => self.update(joining, turn),
            // it may have missed the answer to its join
            State::CompletingRebalance if says_the_same => {
                let response = self.joined(member_id, is_leader);
                turn.reply_join(joining.token, response);
            }
            // what a leader assigns may depend on more than the members say
            State::Stable if says_the_same && !is_leader => {
                let response = self.joined(member_id, false);
                turn.reply_join(joining.token, response);
            }
            State::CompletingRebalance | State::Stable => self.update(joining, turn),
            State::Empty => {
                let error = ErrorCode::UnknownMemberId;
                turn.refuse_join(joining.token, member_id, error);
            }
        }
    }

    fn update(&mut self, joining: Joining, turn: &mut Turn<'_>) {
        let id = Rc::from(joining.member_id.as_str());
        self.update_member(&id, joining, turn);
        self.rebalance_or_complete(turn);
    }

    /// Takes over what a member says of itself; its join waits.
    pub(super) fn update_member(
        &mut self,
        member_id: &MemberId,
        joining: Joining,
        turn: &mut Turn<'_>,
    ) {
        let Some(member) = self.members.get_mut(member_id) else {
            return;
        };
        self.protocol_bytes -= member.protocol_bytes();
        member.protocols = joining.protocols;
        self.protocol_bytes += member.protocol_bytes();
        member.rebalance_timeout_ms = joining.rebalance_timeout_ms;
        member.session_timeout_ms = joining.session_timeout_ms;
        match member.awaits_join.replace(joining.token) {
            None => self.awaiting_join += 1,
            // an earlier try, whose connection is most likely gone
            Some(earlier) => {
                turn.refuse_join(earlier, member_id, ErrorCode::RebalanceInProgress);
            }
        }
    }

    /// The answer that lets a member of this generation go on to its sync.
    pub(super) fn joined(&self, member_id: &str, with_members: bool) -> JoinGroupResponse {
        let protocol = self.protocol.as_deref();
        let members = if with_members {
            let members = self.in_order().into_iter();
            members.map(|member| member.for_leader(protocol)).collect()
        } else {
            Vec::new()
        };
        JoinGroupResponse {
            generation_id: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            leader: self.leader.as_deref().unwrap_or_default().to_owned(),
            member_id: member_id.to_owned(),
            members,
            ..JoinGroupResponse::default()
        }
    }
}
