//! A node that leads: it appends, replicates, commits, and gives up when no majority answers.
//!
//! Pure. The commit rule is here and nowhere else. Its helpers: `replication` (what goes to one member), `reads` (rounds, lease),
//! `requests` (what the application asks).

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::durability::Needs;
use crate::entry::{EntryKind, NodeId};
use crate::message::{AppendResponse, AppendResult, Body, SnapshotResponse};
use crate::output::{Refusal, RejectReason};
use crate::progress::{Mode, Progress};
use crate::replica::Replica;
use crate::role::Transition;
use crate::role::reads::Rounds;
use crate::role::replication;

#[derive(Debug)]
pub(crate) struct Leader {
    pub(crate) members: BTreeMap<NodeId, Progress>,
    pub(crate) rounds: Rounds,
    heartbeat_due: Duration,
    /// The first entry of this term: what is committed from it on, this leader committed.
    first_index: u64,
    /// Weight of the entries ahead of the commit.
    pub(crate) uncommitted: u64,
    pub(crate) handover: Option<Handover>,
}

/// Leadership is being given to another voter.
#[derive(Debug)]
pub(crate) struct Handover {
    pub(crate) context: u64,
    pub(crate) to: NodeId,
    pub(crate) deadline: Duration,
    pub(crate) told: bool,
}

impl Leader {
    /// Takes office: appends a no-op, so that what earlier leaders left can be committed.
    pub(crate) fn start(replica: &mut Replica) -> Self {
        replica.leader = Some(replica.id());
        let mut leader = Self {
            members: BTreeMap::new(),
            rounds: Rounds::new(replica.now),
            heartbeat_due: replica.now,
            first_index: replica.log.last_index() + 1,
            uncommitted: replica
                .log
                .weight(replica.commit() + 1, replica.log.last_index()),
            handover: None,
        };
        leader.follow_membership(replica);
        leader.append(replica, EntryKind::NoOp, Bytes::new(), None);
        leader.heartbeat(replica);
        leader
    }

    /// Keeps one progress for every other member of the membership in force.
    pub(crate) fn follow_membership(&mut self, replica: &Replica) {
        let membership = replica.membership();
        self.members.retain(|id, _| membership.contains(*id));
        for id in membership.members().filter(|id| *id != replica.id()) {
            self.members
                .entry(id)
                .or_insert_with(|| Progress::new(replica.log.last_index() + 1));
        }
    }

    /// Appends an entry of this term. The caller broadcasts.
    pub(crate) fn append(
        &mut self,
        replica: &mut Replica,
        kind: EntryKind,
        payload: Bytes,
        membership: Option<std::sync::Arc<crate::Membership>>,
    ) -> u64 {
        self.uncommitted += payload.len() as u64 + 32;
        replica.append_own(kind, payload, membership)
    }

    /// Whether this leader has committed an entry of its own term: only then does it know the whole commit.
    pub(crate) fn is_ready(&self, replica: &Replica) -> bool {
        replica.commit() >= self.first_index
    }

    // Time

    pub(crate) fn on_tick(&mut self, replica: &mut Replica) -> Transition {
        if replica.now >= self.heartbeat_due {
            self.heartbeat(replica);
        }
        self.confirm_rounds(replica);
        let silent_for = replica.now.saturating_sub(self.rounds.confirmed_at());
        if silent_for >= replica.config.election_timeout_max {
            return Transition::Follow;
        }
        if let Some(handover) = self
            .handover
            .take_if(|handover| handover.deadline <= replica.now)
        {
            replica.reject(handover.context, RejectReason::TransferTimedOut);
        }
        self.advance_reads(replica);
        Transition::Stay
    }

    pub(crate) fn next_tick(&self) -> Duration {
        self.heartbeat_due
    }

    fn heartbeat(&mut self, replica: &mut Replica) {
        self.heartbeat_due = replica.now + replica.config.heartbeat_interval;
        self.rounds.begin(replica.now);
        let round = self.rounds.current();
        for (id, progress) in &mut self.members {
            replication::send_heartbeat(replica, *id, progress, round);
        }
    }

    // Answers

    pub(crate) fn on_append_response(
        &mut self,
        replica: &mut Replica,
        from: NodeId,
        response: &AppendResponse,
    ) -> Result<Transition, Refusal> {
        let last = replica.log.last_index();
        let Some(progress) = self.members.get_mut(&from) else {
            return Err(Refusal::UnknownNode);
        };
        let impossible = match response.result {
            AppendResult::Matched { index } => index > last,
            AppendResult::Conflict { prev_index, .. } => prev_index > last,
        };
        if impossible || response.round > self.rounds.current() {
            return Err(Refusal::ImpossibleIndex);
        }
        progress.acked_round = progress.acked_round.max(response.round);
        progress.last_contact = Some(replica.now);
        match response.result {
            AppendResult::Matched { index } => {
                progress.matched_to(index, replica.log.base_index());
            }
            AppendResult::Conflict {
                prev_index,
                hint_index,
                hint_term,
            } => {
                let (agreeable, _) = replica.log.last_agreeable(hint_index, hint_term);
                progress.conflict_at(prev_index, agreeable);
            }
        }
        Ok(self.on_progress(replica, from))
    }

    pub(crate) fn on_snapshot_response(
        &mut self,
        replica: &mut Replica,
        from: NodeId,
        response: &SnapshotResponse,
    ) -> Result<Transition, Refusal> {
        let Some(progress) = self.members.get_mut(&from) else {
            return Err(Refusal::UnknownNode);
        };
        if response.round > self.rounds.current() {
            return Err(Refusal::ImpossibleIndex);
        }
        progress.acked_round = progress.acked_round.max(response.round);
        progress.last_contact = Some(replica.now);
        if let Mode::Snapshot(transfer) = &mut progress.mode {
            let meta = &transfer.snapshot.meta;
            if (meta.index, meta.checksum) == (response.index, response.checksum) {
                if response.next_offset > meta.bytes {
                    return Err(Refusal::ImpossibleIndex);
                }
                transfer.next_offset = Some(response.next_offset);
                transfer.awaiting = false;
                transfer.silent_heartbeats = 0;
            }
        }
        Ok(self.on_progress(replica, from))
    }

    /// A member answered: commit, confirm, send on.
    fn on_progress(&mut self, replica: &mut Replica, from: NodeId) -> Transition {
        self.confirm_rounds(replica);
        let transition = self.advance_commit(replica);
        if let Some(progress) = self.members.get_mut(&from) {
            let round = self.rounds.current();
            replication::send_entries(replica, from, progress, round);
            replication::send_commit(replica, from, progress, round);
        }
        self.hand_over(replica);
        self.advance_reads(replica);
        transition
    }

    pub(crate) fn on_persisted(&mut self, replica: &mut Replica) -> Transition {
        let transition = self.advance_commit(replica);
        self.advance_reads(replica);
        transition
    }

    // Commit

    /// The commit rule: a majority holds it durably, and it is of this term.
    fn advance_commit(&mut self, replica: &mut Replica) -> Transition {
        let (id, own) = (replica.id(), replica.durability.durable_index());
        let matched = |member: NodeId| {
            if member == id {
                own
            } else {
                self.members.get(&member).map_or(0, |p| p.matched)
            }
        };
        let index = replica.membership().quorum_value(matched);
        if index <= replica.commit() || replica.log.term(index) != Some(replica.term()) {
            return Transition::Stay;
        }
        let before = replica.commit();
        replica.commit_to(index);
        self.uncommitted -= replica.log.weight(before + 1, index);
        let transition = self.on_membership_committed(replica);
        self.broadcast(replica);
        transition
    }

    /// A joint membership that is committed is left; a leader that a committed one has removed goes.
    fn on_membership_committed(&mut self, replica: &mut Replica) -> Transition {
        if replica.log.membership_index() > replica.commit() || !self.is_ready(replica) {
            return Transition::Stay;
        }
        if replica.membership().is_joint() {
            let next = replica.membership().left_joint();
            let payload = next.encode();
            self.append(replica, EntryKind::Membership, payload, Some(next.into()));
            self.follow_membership(replica);
            return Transition::Stay;
        }
        if replica.membership().is_voter(replica.id()) {
            return Transition::Stay;
        }
        let best = self
            .members
            .iter()
            .filter(|(id, _)| replica.membership().is_voter(**id));
        if let Some((heir, _)) = best.max_by_key(|(_, progress)| progress.matched) {
            replica.send(*heir, Needs::Nothing, Body::TimeoutNow);
        }
        Transition::Follow
    }

    /// Sends new entries to everybody, and the new commit to those that got none.
    pub(crate) fn broadcast(&mut self, replica: &mut Replica) {
        let round = self.rounds.current();
        for (id, progress) in &mut self.members {
            replication::send_entries(replica, *id, progress, round);
            replication::send_commit(replica, *id, progress, round);
        }
    }

    // Rounds and reads

    fn confirm_rounds(&mut self, replica: &Replica) {
        let (id, current) = (replica.id(), self.rounds.current());
        let acked = |member: NodeId| {
            if member == id {
                current
            } else {
                self.members.get(&member).map_or(0, |p| p.acked_round)
            }
        };
        let round = replica.membership().quorum_value(acked);
        self.rounds.confirm(round);
    }

    pub(crate) fn advance_reads(&mut self, replica: &mut Replica) {
        let ready = self.is_ready(replica);
        if !self.rounds.advance(replica, ready) {
            return;
        }
        let round = self.rounds.current();
        for (id, progress) in &mut self.members {
            replication::send_empty(replica, *id, progress, round);
        }
        self.confirm_rounds(replica);
        let again = self.rounds.advance(replica, ready);
        debug_assert!(!again, "nothing can wait: all of it is in the round");
    }

    /// This node leads no more: what waits for it is refused.
    pub(crate) fn abandon(&mut self, replica: &mut Replica) {
        let leader = replica.leader;
        self.rounds.abandon(replica);
        if let Some(handover) = self.handover.take_if(|handover| !handover.told) {
            replica.reject(handover.context, RejectReason::NotLeader { leader });
        }
    }

    // Handover

    /// Tells the coming leader to campaign as soon as it has everything.
    pub(crate) fn hand_over(&mut self, replica: &mut Replica) {
        let Some(handover) = &mut self.handover else {
            return;
        };
        let Some(progress) = self.members.get(&handover.to) else {
            return;
        };
        if progress.matched == replica.log.last_index() && !handover.told {
            handover.told = true;
            self.rounds.revoke_lease();
            replica.send(handover.to, Needs::Nothing, Body::TimeoutNow);
        }
    }
}
