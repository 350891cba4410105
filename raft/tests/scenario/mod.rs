//! Runs the commands of a scenario and writes down what happens.
//!
//! | command | meaning |
//! |---|---|
//! | `nodes N [option=value ...]` | N voters; options `learners`, `spares` (empty nodes), `lease`, `trailing`, `chunk`, `window`, `uncommitted` |
//! | `wait MS` | time goes on for everybody; nobody is ticked |
//! | `tick N` | the node looks at the clock |
//! | `timeout N` | its election timeout is over; it looks at the clock |
//! | `propose N TEXT ...` | entries with these texts |
//! | `read N CONTEXT`, `transfer N TO`, `applied N INDEX`, `snapshot N INDEX TEXT` | the other inputs |
//! | `change N add-learner|add-voter|remove-voter|remove-learner ID`, `change N replace ID,ID` | membership |
//! | `sync N [COUNT]` | its oldest writes become durable |
//! | `deliver FROM TO [COUNT]`, `drop FROM TO [COUNT]` | messages on one way, oldest first; `*` is everybody |
//! | `settle` | everything becomes durable, is delivered and applied, until nothing moves |
//! | `tear N PARTS` | the power goes: of its oldest write only the first parts are durable |
//! | `crash N`, `start N` | memory and unsynced writes are lost; recovery |
//! | `forge FROM TO TERM KIND [A B]` | a message nobody sent |
//! | `status` | one line for each node |

mod describe;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use raft::{
    Append, AppendResponse, AppendResult, Body, ClusterId, Config, Entry, EntryKind, Input,
    Membership, MembershipChange, Message, Node, NodeId, Output, Persist, RandomSource,
    RecoveredState, SnapshotResponse, VoteRequest, VoteResponse,
};

const CLUSTER: ClusterId = ClusterId(1);

/// Always the shortest election timeout, and a little more for each draw.
#[derive(Debug)]
struct Steady(u64);

impl RandomSource for Steady {
    fn next_u64(&mut self) -> u64 {
        self.0
    }
}

#[derive(Default)]
pub(crate) struct Scenario {
    now: Duration,
    machines: BTreeMap<u64, Machine>,
    network: VecDeque<Message>,
    options: BTreeMap<String, u64>,
    trace: String,
}

struct Machine {
    node: Option<Node>,
    durable: RecoveredState,
    writes: VecDeque<Persist>,
    applied: u64,
}

impl Scenario {
    /// Runs one command; returns its trace.
    pub(crate) fn run(&mut self, command: &str) -> String {
        let words: Vec<&str> = command.split_whitespace().collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        let count = |at: usize| words.get(at).map_or(u64::MAX, |word| word.parse().unwrap());
        match words[0] {
            "nodes" => self.nodes(number(1), &words[2..]),
            "wait" => self.now += Duration::from_millis(number(1)),
            "tick" => self.step(number(1), Input::Tick),
            "timeout" => {
                let node = self.machines[&number(1)].node.as_ref().unwrap();
                self.now = self.now.max(node.next_tick());
                self.step(number(1), Input::Tick);
            }
            "propose" => {
                let payloads = words[2..]
                    .iter()
                    .map(|text| Bytes::from((*text).to_owned()));
                let payloads = payloads.collect();
                self.step(
                    number(1),
                    Input::Propose {
                        context: 7,
                        payloads,
                    },
                );
            }
            "read" => self.step(number(1), Input::ReadIndex { context: number(2) }),
            "transfer" => {
                let to = NodeId(number(2));
                self.step(number(1), Input::TransferLeadership { context: 8, to });
            }
            "applied" => {
                let index = number(2);
                self.machines.get_mut(&number(1)).unwrap().applied = index;
                self.step(number(1), Input::Applied { index });
            }
            "snapshot" => {
                let (index, data) = (number(2), Bytes::from(words[3].to_owned()));
                self.step(
                    number(1),
                    Input::SnapshotCreated {
                        context: 9,
                        index,
                        data,
                    },
                );
            }
            "change" => self.change(number(1), words[2], words[3]),
            "sync" => self.sync(number(1), count(2)),
            "deliver" => self.deliver(words[1], words[2], count(3), true),
            "drop" => self.deliver(words[1], words[2], count(3), false),
            "settle" => self.settle(),
            "tear" => {
                let machine = self.machines.get_mut(&number(1)).unwrap();
                let write = machine.writes.pop_front().unwrap();
                machine.durable.apply(&write, number(2));
                self.crash(number(1));
            }
            "crash" => self.crash(number(1)),
            "start" => self.start(number(1)),
            "forge" => self.forge(&words),
            "status" => self.status(),
            other => panic!("unknown command {other}"),
        }
        std::mem::take(&mut self.trace)
    }

    fn option(&self, name: &str, default: u64) -> u64 {
        self.options.get(name).copied().unwrap_or(default)
    }

    fn nodes(&mut self, voters: u64, options: &[&str]) {
        for option in options {
            let (name, value) = option.split_once('=').unwrap();
            self.options.insert(name.into(), value.parse().unwrap());
        }
        let founders = voters + self.option("learners", 0);
        let membership = Membership::new(
            (1..=voters).map(NodeId),
            (voters + 1..=founders).map(NodeId),
        );
        for id in 1..=founders + self.option("spares", 0) {
            let members = if id <= founders {
                membership.clone()
            } else {
                Membership::default()
            };
            let durable = RecoveredState::initial(members);
            let machine = Machine {
                node: None,
                durable,
                writes: VecDeque::new(),
                applied: 0,
            };
            self.machines.insert(id, machine);
            self.start(id);
        }
    }

    fn start(&mut self, id: u64) {
        let millis = Duration::from_millis;
        let lease = self.options.get("lease").map(|lease| millis(*lease));
        let config = Config {
            election_timeout_min: millis(1000),
            election_timeout_max: millis(2000),
            heartbeat_interval: millis(100),
            lease,
            trailing_entries: self.option("trailing", 0),
            snapshot_chunk_bytes: usize::try_from(self.option("chunk", 4)).unwrap(),
            inflight_messages_max: usize::try_from(self.option("window", 4)).unwrap(),
            uncommitted_bytes_max: self.option("uncommitted", 1000),
            entry_bytes_max: 40,
            append_bytes_max: self.option("batch", 1000),
            learner_lag_max: 2,
            snapshot_bytes_max: 100,
            reads_max: 3,
            ..Config::new(NodeId(id), CLUSTER)
        };
        let machine = self.machines.get_mut(&id).unwrap();
        machine.applied = machine.durable.snapshot.meta.index;
        match Node::new(
            config,
            machine.durable.clone(),
            Box::new(Steady(id * 10_000)),
            self.now,
        ) {
            Ok(node) => machine.node = Some(node),
            Err(error) => writeln!(self.trace, "{id} refuses to start: {error}").unwrap(),
        }
    }

    fn crash(&mut self, id: u64) {
        let machine = self.machines.get_mut(&id).unwrap();
        machine.node = None;
        machine.writes.clear();
    }

    fn step(&mut self, id: u64, input: Input) {
        let now = self.now;
        let Some(node) = &mut self.machines.get_mut(&id).unwrap().node else {
            return;
        };
        let output = node.step(now, input);
        self.take(id, output);
    }

    fn take(&mut self, id: u64, output: Output) {
        describe::output(&mut self.trace, id, &output);
        let machine = self.machines.get_mut(&id).unwrap();
        machine.writes.extend(output.persist);
        self.network.extend(output.messages);
        if let Some(snapshot) = &output.install {
            machine.applied = snapshot.meta.index;
        }
        if let Some(entry) = output.committed.last() {
            machine.applied = entry.index;
        }
        let index = machine.applied;
        if output.install.is_some() || !output.committed.is_empty() {
            self.step(id, Input::Applied { index });
        }
    }

    fn sync(&mut self, id: u64, count: u64) {
        for _ in 0..count {
            let machine = self.machines.get_mut(&id).unwrap();
            let Some(write) = machine.writes.pop_front() else {
                return;
            };
            machine.durable.apply(&write, u64::MAX);
            self.step(id, Input::Persisted(write.persisted()));
        }
    }

    fn deliver(&mut self, from: &str, to: &str, count: u64, arrives: bool) {
        let meant = |name: &str, id: NodeId| name == "*" || name == id.0.to_string();
        let (mut left, waiting) = (count, self.network.len());
        for _ in 0..waiting {
            let message = self.network.pop_front().unwrap();
            if left == 0 || !meant(from, message.from) || !meant(to, message.to) {
                self.network.push_back(message);
                continue;
            }
            left -= 1;
            if arrives {
                self.arrive(message);
            }
        }
    }

    fn arrive(&mut self, message: Message) {
        let (from, to) = (message.from, message.to.0);
        if self
            .machines
            .get(&to)
            .is_some_and(|machine| machine.node.is_some())
        {
            describe::message(&mut self.trace, &message);
            self.step(to, Input::Message { from, message });
        }
    }

    fn settle(&mut self) {
        loop {
            let ids: Vec<u64> = self.machines.keys().copied().collect();
            let writing = ids.iter().any(|id| !self.machines[id].writes.is_empty());
            if self.network.is_empty() && !writing {
                return;
            }
            ids.iter().for_each(|id| self.sync(*id, u64::MAX));
            if let Some(message) = self.network.pop_front() {
                self.arrive(message);
            }
        }
    }

    fn change(&mut self, id: u64, kind: &str, members: &str) {
        let ids: Vec<NodeId> = members
            .split(',')
            .map(|id| NodeId(id.parse().unwrap()))
            .collect();
        let attributes = Bytes::new();
        let change = match kind {
            "add-learner" => MembershipChange::AddLearner {
                id: ids[0],
                attributes,
            },
            "add-voter" => MembershipChange::AddVoter { id: ids[0] },
            "remove-voter" => MembershipChange::RemoveVoter { id: ids[0] },
            "remove-learner" => MembershipChange::RemoveLearner { id: ids[0] },
            "replace" => MembershipChange::ReplaceVoters { voters: ids },
            other => panic!("unknown change {other}"),
        };
        self.step(id, Input::ChangeMembership { context: 6, change });
    }

    fn forge(&mut self, words: &[&str]) {
        let number = |at: usize| words.get(at).map_or(0, |word| word.parse::<u64>().unwrap());
        let (from, to, term) = (NodeId(number(1)), NodeId(number(2)), number(3));
        let (a, b) = (number(5), number(6));
        let append = |entries| Append {
            prev_index: a,
            prev_term: b,
            commit: 0,
            round: 0,
            entries,
        };
        let entry = |index, term| {
            let kind = EntryKind::Data;
            Entry {
                index,
                term,
                kind,
                payload: Bytes::from_static(b"forged"),
            }
        };
        let vote = |pre_vote, transfer| VoteRequest {
            campaign_term: term + u64::from(pre_vote),
            pre_vote,
            transfer,
            last_index: a,
            last_term: b,
        };
        let body = match words[4] {
            "heartbeat" => Body::Append(append(vec![])),
            "append" => Body::Append(append(vec![entry(a + 1, term)])),
            "gap" => Body::Append(append(vec![entry(a + 2, term)])),
            "late-entry" => Body::Append(append(vec![entry(a + 1, term + 1)])),
            "vote" => Body::VoteRequest(vote(false, false)),
            "transfer-vote" => Body::VoteRequest(vote(false, true)),
            "pre-vote" => Body::VoteRequest(vote(true, false)),
            "granted" => Body::VoteResponse(VoteResponse {
                campaign_term: term,
                pre_vote: false,
                granted: true,
            }),
            "matched" => Body::AppendResponse(AppendResponse {
                round: b,
                result: AppendResult::Matched { index: a },
            }),
            "conflict" => {
                let result = AppendResult::Conflict {
                    prev_index: a,
                    hint_index: b,
                    hint_term: b,
                };
                Body::AppendResponse(AppendResponse { round: 1, result })
            }
            "chunk-answer" => Body::SnapshotResponse(SnapshotResponse {
                index: a,
                checksum: 0,
                next_offset: b,
                round: u64::MAX,
            }),
            "timeout-now" => Body::TimeoutNow,
            other => panic!("unknown kind {other}"),
        };
        self.arrive(Message {
            cluster: CLUSTER,
            from,
            to,
            term,
            body,
        });
    }

    fn status(&mut self) {
        for (id, machine) in &self.machines {
            match &machine.node {
                Some(node) => describe::status(&mut self.trace, *id, &node.status()),
                None => writeln!(self.trace, "{id} is down").unwrap(),
            }
        }
    }
}

/// The disk: what the first parts of a write do to what is there.
trait Apply {
    fn apply(&mut self, write: &Persist, parts: u64);
}

impl Apply for RecoveredState {
    fn apply(&mut self, write: &Persist, mut parts: u64) {
        let mut durable = |present: bool| {
            let done = present && parts > 0;
            parts -= u64::from(done);
            done
        };
        if durable(write.hard_state().is_some()) {
            self.hard_state = write.hard_state().unwrap();
        }
        if durable(write.snapshot().is_some()) {
            self.snapshot = write.snapshot().unwrap().clone();
        }
        if durable(write.truncate_from().is_some()) {
            self.entries
                .retain(|entry| entry.index < write.truncate_from().unwrap());
        }
        for entry in write.entries() {
            if durable(true) {
                self.entries.push(entry.clone());
            }
        }
        if durable(write.compact_to().is_some()) {
            self.entries
                .retain(|entry| entry.index > write.compact_to().unwrap());
        }
    }
}
