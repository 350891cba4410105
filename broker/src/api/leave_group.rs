//! `LeaveGroup` (13), versions 0-5: one hop to the group's coordinator. Shell.
//!
//! Before version 3 one member leaves; from then on many may, and administrators name static ones.

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::leave_group_request::LeaveGroupRequest;
use protocol::messages::leave_group_response::{LeaveGroupResponse, MemberResponse};

use crate::api::{Call, CloseReason, Outcome};
use crate::coordinator;
use crate::group::Groups;
use crate::group::classic::Leaving;
use crate::shard::Shard;

const MANY_FROM_VERSION: i16 = 3;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: LeaveGroupRequest = call.request()?;
    let is_one = call.header.api_version < MANY_FROM_VERSION;
    let leaving = if is_one {
        vec![Leaving {
            member_id: request.member_id,
            instance_id: None,
        }]
    } else {
        let members = request.members.into_iter().map(|member| Leaving {
            member_id: member.member_id,
            instance_id: member.group_instance_id,
        });
        members.collect()
    };
    let left = if request.group_id.is_empty() {
        Err(ErrorCode::InvalidGroupId)
    } else {
        ask(&call.connection.shard, request.group_id, leaving).await
    };
    let mut response = LeaveGroupResponse::default();
    match left {
        Ok(members) if is_one => {
            response.error_code = members.first().map_or(0, |member| member.error_code);
        }
        Ok(members) => response.members = members,
        Err(error) => response.error_code = error.into(),
    }
    Ok(call.respond(&response))
}

async fn ask(
    shard: &Rc<Shard>,
    group_id: String,
    leaving: Vec<Leaving>,
) -> Result<Vec<MemberResponse>, ErrorCode> {
    let place = coordinator::place_of::<Groups>(shard, &group_id)?;
    let leave = move |shard: Rc<Shard>| async move {
        let groups = coordinator::active::<Groups>(&shard, place.index).await?;
        let image = shard.image();
        let left = groups.write(&shard, |groups, now| {
            groups.leave(&group_id, &leaving, (now, &image))
        });
        left.await
    };
    shard.ask(place.owner, leave).await
}
