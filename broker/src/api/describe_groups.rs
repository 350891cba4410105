//! `DescribeGroups` (15), versions 0-6: one hop for each group. Shell.

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::describe_groups_request::DescribeGroupsRequest;
use protocol::messages::describe_groups_response::{DescribeGroupsResponse, DescribedGroup};

use crate::api::{Call, CloseReason, Outcome};
use crate::coordinator;
use crate::group::Groups;
use crate::shard::Shard;

/// What may be done with a group where nothing is forbidden: Kafka's bits of reading,
/// deleting and describing it, and of describing and altering its settings.
pub(crate) const ALL_GROUP_OPERATIONS: i32 = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: DescribeGroupsRequest = call.request()?;
    let shard = &call.connection.shard;
    let mut response = DescribeGroupsResponse::default();
    for group_id in request.groups {
        let described = describe(shard, group_id.clone(), call.header.api_version).await;
        let mut described = described.unwrap_or_else(|error| DescribedGroup {
            group_id,
            error_code: error.into(),
            ..DescribedGroup::default()
        });
        if request.include_authorized_operations && described.error_code == 0 {
            described.authorized_operations = ALL_GROUP_OPERATIONS;
        }
        response.groups.push(described);
    }
    Ok(call.respond(&response))
}

async fn describe(
    shard: &Rc<Shard>,
    group_id: String,
    version: i16,
) -> Result<DescribedGroup, ErrorCode> {
    let place = coordinator::place_of::<Groups>(shard, &group_id)?;
    let describe = move |shard: Rc<Shard>| async move {
        let groups = coordinator::active::<Groups>(&shard, place.index).await?;
        let described = groups.read(&shard, |groups| groups.describe_classic(&group_id, version));
        described.await
    };
    shard.ask(place.owner, describe).await
}
