//! `SyncGroup` (14), versions 0-5. Shell: the rules are in `group::classic`.
//!
//! One hop to the group's coordinator, which answers when the leader has assigned and that is
//! durable; meanwhile the connection's next requests are read.

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::sync_group_request::SyncGroupRequest;
use protocol::messages::sync_group_response::SyncGroupResponse;

use crate::api::{self, Call, CloseReason};
use crate::coordinator;
use crate::coordinator::parked::Parked;
use crate::group::Groups;
use crate::group::answer::{Answer, Token};
use crate::group::classic::{Syncing, sync_refused};
use crate::shard::Shard;

/// From this version on the client must say which protocol it takes part in.
const PROTOCOL_FROM_VERSION: i16 = 5;

pub(crate) async fn answer(mut call: Call) -> Result<api::Answer, CloseReason> {
    let request: SyncGroupRequest = call.request()?;
    let names_protocol = request.protocol_type.is_some() && request.protocol_name.is_some();
    if call.header.api_version >= PROTOCOL_FROM_VERSION && !names_protocol {
        return Ok(refused(&call, ErrorCode::InconsistentGroupProtocol));
    }
    if request.group_id.is_empty() {
        return Ok(refused(&call, ErrorCode::InvalidGroupId));
    }
    let shard = Rc::clone(&call.connection.shard);
    let parked = Parked::open(&shard);
    let asked = ask(&shard, request, parked.token()).await;
    call.let_go_of_body();
    if let Err(error) = asked {
        return Ok(refused(&call, error));
    }
    let outcome = async move {
        let synced = match parked.answered(call.connection.ended()).await {
            Some(Answer::Sync(synced)) => synced,
            Some(Answer::Join(_)) | None => sync_refused(ErrorCode::NotCoordinator),
        };
        call.respond::<SyncGroupResponse>(&synced)
    };
    Ok(api::Answer::Pending {
        outcome: Box::pin(outcome),
        held_bytes: 0,
    })
}

async fn ask(shard: &Rc<Shard>, request: SyncGroupRequest, token: Token) -> Result<(), ErrorCode> {
    let group_id = request.group_id;
    let assignments = request.assignments.into_iter();
    let syncing = Syncing {
        token,
        member_id: request.member_id,
        instance_id: request.group_instance_id,
        generation: request.generation_id,
        protocol_type: request.protocol_type,
        protocol: request.protocol_name,
        assignments: assignments
            .map(|assigned| (assigned.member_id, assigned.assignment))
            .collect(),
    };
    let place = coordinator::place_of::<Groups>(shard, &group_id)?;
    let sync = move |shard: Rc<Shard>| async move {
        let groups = coordinator::active::<Groups>(&shard, place.index).await?;
        let image = shard.image();
        let synced = groups.write(&shard, |groups, now| {
            groups.sync(&group_id, syncing, (now, &image))
        });
        synced.await
    };
    shard.ask(place.owner, sync).await
}

fn refused(call: &Call, error: ErrorCode) -> api::Answer {
    api::Answer::Ready(call.respond(&sync_refused(error)))
}
