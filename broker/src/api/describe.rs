//! What is answered from this shard's image alone: `DescribeConfigs` (32), `DescribeClientQuotas`
//! (48), `DescribeUserScramCredentials` (50), `DescribeCluster` (60) and `DescribeTopicPartitions`
//! (75). The rules are pure and stand in `metadata`.

use crate::metadata::client_quotas::describe_client_quotas;
use crate::metadata::scram_credentials::describe_user_scram_credentials;
use protocol::messages::describe_client_quotas_request::DescribeClientQuotasRequest;
use protocol::messages::describe_cluster_request::DescribeClusterRequest;
use protocol::messages::describe_configs_request::DescribeConfigsRequest;
use protocol::messages::describe_topic_partitions_request::DescribeTopicPartitionsRequest;
use protocol::messages::describe_user_scram_credentials_request::DescribeUserScramCredentialsRequest;

use crate::api::{Call, CloseReason, Outcome};
use crate::loggers::Loggers;
use crate::metadata::describe_cluster::describe_cluster;
use crate::metadata::describe_configs::describe_configs;
use crate::metadata::describe_topic_partitions::describe_topic_partitions;
use crate::metadata::image::ResourceType;
use crate::shard::{LOGGERS_OWNER, Shard};
use std::rc::Rc;

/// Loggers are the one kind of resource that is not in the image: one shard owns them.
pub(crate) async fn configs(call: Call) -> Result<Outcome, CloseReason> {
    let request: DescribeConfigsRequest = call.request()?;
    let shard = &call.connection.shard;
    let logger = ResourceType::BrokerLogger.code();
    let mut kinds = request.resources.iter().map(|one| one.resource_type);
    let loggers = if kinds.any(|kind| kind == logger) {
        let loggers = |owner: Rc<Shard>| async move { owner.loggers.borrow().clone() };
        shard.ask(LOGGERS_OWNER, loggers).await
    } else {
        Loggers::default()
    };
    let context = call.describe_context();
    Ok(call.respond(&describe_configs(
        &shard.image(),
        &request,
        context,
        &loggers,
    )))
}

pub(crate) fn cluster(call: &Call) -> Result<Outcome, CloseReason> {
    let request: DescribeClusterRequest = call.request()?;
    let image = call.connection.shard.image();
    Ok(call.respond(&describe_cluster(&image, &request, call.describe_context())))
}

pub(crate) fn client_quotas(call: &Call) -> Result<Outcome, CloseReason> {
    let request: DescribeClientQuotasRequest = call.request()?;
    let image = call.connection.shard.image();
    Ok(call.respond(&describe_client_quotas(&image.client_quotas, &request)))
}

pub(crate) fn user_scram_credentials(call: &Call) -> Result<Outcome, CloseReason> {
    let request: DescribeUserScramCredentialsRequest = call.request()?;
    let image = call.connection.shard.image();
    Ok(call.respond(&describe_user_scram_credentials(
        &image.scram_credentials,
        &request,
    )))
}

pub(crate) fn topic_partitions(call: &Call) -> Result<Outcome, CloseReason> {
    let request: DescribeTopicPartitionsRequest = call.request()?;
    let shard = &call.connection.shard;
    let partitions_max = shard.settings.limits.describe_partitions_max;
    let partitions_max = i32::try_from(partitions_max).unwrap_or(i32::MAX);
    let context = call.describe_context();
    Ok(call.respond(&describe_topic_partitions(
        &shard.image(),
        &request,
        partitions_max,
        context,
    )))
}
