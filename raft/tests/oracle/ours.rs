//! This crate as a cluster for the comparison.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use raft::{
    ClusterId, Config, EntryKind, Input, Membership, Message, Node, NodeId, Output, RandomSource,
    RecoveredState, RoleKind,
};

use super::Cluster;

const TICK: Duration = Duration::from_millis(100);

#[derive(Debug)]
struct Middle;

impl RandomSource for Middle {
    fn next_u64(&mut self) -> u64 {
        400_000
    }
}

pub(crate) struct Ours {
    now: Duration,
    nodes: BTreeMap<u64, Node>,
    durable: BTreeMap<u64, RecoveredState>,
    committed: BTreeMap<u64, Vec<Vec<u8>>>,
    network: VecDeque<Message>,
}

impl Ours {
    fn step(&mut self, id: u64, input: Input) {
        let now = self.now;
        let output = self.nodes.get_mut(&id).unwrap().step(now, input);
        self.take(id, output);
    }

    fn take(&mut self, id: u64, mut output: Output) {
        self.network.append(&mut output.messages.into());
        let committed = self.committed.entry(id).or_default();
        for entry in &output.committed {
            if entry.kind == EntryKind::Data {
                committed.push(entry.payload.to_vec());
            }
        }
        if let Some(entry) = output.committed.last() {
            let index = entry.index;
            self.step(id, Input::Applied { index });
        }
        if let Some(write) = output.persist.take() {
            let durable = self.durable.get_mut(&id).unwrap();
            durable.hard_state = write.hard_state().unwrap_or(durable.hard_state);
            if let Some(from) = write.truncate_from() {
                durable.entries.retain(|entry| entry.index < from);
            }
            durable.entries.extend_from_slice(write.entries());
            self.step(id, Input::Persisted(write.persisted()));
        }
    }

    fn settle(&mut self, cut: &BTreeSet<u64>) {
        while let Some(message) = self.network.pop_front() {
            let (from, to) = (message.from, message.to.0);
            if !cut.contains(&from.0) && !cut.contains(&to) {
                self.step(to, Input::Message { from, message });
            }
        }
    }

    fn start(&mut self, id: u64) {
        let config = Config {
            election_timeout_min: TICK * 10,
            election_timeout_max: TICK * 20,
            heartbeat_interval: TICK,
            ..Config::new(NodeId(id), ClusterId(1))
        };
        let recovered = self.durable[&id].clone();
        let node = Node::new(config, recovered, Box::new(Middle), self.now).unwrap();
        self.nodes.insert(id, node);
        self.committed.insert(id, Vec::new());
    }

    /// The leaders speak once, so that everybody knows the commit.
    fn heartbeat(&mut self, cut: &BTreeSet<u64>) {
        self.now += TICK;
        for id in self.nodes.keys().copied().collect::<Vec<_>>() {
            if self.nodes[&id].standing().role == RoleKind::Leader {
                self.step(id, Input::Tick);
            }
        }
        self.settle(cut);
    }
}

impl Ours {
    pub(crate) fn ids(&self) -> Vec<u64> {
        self.nodes.keys().copied().collect()
    }
}

impl Cluster for Ours {
    fn new(nodes: u64) -> Self {
        let recovered = RecoveredState::initial(Membership::new((1..=nodes).map(NodeId), []));
        let mut cluster = Self {
            now: Duration::ZERO,
            nodes: BTreeMap::new(),
            durable: (1..=nodes).map(|id| (id, recovered.clone())).collect(),
            committed: BTreeMap::new(),
            network: VecDeque::new(),
        };
        (1..=nodes).for_each(|id| cluster.start(id));
        cluster
    }

    fn elapse(&mut self, patient: u64, cut: &BTreeSet<u64>) {
        for _ in 0..25 {
            self.heartbeat(cut);
            self.step(patient, Input::Tick);
            self.settle(cut);
        }
        self.heartbeat(cut);
    }

    fn propose(&mut self, to: u64, data: &[u8], cut: &BTreeSet<u64>) {
        let payloads = vec![Bytes::copy_from_slice(data)];
        self.step(
            to,
            Input::Propose {
                context: 0,
                payloads,
            },
        );
        self.settle(cut);
    }

    fn transfer(&mut self, from: u64, to: u64, cut: &BTreeSet<u64>) {
        self.step(
            from,
            Input::TransferLeadership {
                context: 0,
                to: NodeId(to),
            },
        );
        self.settle(cut);
    }

    fn restart(&mut self, node: u64, cut: &BTreeSet<u64>) {
        self.start(node);
        self.heartbeat(cut);
    }

    fn leader(&self) -> Option<u64> {
        let leads = |node: &&Node| node.standing().role == RoleKind::Leader;
        let latest = self
            .nodes
            .values()
            .filter(leads)
            .max_by_key(|node| node.standing().term)?;
        latest.standing().leader.map(|id| id.0)
    }

    fn committed(&self, node: u64) -> Vec<Vec<u8>> {
        self.committed[&node].clone()
    }
}
