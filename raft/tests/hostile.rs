//! Whatever words come, in whatever role: no panic, and the commit never falls.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use raft::{
    Append, AppendResponse, AppendResult, Body, ClusterId, Config, Entry, EntryKind, Input,
    Membership, Message, Node, NodeId, Output, RandomSource, RecoveredState, Snapshot,
    SnapshotChunk, SnapshotResponse, VoteRequest, VoteResponse,
};

#[derive(Debug)]
struct Zero;

impl RandomSource for Zero {
    fn next_u64(&mut self) -> u64 {
        0
    }
}

/// Numbers that are mostly near the truth, and sometimes far beyond.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        12 => 0_u64..6,
        1 => (0_u64..4).prop_map(|n| i64::MAX as u64 - 1 + n),
        1 => (0_u64..4).prop_map(|n| i32::MAX as u64 - 1 + n),
        1 => (0_u64..3).prop_map(|n| u64::MAX - n),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    (
        number(),
        number(),
        0..3,
        prop::collection::vec(any::<u8>(), 0..20),
    )
        .prop_map(|(index, term, kind, bytes)| {
            let (kind, payload) = match kind {
                0 => (EntryKind::Data, Bytes::from(bytes)),
                1 => (EntryKind::Membership, Bytes::from(bytes)),
                _ => (
                    EntryKind::Membership,
                    Membership::new([NodeId(term)], []).encode(),
                ),
            };
            Entry {
                index,
                term,
                kind,
                payload,
            }
        })
}

/// Entries without gaps, which get further than any others.
fn run_of_entries() -> impl Strategy<Value = Vec<Entry>> {
    (
        0_u64..5,
        0_u64..4,
        prop::collection::vec((0_u64..3, 0..9), 0..5),
    )
        .prop_map(|(first, mut term, steps)| {
            let mut entries = Vec::new();
            for (at, (rise, kind)) in steps.into_iter().enumerate() {
                term += rise / 2;
                let (kind, payload) = match kind {
                    0 => (
                        EntryKind::Membership,
                        Membership::new([NodeId(2)], [NodeId(1)]).encode(),
                    ),
                    _ => (EntryKind::Data, Bytes::from_static(b"x")),
                };
                entries.push(Entry {
                    index: first + at as u64,
                    term,
                    kind,
                    payload,
                });
            }
            entries
        })
}

/// What candidates and leaders say.
fn demand() -> impl Strategy<Value = Body> {
    let entries = prop_oneof![
        prop::collection::vec(entry(), 0..3),
        run_of_entries(),
        run_of_entries()
    ];
    let append = (
        number(),
        number(),
        number(),
        number(),
        entries,
        any::<bool>(),
    )
        .prop_map(|(prev, prev_term, commit, round, entries, fits)| {
            let before = entries
                .first()
                .map_or(prev, |entry| entry.index.wrapping_sub(1));
            let prev_index = if fits { before } else { prev };
            Body::Append(Append {
                prev_index,
                prev_term,
                commit,
                round,
                entries,
            })
        });
    let vote = (number(), any::<bool>(), any::<bool>(), number(), number()).prop_map(
        |(campaign_term, pre_vote, transfer, last_index, last_term)| {
            Body::VoteRequest(VoteRequest {
                campaign_term,
                pre_vote,
                transfer,
                last_index,
                last_term,
            })
        },
    );
    let chunk = (number(), number(), number(), any::<bool>(), number()).prop_map(
        |(index, term, offset, altered, round)| {
            let data = Bytes::from_static(b"state");
            let members = Arc::new(Membership::new([NodeId(1), NodeId(2), NodeId(3)], []));
            let mut meta = Snapshot::new(index, term, members, data.clone()).meta;
            meta.bytes = if altered { offset } else { meta.bytes };
            Body::SnapshotChunk(SnapshotChunk {
                meta,
                offset: offset % 7,
                data,
                round,
            })
        },
    );
    prop_oneof![4 => append, 2 => vote, 2 => chunk, 1 => Just(Body::TimeoutNow)]
}

/// What voters and followers answer.
fn answer() -> impl Strategy<Value = Body> {
    let voted =
        (number(), any::<bool>(), any::<bool>()).prop_map(|(campaign_term, pre_vote, granted)| {
            Body::VoteResponse(VoteResponse {
                campaign_term,
                pre_vote,
                granted,
            })
        });
    let matched = (number(), number()).prop_map(|(round, index)| {
        let result = AppendResult::Matched { index };
        Body::AppendResponse(AppendResponse { round, result })
    });
    let conflict = (number(), number(), number(), number()).prop_map(
        |(round, prev_index, hint_index, hint_term)| {
            let result = AppendResult::Conflict {
                prev_index,
                hint_index,
                hint_term,
            };
            Body::AppendResponse(AppendResponse { round, result })
        },
    );
    let wants = (number(), any::<u32>(), number(), number()).prop_map(
        |(index, checksum, next_offset, round)| {
            Body::SnapshotResponse(SnapshotResponse {
                index,
                checksum,
                next_offset,
                round,
            })
        },
    );
    prop_oneof![2 => voted, 2 => matched, 1 => conflict, 1 => wants]
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![3 => demand(), 2 => answer()]
}

#[derive(Clone, Debug)]
enum Action {
    Say { from: u64, term: u64, body: Body },
    Wait(u64),
    Propose,
    Read,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        8 => (1_u64..6, number(), body()).prop_map(|(from, term, body)| Action::Say { from, term, body }),
        2 => (0_u64..3000).prop_map(Action::Wait),
        1 => Just(Action::Propose),
        1 => Just(Action::Read),
    ]
}

fn settle(node: &mut Node, now: Duration, mut output: Output) {
    let applied = output.committed.last().map(|entry| entry.index);
    let applied = applied.or_else(|| output.install.as_ref().map(|snapshot| snapshot.meta.index));
    if let Some(write) = output.persist.take() {
        let output = node.step(now, Input::Persisted(write.persisted()));
        settle(node, now, output);
    }
    if let Some(index) = applied {
        let output = node.step(now, Input::Applied { index });
        settle(node, now, output);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_words_make_a_node_panic(actions in prop::collection::vec(action(), 1..40)) {
        let voters = Membership::new([NodeId(1), NodeId(2), NodeId(3)], []);
        let config = Config { snapshot_bytes_max: 100, ..Config::new(NodeId(1), ClusterId(1)) };
        let recovered = RecoveredState::initial(voters);
        let mut now = Duration::ZERO;
        let mut node = Node::new(config, recovered, Box::new(Zero), now).unwrap();
        let mut commit = 0;
        for action in actions {
            let input = match action {
                Action::Say { from, term, body } => {
                    let from = NodeId(from);
                    let message = Message { cluster: ClusterId(1), from, to: NodeId(1), term, body };
                    Input::Message { from, message }
                }
                Action::Wait(millis) => {
                    now += Duration::from_millis(millis);
                    Input::Tick
                }
                Action::Propose => Input::Propose { context: 1, payloads: vec![Bytes::from_static(b"p")] },
                Action::Read => Input::ReadIndex { context: 2 },
            };
            let output = node.step(now, input);
            settle(&mut node, now, output);
            let status = node.status();
            prop_assert!(status.commit >= commit && status.commit <= status.last_index);
            prop_assert!(status.applied <= status.commit);
            commit = status.commit;
        }
    }
}
