//! What a step costs per entry: on a quorum of one, on the leader of three, and on its follower.

#![expect(clippy::unwrap_used, reason = "what cannot go on is a failed test")]

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use raft::{
    AppendResponse, AppendResult, Body, ClusterId, Config, Input, Membership, Message, Node,
    NodeId, Output, RandomSource, RecoveredState,
};

const NOW: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Zero;

impl RandomSource for Zero {
    fn next_u64(&mut self) -> u64 {
        0
    }
}

fn node(id: u64, voters: u64) -> Node {
    let recovered = RecoveredState::initial(Membership::new((1..=voters).map(NodeId), []));
    let config = Config {
        uncommitted_bytes_max: u64::MAX,
        inflight_messages_max: usize::MAX,
        inflight_bytes_max: u64::MAX,
        trailing_entries: 0,
        ..Config::new(NodeId(id), ClusterId(1))
    };
    Node::new(config, recovered, Box::new(Zero), Duration::ZERO).unwrap()
}

/// Steps, makes durable at once, applies, and returns what is to be sent.
fn drive(node: &mut Node, input: Input, sent: &mut Vec<Message>) {
    let mut output: Output = node.step(NOW, input);
    sent.append(&mut output.messages);
    let applied = output.committed.last().map(|entry| entry.index);
    let persist = output.persist.take();
    node.recycle(output);
    if let Some(write) = persist {
        drive(node, Input::Persisted(write.persisted()), sent);
    }
    if let Some(index) = applied {
        drive(node, Input::Applied { index }, sent);
    }
}

/// Delivers everything between the leader and its followers.
fn settle(nodes: &mut [Node], sent: &mut Vec<Message>) {
    while !sent.is_empty() {
        for message in std::mem::take(sent) {
            let (from, to) = (message.from, usize::try_from(message.to.0).unwrap());
            if let Some(node) = nodes.get_mut(to - 1) {
                drive(node, Input::Message { from, message }, sent);
            }
        }
    }
}

fn propose(count: usize) -> Input {
    Input::Propose {
        context: 1,
        payloads: vec![Bytes::from_static(&[7; 100]); count],
    }
}

/// Keeps the log short, as an application does with its snapshots.
fn compact(node: &mut Node, sent: &mut Vec<Message>) {
    let status = node.status();
    if status.applied - status.snapshot_index > 20_000 {
        let (index, data) = (status.applied, Bytes::new());
        drive(
            node,
            Input::SnapshotCreated {
                context: 0,
                index,
                data,
            },
            sent,
        );
    }
}

fn quorum_of_one(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("quorum of one");
    for count in [1, 64] {
        let (mut node, mut sent) = (node(1, 1), Vec::new());
        drive(&mut node, Input::Tick, &mut sent);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("propose, persist, apply {count}"), |bencher| {
            bencher.iter_batched(
                || propose(count),
                |input| {
                    drive(&mut node, black_box(input), &mut sent);
                    compact(&mut node, &mut sent);
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn leader_of_three(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("leader of three");
    for count in [1, 64] {
        let mut nodes = [node(1, 3), node(2, 3), node(3, 3)];
        let mut sent = Vec::new();
        drive(&mut nodes[0], Input::Tick, &mut sent);
        settle(&mut nodes, &mut sent);
        let leader = &mut nodes[0];
        assert!(leader.status().is_leader());
        let term = leader.standing().term;
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("propose, replicate, commit {count}"), |bencher| {
            bencher.iter_batched(
                || propose(count),
                |input| {
                    drive(leader, black_box(input), &mut sent);
                    sent.clear();
                    let index = leader.status().last_index;
                    for from in [NodeId(2), NodeId(3)] {
                        let result = AppendResult::Matched { index };
                        let body = Body::AppendResponse(AppendResponse { round: 1, result });
                        let to = NodeId(1);
                        let message = Message {
                            cluster: ClusterId(1),
                            from,
                            to,
                            term,
                            body,
                        };
                        drive(leader, Input::Message { from, message }, &mut sent);
                        sent.clear();
                    }
                    compact(leader, &mut sent);
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, quorum_of_one, leader_of_three);
criterion_main!(benches);
