//! The APIs this broker serves: the table, and the step from a frame to its answer.
//!
//! Second step of both walks. One file an API; admin requests that change the cluster's metadata
//! share one, because all they do is go to the controller. A request whose header or body cannot
//! be read closes the connection, as Kafka does; an unknown `ApiVersions` version is answered.

pub(crate) mod acls;
pub(crate) mod add_offsets_to_txn;
pub(crate) mod add_partitions_to_txn;
pub(crate) mod admin;
pub(crate) mod api_versions;
pub(crate) mod consumer_group_describe;
pub(crate) mod consumer_group_heartbeat;
pub(crate) mod delegation_tokens;
pub(crate) mod delete_groups;
pub(crate) mod delete_records;
pub(crate) mod describe;
pub(crate) mod describe_groups;
pub(crate) mod describe_producers;
pub(crate) mod describe_transactions;
pub(crate) mod elect_leaders;
pub(crate) mod end_txn;
pub(crate) mod fetch;
pub(crate) mod fetch_session;
pub(crate) mod find_coordinator;
pub(crate) mod heartbeat;
pub(crate) mod incremental_alter_configs;
pub(crate) mod init_producer_id;
pub(crate) mod join_group;
pub(crate) mod leave_group;
pub(crate) mod list_config_resources;
pub(crate) mod list_groups;
pub(crate) mod list_offsets;
pub(crate) mod list_transactions;
pub(crate) mod log_dirs;
pub(crate) mod metadata;
pub(crate) mod offset_commit;
pub(crate) mod offset_delete;
pub(crate) mod offset_fetch;
pub(crate) mod offset_for_leader_epoch;
pub(crate) mod partition_reassignments;
pub(crate) mod produce;
pub(crate) mod sasl;
pub(crate) mod sync_group;
pub(crate) mod telemetry;
mod transactional;
pub(crate) mod txn_offset_commit;
pub(crate) mod write_txn_markers;

use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use protocol::api_key::ApiKey;
use protocol::codec::{DecodeError, Reader, Request};
use protocol::frame::RequestHeader;

use crate::metadata::describe_topics::DescribeContext;
use crate::net::connection::Connection;
use crate::net::frames::Frame;
use crate::net::response::Response;
use crate::shard::budget::Permit;
use crate::shard::request_memory::Charge;

/// Every API served, in key order: what `ApiVersions` says.
pub(crate) const SERVED: &[ApiKey] = &[
    ApiKey::Produce,
    ApiKey::Fetch,
    ApiKey::ListOffsets,
    ApiKey::Metadata,
    ApiKey::OffsetCommit,
    ApiKey::OffsetFetch,
    ApiKey::FindCoordinator,
    ApiKey::JoinGroup,
    ApiKey::Heartbeat,
    ApiKey::LeaveGroup,
    ApiKey::SyncGroup,
    ApiKey::DescribeGroups,
    ApiKey::ListGroups,
    ApiKey::SaslHandshake,
    ApiKey::ApiVersions,
    ApiKey::CreateTopics,
    ApiKey::DeleteTopics,
    ApiKey::DeleteRecords,
    ApiKey::InitProducerId,
    ApiKey::OffsetForLeaderEpoch,
    ApiKey::AddPartitionsToTxn,
    ApiKey::AddOffsetsToTxn,
    ApiKey::EndTxn,
    ApiKey::WriteTxnMarkers,
    ApiKey::TxnOffsetCommit,
    ApiKey::DescribeAcls,
    ApiKey::CreateAcls,
    ApiKey::DeleteAcls,
    ApiKey::DescribeConfigs,
    ApiKey::AlterConfigs,
    ApiKey::AlterReplicaLogDirs,
    ApiKey::DescribeLogDirs,
    ApiKey::SaslAuthenticate,
    ApiKey::CreatePartitions,
    ApiKey::CreateDelegationToken,
    ApiKey::RenewDelegationToken,
    ApiKey::ExpireDelegationToken,
    ApiKey::DescribeDelegationToken,
    ApiKey::DeleteGroups,
    ApiKey::ElectLeaders,
    ApiKey::IncrementalAlterConfigs,
    ApiKey::AlterPartitionReassignments,
    ApiKey::ListPartitionReassignments,
    ApiKey::OffsetDelete,
    ApiKey::DescribeClientQuotas,
    ApiKey::AlterClientQuotas,
    ApiKey::DescribeUserScramCredentials,
    ApiKey::AlterUserScramCredentials,
    ApiKey::DescribeQuorum,
    ApiKey::UpdateFeatures,
    ApiKey::DescribeCluster,
    ApiKey::DescribeProducers,
    ApiKey::UnregisterBroker,
    ApiKey::DescribeTransactions,
    ApiKey::ListTransactions,
    ApiKey::ConsumerGroupHeartbeat,
    ApiKey::ConsumerGroupDescribe,
    ApiKey::GetTelemetrySubscriptions,
    ApiKey::PushTelemetry,
    ApiKey::ListConfigResources,
    ApiKey::DescribeTopicPartitions,
    ApiKey::AddRaftVoter,
    ApiKey::RemoveRaftVoter,
];

/// The answer to a request: there, or still to come while later requests are read.
pub(crate) enum Answer {
    Ready(Outcome),
    Pending {
        outcome: Pin<Box<dyn Future<Output = Outcome>>>,
        /// What it holds beside the request memory that it was charged for.
        held_bytes: usize,
    },
}

impl Answer {
    /// The memory that it holds until it is sent.
    pub(crate) fn held_bytes(&self) -> usize {
        match self {
            Self::Ready(Outcome::Respond(response)) => response.held_bytes(),
            Self::Ready(Outcome::Silence | Outcome::Close(_)) => 0,
            Self::Pending { held_bytes, .. } => *held_bytes,
        }
    }
}

/// What happens on the wire.
pub(crate) enum Outcome {
    Respond(Response),
    /// A produce with `acks=0` is never answered.
    Silence,
    /// Also the answer to a failed `acks=0`.
    Close(CloseReason),
}

/// Why the broker closes a connection instead of answering.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CloseReason {
    #[error("api key {key} version {version} is not served here")]
    NotServed { key: i16, version: i16 },
    #[error("cannot read the {what}: {error}")]
    Malformed {
        what: &'static str,
        error: DecodeError,
    },
    #[error("{what} has an element of unknown kind")]
    UnknownKind { what: &'static str },
    #[error("the controller cannot be asked")]
    NoController,
    #[error("a produce with acks=0 failed")]
    UnansweredProduceFailed,
}

/// A request on its way through the broker.
pub(crate) struct Call {
    pub(crate) connection: Rc<Connection>,
    pub(crate) key: ApiKey,
    pub(crate) header: RequestHeader,
    pub(crate) body: Bytes,
    /// The request memory; given back when the answer is made.
    memory: Option<Charge>,
    /// What the decoded request may take beyond its bytes.
    decoded: Option<Permit>,
}

impl Call {
    /// The body as a generated message.
    pub(crate) fn request<R: Request>(&self) -> Result<R, CloseReason> {
        let mut reader = Reader::new(self.body.clone());
        R::decode(&mut reader, self.header.api_version).map_err(|error| self.malformed(error))
    }

    /// That the body is a request; for an answer that does not depend on what it says.
    pub(crate) fn check<R: Request>(&self) -> Result<(), CloseReason> {
        self.request::<R>().map(drop)
    }

    /// Gives up the body and the memory that it was charged for; a request that waits long does.
    pub(crate) fn let_go_of_body(&mut self) {
        self.body = Bytes::new();
        self.memory = None;
        self.decoded = None;
    }

    pub(crate) fn malformed(&self, error: DecodeError) -> CloseReason {
        CloseReason::Malformed {
            what: self.key.name(),
            error,
        }
    }

    /// What the descriptions of cluster, topics and settings depend on beside the image.
    pub(crate) fn describe_context(&self) -> DescribeContext<'_> {
        let shard = &self.connection.shard;
        DescribeContext {
            listener: &shard.settings.listeners[self.connection.listener]
                .endpoint
                .name,
            node_id: shard.settings.node_id,
            catalog: &shard.catalog,
        }
    }

    /// The answer with this body.
    pub(crate) fn respond<M: protocol::codec::Message>(&self, body: &M) -> Outcome {
        Outcome::Respond(Response::of(self.key, &self.header, body))
    }
}

/// Answers one request. Returns as soon as the connection's next request may be taken up: for
/// `Produce` when the records are appended, for `Fetch`, `JoinGroup` and `SyncGroup` at once, for
/// all others when answered.
///
/// # Errors
/// The connection must be closed.
pub(crate) async fn answer(
    connection: &Rc<Connection>,
    frame: Frame,
) -> Result<Answer, CloseReason> {
    let mut reader = Reader::new(frame.bytes);
    let header = RequestHeader::decode(&mut reader).map_err(not_a_header)?;
    let key = served(&header)?;
    let body = reader.rest();
    // Produce and Fetch decode into little, and Fetch must not hold memory while it waits
    let decoded = if matches!(key, ApiKey::Produce | ApiKey::Fetch) {
        None
    } else {
        Some(connection.shard.request_memory.decoded(body.len()).await)
    };
    let call = Call {
        connection: Rc::clone(connection),
        key,
        header,
        body,
        memory: Some(frame.memory),
        decoded,
    };
    if key == ApiKey::Produce {
        produce::answer(call).await
    } else if key == ApiKey::Fetch {
        fetch::answer(call).await
    } else if key == ApiKey::JoinGroup {
        join_group::answer(call).await
    } else if key == ApiKey::SyncGroup {
        sync_group::answer(call).await
    } else {
        dispatch(call).await.map(Answer::Ready)
    }
}

fn not_a_header(error: DecodeError) -> CloseReason {
    CloseReason::Malformed {
        what: "request header",
        error,
    }
}

fn served(header: &RequestHeader) -> Result<ApiKey, CloseReason> {
    let not_served = CloseReason::NotServed {
        key: header.api_key,
        version: header.api_version,
    };
    let Some(key) = ApiKey::from_code(header.api_key).filter(|key| SERVED.contains(key)) else {
        return Err(not_served);
    };
    let known = key.versions().contains(header.api_version) || key == ApiKey::ApiVersions;
    if known { Ok(key) } else { Err(not_served) }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all keys that are not served end alike"
)]
async fn dispatch(call: Call) -> Result<Outcome, CloseReason> {
    match call.key {
        ApiKey::ListOffsets => list_offsets::answer(call).await,
        ApiKey::Metadata => metadata::answer(call).await,
        ApiKey::OffsetCommit => offset_commit::answer(call).await,
        ApiKey::OffsetFetch => offset_fetch::answer(call).await,
        ApiKey::FindCoordinator => find_coordinator::answer(call).await,
        ApiKey::Heartbeat => heartbeat::answer(call).await,
        ApiKey::LeaveGroup => leave_group::answer(call).await,
        ApiKey::DescribeGroups => describe_groups::answer(call).await,
        ApiKey::ListGroups => list_groups::answer(call).await,
        ApiKey::SaslHandshake => sasl::handshake(&call),
        ApiKey::ApiVersions => api_versions::answer(&call),
        ApiKey::CreateTopics => admin::create_topics(call).await,
        ApiKey::DeleteTopics => admin::delete_topics(call).await,
        ApiKey::DeleteRecords => delete_records::answer(call).await,
        ApiKey::InitProducerId => init_producer_id::answer(call).await,
        ApiKey::OffsetForLeaderEpoch => offset_for_leader_epoch::answer(call).await,
        ApiKey::AddPartitionsToTxn => add_partitions_to_txn::answer(call).await,
        ApiKey::AddOffsetsToTxn => add_offsets_to_txn::answer(call).await,
        ApiKey::EndTxn => end_txn::answer(call).await,
        ApiKey::WriteTxnMarkers => write_txn_markers::answer(call).await,
        ApiKey::TxnOffsetCommit => txn_offset_commit::answer(call).await,
        ApiKey::DescribeAcls => acls::describe(&call),
        ApiKey::CreateAcls => acls::create(&call),
        ApiKey::DeleteAcls => acls::delete(&call),
        ApiKey::DescribeConfigs => describe::configs(call).await,
        ApiKey::AlterConfigs => admin::alter_configs(call).await,
        ApiKey::AlterReplicaLogDirs => log_dirs::alter(&call),
        ApiKey::DescribeLogDirs => log_dirs::describe(call).await,
        ApiKey::SaslAuthenticate => sasl::authenticate(&call),
        ApiKey::CreatePartitions => admin::create_partitions(call).await,
        ApiKey::CreateDelegationToken => delegation_tokens::create(&call),
        ApiKey::RenewDelegationToken => delegation_tokens::renew(&call),
        ApiKey::ExpireDelegationToken => delegation_tokens::expire(&call),
        ApiKey::DescribeDelegationToken => delegation_tokens::describe(&call),
        ApiKey::DeleteGroups => delete_groups::answer(call).await,
        ApiKey::ElectLeaders => elect_leaders::answer(&call),
        ApiKey::IncrementalAlterConfigs => incremental_alter_configs::answer(call).await,
        ApiKey::AlterPartitionReassignments => partition_reassignments::alter(&call),
        ApiKey::ListPartitionReassignments => partition_reassignments::list(&call),
        ApiKey::OffsetDelete => offset_delete::answer(call).await,
        ApiKey::DescribeClientQuotas => describe::client_quotas(&call),
        ApiKey::AlterClientQuotas => admin::alter_client_quotas(call).await,
        ApiKey::DescribeUserScramCredentials => describe::user_scram_credentials(&call),
        ApiKey::AlterUserScramCredentials => admin::alter_user_scram_credentials(call).await,
        ApiKey::DescribeQuorum => admin::describe_quorum(call).await,
        ApiKey::UpdateFeatures => admin::update_features(call).await,
        ApiKey::DescribeCluster => describe::cluster(&call),
        ApiKey::DescribeProducers => describe_producers::answer(call).await,
        ApiKey::UnregisterBroker => admin::unregister_broker(call).await,
        ApiKey::DescribeTransactions => describe_transactions::answer(call).await,
        ApiKey::ListTransactions => list_transactions::answer(call).await,
        ApiKey::ConsumerGroupHeartbeat => consumer_group_heartbeat::answer(call).await,
        ApiKey::ConsumerGroupDescribe => consumer_group_describe::answer(call).await,
        ApiKey::GetTelemetrySubscriptions => telemetry::subscriptions(&call),
        ApiKey::PushTelemetry => telemetry::push(&call),
        ApiKey::ListConfigResources => list_config_resources::answer(&call),
        ApiKey::DescribeTopicPartitions => describe::topic_partitions(&call),
        ApiKey::AddRaftVoter => admin::add_raft_voter(call).await,
        ApiKey::RemoveRaftVoter => admin::remove_raft_voter(call).await,
        _ => {
            let (key, version) = (call.header.api_key, call.header.api_version);
            Err(CloseReason::NotServed { key, version })
        }
    }
}
