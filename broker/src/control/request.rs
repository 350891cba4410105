//! What shards ask of the controller, and what they get. Pure values.

use protocol::messages::allocate_producer_ids_request::AllocateProducerIdsRequest;
use protocol::messages::allocate_producer_ids_response::AllocateProducerIdsResponse;
use protocol::messages::alter_configs_request::AlterConfigsRequest;
use protocol::messages::alter_configs_response::AlterConfigsResponse;
use protocol::messages::create_partitions_request::CreatePartitionsRequest;
use protocol::messages::create_partitions_response::CreatePartitionsResponse;
use protocol::messages::create_topics_request::CreateTopicsRequest;
use protocol::messages::create_topics_response::CreateTopicsResponse;
use protocol::messages::delete_topics_request::DeleteTopicsRequest;
use protocol::messages::delete_topics_response::DeleteTopicsResponse;
use protocol::messages::incremental_alter_configs_request::IncrementalAlterConfigsRequest;
use protocol::messages::incremental_alter_configs_response::IncrementalAlterConfigsResponse;

use crate::controller::configs::incremental_alter_configs;
use crate::controller::create_partitions::create_partitions;
use crate::controller::delete_topics::delete_topics;
use crate::controller::legacy_configs::alter_configs;
use crate::controller::producer_ids::allocate_producer_ids;
use crate::controller::topics::create_topics;
use crate::controller::{ControllerSettings, Outcome, Random};
use crate::metadata::image::ClusterImage;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ControlRequest {
    CreateTopics(CreateTopicsRequest),
    /// With the request's version, on which its errors depend.
    DeleteTopics(DeleteTopicsRequest, i16),
    CreatePartitions(CreatePartitionsRequest),
    IncrementalAlterConfigs(IncrementalAlterConfigsRequest),
    AlterConfigs(AlterConfigsRequest),
    AllocateProducerIds(AllocateProducerIdsRequest),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ControlResponse {
    CreateTopics(CreateTopicsResponse),
    DeleteTopics(DeleteTopicsResponse),
    CreatePartitions(CreatePartitionsResponse),
    IncrementalAlterConfigs(IncrementalAlterConfigsResponse),
    AlterConfigs(AlterConfigsResponse),
    AllocateProducerIds(AllocateProducerIdsResponse),
    /// Nothing was done, or it is not known: this node does not lead, stops, or cannot write.
    Unavailable,
}

impl ControlRequest {
    /// Asks the rule that the request is for.
    pub(super) fn decide(
        &self,
        image: &ClusterImage,
        settings: &ControllerSettings,
        random: Random<'_>,
    ) -> Outcome<ControlResponse> {
        match self {
            Self::CreateTopics(request) => map(
                create_topics(image, request, settings, random),
                ControlResponse::CreateTopics,
            ),
            Self::DeleteTopics(request, version) => map(
                delete_topics(image, request, *version, settings),
                ControlResponse::DeleteTopics,
            ),
            Self::CreatePartitions(request) => map(
                create_partitions(image, request, &settings.limits, random),
                ControlResponse::CreatePartitions,
            ),
            Self::IncrementalAlterConfigs(request) => map(
                incremental_alter_configs(image, request, settings),
                ControlResponse::IncrementalAlterConfigs,
            ),
            Self::AlterConfigs(request) => map(
                alter_configs(image, request, settings),
                ControlResponse::AlterConfigs,
            ),
            Self::AllocateProducerIds(request) => map(
                allocate_producer_ids(image, request),
                ControlResponse::AllocateProducerIds,
            ),
        }
    }
}

fn map<R>(
    (records, response): Outcome<R>,
    wrap: impl FnOnce(R) -> ControlResponse,
) -> Outcome<ControlResponse> {
    (records, wrap(response))
}
