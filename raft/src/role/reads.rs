//! Rounds: when a majority last confirmed the leader, and which reads that makes safe.
//!
//! Pure. Every message of a leader carries the number of its current round and every answer gives it back. A round that a
//! majority answered proves leadership at the time the round *began*: reads asked before it are safe, and a lease runs from it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::output::{ReadReady, RejectReason};
use crate::replica::Replica;

#[derive(Debug)]
pub(crate) struct Rounds {
    current: u64,
    confirmed: u64,
    /// Number and beginning of the confirmed round and those after it. Never empty.
    began: VecDeque<(u64, Duration)>,
    /// Reads that belong to no round yet.
    waiting: VecDeque<u64>,
    /// Reads of one round, with their index: (round, index, context). One round at a time; the rest waits.
    confirming: VecDeque<(u64, ReadReady)>,
    /// Confirmed reads that wait for the application.
    applying: VecDeque<ReadReady>,
    /// A transfer was begun in this term: its candidate may be elected against any lease.
    lease_revoked: bool,
}

impl Rounds {
    pub(crate) fn new(now: Duration) -> Self {
        Self {
            current: 0,
            confirmed: 0,
            began: VecDeque::from([(0, now)]),
            waiting: VecDeque::new(),
            confirming: VecDeque::new(),
            applying: VecDeque::new(),
            lease_revoked: false,
        }
    }

    pub(crate) fn current(&self) -> u64 {
        self.current
    }

    pub(crate) fn begin(&mut self, now: Duration) {
        self.current += 1;
        self.began.push_back((self.current, now));
    }

    /// When the last round began that a majority answered.
    pub(crate) fn confirmed_at(&self) -> Duration {
        self.began.front().map_or(Duration::ZERO, |(_, at)| *at)
    }

    /// A majority has answered `round`.
    pub(crate) fn confirm(&mut self, round: u64) {
        self.confirmed = self.confirmed.max(round);
        while self.began.len() > 1 && self.began[0].0 < self.confirmed {
            self.began.pop_front();
        }
        while let Some((_, read)) = self
            .confirming
            .pop_front_if(|(asked, _)| *asked <= self.confirmed)
        {
            self.applying.push_back(read);
        }
    }

    pub(crate) fn revoke_lease(&mut self) {
        self.lease_revoked = true;
    }

    fn has_lease(&self, replica: &Replica) -> bool {
        let Some(lease) = replica.config.lease else {
            return false;
        };
        !self.lease_revoked
            && self.confirmed > 0
            && replica.now < self.confirmed_at().saturating_add(lease)
    }

    pub(crate) fn ask(&mut self, replica: &mut Replica, context: u64) {
        let pending = self.waiting.len() + self.confirming.len() + self.applying.len();
        if pending >= replica.config.reads_max {
            replica.reject(context, RejectReason::Busy);
        } else {
            self.waiting.push_back(context);
        }
    }

    /// Moves reads on. Returns whether a new round must be sent for them. `ready`: an entry of this term is committed,
    /// before that the leader does not know what its predecessors committed.
    pub(crate) fn advance(&mut self, replica: &mut Replica, ready: bool) -> bool {
        let mut wants_round = false;
        if ready && !self.waiting.is_empty() {
            let index = replica.commit();
            let of = |context| ReadReady { context, index };
            if self.has_lease(replica) {
                self.applying.extend(self.waiting.drain(..).map(of));
            } else if self.confirming.is_empty() {
                let round = self.current + 1;
                self.confirming
                    .extend(self.waiting.drain(..).map(|context| (round, of(context))));
                self.begin(replica.now);
                wants_round = true;
            }
        }
        while let Some(read) = self
            .applying
            .pop_front_if(|read| read.index <= replica.applied)
        {
            replica.out.reads.push(read);
        }
        wants_round
    }

    /// The leader leads no more: reads that are not confirmed must be asked elsewhere.
    pub(crate) fn abandon(&mut self, replica: &mut Replica) {
        let contexts = self.waiting.drain(..);
        let contexts = contexts.chain(self.confirming.drain(..).map(|(_, read)| read.context));
        let contexts = contexts.chain(self.applying.drain(..).map(|read| read.context));
        let reason = RejectReason::NotLeader {
            leader: replica.leader,
        };
        for context in contexts {
            replica.reject(context, reason);
        }
    }
}
