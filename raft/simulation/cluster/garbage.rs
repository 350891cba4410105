//! Words that no honest member says: each must be refused, and must change nothing.

use bytes::Bytes;
use raft::{
    Append, Body, ClusterId, Entry, EntryKind, Input, Membership, Message, NodeId, Snapshot,
    SnapshotChunk, VoteRequest,
};

use super::super::invariants::Violation;
use super::{CLUSTER, Cluster};

/// A node that the world does not have.
pub(super) const STRANGER: NodeId = NodeId(u64::MAX);

impl Cluster {
    pub(super) fn send_garbage(&mut self, to: u64, kind: u64) -> Result<(), Violation> {
        if !self.server(to).is_up() {
            return Ok(());
        }
        self.step(
            to,
            Input::Message {
                from: STRANGER,
                message: garbage(to, kind),
            },
        )
    }
}

fn garbage(to: u64, kind: u64) -> Message {
    let entry = |index, term| Entry {
        index,
        term,
        kind: EntryKind::Data,
        payload: Bytes::new(),
    };
    let append = |prev_index, prev_term, entries| {
        Body::Append(Append {
            prev_index,
            prev_term,
            commit: 0,
            round: 1,
            entries,
        })
    };
    let (mut cluster, mut term, mut receiver) = (CLUSTER, 900, to);
    let body = match kind % 9 {
        0 => {
            cluster = ClusterId(0xBAD);
            Body::TimeoutNow
        }
        1 => {
            receiver = to + 1;
            Body::TimeoutNow
        }
        2 => {
            term = u64::MAX;
            append(0, 0, vec![])
        }
        3 => append(u64::MAX, 1, vec![]),
        4 => append(3, 1, vec![entry(5, 1)]),
        5 => append(3, 1, vec![entry(4, 7), entry(5, 6)]),
        6 => append(
            0,
            0,
            vec![Entry {
                kind: EntryKind::Membership,
                ..entry(1, 1)
            }],
        ),
        7 => Body::VoteRequest(VoteRequest {
            campaign_term: 7,
            pre_vote: false,
            transfer: true,
            last_index: 0,
            last_term: 0,
        }),
        _ => {
            let members = Membership::new([STRANGER], []);
            let snapshot = Snapshot::new(9, 2, members.into(), Bytes::from_static(b"abc"));
            let meta = snapshot.meta;
            Body::SnapshotChunk(SnapshotChunk {
                meta,
                offset: u64::MAX,
                data: Bytes::from_static(b"abc"),
                round: 1,
            })
        }
    };
    Message {
        cluster,
        from: STRANGER,
        to: NodeId(receiver),
        term,
        body,
    }
}
