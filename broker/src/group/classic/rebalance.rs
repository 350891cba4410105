//! The steps of a rebalance: prepare, wait for the members, begin a generation, wait for the
//! syncs. Pure.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use protocol::error_code::ErrorCode;

use super::member::millis;
use super::{ClassicGroup, State, Turn};
use crate::group::timers::Due;

/// What a group waits for, until a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// By the monotonic clock.
    at: Duration,
    kind: StepKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StepKind {
    /// More members of a group that was empty; each newcomer extends the wait, within what remains.
    Initial {
        delay: Duration,
        remaining: Duration,
    },
    /// The members' joins.
    Join,
    /// The members' syncs.
    Sync,
}

impl ClassicGroup {
    /// After a member was added or changed: a rebalance begins, or the one under way may be over.
    pub(super) fn rebalance_or_complete(&mut self, turn: &mut Turn<'_>) {
        match self.state {
            State::Empty | State::CompletingRebalance | State::Stable => {
                self.prepare_rebalance(turn);
            }
            State::PreparingRebalance => self.complete_if_all_joined(turn),
        }
    }

    pub(super) fn prepare_rebalance(&mut self, turn: &mut Turn<'_>) {
        if self.state == State::CompletingRebalance {
            self.refuse_syncs(ErrorCode::RebalanceInProgress, turn);
        }
        self.step = None;
        self.is_initial = self.is_empty();
        self.enter(State::PreparingRebalance, turn);
        if self.is_initial {
            self.has_newcomer = false;
            let delay = turn.settings.initial_rebalance_delay;
            let remaining = self.rebalance_timeout().saturating_sub(delay);
            self.wait(delay, StepKind::Initial { delay, remaining }, turn);
        } else if self.have_all_joined() {
            self.complete_join(turn);
        } else {
            self.wait(self.rebalance_timeout(), StepKind::Join, turn);
        }
    }

    /// Not in an initial rebalance, whose delay gathers members that are not known yet.
    pub(super) fn complete_if_all_joined(&mut self, turn: &mut Turn<'_>) {
        let prepares = self.state == State::PreparingRebalance && !self.is_initial;
        if prepares && self.have_all_joined() {
            self.complete_join(turn);
        }
    }

    /// A step's time is up.
    pub(crate) fn step_due(&mut self, at: Duration, turn: &mut Turn<'_>) {
        let Some(step) = self.step.filter(|step| step.at == at) else {
            return; // it came to its end otherwise
        };
        self.step = None;
        match step.kind {
            StepKind::Initial { delay, remaining } => {
                if std::mem::take(&mut self.has_newcomer) && !remaining.is_zero() {
                    let next = turn.settings.initial_rebalance_delay.min(remaining);
                    let remaining = remaining.saturating_sub(delay);
                    let delay = next;
                    self.wait(next, StepKind::Initial { delay, remaining }, turn);
                } else {
                    self.complete_join(turn);
                }
            }
            StepKind::Join => self.complete_join(turn),
            StepKind::Sync => {
                let silent: Vec<_> = self.unsynced.iter().map(Rc::clone).collect();
                for member_id in silent {
                    self.take_out(&member_id, ErrorCode::UnknownMemberId, turn);
                }
                self.prepare_rebalance(turn);
            }
        }
    }

    /// Begins a generation with those who have joined. Static members are kept although they have
    /// not: their session decides.
    fn complete_join(&mut self, turn: &mut Turn<'_>) {
        self.step = None;
        for member_id in self.ids_in_order() {
            let member = self.members.get(&member_id);
            let is_gone = member
                .is_some_and(|member| member.awaits_join.is_none() && member.instance_id.is_none());
            if is_gone {
                self.take_out(&member_id, ErrorCode::UnknownMemberId, turn);
            }
        }
        if !self.members.is_empty() && !self.elect_joined_leader() {
            // nobody is there to lead: their sessions will end
            return self.wait(self.rebalance_timeout(), StepKind::Join, turn);
        }
        self.generation = self.generation.checked_add(1).unwrap_or(0);
        self.is_initial = false;
        self.unsynced.clear();
        if self.members.is_empty() {
            self.protocol = None;
            self.subscribed = self.subscription();
            self.enter(State::Empty, turn);
            turn.records.push(self.to_record(turn.group_id));
            return;
        }
        self.protocol = self.agreed_protocol();
        self.subscribed = self.subscription();
        self.enter(State::CompletingRebalance, turn);
        for member_id in self.ids_in_order() {
            let response = self.joined(&member_id, self.is_leader(&member_id));
            if let Some(member) = self.members.get_mut(&member_id) {
                member.is_new = false;
                if let Some(token) = member.awaits_join.take() {
                    self.awaiting_join -= 1;
                    turn.reply_join(token, response);
                }
            }
            self.heard_from(&member_id, turn);
            self.unsynced.insert(member_id);
        }
        self.wait(self.rebalance_timeout(), StepKind::Sync, turn);
    }

    /// A leader that has not joined cannot assign. `false` when nobody has joined.
    fn elect_joined_leader(&mut self) -> bool {
        let leader = self.leader.as_ref().and_then(|id| self.members.get(id));
        if leader.is_some_and(|leader| leader.awaits_join.is_some()) {
            return true;
        }
        let joined = self.members.values();
        let joined = joined.filter(|member| member.awaits_join.is_some());
        let Some(first) = joined.min_by_key(|member| member.order) else {
            return false;
        };
        self.leader = Some(Rc::clone(&first.id));
        true
    }

    /// The protocol that most members prefer among those that all can take part in.
    pub(super) fn agreed_protocol(&self) -> Option<String> {
        let members = self.in_order();
        let supported_by_all = |name: &str| members.iter().all(|member| member.supports(name));
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        let mut candidates = Vec::new();
        for member in &members {
            let names = member.protocols.iter().map(|protocol| &protocol.name);
            let vote = names
                .map(String::as_str)
                .find(|name| supported_by_all(name));
            if let Some(name) = vote {
                candidates.push(name);
                *votes.entry(name).or_default() += 1;
            }
        }
        let most = votes.values().copied().max()?;
        let winner = candidates.into_iter().find(|name| votes[name] == most);
        winner.map(str::to_owned)
    }

    fn have_all_joined(&self) -> bool {
        self.awaiting_join == self.members.len() && self.pending.is_empty()
    }

    fn rebalance_timeout(&self) -> Duration {
        let timeouts = self.members.values();
        let longest = timeouts.map(|member| member.rebalance_timeout_ms).max();
        millis(longest.unwrap_or(0))
    }

    fn wait(&mut self, time: Duration, kind: StepKind, turn: &mut Turn<'_>) {
        let at = turn.now.monotonic.saturating_add(time);
        self.step = Some(Step { at, kind });
        turn.timers.add(at, turn.group_id, Due::Rebalance);
    }

    /// Nobody's sync is awaited any more.
    pub(super) fn all_have_synced(&mut self) {
        let waits = self.step.is_some_and(|step| step.kind == StepKind::Sync);
        if waits && self.unsynced.is_empty() {
            self.step = None;
        }
    }
}
