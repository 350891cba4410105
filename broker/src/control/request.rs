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

use crate::controller::client_quotas::alter_client_quotas;
use crate::controller::configs::incremental_alter_configs;
use crate::controller::create_partitions::create_partitions;
use crate::controller::delete_topics::delete_topics;
use crate::controller::features::update_features;
use crate::controller::legacy_configs::alter_configs;
use crate::controller::producer_ids::allocate_producer_ids;
use crate::controller::scram_credentials::alter_user_scram_credentials;
use crate::controller::topics::create_topics;
use crate::controller::unregister_broker::unregister_broker;
use crate::controller::voters::{add_raft_voter, remove_raft_voter};
use crate::controller::{ControllerSettings, Outcome, Random};
use crate::metadata::image::ClusterImage;
use protocol::messages::add_raft_voter_request::AddRaftVoterRequest;
use protocol::messages::add_raft_voter_response::AddRaftVoterResponse;
use protocol::messages::alter_client_quotas_request::AlterClientQuotasRequest;
use protocol::messages::alter_client_quotas_response::AlterClientQuotasResponse;
use protocol::messages::alter_user_scram_credentials_request::AlterUserScramCredentialsRequest;
use protocol::messages::alter_user_scram_credentials_response::AlterUserScramCredentialsResponse;
use protocol::messages::describe_quorum_request::DescribeQuorumRequest;
use protocol::messages::describe_quorum_response::DescribeQuorumResponse;
use protocol::messages::remove_raft_voter_request::RemoveRaftVoterRequest;
use protocol::messages::remove_raft_voter_response::RemoveRaftVoterResponse;
use protocol::messages::unregister_broker_request::UnregisterBrokerRequest;
use protocol::messages::unregister_broker_response::UnregisterBrokerResponse;
use protocol::messages::update_features_request::UpdateFeaturesRequest;
use protocol::messages::update_features_response::UpdateFeaturesResponse;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ControlRequest {
    CreateTopics(CreateTopicsRequest),
    /// With the request's version, on which its errors depend.
    DeleteTopics(DeleteTopicsRequest, i16),
    CreatePartitions(CreatePartitionsRequest),
    IncrementalAlterConfigs(IncrementalAlterConfigsRequest),
    AlterConfigs(AlterConfigsRequest),
    AllocateProducerIds(AllocateProducerIdsRequest),
    AlterClientQuotas(AlterClientQuotasRequest),
    AlterUserScramCredentials(AlterUserScramCredentialsRequest),
    /// Answered by the driver of the quorum: no rule of the controller's.
    DescribeQuorum(DescribeQuorumRequest),
    /// With the request's version, on which its answer depends.
    UpdateFeatures(UpdateFeaturesRequest, i16),
    UnregisterBroker(UnregisterBrokerRequest),
    AddRaftVoter(AddRaftVoterRequest),
    RemoveRaftVoter(RemoveRaftVoterRequest),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ControlResponse {
    CreateTopics(CreateTopicsResponse),
    DeleteTopics(DeleteTopicsResponse),
    CreatePartitions(CreatePartitionsResponse),
    IncrementalAlterConfigs(IncrementalAlterConfigsResponse),
    AlterConfigs(AlterConfigsResponse),
    AllocateProducerIds(AllocateProducerIdsResponse),
    AlterClientQuotas(AlterClientQuotasResponse),
    AlterUserScramCredentials(AlterUserScramCredentialsResponse),
    DescribeQuorum(DescribeQuorumResponse),
    UpdateFeatures(UpdateFeaturesResponse),
    UnregisterBroker(UnregisterBrokerResponse),
    AddRaftVoter(AddRaftVoterResponse),
    RemoveRaftVoter(RemoveRaftVoterResponse),
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
            Self::AlterClientQuotas(request) => map(
                alter_client_quotas(image, request),
                ControlResponse::AlterClientQuotas,
            ),
            Self::AlterUserScramCredentials(request) => map(
                alter_user_scram_credentials(image, request),
                ControlResponse::AlterUserScramCredentials,
            ),
            Self::UpdateFeatures(request, version) => map(
                update_features(image, request, *version, settings),
                ControlResponse::UpdateFeatures,
            ),
            Self::UnregisterBroker(request) => map(
                unregister_broker(image, request, settings),
                ControlResponse::UnregisterBroker,
            ),
            Self::AddRaftVoter(request) => unchanged(ControlResponse::AddRaftVoter(
                add_raft_voter(image, request),
            )),
            Self::RemoveRaftVoter(request) => unchanged(ControlResponse::RemoveRaftVoter(
                remove_raft_voter(image, request, settings),
            )),
            Self::DescribeQuorum(_) => unchanged(ControlResponse::Unavailable),
        }
    }
}

fn unchanged(response: ControlResponse) -> Outcome<ControlResponse> {
    (Vec::new(), response)
}

fn map<R>(
    (records, response): Outcome<R>,
    wrap: impl FnOnce(R) -> ControlResponse,
) -> Outcome<ControlResponse> {
    (records, wrap(response))
}
