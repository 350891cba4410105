//! The steady path allocates nothing per entry: counted with an allocator that counts.

#![expect(clippy::unwrap_used, reason = "what cannot go on is a failed test")]
#![expect(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use raft::{
    AppendResponse, AppendResult, Body, ClusterId, Config, Input, Membership, Message, Node,
    NodeId, RandomSource, RecoveredState,
};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const NOW: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Zero;

impl RandomSource for Zero {
    fn next_u64(&mut self) -> u64 {
        0
    }
}

fn node(voters: u64) -> Node {
    let recovered = RecoveredState::initial(Membership::new((1..=voters).map(NodeId), []));
    let config = Config::new(NodeId(1), ClusterId(1));
    Node::new(config, recovered, Box::new(Zero), Duration::ZERO).unwrap()
}

/// Steps and makes durable at once. Returns what was allocated in the steps and how many writes there were.
fn drive(node: &mut Node, input: Input) -> (u64, u64) {
    let before = ALLOCATIONS.with(Cell::get);
    let mut output = node.step(NOW, input);
    let mut allocated = ALLOCATIONS.with(Cell::get) - before;
    let mut writes = 0;
    let applied = output.committed.last().map(|entry| entry.index);
    let persist = output.persist.take();
    output.messages.clear();
    node.recycle(output);
    if let Some(write) = persist {
        let (more, after) = drive(node, Input::Persisted(write.persisted()));
        allocated += more;
        writes += 1 + after;
    }
    if let Some(index) = applied {
        allocated += drive(node, Input::Applied { index }).0;
    }
    (allocated, writes)
}

fn propose(node: &mut Node, count: usize) -> (u64, u64) {
    let payloads = vec![Bytes::from_static(&[7; 100]); count];
    drive(
        node,
        Input::Propose {
            context: 1,
            payloads,
        },
    )
}

/// Grows every buffer to its size, then gives the log its room back.
fn warm_up(node: &mut Node, mut acknowledge: impl FnMut(&mut Node)) {
    for _ in 0..100 {
        propose(node, 256);
        acknowledge(node);
    }
    let index = node.status().applied;
    drive(
        node,
        Input::SnapshotCreated {
            context: 0,
            index,
            data: Bytes::new(),
        },
    );
}

#[test]
fn quorum_of_one_allocates_nothing_and_writes_once() {
    let mut node = node(1);
    drive(&mut node, Input::Tick);
    warm_up(&mut node, |_| {});
    for count in [1, 256, 1, 64] {
        assert_eq!(propose(&mut node, count), (0, 1), "{count} entries");
    }
}

fn from_member(id: u64, term: u64, body: Body) -> Input {
    let from = NodeId(id);
    let to = NodeId(1);
    Input::Message {
        from,
        message: Message {
            cluster: ClusterId(1),
            from,
            to,
            term,
            body,
        },
    }
}

#[test]
fn leader_allocates_per_message_and_not_per_entry() {
    let mut node = node(3);
    drive(&mut node, Input::Tick);
    for (pre_vote, term) in [(true, 0), (false, 1)] {
        let response = raft::VoteResponse {
            campaign_term: 1,
            pre_vote,
            granted: true,
        };
        drive(
            &mut node,
            from_member(2, term, Body::VoteResponse(response)),
        );
    }
    assert!(node.status().is_leader());
    let acknowledge = |node: &mut Node| {
        let index = node.status().last_index;
        let mut allocated = 0;
        for id in [2, 3] {
            let response = AppendResponse {
                round: 1,
                result: AppendResult::Matched { index },
            };
            allocated += drive(node, from_member(id, 1, Body::AppendResponse(response))).0;
        }
        allocated
    };
    warm_up(&mut node, |node| {
        acknowledge(node);
    });
    let costs: Vec<u64> = [1, 64, 256]
        .into_iter()
        .map(|count| {
            let (proposing, _) = propose(&mut node, count);
            proposing + acknowledge(&mut node)
        })
        .collect();
    assert!(costs.iter().all(|cost| *cost <= 2), "{costs:?}");
}
