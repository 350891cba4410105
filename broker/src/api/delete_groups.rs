//! `DeleteGroups` (42), versions 0-2: one hop for each group. Shell.

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::delete_groups_request::DeleteGroupsRequest;
use protocol::messages::delete_groups_response::{DeletableGroupResult, DeleteGroupsResponse};

use crate::api::{Call, CloseReason, Outcome};
use crate::coordinator;
use crate::group::Groups;
use crate::shard::Shard;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: DeleteGroupsRequest = call.request()?;
    let shard = &call.connection.shard;
    let mut response = DeleteGroupsResponse::default();
    for group_id in request.groups_names {
        let deleted = delete(shard, group_id.clone()).await;
        let (Ok(error) | Err(error)) = deleted;
        response.results.push(DeletableGroupResult {
            group_id,
            error_code: error.into(),
        });
    }
    Ok(call.respond(&response))
}

async fn delete(shard: &Rc<Shard>, group_id: String) -> Result<ErrorCode, ErrorCode> {
    let place = coordinator::place_of::<Groups>(shard, &group_id)?;
    let delete = move |shard: Rc<Shard>| async move {
        let groups = coordinator::active::<Groups>(&shard, place.index).await?;
        let deleted = groups.write(&shard, |groups, _| groups.delete_group(&group_id));
        deleted.await
    };
    shard.ask(place.owner, delete).await
}
