//! What goes wrong, and what an operator does meanwhile.

use bytes::Bytes;
use raft::{Input, MembershipChange, NodeId};

use super::super::invariants::Violation;
use super::super::plan::{Fault, Operation};
use super::Cluster;

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
            Fault::Operate(ref operation) => self.operate(operation)?,
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
    fn operate(&mut self, operation: &Operation) -> Result<(), Violation> {
        let Some(leader) = self.leader() else {
            return Ok(());
        };
        let id = |server: u64| NodeId(server);
        let change = match *operation {
            Operation::AddLearner { server } => MembershipChange::AddLearner {
                id: id(server),
                attributes: Bytes::new(),
            },
            Operation::AddVoter { server } => MembershipChange::AddVoter { id: id(server) },
            Operation::RemoveVoter { server } => MembershipChange::RemoveVoter { id: id(server) },
            Operation::RemoveLearner { server } => {
                MembershipChange::RemoveLearner { id: id(server) }
            }
            Operation::SetAttributes { server } => MembershipChange::SetAttributes {
                id: id(server),
                attributes: Bytes::from_static(b"endpoint"),
            },
            Operation::ReplaceVoters { set } => {
                let servers = 0..self.plan.servers();
                let voters = servers
                    .filter(|server| (set >> server) & 1 == 1)
                    .map(id)
                    .collect();
                MembershipChange::ReplaceVoters { voters }
            }
            Operation::Transfer { server } => {
                let request = Input::TransferLeadership {
                    context: 0,
                    to: id(server),
                };
                return self.step(leader, request);
            }
        };
        self.step(leader, Input::ChangeMembership { context: 0, change })
    }
}
