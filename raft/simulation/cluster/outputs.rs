//! The shell's part: one input in, and everything that the output asks for, with the crashes among it.

use raft::{Entry, Input, Node, NodeId, Output, Refusal, RoleKind};

use super::super::invariants::{Violation, broken, check_leader_write};
use super::super::plan::Boundary;
use super::super::server::{Record, records};
use super::garbage::STRANGER;
use super::{Cluster, Event};

impl Cluster {
    /// Steps one server, and does what it says.
    pub(super) fn step(&mut self, id: u64, input: Input) -> Result<(), Violation> {
        let now = self.now;
        self.trace(|_| format!("{id} <- {input:?}"));
        let honest = !matches!(input, Input::Message { from: STRANGER, .. });
        let server = self.server(id);
        let Some(node) = &mut server.node else {
            return Ok(());
        };
        let before = node.status();
        let output = node.step(server.clock.now(now), input);
        self.check_step(id, &before, &output, honest)?;
        let (role, term) = (node_standing(self, id).role, node_standing(self, id).term);
        if self.traced && !output.is_empty() {
            self.trace(|_| format!("{id} -> {output:?}"));
        }
        self.carry_out(id, output, role)?;
        if role == RoleKind::Leader
            && (before.standing.role != RoleKind::Leader || before.standing.term != term)
            && self.server(id).is_up()
        {
            self.report.elections += 1;
            let server = &self.servers[usize::try_from(id).unwrap()];
            self.invariants.on_leader(server, term)?;
        }
        self.watch_calm(id);
        self.plan_tick(id);
        Ok(())
    }

    fn check_step(
        &mut self,
        id: u64,
        before: &raft::Status,
        output: &Output,
        honest: bool,
    ) -> Result<(), Violation> {
        let refused = output
            .refused
            .filter(|refusal| *refusal != Refusal::UnknownNode);
        match refused {
            Some(refusal) if honest => {
                return Err(broken(
                    "contract",
                    format!("{id} refuses honest words: {refusal}"),
                ));
            }
            Some(_) if output.persist.is_some() || !output.messages.is_empty() => {
                return Err(broken("contract", format!("{id} acts on what it refuses")));
            }
            None if !honest => return Err(broken("contract", format!("{id} takes garbage"))),
            Some(_) | None => {}
        }
        let Some(node) = &self.server(id).node else {
            return Ok(());
        };
        let after = node.status();
        if after.commit < before.commit || after.standing.term < before.standing.term {
            return Err(broken("contract", format!("{id}: commit or term falls")));
        }
        if after.commit > after.last_index {
            return Err(broken(
                "contract",
                format!("{id} commits what it does not have"),
            ));
        }
        Ok(())
    }

    fn carry_out(&mut self, id: u64, mut output: Output, role: RoleKind) -> Result<(), Violation> {
        let boundary = self.crash_now(id);
        if let Some((Boundary::Before, down)) = boundary {
            return self.crash(id, down);
        }
        self.write(id, &mut output, role)?;
        if let Some((Boundary::AfterWrite, down)) = boundary {
            return self.crash(id, down);
        }
        let mut messages = std::mem::take(&mut output.messages);
        if let Some((Boundary::AmongMessages, _)) = boundary {
            let some = self.random.below(messages.len() as u64 + 1);
            messages.truncate(usize::try_from(some).unwrap());
        }
        self.send(id, messages)?;
        if let Some((Boundary::AmongMessages, down)) = boundary {
            return self.crash(id, down);
        }
        self.hand_to_application(id, &mut output)?;
        self.answer_clients(id, &output)?;
        if let Some((Boundary::After, down)) = boundary {
            return self.crash(id, down);
        }
        let server = self.server(id);
        if let Some(node) = &mut server.node {
            node.recycle(output);
        }
        Ok(())
    }

    fn crash_now(&mut self, id: u64) -> Option<(Boundary, u64)> {
        let server = self.server(id);
        let (skip, boundary, down) = server.crash_at?;
        if skip > 0 {
            server.crash_at = Some((skip - 1, boundary, down));
            return None;
        }
        server.crash_at = None;
        Some((boundary, down))
    }

    fn write(&mut self, id: u64, output: &mut Output, role: RoleKind) -> Result<(), Violation> {
        let Some(write) = output.persist.take() else {
            return Ok(());
        };
        check_leader_write(role, &write)?;
        let records = records(&write);
        for record in &records {
            if let Record::Snapshot(snapshot) = record {
                self.check_snapshot(id, snapshot)?;
            }
            let server = &mut self.servers[usize::try_from(id).unwrap()];
            if let Record::Entry(entry) = record {
                self.invariants.on_entry(&server.believed, entry)?;
            }
            let applied = server.believed.apply(record.clone());
            applied.map_err(|detail| broken("contract", format!("{id}: {detail}")))?;
        }
        let now = self.now;
        let server = self.server(id);
        let (number, at) = server.disk.write(now, records);
        server.writes.push_back((number, write));
        let event = Event::WriteDone {
            server: id,
            life: server.life,
            write: number,
        };
        self.queue.push(at, event);
        Ok(())
    }

    pub(super) fn on_write_done(&mut self, id: u64, write: u64) -> Result<(), Violation> {
        let server = self.server(id);
        for record in server.disk.complete(write) {
            let applied = server.durable.apply(record);
            applied.map_err(|detail| broken("contract", format!("{id}: {detail}")))?;
        }
        let Some((number, persist)) = server.writes.pop_front() else {
            return Ok(());
        };
        assert_eq!(number, write);
        self.step(id, Input::Persisted(persist.persisted()))
    }

    fn send(&mut self, id: u64, messages: Vec<raft::Message>) -> Result<(), Violation> {
        for message in messages {
            let server = &self.servers[usize::try_from(id).unwrap()];
            self.invariants.on_send(server, &message)?;
            for at in self.network.arrivals(id, message.to.0, self.now) {
                self.queue.push(at, Event::Deliver(message.clone()));
            }
        }
        Ok(())
    }

    fn hand_to_application(&mut self, id: u64, output: &mut Output) -> Result<(), Violation> {
        if let Some(snapshot) = output.install.take() {
            self.check_snapshot(id, &snapshot)?;
            self.report.snapshots_installed += 1;
            let server = self.server(id);
            server.to_apply.clear();
            server.application = super::Registers::decode(&snapshot.data);
            let index = snapshot.meta.index;
            self.fail_waiting_to(id, index);
            self.step(id, Input::Applied { index })?;
        }
        for entry in &output.committed {
            self.check_committed(id, entry)?;
            let server = self.server(id);
            server.to_apply.push_back(entry.clone());
        }
        let latency = self.random.between(self.plan.apply_latency);
        let at = self.now + latency;
        let server = self.server(id);
        if !server.to_apply.is_empty() && !server.applying {
            server.applying = true;
            let event = Event::Apply {
                server: id,
                life: server.life,
            };
            self.queue.push(at, event);
        }
        Ok(())
    }

    fn check_committed(&mut self, id: u64, entry: &Entry) -> Result<(), Violation> {
        let servers = &self.servers;
        let durable = |entry: &Entry| {
            let holds = |voter: &&NodeId| {
                let server = usize::try_from(voter.0).unwrap();
                servers[server].durable.holds(entry.index, entry.term)
            };
            let majority = |set: &[NodeId]| set.iter().filter(holds).count() * 2 > set.len();
            // The leader counted with a membership that was in force at the entry or came after it, perhaps only in its log.
            let all = servers
                .iter()
                .flat_map(|server| server.believed.memberships_from(entry.index));
            let mut counted = all.filter(|membership| !membership.voters().is_empty());
            counted.any(|membership| {
                let outgoing = membership.outgoing();
                majority(membership.voters()) && (outgoing.is_empty() || majority(outgoing))
            })
        };
        self.invariants.on_apply(id, entry, durable)
    }

    pub(super) fn on_apply(&mut self, id: u64) -> Result<(), Violation> {
        let server = self.server(id);
        server.applying = false;
        let entries: Vec<Entry> = server.to_apply.drain(..).collect();
        let Some(last) = entries.last().map(|entry| entry.index) else {
            return Ok(());
        };
        for entry in entries {
            let server = self.server(id);
            if entry.index != server.application.applied + 1 {
                let detail = format!("{id} is given {} twice or too late", entry.index);
                return Err(broken("state-machine-safety", detail));
            }
            server.application.apply(&entry);
            self.complete_write(id, &entry)?;
        }
        let state = self.servers[usize::try_from(id).unwrap()]
            .application
            .clone();
        self.invariants.on_state(id, &state)?;
        self.step(id, Input::Applied { index: last })?;
        self.take_snapshot(id)
    }

    pub(super) fn plan_tick(&mut self, id: u64) {
        let now = self.now;
        let server = self.server(id);
        let Some(own) = server.node.as_ref().map(Node::next_tick) else {
            return;
        };
        let at = server.clock.world_at(own, now);
        if at < server.tick_planned {
            server.tick_planned = at;
            let event = Event::Tick {
                server: id,
                life: server.life,
            };
            self.queue.push(at, event);
        }
    }
}

fn node_standing(cluster: &mut Cluster, id: u64) -> raft::RoleChange {
    let node = cluster.server(id).node.as_ref();
    node.map_or_else(
        || raft::RoleChange {
            role: RoleKind::Follower,
            term: 0,
            leader: None,
        },
        Node::standing,
    )
}
