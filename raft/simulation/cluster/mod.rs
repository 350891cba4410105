//! The world: servers, clients and an operator, run event by event until the plan is over and calm has returned.

mod clients;
mod faults;
mod garbage;
mod outputs;

use raft::{
    ClusterId, Config, Input, Membership, Message, Node, NodeId, RecoveredState, RoleKind, Snapshot,
};

use self::clients::Client;
use super::clock::Clock;
use super::disk::Disk;
use super::history::{Operation, not_linearizable};
use super::invariants::{Invariants, Violation, broken};
use super::network::Network;
use super::plan::{Fault, Plan};
use super::queue::Queue;
use super::random::Random;
use super::register::Registers;
use super::server::Server;

pub(crate) const CLUSTER: ClusterId = ClusterId(0xC1);
pub(crate) const ELECTION_TIMEOUT_MIN: u64 = 150_000;
pub(crate) const ELECTION_TIMEOUT_MAX: u64 = 300_000;
pub(crate) const HEARTBEAT: u64 = 40_000;
/// How long calm lasts: leader within three timeouts, then writes, then equal logs.
const CALM: u64 = 2_500_000;
/// Far more than an honest run needs.
const EVENTS_MAX: u64 = 400_000;
const TRACE_LINES: usize = 60;

/// What happens.
#[derive(Debug)]
pub(crate) enum Event {
    Deliver(Message),
    Tick { server: u64, life: u64 },
    WriteDone { server: u64, life: u64, write: u64 },
    Apply { server: u64, life: u64 },
    Start { server: u64, life: u64 },
    Fault(usize),
    Client { client: usize, number: u64 },
    Calm,
    LeaderDue,
    End,
}

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) events: u64,
    pub(crate) committed: u64,
    pub(crate) elections: u64,
    pub(crate) crashes: u64,
    pub(crate) operations: u64,
    pub(crate) membership_changes: u64,
    pub(crate) snapshots_installed: u64,
    /// From the end of the faults to a leader, in microseconds.
    pub(crate) leader_after: u64,
    pub(crate) violation: Option<Violation>,
    pub(crate) trace: Vec<String>,
}

pub(crate) struct Cluster {
    plan: Plan,
    now: u64,
    queue: Queue<Event>,
    network: Network,
    servers: Vec<Server>,
    clients: Vec<Client>,
    history: Vec<Operation>,
    next_operation: u64,
    /// The latest point in the log that a finished operation has shown.
    shown: u64,
    invariants: Invariants,
    random: Random,
    calm_since: Option<u64>,
    calm_committed: u64,
    calm_leader: Option<(u64, u64)>,
    due_term: Option<u64>,
    report: Report,
    /// Collects the last lines of what happened, when asked to.
    traced: bool,
}

impl Cluster {
    /// Runs the plan to its end, or to the first violation.
    pub(crate) fn run(plan: &Plan, traced: bool) -> Report {
        let mut cluster = Self::new(plan, traced);
        let outcome = cluster.run_events();
        cluster.report.violation = outcome.err();
        cluster.report.committed = cluster.invariants.committed_index();
        cluster.report.membership_changes = cluster.invariants.membership_changes;
        cluster.report.operations = cluster.history.len() as u64;
        cluster.report
    }

    fn new(plan: &Plan, traced: bool) -> Self {
        let mut random = Random::new(plan.seed).fork();
        let mut queue = Queue::new();
        let mut servers = Vec::new();
        let voters = Membership::new((0..plan.voters).map(NodeId), []);
        for id in 0..plan.servers() {
            let founder = id < plan.voters;
            let members = if founder {
                voters.clone()
            } else {
                Membership::default()
            };
            let drift = random
                .below(2 * plan.drift_ppm.unsigned_abs() + 1)
                .cast_signed()
                - plan.drift_ppm;
            let clock = Clock::new(random.below(1_000_000_000), drift);
            let disk = Disk::new(plan.disk_latency, random.fork());
            servers.push(Server::new(
                id,
                &RecoveredState::initial(members),
                clock,
                disk,
            ));
            queue.push(
                0,
                Event::Start {
                    server: id,
                    life: 0,
                },
            );
        }
        let mut clients = Vec::new();
        for client in 0..usize::try_from(plan.clients).unwrap() {
            clients.push(Client::new(random.fork()));
            queue.push(200_000, Event::Client { client, number: 0 });
        }
        for (number, (at, _)) in plan.faults.iter().enumerate() {
            queue.push(*at, Event::Fault(number));
        }
        queue.push(plan.end, Event::Calm);
        Self {
            network: Network::new(plan.weather.clone(), random.fork()),
            plan: plan.clone(),
            now: 0,
            queue,
            servers,
            clients,
            history: Vec::new(),
            next_operation: 0,
            shown: 0,
            invariants: Invariants::default(),
            random,
            calm_since: None,
            calm_committed: 0,
            calm_leader: None,
            due_term: None,
            report: Report::default(),
            traced,
        }
    }

    fn run_events(&mut self) -> Result<(), Violation> {
        while let Some((at, event)) = self.queue.pop() {
            self.now = at;
            self.report.events += 1;
            if self.report.events > EVENTS_MAX {
                return Err(broken("progress", "words go round in circles"));
            }
            if matches!(event, Event::End) {
                return self.check_end();
            }
            self.happen(event)?;
        }
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Deliver(message) => {
                let (from, to) = (message.from, message.to.0);
                if to < self.plan.servers() && !self.network.is_cut(from.0, to, self.now) {
                    self.step(to, Input::Message { from, message })?;
                }
            }
            Event::Tick { server, life } => {
                if self.lives(server, life) && self.server(server).tick_planned == self.now {
                    self.server(server).tick_planned = u64::MAX;
                    self.step(server, Input::Tick)?;
                }
            }
            Event::WriteDone {
                server,
                life,
                write,
            } => {
                if self.lives(server, life) {
                    self.on_write_done(server, write)?;
                }
            }
            Event::Apply { server, life } => {
                if self.lives(server, life) {
                    self.on_apply(server)?;
                }
            }
            Event::Start { server, life } => {
                if self.server(server).life == life && !self.server(server).is_up() {
                    self.start(server)?;
                }
            }
            Event::Fault(number) => {
                let fault: Fault = self.plan.faults[number].1.clone();
                if self.calm_since.is_none() {
                    self.trace(|_| format!("fault {fault:?}"));
                    self.strike(&fault)?;
                }
            }
            Event::Client { client, number } => self.on_client(client, number)?,
            Event::Calm => self.become_calm()?,
            Event::LeaderDue => self.check_leader_due()?,
            Event::End => {}
        }
        Ok(())
    }

    // Servers

    fn server(&mut self, id: u64) -> &mut Server {
        &mut self.servers[usize::try_from(id).unwrap()]
    }

    fn lives(&mut self, id: u64, life: u64) -> bool {
        let server = self.server(id);
        server.life == life && server.is_up()
    }

    fn config(&self, id: u64) -> Config {
        let plan = &self.plan;
        let micros = std::time::Duration::from_micros;
        Config {
            election_timeout_min: micros(ELECTION_TIMEOUT_MIN),
            election_timeout_max: micros(ELECTION_TIMEOUT_MAX),
            heartbeat_interval: micros(HEARTBEAT),
            // Clocks differ by at most 5 % either way: 0.85 * 1.05 / 0.95 < 1.
            lease: plan.lease.then(|| micros(ELECTION_TIMEOUT_MIN * 85 / 100)),
            entry_bytes_max: 256,
            append_bytes_max: 200,
            inflight_messages_max: usize::try_from(plan.window).unwrap(),
            inflight_bytes_max: 600,
            uncommitted_bytes_max: 4_000,
            reads_max: 8,
            snapshot_chunk_bytes: usize::try_from(plan.chunk_bytes).unwrap(),
            snapshot_bytes_max: 1_000,
            trailing_entries: plan.trailing,
            learner_lag_max: 10,
            ..Config::new(NodeId(id), CLUSTER)
        }
    }

    fn start(&mut self, id: u64) -> Result<(), Violation> {
        let config = self.config(id);
        let random = Box::new(self.random.fork());
        let now = self.now;
        let server = self.server(id);
        let own = server.clock.now(now);
        let recovered = server.durable.recovered();
        server.believed = server.durable.clone();
        server.application = Registers::decode(&recovered.snapshot.data);
        server.commit_seen = 0;
        let node = Node::new(config, recovered, random, own)
            .map_err(|error| broken("contract", format!("{id} does not start: {error}")))?;
        // What the node found and what it took may differ by entries that do not belong to the snapshot.
        let last = node.status().last_index;
        server.believed.entries.retain(|entry| entry.index <= last);
        server.node = Some(node);
        self.trace(|_| format!("{id} starts"));
        self.step(id, Input::Tick)
    }

    fn crash(&mut self, id: u64, down: u64) -> Result<(), Violation> {
        let start = self.now + down;
        let server = self.server(id);
        if !server.is_up() {
            return Ok(());
        }
        server
            .crash()
            .map_err(|detail| broken("contract", detail))?;
        let life = server.life;
        self.report.crashes += 1;
        self.queue.push(start, Event::Start { server: id, life });
        self.forget_requests(id);
        self.trace(|_| format!("{id} crashes"));
        Ok(())
    }

    /// The server that leads the latest term, as far as servers know themselves.
    fn leader(&self) -> Option<u64> {
        let leads = |server: &&Server| {
            server
                .node
                .as_ref()
                .is_some_and(|node| node.standing().role == RoleKind::Leader)
        };
        let term = |server: &&Server| server.node.as_ref().map(|node| node.standing().term);
        self.servers
            .iter()
            .filter(leads)
            .max_by_key(term)
            .map(|server| server.id)
    }

    // Calm

    fn become_calm(&mut self) -> Result<(), Violation> {
        self.trace(|_| "calm".into());
        let now = self.now;
        self.calm_since = Some(now);
        self.calm_committed = self.invariants.committed_index();
        self.network.heal();
        // Stragglers and stalled writes are faults too: they end here.
        self.queue.retain(|at, event| {
            let late = matches!(event, Event::Deliver(_)) && at >= now + 5_000;
            !late && !matches!(event, Event::WriteDone { .. })
        });
        for id in 0..self.plan.servers() {
            let server = self.server(id);
            server.disk.latency = (50, 2_000);
            server.disk.recover(now);
            let life = server.life;
            let numbers: Vec<u64> = server.writes.iter().map(|(number, _)| *number).collect();
            for write in numbers {
                self.queue.push(
                    now + 1_000,
                    Event::WriteDone {
                        server: id,
                        life,
                        write,
                    },
                );
            }
            let server = self.server(id);
            server.crash_at = None;
            if !server.is_up() {
                self.start(id)?;
            }
        }
        self.queue
            .push(now + 3 * ELECTION_TIMEOUT_MAX, Event::LeaderDue);
        self.queue.push(now + CALM, Event::End);
        Ok(())
    }

    /// Notes the last leader that came to office in calm weather, and when it could serve.
    fn watch_calm(&mut self, id: u64) {
        let Some(since) = self.calm_since else { return };
        let latest = self.calm_leader.map_or(0, |(_, term)| term);
        let Some(node) = &self.server(id).node else {
            return;
        };
        let standing = node.standing();
        let known = latest >= standing.term;
        if known || standing.role != RoleKind::Leader || node.status().applied < self.calm_committed
        {
            return;
        }
        self.calm_leader = Some((id, standing.term));
        self.report.leader_after = self.now - since;
    }

    /// Three election timeouts have passed: whoever leads now stays.
    fn check_leader_due(&mut self) -> Result<(), Violation> {
        self.due_term = self.leader().and_then(|leader| {
            let node = self.server(leader).node.as_ref();
            node.map(|node| node.standing().term)
        });
        match self.due_term {
            Some(_) => Ok(()),
            None => Err(broken(
                "progress",
                "no leader after three election timeouts",
            )),
        }
    }

    fn check_end(&mut self) -> Result<(), Violation> {
        if let Some(key) = not_linearizable(&self.finished_history()) {
            return Err(broken(
                "linearizable",
                format!("register {key} has no order"),
            ));
        }
        let leader = self
            .leader()
            .ok_or_else(|| broken("progress", "no leader in the end"))?;
        let status = self.server(leader).node.as_ref().map(Node::status);
        let Some(status) = status else { return Ok(()) };
        if self.invariants.committed_index() <= self.calm_committed {
            return Err(broken("progress", "nothing was committed in calm"));
        }
        for member in status.membership.members() {
            let server = self.server(member.0);
            let Some(node) = &server.node else { continue };
            let (commit, applied) = (node.status().commit, server.application.applied);
            // What the clients do in the last moments may be under way.
            if commit + 12 < status.commit || applied + 12 < status.commit {
                let detail = format!(
                    "{} is at {applied}, {commit} of {}",
                    member.0, status.commit
                );
                return Err(broken("progress", detail));
            }
        }
        if status.membership.is_joint() {
            return Err(broken("progress", "the joint membership is never left"));
        }
        match self.due_term {
            Some(term) if status.standing.term > term => {
                let detail = format!("term went from {term} to {}", status.standing.term);
                Err(broken("stability", detail))
            }
            _other => Ok(()),
        }
    }

    fn trace(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.traced {
            let line = format!("{:>9} {}", self.now, line(self));
            if self.report.trace.len() >= TRACE_LINES * 2 {
                self.report.trace.drain(..TRACE_LINES);
            }
            self.report.trace.push(line);
        }
    }

    /// The snapshot that the application of a server makes now.
    fn take_snapshot(&mut self, id: u64) -> Result<(), Violation> {
        let every = self.plan.snapshot_every;
        let server = self.server(id);
        let index = server.application.applied;
        if index < server.believed.snapshot.meta.index + every {
            return Ok(());
        }
        let data = server.application.encode();
        self.step(
            id,
            Input::SnapshotCreated {
                context: 0,
                index,
                data,
            },
        )
    }

    fn check_snapshot(&self, server: u64, snapshot: &Snapshot) -> Result<(), Violation> {
        let state = Registers::decode(&snapshot.data);
        if snapshot.meta.index != state.applied {
            return Err(broken(
                "state-machine-safety",
                format!("{server}: snapshot of another index"),
            ));
        }
        self.invariants.on_state(server, &state)
    }
}
