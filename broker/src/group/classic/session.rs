//! Members that are heard from, leave, or fall silent: `Heartbeat`, `LeaveGroup`, the end of a
//! session. Pure.

use std::rc::Rc;
use std::time::Duration;

use protocol::error_code::ErrorCode;
use protocol::messages::leave_group_response::MemberResponse;

use super::{ClassicGroup, MemberId, State, Turn};
use crate::group::timers::Due;

/// Somebody to be taken out. Without a member id the instance id counts: an administrator's wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaving {
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
}

impl ClassicGroup {
    /// Keeps a member's session, and tells it when there is a rebalance to join.
    pub(crate) fn heartbeat(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        turn: &mut Turn<'_>,
    ) -> ErrorCode {
        let checked = self
            .check_member(member_id, instance_id)
            .and_then(|()| self.check_generation(generation));
        if let Err(error) = checked {
            return error;
        }
        match self.state {
            State::Empty => ErrorCode::UnknownMemberId,
            State::PreparingRebalance => {
                self.heard_from(member_id, turn);
                ErrorCode::RebalanceInProgress
            }
            State::CompletingRebalance | State::Stable => {
                self.heard_from(member_id, turn);
                ErrorCode::None
            }
        }
    }

    /// An offset commit keeps the session too, but while the assignment is awaited.
    pub(crate) fn committed(&mut self, member_id: &str, turn: &mut Turn<'_>) {
        if matches!(self.state, State::Stable | State::PreparingRebalance) {
            self.heard_from(member_id, turn);
        }
    }

    /// Takes members out; the rest rebalances once.
    pub(crate) fn leave(
        &mut self,
        leaving: &[Leaving],
        turn: &mut Turn<'_>,
    ) -> Vec<MemberResponse> {
        let mut responses = Vec::with_capacity(leaving.len());
        let mut any = false;
        for leaving in leaving {
            let left = self.leave_one(leaving, turn);
            any |= left.is_ok();
            responses.push(MemberResponse {
                member_id: leaving.member_id.clone(),
                group_instance_id: leaving.instance_id.clone(),
                error_code: left.err().unwrap_or(ErrorCode::None).into(),
            });
        }
        if any {
            self.rebalance_without(turn);
        }
        responses
    }

    fn leave_one(&mut self, leaving: &Leaving, turn: &mut Turn<'_>) -> Result<(), ErrorCode> {
        let instance_id = leaving.instance_id.as_deref();
        let member_id: MemberId = if leaving.member_id.is_empty() {
            let member = instance_id.and_then(|id| self.static_members.get(id));
            Rc::clone(member.ok_or(ErrorCode::UnknownMemberId)?)
        } else {
            leaving.member_id.as_str().into()
        };
        if !self.pending.contains_key(&member_id) {
            self.check_member(&member_id, instance_id)?;
        }
        self.take_out(&member_id, ErrorCode::UnknownMemberId, turn);
        Ok(())
    }

    /// A member's time may be up; `at` says which entry among the timers has come up.
    pub(crate) fn session_due(&mut self, member_id: &MemberId, at: Duration, turn: &mut Turn<'_>) {
        if let Some(session) = self.pending.get(member_id) {
            if session.entry_at == Some(at) {
                self.pending.remove(member_id);
                self.complete_if_all_joined(turn);
            }
            return;
        }
        let Some(member) = self.members.get_mut(member_id) else {
            return;
        };
        if member.session.entry_at != Some(at) {
            return; // another entry looks after it
        }
        member.session.entry_at = None;
        let left = if member.is_kept_waiting() {
            member.session_timeout()
        } else {
            member.session.deadline.saturating_sub(turn.now.monotonic)
        };
        if !left.is_zero() {
            let due = || Due::Session {
                member_id: Rc::clone(member_id),
            };
            member.session.extend(left, due, turn);
            return;
        }
        self.take_out(member_id, ErrorCode::UnknownMemberId, turn);
        self.rebalance_without(turn);
    }

    /// After members have gone.
    fn rebalance_without(&mut self, turn: &mut Turn<'_>) {
        match self.state {
            State::Empty => {}
            State::PreparingRebalance => self.complete_if_all_joined(turn),
            State::CompletingRebalance | State::Stable => self.prepare_rebalance(turn),
        }
    }
}
