//! A static member that comes back under a new id (KIP-345): it takes the old one's place, and
//! there is no rebalance unless the group is in one or would agree on another protocol. Pure.

use std::rc::Rc;

use protocol::error_code::ErrorCode;

use super::member::{MemberId, Session};
use super::{ClassicGroup, Joining, State, Turn};

impl ClassicGroup {
    pub(super) fn replace_static(
        &mut self,
        current: &MemberId,
        joining: Joining,
        turn: &mut Turn<'_>,
    ) {
        let id: MemberId = joining.fresh_id.as_str().into();
        let leader_before = self.leader.clone();
        self.rename(current, &id, turn);
        let (token, can_skip) = (joining.token, joining.can_skip_assignment);
        self.update_member(&id, joining, turn);
        self.heard_from(&id, turn);
        match self.state {
            State::Stable if self.agreed_protocol().as_ref() == self.protocol.as_ref() => {
                if let Some(member) = self.members.get_mut(&id) {
                    member.awaits_join = None;
                    self.awaiting_join -= 1;
                }
                self.subscribed = self.subscription();
                let mut response = self.joined(&id, false);
                if can_skip {
                    let is_leader = self.is_leader(&id);
                    response = self.joined(&id, is_leader);
                    response.skip_assignment = is_leader;
                } else if let Some(leader) = leader_before {
                    // under its old id the leader is somebody else, so it does not assign
                    leader.as_ref().clone_into(&mut response.leader);
                }
                turn.records.push(self.to_record(turn.group_id));
                turn.reply_join(token, response);
            }
            // the leader may be assigning to the old id just now
            State::Stable | State::CompletingRebalance => self.prepare_rebalance(turn),
            State::PreparingRebalance => self.complete_if_all_joined(turn),
            State::Empty => {
                self.take_out(&id, ErrorCode::UnknownMemberId, turn);
            }
        }
    }

    /// Gives a member another id; whoever uses the old one is fenced.
    fn rename(&mut self, old: &MemberId, new: &MemberId, turn: &mut Turn<'_>) {
        let Some(mut member) = self.members.remove(old) else {
            return;
        };
        if let Some(token) = member.awaits_join.take() {
            self.awaiting_join -= 1;
            turn.refuse_join(token, old, ErrorCode::FencedInstanceId);
        }
        if let Some(token) = member.awaits_sync.take() {
            turn.refuse_sync(token, ErrorCode::FencedInstanceId);
        }
        if self.unsynced.remove(old) {
            self.unsynced.insert(Rc::clone(new));
        }
        if self.is_leader(old) {
            self.leader = Some(Rc::clone(new));
        }
        if let Some(instance_id) = &member.instance_id {
            self.static_members
                .insert(instance_id.clone(), Rc::clone(new));
        }
        member.id = Rc::clone(new);
        member.session = Session::default();
        self.members.insert(Rc::clone(new), member);
    }
}
