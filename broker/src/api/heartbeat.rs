//! `Heartbeat` (12), versions 0-4: one hop to the group's coordinator. Shell.

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::heartbeat_request::HeartbeatRequest;
use protocol::messages::heartbeat_response::HeartbeatResponse;

use crate::api::{Call, CloseReason, Outcome};
use crate::coordinator;
use crate::group::Groups;
use crate::shard::Shard;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: HeartbeatRequest = call.request()?;
    let heard = if request.group_id.is_empty() {
        Err(ErrorCode::InvalidGroupId)
    } else {
        ask(&call.connection.shard, request).await
    };
    let error = match heard {
        Ok(error) => error,
        // no session ends while the groups are loaded
        Err(ErrorCode::CoordinatorLoadInProgress) => ErrorCode::None,
        Err(error) => error,
    };
    Ok(call.respond(&HeartbeatResponse {
        error_code: error.into(),
        ..HeartbeatResponse::default()
    }))
}

async fn ask(shard: &Rc<Shard>, request: HeartbeatRequest) -> Result<ErrorCode, ErrorCode> {
    let place = coordinator::place_of::<Groups>(shard, &request.group_id)?;
    let hear = move |shard: Rc<Shard>| async move {
        let groups = coordinator::active::<Groups>(&shard, place.index).await?;
        let image = shard.image();
        let heard = groups.write(&shard, |groups, now| {
            groups.heartbeat(&request, (now, &image))
        });
        heard.await
    };
    shard.ask(place.owner, hear).await
}
