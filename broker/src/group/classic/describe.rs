//! What tools are told of a classic group. Pure.

use protocol::messages::describe_groups_response::DescribedGroup;

use super::{ClassicGroup, State};

impl ClassicGroup {
    pub(crate) fn describe(&self, group_id: &str) -> DescribedGroup {
        let is_stable = self.state == State::Stable;
        let protocol = self.protocol.as_deref().filter(|_| is_stable);
        let members = self.in_order().into_iter();
        DescribedGroup {
            group_id: group_id.to_owned(),
            group_state: self.state.name().to_owned(),
            protocol_type: self.protocol_type().to_owned(),
            protocol_data: protocol.unwrap_or_default().to_owned(),
            members: members.map(|member| member.describe(protocol)).collect(),
            ..DescribedGroup::default()
        }
    }

    /// Empty for a group that only has offsets.
    pub(crate) fn protocol_type(&self) -> &str {
        self.protocol_type.as_deref().unwrap_or_default()
    }
}
