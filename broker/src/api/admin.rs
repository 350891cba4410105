//! Requests that change the cluster's metadata: `CreateTopics` (19), `DeleteTopics` (20),
//! `AlterConfigs` (33), `CreatePartitions` (37), `IncrementalAlterConfigs` (44).
//!
//! Each goes to the controller as it is and comes back with the controller's response, once that
//! is committed and this shard has the new image. Without a controller the connection is closed,
//! which clients take as a broker that went away.

use protocol::codec::{Message, Request};

use crate::api::{Call, CloseReason, Outcome};
use crate::control::{ControlRequest, ControlResponse};

/// Asks the controller; `pick` takes the response out of the controller's answer.
async fn forward<R: Request, M: Message>(
    call: Call,
    wrap: impl FnOnce(R) -> ControlRequest,
    pick: impl FnOnce(ControlResponse) -> Option<M>,
) -> Result<Outcome, CloseReason> {
    let request = wrap(call.request()?);
    let response = call.connection.shard.ask_controller(request).await;
    pick(response).map_or(Err(CloseReason::NoController), |response| {
        Ok(call.respond(&response))
    })
}

macro_rules! forwarded {
    ($function:ident, $variant:ident) => {
        pub(crate) async fn $function(call: Call) -> Result<Outcome, CloseReason> {
            forward(call, ControlRequest::$variant, |response| {
                if let ControlResponse::$variant(response) = response {
                    Some(response)
                } else {
                    None
                }
            })
            .await
        }
    };
}

forwarded!(create_topics, CreateTopics);
forwarded!(create_partitions, CreatePartitions);
forwarded!(alter_configs, AlterConfigs);
forwarded!(incremental_alter_configs, IncrementalAlterConfigs);

pub(crate) async fn delete_topics(call: Call) -> Result<Outcome, CloseReason> {
    let version = call.header.api_version;
    let wrap = |request| ControlRequest::DeleteTopics(request, version);
    forward(call, wrap, |response| {
        if let ControlResponse::DeleteTopics(response) = response {
            Some(response)
        } else {
            None
        }
    })
    .await
}
