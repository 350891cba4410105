//! `SyncGroup`: the leader's assignment, brought to every member once it is written. Pure.

use bytes::Bytes;
use foldhash::HashMap;
use protocol::error_code::ErrorCode;
use protocol::messages::sync_group_response::SyncGroupResponse;

use super::{ClassicGroup, State, Turn};
use crate::group::answer::Token;

/// A sync request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Syncing {
    pub(crate) token: Token,
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    /// By member id; only the leader's count.
    pub(crate) assignments: Vec<(String, Bytes)>,
}

impl ClassicGroup {
    /// Takes up a sync; it is answered now, or when the leader has assigned.
    pub(crate) fn sync(&mut self, syncing: Syncing, turn: &mut Turn<'_>) {
        let (token, member_id) = (syncing.token, syncing.member_id.as_str());
        if let Err(error) = self.check_sync(&syncing) {
            return turn.refuse_sync(token, error);
        }
        match self.state {
            State::Empty => turn.refuse_sync(token, ErrorCode::UnknownMemberId),
            State::PreparingRebalance => turn.refuse_sync(token, ErrorCode::RebalanceInProgress),
            State::CompletingRebalance => {
                self.park_sync(member_id, token, turn);
                if self.is_leader(member_id) {
                    self.assign(syncing.assignments, turn);
                }
            }
            State::Stable => {
                self.unsynced.remove(member_id);
                self.all_have_synced();
                let response = self.synced(member_id);
                turn.reply_sync(token, response);
            }
        }
    }

    fn check_sync(&self, syncing: &Syncing) -> Result<(), ErrorCode> {
        self.check_member(&syncing.member_id, syncing.instance_id.as_deref())?;
        self.check_generation(syncing.generation)?;
        let differs = |said: &Option<String>, ours: &Option<String>| {
            said.is_some() && ours.is_some() && said != ours
        };
        if differs(&syncing.protocol_type, &self.protocol_type)
            || differs(&syncing.protocol, &self.protocol)
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        Ok(())
    }

    fn park_sync(&mut self, member_id: &str, token: Token, turn: &mut Turn<'_>) {
        self.unsynced.remove(member_id);
        self.all_have_synced();
        if let Some(member) = self.members.get_mut(member_id)
            && let Some(earlier) = member.awaits_sync.replace(token)
        {
            turn.refuse_sync(earlier, ErrorCode::RebalanceInProgress);
        }
    }

    /// The leader's assignment; who is not named in it gets an empty one.
    fn assign(&mut self, assignments: Vec<(String, Bytes)>, turn: &mut Turn<'_>) {
        let mut assignments: HashMap<String, Bytes> = assignments.into_iter().collect();
        let bytes = self.record_bytes(&assignments);
        if bytes > turn.settings.record_bytes_max {
            // it can never be written; whoever comes back may have less to say
            self.refuse_syncs(ErrorCode::UnknownServerError, turn);
            return self.prepare_rebalance(turn);
        }
        for member in self.members.values_mut() {
            let assignment = assignments.remove(member.id.as_ref());
            // a copy: a slice would keep the whole request in memory
            member.assignment = assignment.map_or_else(Bytes::new, |a| Bytes::copy_from_slice(&a));
        }
        self.enter(State::Stable, turn);
        turn.records.push(self.to_record(turn.group_id));
        for member_id in self.ids_in_order() {
            let response = self.synced(&member_id);
            let member = self.members.get_mut(&member_id);
            if let Some(token) = member.and_then(|member| member.awaits_sync.take()) {
                turn.reply_sync(token, response);
                self.heard_from(&member_id, turn);
            }
        }
    }

    fn synced(&self, member_id: &str) -> SyncGroupResponse {
        let member = self.members.get(member_id);
        SyncGroupResponse {
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            assignment: member.map_or_else(Bytes::new, |member| member.assignment.clone()),
            ..SyncGroupResponse::default()
        }
    }

    /// Whoever waits for an assignment of this generation gets none.
    pub(super) fn refuse_syncs(&mut self, error: ErrorCode, turn: &mut Turn<'_>) {
        for member_id in self.ids_in_order() {
            let Some(member) = self.members.get_mut(&member_id) else {
                continue;
            };
            member.assignment = Bytes::new();
            if let Some(token) = member.awaits_sync.take() {
                turn.refuse_sync(token, error);
                self.heard_from(&member_id, turn);
            }
        }
    }

    /// What the group's record will take, at most.
    fn record_bytes(&self, assignments: &HashMap<String, Bytes>) -> usize {
        const MEMBER_BYTES: usize = 64;
        const HEAD_BYTES: usize = 1024;
        let protocol = self.protocol.as_deref();
        let members = self.members.values().map(|member| {
            let instance = member.instance_id.as_ref().map_or(0, String::len);
            let texts = member.id.len() + member.client_id.len() + member.client_host.len();
            MEMBER_BYTES + instance + texts + member.metadata(protocol).len()
        });
        let assigned: usize = assignments.values().map(Bytes::len).sum();
        HEAD_BYTES + members.sum::<usize>() + assigned
    }
}
