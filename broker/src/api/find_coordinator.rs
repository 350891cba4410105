//! `FindCoordinator` (10), versions 0-6: the leader of the internal topic's partition that the key
//! falls into. Shell.
//!
//! The internal topic is made here, when the first key is asked for. Version 4 asks for many keys
//! at once. Share coordination (key type 2) is not served.

use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::find_coordinator_request::FindCoordinatorRequest;
use protocol::messages::find_coordinator_response::{Coordinator, FindCoordinatorResponse};

use crate::api::{Call, CloseReason, Outcome};
use crate::coordinator::{internal_topic, key};
use crate::metadata::image::BrokerEndpoint;
use crate::shard::Shard;

const KEY_TYPE_GROUP: i8 = 0;
const KEY_TYPE_TRANSACTION: i8 = 1;
const BATCHED_FROM_VERSION: i16 = 4;

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let request: FindCoordinatorRequest = call.request()?;
    let mut response = FindCoordinatorResponse::default();
    if call.header.api_version >= BATCHED_FROM_VERSION {
        for key in &request.coordinator_keys {
            let found = find(&call, request.key_type, key).await;
            response.coordinators.push(found);
        }
    } else {
        let found = find(&call, request.key_type, &request.key).await;
        response.error_code = found.error_code;
        response.error_message = found.error_message;
        response.node_id = found.node_id;
        response.host = found.host;
        response.port = found.port;
    }
    Ok(call.respond(&response))
}

async fn find(call: &Call, key_type: i8, key: &str) -> Coordinator {
    let shard = &call.connection.shard;
    let settings = &shard.settings;
    let topic = match key_type {
        KEY_TYPE_GROUP => &settings.group_offsets_topic,
        KEY_TYPE_TRANSACTION => &settings.transaction_state_topic,
        _ => {
            let text = format!("no coordinator for key type {key_type}");
            return refused(key, ErrorCode::InvalidRequest, text);
        }
    };
    let partition = match internal_topic::ensure(shard, topic).await {
        Some(topic) => key::partition_of(key, topic.partition_count())
            .and_then(|index| topic.partition(index).cloned()),
        None => None,
    };
    let listener = &settings.listeners[call.connection.listener].endpoint.name;
    let leader = partition.map(|partition| partition.leader);
    let endpoint = leader.and_then(|leader| endpoint_of(shard, leader, listener));
    match (leader, endpoint) {
        (Some(node_id), Some(endpoint)) => Coordinator {
            key: key.to_owned(),
            node_id,
            host: endpoint.host,
            port: i32::from(endpoint.port),
            error_message: Some(no_error(call.header.api_version).to_owned()),
            ..Coordinator::default()
        },
        _ => {
            let text = if call.header.api_version < BATCHED_FROM_VERSION {
                "The coordinator is not available."
            } else {
                ""
            };
            refused(key, ErrorCode::CoordinatorNotAvailable, text.to_owned())
        }
    }
}

fn endpoint_of(shard: &Rc<Shard>, broker: i32, listener: &str) -> Option<BrokerEndpoint> {
    let image = shard.image();
    let endpoint = image.brokers.get(&broker)?.endpoint(listener);
    endpoint.cloned()
}

fn refused(key: &str, error: ErrorCode, text: String) -> Coordinator {
    Coordinator {
        key: key.to_owned(),
        node_id: -1,
        port: -1,
        error_code: error.into(),
        error_message: Some(text),
        ..Coordinator::default()
    }
}

/// What Kafka writes when nothing is wrong.
fn no_error(version: i16) -> &'static str {
    if version < BATCHED_FROM_VERSION {
        "NONE"
    } else {
        ""
    }
}
