//! One member of the quorum: one input in, one output out.
//!
//! Pure. This file is the whole dispatch: it knows the roles, decides which one sees a message, applies the term rule
//! (the later term wins, the earlier one is told), and is the only place where a role changes.

use std::time::Duration;

use crate::config::{Config, RandomSource};
use crate::durability::Needs;
use crate::entry::NodeId;
use crate::gate;
use crate::input::Input;
use crate::message::{AppendResult, Body, Message};
use crate::output::{Output, Refusal, Refusals, RejectReason, RoleChange, RoleKind};
use crate::recovery::{RecoveredState, RecoveryError, recover_log};
use crate::replica::Replica;
use crate::role::candidate::{Campaign, Candidate};
use crate::role::leader::Leader;
use crate::role::{Role, Transition, follower, voter};
use crate::status::Status;

/// One member of the quorum.
#[derive(Debug)]
pub struct Node {
    replica: Replica,
    role: Role,
    spare: Output,
}

impl Node {
    /// A node with what was found on disk. `now` is monotonic time, from any origin.
    ///
    /// # Errors
    /// When the configuration or the state contradicts itself: such a node must not take part.
    pub fn new(
        config: Config,
        recovered: RecoveredState,
        random: Box<dyn RandomSource>,
        now: Duration,
    ) -> Result<Self, RecoveryError> {
        config.validate()?;
        let (log, leftover) = recover_log(&recovered)?;
        let (id, timeout) = (config.id, config.election_timeout_min);
        let alone = log
            .memberships()
            .all(|membership| membership.is_quorum_of_one(id));
        let RecoveredState {
            hard_state,
            snapshot,
            entries: _,
        } = recovered;
        let as_follower = RoleChange {
            role: RoleKind::Follower,
            term: hard_state.term,
            leader: None,
        };
        let mut replica = Replica::new(config, hard_state, log, snapshot, random, as_follower);
        replica.set_time(now);
        replica.reset_election_timer();
        if leftover {
            replica.remove_leftover();
        }
        if alone {
            replica.election_deadline = now; // nobody else can lead, or ever could
        } else if hard_state.term > 0 {
            replica.vote_barrier = now + timeout; // a leader may hold a lease from before the crash
        }
        Ok(Self {
            replica,
            role: Role::Follower,
            spare: Output::default(),
        })
    }

    /// Takes in one thing that happened at `now` and says what is to be done about it.
    pub fn step(&mut self, now: Duration, input: Input) -> Output {
        self.replica.set_time(now);
        match input {
            Input::Tick => self.on_tick(),
            Input::Message { from, message } => self.on_message(from, message),
            Input::Persisted(receipt) => {
                self.replica.persisted(receipt);
                self.on_persisted();
            }
            Input::Applied { index } => {
                self.replica.set_applied(index);
                if let Role::Leader(leader) = &mut self.role {
                    leader.advance_reads(&mut self.replica);
                }
            }
            Input::SnapshotCreated {
                context,
                index,
                data,
            } => {
                if let Err(reason) = self.replica.create_snapshot(index, data) {
                    self.replica.reject(context, reason);
                }
            }
            Input::Propose { .. }
            | Input::ReadIndex { .. }
            | Input::TransferLeadership { .. }
            | Input::ChangeMembership { .. } => self.on_request(input),
        }
        let current = self.standing();
        let mut next = std::mem::take(&mut self.spare);
        next.clear();
        self.replica.finish(current, next)
    }

    /// Takes the buffers of an output back, so that the next steps need not allocate. Optional.
    pub fn recycle(&mut self, output: Output) {
        self.spare = output;
    }

    /// When the next [`Input::Tick`] is needed.
    #[must_use]
    pub fn next_tick(&self) -> Duration {
        match &self.role {
            Role::Leader(leader) => leader.next_tick(),
            Role::Follower | Role::Candidate(_) => self.replica.election_deadline,
        }
    }

    /// How many messages were refused, and why.
    #[must_use]
    pub fn refusals(&self) -> Refusals {
        self.replica.refusals()
    }

    /// How the node stands.
    #[must_use]
    pub fn standing(&self) -> RoleChange {
        let (term, leader) = (self.replica.term(), self.replica.leader);
        RoleChange {
            role: self.role.kind(),
            term,
            leader,
        }
    }

    /// Everything that a description of the quorum shows. Allocates.
    #[must_use]
    pub fn status(&self) -> Status {
        Status::of(&self.replica, &self.role)
    }

    fn on_tick(&mut self) {
        let transition = match &mut self.role {
            Role::Leader(leader) => leader.on_tick(&mut self.replica),
            Role::Follower | Role::Candidate(_) => {
                if self.replica.now < self.replica.election_deadline {
                    return;
                }
                Transition::Campaign(Campaign::PreVote)
            }
        };
        self.change(transition);
    }

    fn on_persisted(&mut self) {
        let transition = match &mut self.role {
            Role::Follower => Transition::Stay,
            Role::Candidate(candidate) => candidate.on_persisted(&mut self.replica),
            Role::Leader(leader) => leader.on_persisted(&mut self.replica),
        };
        self.change(transition);
    }

    fn on_request(&mut self, input: Input) {
        let replica = &mut self.replica;
        let leader = match &mut self.role {
            Role::Leader(leader) => Some(leader),
            Role::Follower | Role::Candidate(_) => None,
        };
        let (context, leader) = match (input, leader) {
            (Input::Propose { context, payloads }, Some(leader)) => {
                return leader.propose(replica, context, payloads);
            }
            (Input::ReadIndex { context }, Some(leader)) => {
                leader.rounds.ask(replica, context);
                return leader.advance_reads(replica);
            }
            (Input::TransferLeadership { context, to }, Some(leader)) => {
                return leader.transfer(replica, context, to);
            }
            (Input::ChangeMembership { context, change }, Some(leader)) => {
                return leader.change_membership(replica, context, &change);
            }
            (
                Input::Propose { context, .. }
                | Input::ReadIndex { context }
                | Input::TransferLeadership { context, .. }
                | Input::ChangeMembership { context, .. },
                None,
            ) => (context, replica.leader),
            (
                Input::Tick
                | Input::Message { .. }
                | Input::Persisted(_)
                | Input::Applied { .. }
                | Input::SnapshotCreated { .. },
                _,
            ) => return,
        };
        replica.reject(context, RejectReason::NotLeader { leader });
    }

    // Messages

    fn on_message(&mut self, from: NodeId, message: Message) {
        let outcome = gate::check(&self.replica, from, &message)
            .and_then(|()| self.on_checked_message(from, message));
        match outcome {
            Ok(transition) => self.change(transition),
            Err(refusal) => self.replica.refuse(refusal),
        }
    }

    fn on_checked_message(
        &mut self,
        from: NodeId,
        message: Message,
    ) -> Result<Transition, Refusal> {
        let Message { term, body, .. } = message;
        let bound = matches!(self.role, Role::Leader(_)) || voter::is_bound(&self.replica);
        if let Body::VoteRequest(request) = &body {
            if request.pre_vote {
                voter::on_pre_vote(&mut self.replica, from, request, bound);
                return Ok(Transition::Stay);
            }
            if term > self.replica.term() && bound && !request.transfer {
                return Ok(Transition::Stay); // neither the term nor the vote: a leader is heard
            }
        }
        if term > self.replica.term() {
            self.follow(Some(term));
        } else if term < self.replica.term() && !is_pre_vote_response(&body) {
            self.answer_earlier_term(from, &body);
            return Ok(Transition::Stay);
        }
        self.on_message_of_this_term(from, body, bound)
    }

    fn on_message_of_this_term(
        &mut self,
        from: NodeId,
        body: Body,
        bound: bool,
    ) -> Result<Transition, Refusal> {
        match (&mut self.role, body) {
            (_, Body::VoteRequest(request)) => {
                voter::on_vote(&mut self.replica, from, &request, bound);
            }
            (_, Body::Append(append)) => {
                self.hear_leader(from)?;
                follower::on_append(&mut self.replica, from, append)?;
            }
            (_, Body::SnapshotChunk(chunk)) => {
                self.hear_leader(from)?;
                follower::on_snapshot_chunk(&mut self.replica, from, chunk)?;
            }
            (Role::Follower, Body::TimeoutNow) if self.replica.leader == Some(from) => {
                return Ok(Transition::Campaign(Campaign::Transfer));
            }
            (Role::Candidate(candidate), Body::VoteResponse(response)) => {
                return Ok(candidate.on_vote_response(&mut self.replica, from, &response));
            }
            (Role::Leader(leader), Body::AppendResponse(response)) => {
                return leader.on_append_response(&mut self.replica, from, &response);
            }
            (Role::Leader(leader), Body::SnapshotResponse(response)) => {
                return leader.on_snapshot_response(&mut self.replica, from, &response);
            }
            (
                _,
                Body::TimeoutNow
                | Body::VoteResponse(_)
                | Body::AppendResponse(_)
                | Body::SnapshotResponse(_),
            ) => {} // of a role this node has left within the term
        }
        Ok(Transition::Stay)
    }

    /// A leader of this term spoke: every candidate gives way.
    fn hear_leader(&mut self, from: NodeId) -> Result<(), Refusal> {
        let other = self.replica.leader.is_some_and(|leader| leader != from);
        if other || matches!(self.role, Role::Leader(_)) {
            return Err(Refusal::SecondLeader);
        }
        self.role = Role::Follower;
        follower::hear_leader(&mut self.replica, from);
        Ok(())
    }

    /// Whoever acts in an earlier term learns of the later one, and steps down.
    fn answer_earlier_term(&mut self, from: NodeId, body: &Body) {
        let replica = &mut self.replica;
        match body {
            Body::VoteRequest(request) => voter::refuse(replica, from, request),
            Body::Append(_) | Body::SnapshotChunk(_) => {
                // Only the term counts. The sender may lead the later term itself by now, so that nothing of the
                // earlier one may come back, least of all its round.
                let result = AppendResult::Conflict {
                    prev_index: 0,
                    hint_index: 0,
                    hint_term: 0,
                };
                follower::answer(replica, from, 0, result, Needs::HardState);
            }
            Body::VoteResponse(_)
            | Body::AppendResponse(_)
            | Body::SnapshotResponse(_)
            | Body::TimeoutNow => {}
        }
    }

    // Transitions

    fn change(&mut self, mut transition: Transition) {
        loop {
            transition = match transition {
                Transition::Stay => return,
                Transition::Follow => return self.follow(None),
                Transition::Lead => {
                    self.role = Role::Leader(Box::new(Leader::start(&mut self.replica)));
                    return;
                }
                Transition::Campaign(campaign) => {
                    self.replica.leader = None;
                    match Candidate::start(&mut self.replica, campaign) {
                        None => return self.role = Role::Follower,
                        Some(candidate) => {
                            let outcome = candidate.outcome(&mut self.replica);
                            self.role = Role::Candidate(candidate);
                            outcome
                        }
                    }
                }
            };
        }
    }

    /// Becomes a follower, in a later term if one is given.
    fn follow(&mut self, later_term: Option<u64>) {
        if let Some(term) = later_term {
            self.replica.enter_term(term);
        }
        let role = std::mem::replace(&mut self.role, Role::Follower);
        if let Role::Leader(mut leader) = role {
            self.replica.leader = None;
            self.replica.reset_election_timer();
            leader.abandon(&mut self.replica);
        }
    }
}

fn is_pre_vote_response(body: &Body) -> bool {
    matches!(body, Body::VoteResponse(response) if response.pre_vote)
}
