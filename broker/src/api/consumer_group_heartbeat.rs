//! `ConsumerGroupHeartbeat` (68), versions 0-1. Shell: the rules are in `group::consumer`.
//!
//! One hop to the group's coordinator. Patterns that a member brings are matched there with all
//! topics, a piece at a time, when the member has its answer.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::consumer_group_heartbeat_request::ConsumerGroupHeartbeatRequest;
use protocol::messages::consumer_group_heartbeat_response::ConsumerGroupHeartbeatResponse;

use crate::api::join_group::{java_address, random_uuid};
use crate::api::{Call, CloseReason, Outcome};
use crate::coordinator;
use crate::group::Groups;
use crate::group::consumer::pattern::Pattern;
use crate::group::consumer::step::Refusal;
use crate::group::consumer_members::{Heard, Sender};
use crate::metadata::image::ClusterImage;
use crate::shard::Shard;

/// Topic names that are matched before other tasks have their turn.
const NAMES_AT_ONCE: usize = 500;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: ConsumerGroupHeartbeatRequest = call.request()?;
    let shard = &call.connection.shard;
    if !is_offered(shard) {
        return Ok(call.respond(&refused(ErrorCode::UnsupportedVersion, None)));
    }
    let sender = Sender {
        client_id: call.header.client_id.clone().unwrap_or_default(),
        client_host: java_address(call.connection.peer.ip()),
        fresh_id: random_uuid(shard),
    };
    let response = match ask(shard, request, call.header.api_version, sender).await {
        Ok(Ok(response)) => response,
        Ok(Err(refusal)) => refused(refusal.error, Some(refusal.message)),
        Err(error) => refused(error, None),
    };
    Ok(call.respond(&response))
}

/// Whether the cluster has finalized the protocol and this broker offers it.
pub(crate) fn is_offered(shard: &Shard) -> bool {
    shard.image().feature("group.version") >= 1 && shard.settings.groups.consumer.is_offered
}

fn refused(error: ErrorCode, message: Option<String>) -> ConsumerGroupHeartbeatResponse {
    ConsumerGroupHeartbeatResponse {
        error_code: error.into(),
        error_message: message,
        ..Default::default()
    }
}

async fn ask(
    shard: &Rc<Shard>,
    request: ConsumerGroupHeartbeatRequest,
    version: i16,
    sender: Sender,
) -> Result<Result<ConsumerGroupHeartbeatResponse, Refusal>, ErrorCode> {
    let place = coordinator::place_of::<Groups>(shard, &request.group_id)?;
    let hear = move |shard: Rc<Shard>| async move {
        let groups = coordinator::active::<Groups>(&shard, place.index).await?;
        let image = shard.image();
        let heard = groups.write(&shard, |groups, now| {
            groups.consumer_heartbeat(&request, version, &sender, (now, &image))
        });
        let heard = heard.await?.map(|Heard { response, resolve }| {
            if !resolve.is_empty() {
                let resolution = resolve_patterns(shard, place.index, request.group_id, resolve);
                storage::tasks::spawn(resolution).detach();
            }
            response
        });
        Ok(heard)
    };
    shard.ask(place.owner, hear).await
}

/// Matches the patterns of a group, and has the group take up what they match.
async fn resolve_patterns(
    shard: Rc<Shard>,
    index: i32,
    group_id: String,
    patterns: BTreeSet<String>,
) {
    let image = shard.image();
    let mut topics = BTreeMap::new();
    for text in patterns {
        // it was valid when its member brought it
        if let Ok(pattern) = Pattern::compile(&text) {
            topics.insert(text, matching(&pattern, &image).await);
        }
    }
    if let Ok(groups) = coordinator::active::<Groups>(&shard, index).await {
        let resolved = groups.write(&shard, |groups, now| {
            groups.patterns_resolved(&group_id, &topics, (now, &image))
        });
        // what could not be written is resolved again with a later heartbeat
        let (Ok(()) | Err(_)) = resolved.await;
    }
}

async fn matching(pattern: &Pattern, image: &ClusterImage) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (count, topic) in image.topics.iter().enumerate() {
        if pattern.matches(&topic.name) {
            found.insert(topic.name.as_ref().to_owned());
        }
        if (count + 1) % NAMES_AT_ONCE == 0 {
            storage::tasks::yield_now().await;
        }
    }
    found
}
