//! raft-rs as a cluster for the comparison.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use raft_rs::eraftpb::{EntryType, Message};
use raft_rs::storage::MemStorage;
use raft_rs::{Config, RawNode, StateRole, default_logger};

use super::Cluster;

const NEVER: usize = 1_000_000;

pub(crate) struct Theirs {
    nodes: BTreeMap<u64, RawNode<MemStorage>>,
    committed: BTreeMap<u64, Vec<Vec<u8>>>,
    network: VecDeque<Message>,
}

impl Theirs {
    fn start(&mut self, id: u64, storage: MemStorage) {
        let config = Config {
            id,
            election_tick: 10,
            min_election_tick: 10,
            max_election_tick: NEVER,
            heartbeat_tick: 1,
            check_quorum: true,
            pre_vote: true,
            max_inflight_msgs: 64,
            max_size_per_msg: 1 << 20,
            ..Config::default()
        };
        let mut node = RawNode::new(&config, storage, &default_logger()).unwrap();
        node.raft.set_randomized_election_timeout(NEVER - 1);
        self.nodes.insert(id, node);
        self.committed.insert(id, Vec::new());
    }

    /// Does what the node asks for, until it asks for nothing.
    fn work(&mut self, id: u64) {
        let node = self.nodes.get_mut(&id).unwrap();
        let committed = self.committed.get_mut(&id).unwrap();
        let mut apply = |entries: Vec<raft_rs::eraftpb::Entry>| {
            for entry in entries {
                if entry.get_entry_type() == EntryType::EntryNormal && !entry.data.is_empty() {
                    committed.push(entry.data.to_vec());
                }
            }
        };
        while node.has_ready() {
            let mut ready = node.ready();
            self.network.extend(ready.take_messages());
            apply(ready.take_committed_entries());
            let store = node.mut_store().clone();
            store.wl().append(ready.entries()).unwrap();
            if let Some(hard_state) = ready.hs() {
                store.wl().set_hardstate(hard_state.clone());
            }
            self.network.extend(ready.take_persisted_messages());
            let mut light = node.advance(ready);
            self.network.extend(light.take_messages());
            apply(light.take_committed_entries());
            node.advance_apply();
            node.raft.set_randomized_election_timeout(NEVER - 1);
        }
    }

    fn settle(&mut self, cut: &BTreeSet<u64>) {
        while let Some(message) = self.network.pop_front() {
            let (from, to) = (message.from, message.to);
            if !cut.contains(&from) && !cut.contains(&to) {
                // A message of an earlier term is an error to it.
                if self.nodes.get_mut(&to).unwrap().step(message).is_ok() {
                    self.work(to);
                }
            }
        }
    }

    fn tick(&mut self, cut: &BTreeSet<u64>, which: impl Fn(u64, &RawNode<MemStorage>) -> bool) {
        for id in self.nodes.keys().copied().collect::<Vec<_>>() {
            if which(id, &self.nodes[&id]) {
                self.nodes.get_mut(&id).unwrap().tick();
                self.work(id);
            }
        }
        self.settle(cut);
    }
}

impl Cluster for Theirs {
    fn new(nodes: u64) -> Self {
        let mut cluster = Self {
            nodes: BTreeMap::new(),
            committed: BTreeMap::new(),
            network: VecDeque::new(),
        };
        for id in 1..=nodes {
            let voters: Vec<u64> = (1..=nodes).collect();
            cluster.start(id, MemStorage::new_with_conf_state((voters, vec![])));
        }
        cluster
    }

    fn elapse(&mut self, patient: u64, cut: &BTreeSet<u64>) {
        for _ in 0..25 {
            let node = self.nodes.get_mut(&patient).unwrap();
            node.raft.set_randomized_election_timeout(14);
            self.tick(cut, |_, _| true);
        }
        let node = self.nodes.get_mut(&patient).unwrap();
        node.raft.set_randomized_election_timeout(NEVER - 1);
        self.tick(cut, |_, node| node.raft.state == StateRole::Leader);
    }

    fn propose(&mut self, to: u64, data: &[u8], cut: &BTreeSet<u64>) {
        let proposed = self
            .nodes
            .get_mut(&to)
            .unwrap()
            .propose(vec![], data.to_vec());
        drop(proposed); // refused by whoever does not lead
        self.work(to);
        self.settle(cut);
    }

    fn transfer(&mut self, from: u64, to: u64, cut: &BTreeSet<u64>) {
        self.nodes.get_mut(&from).unwrap().transfer_leader(to);
        self.work(from);
        self.settle(cut);
    }

    fn restart(&mut self, node: u64, cut: &BTreeSet<u64>) {
        let storage = self.nodes[&node].store().clone();
        // The commit of its hard state is a hint that ours does not keep.
        let mut hard_state = storage.rl().hard_state().clone();
        hard_state.commit = 0;
        storage.wl().set_hardstate(hard_state);
        self.start(node, storage);
        self.tick(cut, |_, node| node.raft.state == StateRole::Leader);
    }

    fn leader(&self) -> Option<u64> {
        let leads = |node: &&RawNode<MemStorage>| node.raft.state == StateRole::Leader;
        self.nodes
            .values()
            .filter(leads)
            .max_by_key(|node| node.raft.term)
            .map(|node| node.raft.id)
    }

    fn committed(&self, node: u64) -> Vec<Vec<u8>> {
        self.committed[&node].clone()
    }
}
