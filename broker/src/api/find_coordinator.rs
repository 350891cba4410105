//! `FindCoordinator` (10), versions 0-6: a broker alone coordinates everything itself. Pure.
//!
//! Version 4 asks for many keys at once. Share coordination (key type 2) is not served.

use protocol::error_code::ErrorCode;
use protocol::messages::find_coordinator_request::FindCoordinatorRequest;
use protocol::messages::find_coordinator_response::{Coordinator, FindCoordinatorResponse};

use crate::api::{Call, CloseReason, Outcome};

const KEY_TYPE_GROUP: i8 = 0;
const KEY_TYPE_TRANSACTION: i8 = 1;
const BATCHED_FROM_VERSION: i16 = 4;

pub(crate) fn answer(call: &Call) -> Result<Outcome, CloseReason> {
    let request: FindCoordinatorRequest = call.request()?;
    let mut response = FindCoordinatorResponse::default();
    if call.header.api_version >= BATCHED_FROM_VERSION {
        let keys = request.coordinator_keys.iter();
        response.coordinators = keys.map(|key| find(call, request.key_type, key)).collect();
    } else {
        let found = find(call, request.key_type, &request.key);
        response.error_code = found.error_code;
        response.error_message = found.error_message;
        response.node_id = found.node_id;
        response.host = found.host;
        response.port = found.port;
    }
    Ok(call.respond(&response))
}

fn find(call: &Call, key_type: i8, key: &str) -> Coordinator {
    if !matches!(key_type, KEY_TYPE_GROUP | KEY_TYPE_TRANSACTION) {
        return Coordinator {
            key: key.to_owned(),
            node_id: -1,
            port: -1,
            error_code: ErrorCode::InvalidRequest.into(),
            error_message: Some(format!("no coordinator for key type {key_type}")),
            ..Coordinator::default()
        };
    }
    let settings = &call.connection.shard.settings;
    let listener = &settings.listeners[call.connection.listener];
    Coordinator {
        key: key.to_owned(),
        node_id: settings.node_id,
        host: listener.advertised_host.clone(),
        port: i32::from(listener.advertised_port),
        error_message: Some(no_error(call.header.api_version).to_owned()),
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
