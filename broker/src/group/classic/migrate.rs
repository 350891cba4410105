//! A classic group of consumers that goes over to the consumer protocol, or comes from it. Pure.

use std::rc::Rc;

use bytes::Bytes;
use protocol::error_code::ErrorCode;

use super::member::{Member, Protocol, Session};
use super::{CONSUMER_PROTOCOL, ClassicGroup, State, Turn};
use crate::group::answer::Reply;

/// A member as both kinds of group know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Migrant {
    pub(crate) id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) session_timeout_ms: i32,
    pub(crate) protocols: Vec<Protocol>,
    /// In the bytes of the consumers' protocol; empty for a member without any.
    pub(crate) assignment: Bytes,
}

impl ClassicGroup {
    pub(crate) fn member_count(&self) -> usize {
        self.members.len()
    }

    /// The members as they came, each with the protocol that the group agreed on in front.
    pub(crate) fn migrants(&self) -> Vec<Migrant> {
        let migrant = |member: &Member| {
            let mut protocols = member.protocols.clone();
            protocols.sort_by_key(|protocol| self.protocol.as_ref() != Some(&protocol.name));
            Migrant {
                id: member.id.as_ref().to_owned(),
                instance_id: member.instance_id.clone(),
                client_id: member.client_id.clone(),
                client_host: member.client_host.clone(),
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                session_timeout_ms: member.session_timeout_ms,
                protocols,
                assignment: member.assignment.clone(),
            }
        };
        self.in_order().into_iter().map(migrant).collect()
    }

    /// A stable group of these members.
    pub(crate) fn of_migrants(migrants: Vec<Migrant>, generation: i32, wall_ms: i64) -> Self {
        let mut group = Self {
            state: State::Stable,
            state_since_ms: Some(wall_ms),
            generation,
            protocol_type: Some(CONSUMER_PROTOCOL.to_owned()),
            ..Self::default()
        };
        for migrant in migrants {
            group.put_in(Member {
                id: migrant.id.as_str().into(),
                instance_id: migrant.instance_id,
                client_id: migrant.client_id,
                client_host: migrant.client_host,
                rebalance_timeout_ms: migrant.rebalance_timeout_ms,
                session_timeout_ms: migrant.session_timeout_ms,
                protocols: migrant.protocols,
                assignment: migrant.assignment,
                awaits_join: None,
                awaits_sync: None,
                is_new: false,
                order: 0,
                session: Session::default(),
            });
        }
        group.protocol = group.agreed_protocol();
        group.subscribed = group.subscription();
        group
    }

    /// The group has come from the consumer protocol: it is recorded, its members are watched and
    /// share out anew what those who left had.
    pub(crate) fn arrive(&mut self, turn: &mut Turn<'_>) {
        turn.records.push(self.to_record(turn.group_id));
        for id in self.ids_in_order() {
            self.heard_from(&Rc::clone(&id), turn);
        }
        self.prepare_rebalance(turn);
    }

    /// The group goes over to the consumer protocol: whoever waits is told to join again.
    pub(crate) fn depart(&mut self) -> Vec<Reply> {
        let mut replies = Vec::new();
        self.dismiss(ErrorCode::RebalanceInProgress, &mut replies);
        replies
    }
}
