//! `JoinGroup` (11), versions 0-9. Shell: the rules are in `group::classic`.
//!
//! One hop to the group's coordinator, which answers when the rebalance has its members; meanwhile
//! the connection's next requests are read, and nothing of the request is held here.

use std::net::IpAddr;
use std::rc::Rc;

use bytes::Bytes;
use protocol::error_code::ErrorCode;
use protocol::messages::join_group_request::JoinGroupRequest;
use protocol::messages::join_group_response::JoinGroupResponse;

use crate::api::{self, Call, CloseReason};
use crate::coordinator;
use crate::coordinator::parked::Parked;
use crate::group::Groups;
use crate::group::answer::Answer;
use crate::group::classic::{Joining, Protocol, join_refused};
use crate::group::members::check_join;
use crate::shard::Shard;

const REBALANCE_TIMEOUT_FROM_VERSION: i16 = 1;
const KNOWN_ID_FROM_VERSION: i16 = 4;
const SKIP_ASSIGNMENT_FROM_VERSION: i16 = 9;

pub(crate) async fn answer(mut call: Call) -> Result<api::Answer, CloseReason> {
    let request: JoinGroupRequest = call.request()?;
    let shard = Rc::clone(&call.connection.shard);
    let checked = check_join(
        &request.group_id,
        request.session_timeout_ms,
        &shard.settings.groups,
    );
    if let Err(error) = checked {
        return Ok(refused(&call, &request.member_id, error));
    }
    let parked = Parked::open(&shard);
    let group_id = request.group_id.clone();
    let member_id = request.member_id.clone();
    let joining = joining(&call, &shard, request, &parked);
    call.let_go_of_body();
    if let Err(error) = ask(&shard, group_id, joining).await {
        return Ok(refused(&call, "", error));
    }
    let outcome = async move {
        let joined = match parked.answered(call.connection.ended()).await {
            Some(Answer::Join(joined)) => joined,
            Some(Answer::Sync(_)) | None => join_refused(&member_id, ErrorCode::NotCoordinator),
        };
        call.respond::<JoinGroupResponse>(&joined)
    };
    Ok(api::Answer::Pending {
        outcome: Box::pin(outcome),
        held_bytes: 0,
    })
}

async fn ask(shard: &Rc<Shard>, group_id: String, joining: Joining) -> Result<(), ErrorCode> {
    let place = coordinator::place_of::<Groups>(shard, &group_id)?;
    let join = move |shard: Rc<Shard>| async move {
        let groups = coordinator::active::<Groups>(&shard, place.index).await?;
        let image = shard.image();
        let joined = groups.write(&shard, |groups, now| {
            groups.join(&group_id, joining, (now, &image))
        });
        joined.await
    };
    shard.ask(place.owner, join).await
}

fn joining(call: &Call, shard: &Shard, request: JoinGroupRequest, parked: &Parked) -> Joining {
    let version = call.header.api_version;
    let client_id = call.header.client_id.clone().unwrap_or_default();
    let name = request.group_instance_id.as_ref().unwrap_or(&client_id);
    let fresh_id = format!("{name}-{}", random_uuid(shard));
    // copies: slices would keep the whole request in memory
    let protocols = request.protocols.into_iter().map(|protocol| Protocol {
        name: protocol.name,
        metadata: Bytes::copy_from_slice(&protocol.metadata),
    });
    Joining {
        token: parked.token(),
        fresh_id,
        instance_id: request.group_instance_id,
        client_id,
        client_host: java_address(call.connection.peer.ip()),
        rebalance_timeout_ms: if version < REBALANCE_TIMEOUT_FROM_VERSION {
            request.session_timeout_ms
        } else {
            request.rebalance_timeout_ms
        },
        session_timeout_ms: request.session_timeout_ms,
        protocol_type: request.protocol_type,
        protocols: protocols.collect(),
        needs_known_id: version >= KNOWN_ID_FROM_VERSION,
        can_skip_assignment: version >= SKIP_ASSIGNMENT_FROM_VERSION,
        member_id: request.member_id,
    }
}

fn refused(call: &Call, member_id: &str, error: ErrorCode) -> api::Answer {
    api::Answer::Ready(call.respond(&join_refused(member_id, error)))
}

/// A random UUID as Java writes it.
pub(crate) fn random_uuid(shard: &Shard) -> String {
    let (high, low) = (shard.random(), shard.random());
    let high = (high & !0xf000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

/// An address as Java writes it: after a slash, and without the short form of IPv6.
pub(crate) fn java_address(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("/{address}"),
        IpAddr::V6(address) => {
            let segments = address.segments().map(|segment| format!("{segment:x}"));
            format!("/{}", segments.join(":"))
        }
    }
}
