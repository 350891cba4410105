//! Clients that write and read registers, one operation at a time, and remember what they saw.
//!
//! Beside the search over the values at the end, every operation is checked at once against the order of the log: whatever
//! was finished before an operation began must lie before it there.

use raft::{Entry, Input, Output};

use super::super::history::Operation;
use super::super::invariants::{Violation, broken};
use super::super::random::Random;
use super::super::register::{KEYS, Write};
use super::super::server::Waiting;
use super::{Cluster, Event};

const PATIENCE: u64 = 400_000;

#[derive(Debug)]
pub(super) struct Client {
    random: Random,
    /// The server it talks to.
    server: u64,
    pending: Option<Pending>,
    /// Counts what it plans, so that an earlier plan is void.
    number: u64,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    operation: u64,
    key: usize,
    value: u64,
    is_write: bool,
    invoked: u64,
    /// The last log index of anything that was finished by then.
    floor: u64,
}

impl Client {
    pub(super) fn new(random: Random) -> Self {
        Self {
            random,
            server: 0,
            pending: None,
            number: 0,
        }
    }
}

impl Cluster {
    /// A client's time has come: it gives up what it waits for, or begins something new.
    pub(super) fn on_client(&mut self, client: usize, number: u64) -> Result<(), Violation> {
        if self.clients[client].number != number {
            return Ok(());
        }
        if let Some(pending) = self.clients[client].pending.take() {
            self.give_up(pending);
            return self.pause_client(client, 1_000);
        }
        let (servers, now, floor) = (self.plan.servers(), self.report.events, self.shown);
        self.next_operation += 1;
        let operation = self.next_operation;
        let state = &mut self.clients[client];
        if state.random.chance(100) {
            state.server = state.random.below(servers);
        }
        let key = usize::try_from(state.random.below(KEYS as u64)).unwrap();
        let is_write = state.random.chance(500);
        let server = state.server;
        let padding = usize::try_from(state.random.below(60)).unwrap();
        state.pending = Some(Pending {
            operation,
            key,
            value: operation,
            is_write,
            invoked: now,
            floor,
        });
        self.plan_client(client, PATIENCE);
        if !self.server(server).is_up() {
            self.clients[client].pending = None;
            self.clients[client].server = (server + 1) % servers;
            return self.pause_client(client, 20_000);
        }
        if is_write {
            let payloads = vec![
                Write {
                    key,
                    value: operation,
                }
                .encode(padding),
            ];
            self.step(
                server,
                Input::Propose {
                    context: operation,
                    payloads,
                },
            )
        } else {
            self.step(server, Input::ReadIndex { context: operation })
        }
    }

    fn plan_client(&mut self, client: usize, after: u64) {
        let at = self.now + after;
        let state = &mut self.clients[client];
        state.number += 1;
        let number = state.number;
        self.queue.push(at, Event::Client { client, number });
    }

    fn pause_client(&mut self, client: usize, least: u64) -> Result<(), Violation> {
        let pause = least + self.clients[client].random.below(30_000);
        self.plan_client(client, pause);
        Ok(())
    }

    fn client_of(&self, operation: u64) -> Option<(usize, Pending)> {
        self.clients.iter().enumerate().find_map(|(client, state)| {
            let pending = state
                .pending
                .filter(|pending| pending.operation == operation)?;
            Some((client, pending))
        })
    }

    /// A write without an answer may still happen; a read without one does not matter.
    fn give_up(&mut self, pending: Pending) {
        if pending.is_write {
            self.record(pending, None);
        }
    }

    fn record(&mut self, pending: Pending, returned: Option<u64>) {
        self.history.push(Operation {
            key: pending.key,
            value: pending.value,
            is_write: pending.is_write,
            invoked: pending.invoked,
            returned,
        });
    }

    pub(super) fn answer_clients(&mut self, id: u64, output: &Output) -> Result<(), Violation> {
        for accepted in &output.accepted {
            if self.client_of(accepted.context).is_some() {
                let waiting = Waiting {
                    term: accepted.term,
                    operation: accepted.context,
                };
                self.server(id).waiting.insert(accepted.last_index, waiting);
            }
        }
        for rejected in &output.rejected {
            if let Some((client, _)) = self.client_of(rejected.context) {
                self.clients[client].pending = None;
                let mut leader = None;
                if let raft::RejectReason::NotLeader { leader: known } = rejected.reason {
                    leader = known;
                }
                let servers = self.plan.servers();
                let state = &mut self.clients[client];
                let other = state.random.below(servers);
                state.server = leader.map_or(other, |leader| leader.0);
                self.pause_client(client, 5_000)?;
            }
        }
        for read in &output.reads {
            let state = &self.servers[usize::try_from(id).unwrap()].application;
            let (applied, values) = (state.applied, state.values);
            if applied < read.index {
                return Err(broken(
                    "contract",
                    format!("{id}: a read before it is applied"),
                ));
            }
            if let Some((client, mut pending)) = self.client_of(read.context) {
                pending.value = values[pending.key];
                self.finish(client, pending, applied)?;
            }
        }
        Ok(())
    }

    /// An entry is applied on a server: whoever waits there for that index has an answer.
    pub(super) fn complete_write(&mut self, id: u64, entry: &Entry) -> Result<(), Violation> {
        let Some(waiting) = self.server(id).waiting.remove(&entry.index) else {
            return Ok(());
        };
        let Some((client, pending)) = self.client_of(waiting.operation) else {
            return Ok(());
        };
        if waiting.term == entry.term {
            return self.finish(client, pending, entry.index);
        }
        self.clients[client].pending = None; // another entry took its place: it never happens
        self.pause_client(client, 1_000)
    }

    fn finish(&mut self, client: usize, pending: Pending, index: u64) -> Result<(), Violation> {
        let too_early = if pending.is_write {
            index <= pending.floor
        } else {
            index < pending.floor
        };
        if too_early {
            let detail = format!(
                "{} sees {index}, but {} was finished before it began",
                if pending.is_write {
                    "a write"
                } else {
                    "a read"
                },
                pending.floor
            );
            return Err(broken("linearizable", detail));
        }
        self.shown = self.shown.max(index);
        self.record(pending, Some(self.report.events));
        self.clients[client].pending = None;
        self.pause_client(client, 0)
    }

    /// Requests that a snapshot jumped over: their clients will run out of patience.
    pub(super) fn fail_waiting_to(&mut self, id: u64, index: u64) {
        self.server(id).waiting.retain(|at, _| *at > index);
    }

    /// The server is gone, and with it whoever could answer.
    pub(super) fn forget_requests(&mut self, id: u64) {
        self.server(id).waiting.clear();
    }

    pub(super) fn finished_history(&self) -> Vec<Operation> {
        let mut history = self.history.clone();
        let pending = self.clients.iter().filter_map(|client| client.pending);
        for pending in pending.filter(|pending| pending.is_write) {
            history.push(Operation {
                key: pending.key,
                value: pending.value,
                is_write: true,
                invoked: pending.invoked,
                returned: None,
            });
        }
        history
    }
}
