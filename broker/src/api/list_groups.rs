//! `ListGroups` (16), versions 0-5: one hop to each shard that coordinates groups. Shell.

use std::collections::BTreeMap;
use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::list_groups_request::ListGroupsRequest;
use protocol::messages::list_groups_response::{ListGroupsResponse, ListedGroup};

use crate::api::{Call, CloseReason, Outcome};
use crate::coordinator;
use crate::group::Groups;
use crate::group::describe::ListFilter;
use crate::shard::Shard;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: ListGroupsRequest = call.request()?;
    let shard = &call.connection.shard;
    let filter = ListFilter {
        states: request.states_filter,
        types: request.types_filter,
    };
    let mut by_owner: BTreeMap<usize, Vec<i32>> = BTreeMap::new();
    for place in coordinator::all_places::<Groups>(shard) {
        by_owner.entry(place.owner).or_default().push(place.index);
    }
    let mut response = ListGroupsResponse::default();
    for (owner, indexes) in by_owner {
        let filter = filter.clone();
        let list = move |shard: Rc<Shard>| list(shard, indexes, filter);
        match shard.ask(owner, list).await {
            Ok(groups) => response.groups.extend(groups),
            Err(error) => response.error_code = error.into(),
        }
    }
    Ok(call.respond(&response))
}

/// The groups of some partitions of this shard.
async fn list(
    shard: Rc<Shard>,
    indexes: Vec<i32>,
    filter: ListFilter,
) -> Result<Vec<ListedGroup>, ErrorCode> {
    let mut listed = Vec::new();
    for index in indexes {
        match coordinator::active::<Groups>(&shard, index).await {
            Ok(groups) => listed.extend(groups.read(&shard, |groups| groups.list(&filter)).await?),
            // its groups are on no broker now
            Err(ErrorCode::NotCoordinator) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(listed)
}
