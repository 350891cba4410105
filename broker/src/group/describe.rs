//! `DescribeGroups` and `ListGroups`. Pure.

use protocol::error_code::ErrorCode;
use protocol::messages::describe_groups_response::DescribedGroup;
use protocol::messages::list_groups_response::ListedGroup;

use crate::group::consumer::embedded::PROTOCOL_TYPE;
use crate::group::{Group, Groups, Kind};

/// From this version on a group that does not exist is an error.
const NOT_FOUND_FROM_VERSION: i16 = 6;
/// The state of a group that does not exist.
const DEAD: &str = "Dead";

/// Which groups are listed; an empty list lets all through. In lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ListFilter {
    pub(crate) states: Vec<String>,
    pub(crate) types: Vec<String>,
}

impl ListFilter {
    fn admits(&self, group: &ListedGroup) -> bool {
        let has = |names: &[String], name: &str| {
            names.is_empty() || names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
        };
        has(&self.states, &group.group_state) && has(&self.types, &group.group_type)
    }
}

impl Groups {
    /// A classic group, with its members.
    pub(crate) fn describe_classic(&self, group_id: &str, version: i16) -> DescribedGroup {
        match self.get(group_id).map(|group| &group.kind) {
            Some(Kind::Classic(classic)) => classic.describe(group_id),
            Some(Kind::Consumer(_)) => {
                let cause = format!("Group {group_id} is not a classic group.");
                not_found(group_id, version, cause)
            }
            None => not_found(group_id, version, format!("Group {group_id} not found.")),
        }
    }

    pub(crate) fn list(&self, filter: &ListFilter) -> Vec<ListedGroup> {
        let all = self.groups.values().map(Group::listed);
        all.filter(|group| filter.admits(group)).collect()
    }
}

impl Group {
    fn listed(&self) -> ListedGroup {
        let (protocol_type, state, kind) = match &self.kind {
            Kind::Classic(group) => (group.protocol_type(), group.state().name(), "classic"),
            Kind::Consumer(group) => (PROTOCOL_TYPE, group.state().name(), "consumer"),
        };
        ListedGroup {
            group_id: self.id.as_ref().to_owned(),
            protocol_type: protocol_type.to_owned(),
            group_state: state.to_owned(),
            group_type: kind.to_owned(),
        }
    }
}

fn not_found(group_id: &str, version: i16, cause: String) -> DescribedGroup {
    let mut described = DescribedGroup {
        group_id: group_id.to_owned(),
        group_state: DEAD.to_owned(),
        ..DescribedGroup::default()
    };
    if version >= NOT_FOUND_FROM_VERSION {
        described.error_code = ErrorCode::GroupIdNotFound.into();
        described.error_message = Some(cause);
    }
    described
}
