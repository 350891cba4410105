//! Requests that change the cluster's metadata: `CreateTopics` (19), `DeleteTopics` (20),
//! `AlterConfigs` (33), `CreatePartitions` (37),
//! `AlterClientQuotas` (49), `AlterUserScramCredentials` (51), `UpdateFeatures` (57),
//! `UnregisterBroker` (64), `AddRaftVoter` (80), `RemoveRaftVoter` (81); and `DescribeQuorum` (55),
//! which only the control thread knows.
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
forwarded!(alter_client_quotas, AlterClientQuotas);
forwarded!(alter_user_scram_credentials, AlterUserScramCredentials);
forwarded!(describe_quorum, DescribeQuorum);
forwarded!(unregister_broker, UnregisterBroker);
forwarded!(add_raft_voter, AddRaftVoter);
forwarded!(remove_raft_voter, RemoveRaftVoter);

pub(crate) async fn update_features(call: Call) -> Result<Outcome, CloseReason> {
    let version = call.header.api_version;
    let wrap = |request| ControlRequest::UpdateFeatures(request, version);
    forward(call, wrap, |response| {
        if let ControlResponse::UpdateFeatures(response) = response {
            Some(response)
        } else {
            None
        }
    })
    .await
}

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
