//! What goes wrong, and what an operator does meanwhile.

use bytes::Bytes;
use raft::{
    Append, AppendResponse, AppendResult, Body, ClusterId, Entry, EntryKind, Input, Membership,
    MembershipChange, Message, NodeId, Snapshot, SnapshotChunk, VoteRequest,
};

use super::super::invariants::Violation;
use super::super::plan::Fault;
use super::{CLUSTER, Cluster};

impl Cluster {
    pub(super) fn strike(&mut self, fault: &Fault) -> Result<(), Violation> {
        let now = self.now;
        match *fault {
            Fault::Crash { server, down } | Fault::DiskError { server, down } => {
                self.crash(server, down)?;
            }
            Fault::CrashAll { down } => {
                for server in 0..self.plan.servers() {
                    self.crash(server, down)?;
                }
            }
            Fault::CrashLeader { down } => {
                if let Some(server) = self.leader() {
                    self.crash(server, down)?;
                }
            }
            Fault::CrashAtOutput {
                server,
                skip,
                boundary,
                down,
            } => {
                self.server(server).crash_at = Some((skip, boundary, down));
            }
            Fault::Partition { sides, lasts } => {
                self.cut(now + lasts, |from, to| {
                    (sides >> from) & 1 != (sides >> to) & 1
                });
            }
            Fault::OneWay { from, to, lasts } => self.network.cut(from, to, now + lasts),
            Fault::Isolate { server, lasts } => {
                self.cut(now + lasts, |from, to| from == server || to == server);
            }
            Fault::IsolateLeader {
                lasts,
                outward_only,
            } => {
                if let Some(server) = self.leader() {
                    self.cut(now + lasts, |from, to| {
                        from == server || (to == server && !outward_only)
                    });
                }
            }
            Fault::DiskStall { server, lasts } => {
                self.server(server).disk.stalled_until = now + lasts;
            }
            Fault::ClockJump { server, by } => {
                self.server(server).clock.jump(now, by);
                self.plan_tick(server);
            }
            Fault::Garbage { server, kind } => self.send_garbage(server, kind)?,
            Fault::AddLearner { .. }
            | Fault::AddVoter { .. }
            | Fault::RemoveVoter { .. }
            | Fault::RemoveLearner { .. }
            | Fault::ReplaceVoters { .. }
            | Fault::SetAttributes { .. }
            | Fault::Transfer { .. } => self.operate(fault)?,
        }
        Ok(())
    }

    fn cut(&mut self, until: u64, between: impl Fn(u64, u64) -> bool) {
        for from in 0..self.plan.servers() {
            for to in (0..self.plan.servers()).filter(|to| between(from, *to)) {
                self.network.cut(from, to, until);
            }
        }
    }

    /// An operator asks whoever leads. What is refused was worth asking all the same.
    fn operate(&mut self, fault: &Fault) -> Result<(), Violation> {
        let Some(leader) = self.leader() else {
            return Ok(());
        };
        let id = |server: u64| NodeId(server);
        let change = match *fault {
            Fault::AddLearner { server } => MembershipChange::AddLearner {
                id: id(server),
                attributes: Bytes::new(),
            },
            Fault::AddVoter { server } => MembershipChange::AddVoter { id: id(server) },
            Fault::RemoveVoter { server } => MembershipChange::RemoveVoter { id: id(server) },
            Fault::RemoveLearner { server } => MembershipChange::RemoveLearner { id: id(server) },
            Fault::SetAttributes { server } => MembershipChange::SetAttributes {
                id: id(server),
                attributes: Bytes::from_static(b"endpoint"),
            },
            Fault::ReplaceVoters { set } => {
                let servers = 0..self.plan.servers();
                let voters = servers
                    .filter(|server| (set >> server) & 1 == 1)
                    .map(id)
                    .collect();
                MembershipChange::ReplaceVoters { voters }
            }
            _ => {
                if let Fault::Transfer { server } = *fault {
                    let request = Input::TransferLeadership {
                        context: 0,
                        to: id(server),
                    };
                    self.step(leader, request)?;
                }
                return Ok(());
            }
        };
        self.step(leader, Input::ChangeMembership { context: 0, change })
    }

    /// Words that no honest member says. They come from a node that the world does not have.
    fn send_garbage(&mut self, to: u64, kind: u64) -> Result<(), Violation> {
        if !self.server(to).is_up() {
            return Ok(());
        }
        let stranger = NodeId(u64::MAX);
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
        let body = match kind % 10 {
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
            8 => {
                let members = Membership::new([stranger], []);
                let snapshot = Snapshot::new(9, 2, members.into(), Bytes::from_static(b"abc"));
                let meta = snapshot.meta;
                Body::SnapshotChunk(SnapshotChunk {
                    meta,
                    offset: u64::MAX,
                    data: Bytes::from_static(b"abc"),
                    round: 1,
                })
            }
            _ => {
                let result = AppendResult::Matched { index: u64::MAX };
                Body::AppendResponse(AppendResponse {
                    round: u64::MAX,
                    result,
                })
            }
        };
        if kind % 10 == 9 {
            // Refused as the answer of a stranger, which honest nodes may be too.
            return Ok(());
        }
        let message = Message {
            cluster,
            from: stranger,
            to: NodeId(receiver),
            term,
            body,
        };
        self.step(
            to,
            Input::Message {
                from: stranger,
                message,
            },
        )
    }
}
