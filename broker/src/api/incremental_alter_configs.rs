//! `IncrementalAlterConfigs` (44), versions 0-1: settings of broker loggers change here and now;
//! all others are metadata and go to the controller.

use std::collections::HashSet;
use std::rc::Rc;

use protocol::error_code::ErrorCode;
use protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, IncrementalAlterConfigsRequest,
};
use protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use protocol::messages::incremental_alter_configs_response::IncrementalAlterConfigsResponse;

use crate::api::{Call, CloseReason, Outcome};
use crate::control::{ControlRequest, ControlResponse};
use crate::controller::Refusal;
use crate::controller::configs::{DELETE, SET};
use crate::logging;
use crate::metadata::image::ResourceType;
use crate::shard::{LOGGERS_OWNER, Shard};

pub(crate) async fn answer(call: Call) -> Result<Outcome, CloseReason> {
    let mut request: IncrementalAlterConfigsRequest = call.request()?;
    let shard = &call.connection.shard;
    let is_logger = |resource: &AlterConfigsResource| {
        resource.resource_type == ResourceType::BrokerLogger.code()
    };
    let (loggers, others) = request.resources.into_iter().partition(is_logger);
    request.resources = others;
    let validate_only = request.validate_only;
    let mut response = IncrementalAlterConfigsResponse::default();
    if !request.resources.is_empty() {
        let request = ControlRequest::IncrementalAlterConfigs(request);
        let ControlResponse::IncrementalAlterConfigs(altered) = shard.ask_controller(request).await
        else {
            return Err(CloseReason::NoController);
        };
        response = altered;
    }
    if !loggers.is_empty() {
        let alter = move |owner: Rc<Shard>| async move { alter(&owner, loggers, validate_only) };
        let altered = shard.ask(LOGGERS_OWNER, alter).await;
        response.responses.extend(altered);
    }
    Ok(call.respond(&response))
}

/// Runs on the shard that owns the loggers.
fn alter(
    shard: &Shard,
    resources: Vec<AlterConfigsResource>,
    validate_only: bool,
) -> Vec<AlterConfigsResourceResponse> {
    let mut seen = HashSet::new();
    let mut responses = Vec::new();
    for resource in resources {
        let name = resource.resource_name.clone();
        let altered = if seen.insert(name.clone()) {
            alter_loggers(shard, &resource, validate_only)
        } else {
            let text = "Each resource must appear at most once.";
            Err(Refusal::new(ErrorCode::InvalidRequest, text))
        };
        let refusal = altered.err();
        let refusal = refusal.unwrap_or_else(|| Refusal::silent(ErrorCode::None));
        responses.push(AlterConfigsResourceResponse {
            error_code: refusal.code.code(),
            error_message: refusal.message,
            resource_type: resource.resource_type,
            resource_name: name,
        });
    }
    responses
}

/// All changes of a resource are made, or none.
fn alter_loggers(
    shard: &Shard,
    resource: &AlterConfigsResource,
    validate_only: bool,
) -> Result<(), Refusal> {
    check_node(&resource.resource_name, shard.settings.node_id)?;
    let mut loggers = shard.loggers.borrow().clone();
    for config in &resource.configs {
        match config.config_operation {
            SET => loggers.set(&config.name, config.value.as_deref().unwrap_or(""))?,
            DELETE => loggers.unset(&config.name)?,
            operation => {
                let operation = if operation == 2 { "APPEND" } else { "SUBTRACT" };
                let text =
                    format!("{operation} operation is not allowed for the BROKER_LOGGER resource");
                return Err(Refusal::new(ErrorCode::InvalidRequest, text));
            }
        }
    }
    if !validate_only {
        tracing::info!(filter = loggers.filter(), "log levels change");
        logging::set_filter(&loggers.filter());
        *shard.loggers.borrow_mut() = loggers;
    }
    Ok(())
}

fn check_node(name: &str, node_id: i32) -> Result<(), Refusal> {
    let text = match name.parse::<i32>() {
        Ok(id) if id == node_id => return Ok(()),
        Ok(_) => format!("Unexpected node id. Expected {node_id}, but received {name}"),
        Err(_) => format!("Node id must be an integer, but it is: {name}"),
    };
    Err(Refusal::new(ErrorCode::InvalidRequest, text))
}
