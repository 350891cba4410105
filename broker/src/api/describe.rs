//! What is answered from this shard's image alone: `DescribeConfigs` (32), `DescribeCluster` (60)
//! and `DescribeTopicPartitions` (75). The rules are pure and stand in `metadata`.

use protocol::messages::describe_cluster_request::DescribeClusterRequest;
use protocol::messages::describe_configs_request::DescribeConfigsRequest;
use protocol::messages::describe_topic_partitions_request::DescribeTopicPartitionsRequest;

use crate::api::{Call, CloseReason, Outcome};
use crate::metadata::describe_cluster::describe_cluster;
use crate::metadata::describe_configs::describe_configs;
use crate::metadata::describe_topic_partitions::describe_topic_partitions;

pub(crate) fn configs(call: &Call) -> Result<Outcome, CloseReason> {
    let request: DescribeConfigsRequest = call.request()?;
    let image = call.connection.shard.image();
    Ok(call.respond(&describe_configs(&image, &request, call.describe_context())))
}

pub(crate) fn cluster(call: &Call) -> Result<Outcome, CloseReason> {
    let request: DescribeClusterRequest = call.request()?;
    let image = call.connection.shard.image();
    Ok(call.respond(&describe_cluster(&image, &request, call.describe_context())))
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
