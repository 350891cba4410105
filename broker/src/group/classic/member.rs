//! A member of a classic group, and how long it may be silent. Pure.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use protocol::messages::coordinator::group_metadata_value::MemberMetadata;
use protocol::messages::describe_groups_response::DescribedGroupMember;
use protocol::messages::join_group_response::JoinGroupResponseMember;

use crate::group::answer::Token;

pub(crate) type MemberId = Rc<str>;

/// A protocol that a member can take part in, and what it says to whoever leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Protocol {
    pub(crate) name: String,
    pub(crate) metadata: Bytes,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: MemberId,
    pub(super) instance_id: Option<String>,
    pub(super) client_id: String,
    pub(super) client_host: String,
    pub(super) rebalance_timeout_ms: i32,
    pub(super) session_timeout_ms: i32,
    /// In the order of preference.
    pub(super) protocols: Vec<Protocol>,
    pub(super) assignment: Bytes,
    pub(super) awaits_join: Option<Token>,
    pub(super) awaits_sync: Option<Token>,
    /// It has not yet seen a generation, so it cannot send heartbeats.
    pub(super) is_new: bool,
    /// Place in the order in which members came.
    pub(super) order: u64,
    pub(super) session: Session,
}

/// Until when something must be heard, and the entry among the timers that looks after it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Session {
    pub(super) deadline: Duration,
    /// When the one entry that counts comes up; never after the deadline.
    pub(super) entry_at: Option<Duration>,
}

impl Member {
    pub(super) fn from_record(value: &MemberMetadata, protocol: Option<&str>, order: u64) -> Self {
        let metadata = Bytes::copy_from_slice(&value.subscription);
        let protocol = protocol.map(|name| Protocol {
            name: name.to_owned(),
            metadata,
        });
        let rebalance_timeout_ms = match value.rebalance_timeout {
            -1 => value.session_timeout,
            timeout => timeout,
        };
        Self {
            id: value.member_id.as_str().into(),
            instance_id: value.group_instance_id.clone(),
            client_id: value.client_id.clone(),
            client_host: value.client_host.clone(),
            rebalance_timeout_ms,
            session_timeout_ms: value.session_timeout,
            protocols: protocol.into_iter().collect(),
            assignment: Bytes::copy_from_slice(&value.assignment),
            awaits_join: None,
            awaits_sync: None,
            is_new: false,
            order,
            session: Session::default(),
        }
    }

    pub(super) fn to_record(&self, protocol: Option<&str>) -> MemberMetadata {
        MemberMetadata {
            member_id: self.id.as_ref().to_owned(),
            group_instance_id: self.instance_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            rebalance_timeout: self.rebalance_timeout_ms,
            session_timeout: self.session_timeout_ms,
            subscription: self.metadata(protocol),
            assignment: self.assignment.clone(),
        }
    }

    /// What the leader is told of it.
    pub(super) fn for_leader(&self, protocol: Option<&str>) -> JoinGroupResponseMember {
        JoinGroupResponseMember {
            member_id: self.id.as_ref().to_owned(),
            group_instance_id: self.instance_id.clone(),
            metadata: self.metadata(protocol),
        }
    }

    /// Metadata and assignment only in a stable group.
    pub(super) fn describe(&self, stable_protocol: Option<&str>) -> DescribedGroupMember {
        let is_stable = stable_protocol.is_some();
        DescribedGroupMember {
            member_id: self.id.as_ref().to_owned(),
            group_instance_id: self.instance_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            member_metadata: self.metadata(stable_protocol),
            member_assignment: if is_stable {
                self.assignment.clone()
            } else {
                Bytes::new()
            },
        }
    }

    /// What it said for a protocol.
    pub(super) fn metadata(&self, protocol: Option<&str>) -> Bytes {
        let found = self
            .protocols
            .iter()
            .find(|own| Some(own.name.as_str()) == protocol);
        found.map(|own| own.metadata.clone()).unwrap_or_default()
    }

    /// The memory that its protocols take, about.
    pub(super) fn protocol_bytes(&self) -> usize {
        protocol_bytes(&self.protocols)
    }

    pub(super) fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|own| own.name == protocol)
    }

    /// While its join or sync waits, silence is our doing; a new member's may be its own.
    pub(super) fn is_kept_waiting(&self) -> bool {
        !self.is_new && (self.awaits_join.is_some() || self.awaits_sync.is_some())
    }

    pub(super) fn session_timeout(&self) -> Duration {
        millis(self.session_timeout_ms)
    }
}

pub(super) fn protocol_bytes(protocols: &[Protocol]) -> usize {
    let sizes = protocols
        .iter()
        .map(|protocol| size_of::<Protocol>() + protocol.name.len() + protocol.metadata.len());
    sizes.sum()
}

/// A timeout from the wire; a negative one is none at all.
pub(super) fn millis(timeout_ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0))
}
