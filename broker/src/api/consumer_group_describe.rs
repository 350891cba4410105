//! `ConsumerGroupDescribe` (69), versions 0-1: one hop for each group. Shell.

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::consumer_group_describe_request::ConsumerGroupDescribeRequest;
use protocol::messages::consumer_group_describe_response::{
    ConsumerGroupDescribeResponse, DescribedGroup,
};

use crate::api::consumer_group_heartbeat::is_offered;
use crate::api::describe_groups::ALL_GROUP_OPERATIONS;
use crate::api::{Call, CloseReason, Outcome};
use crate::coordinator;
use crate::group::Groups;
use crate::shard::Shard;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: ConsumerGroupDescribeRequest = call.request()?;
    let shard = &call.connection.shard;
    let mut response = ConsumerGroupDescribeResponse::default();
    for group_id in request.group_ids {
        let described = describe(shard, group_id.clone()).await;
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

async fn describe(shard: &Rc<Shard>, group_id: String) -> Result<DescribedGroup, ErrorCode> {
    if !is_offered(shard) {
        return Err(ErrorCode::UnsupportedVersion);
    }
    if group_id.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    let place = coordinator::place_of::<Groups>(shard, &group_id)?;
    let describe = move |shard: Rc<Shard>| async move {
        let groups = coordinator::active::<Groups>(&shard, place.index).await?;
        let image = shard.image();
        let described = groups.read(&shard, |groups| groups.describe_consumer(&group_id, &image));
        described.await
    };
    shard.ask(place.owner, describe).await
}
