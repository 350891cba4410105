//! Kafka's error codes, as of 4.3: number, name, whether a client may simply try again, and a
//! short text of our own. Pure data.

use std::fmt;

macro_rules! error_codes {
    ($($(#[$mark:ident])? $code:literal $variant:ident $name:literal $retry:ident $message:literal,)*) => {
        /// The outcome of a request or of one item in it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        #[repr(i16)]
        pub enum ErrorCode {
            $(
                #[doc = $message]
                $(#[$mark])?
                $variant = $code,
            )*
        }

        impl ErrorCode {
            /// Every code, in ascending order of its number.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The code with this number, if Kafka 4.3 has one.
            pub const fn from_code(code: i16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// Kafka's constant name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What the code says, for error messages and logs.
            pub const fn message(self) -> &'static str {
                match self {
                    $(Self::$variant => $message,)*
                }
            }

            /// True when clients may repeat the request as it was.
            pub const fn is_retriable(self) -> bool {
                match self {
                    $(Self::$variant => error_codes!(@$retry),)*
                }
            }
        }
    };
    (@retry) => { true };
    (@final) => { false };
}

error_codes! {
    -1 UnknownServerError "UNKNOWN_SERVER_ERROR" final "unexpected failure inside the broker",
    #[default] 0 None "NONE" final "no error",
    1 OffsetOutOfRange "OFFSET_OUT_OF_RANGE" final "offset outside the range that the log holds",
    2 CorruptMessage "CORRUPT_MESSAGE" retry "record batch is damaged or breaks the format's rules",
    3 UnknownTopicOrPartition "UNKNOWN_TOPIC_OR_PARTITION" retry "topic or partition does not exist on this broker",
    4 InvalidFetchSize "INVALID_FETCH_SIZE" final "fetch size is not usable",
    5 LeaderNotAvailable "LEADER_NOT_AVAILABLE" retry "partition has no leader at the moment",
    6 NotLeaderOrFollower "NOT_LEADER_OR_FOLLOWER" retry "this broker does not lead or follow the partition",
    7 RequestTimedOut "REQUEST_TIMED_OUT" retry "request was not finished within its time limit",
    8 BrokerNotAvailable "BROKER_NOT_AVAILABLE" final "broker is not available",
    9 ReplicaNotAvailable "REPLICA_NOT_AVAILABLE" retry "replica is not available",
    10 MessageTooLarge "MESSAGE_TOO_LARGE" final "request holds a batch above the topic's size limit",
    11 StaleControllerEpoch "STALE_CONTROLLER_EPOCH" final "controller moved to a newer epoch",
    12 OffsetMetadataTooLarge "OFFSET_METADATA_TOO_LARGE" final "offset metadata text is too long",
    13 NetworkException "NETWORK_EXCEPTION" retry "connection broke before a response came",
    14 CoordinatorLoadInProgress "COORDINATOR_LOAD_IN_PROGRESS" retry "coordinator is still loading its state",
    15 CoordinatorNotAvailable "COORDINATOR_NOT_AVAILABLE" retry "coordinator is not available",
    16 NotCoordinator "NOT_COORDINATOR" retry "this broker does not coordinate the group or transaction",
    17 InvalidTopicException "INVALID_TOPIC_EXCEPTION" final "topic name is not allowed",
    18 RecordListTooLarge "RECORD_LIST_TOO_LARGE" final "record list exceeds the size limit of a segment",
    19 NotEnoughReplicas "NOT_ENOUGH_REPLICAS" retry "fewer replicas in sync than required",
    20 NotEnoughReplicasAfterAppend "NOT_ENOUGH_REPLICAS_AFTER_APPEND" retry "batch was written, but too few replicas were in sync",
    21 InvalidRequiredAcks "INVALID_REQUIRED_ACKS" final "acks must be -1, 0 or 1",
    22 IllegalGeneration "ILLEGAL_GENERATION" final "generation is not the group's current one",
    23 InconsistentGroupProtocol "INCONSISTENT_GROUP_PROTOCOL" final "member's protocols do not fit the group's",
    24 InvalidGroupId "INVALID_GROUP_ID" final "group id is not allowed",
    25 UnknownMemberId "UNKNOWN_MEMBER_ID" final "member is not known to the group",
    26 InvalidSessionTimeout "INVALID_SESSION_TIMEOUT" final "session timeout is outside the allowed range",
    27 RebalanceInProgress "REBALANCE_IN_PROGRESS" final "group is rebalancing, join again",
    28 InvalidCommitOffsetSize "INVALID_COMMIT_OFFSET_SIZE" final "offset commit is too large",
    29 TopicAuthorizationFailed "TOPIC_AUTHORIZATION_FAILED" final "no permission on the topic",
    30 GroupAuthorizationFailed "GROUP_AUTHORIZATION_FAILED" final "no permission on the group",
    31 ClusterAuthorizationFailed "CLUSTER_AUTHORIZATION_FAILED" final "no permission on the cluster",
    32 InvalidTimestamp "INVALID_TIMESTAMP" final "timestamp is outside the allowed range",
    33 UnsupportedSaslMechanism "UNSUPPORTED_SASL_MECHANISM" final "SASL mechanism is not enabled",
    34 IllegalSaslState "ILLEGAL_SASL_STATE" final "request does not fit the state of the SASL exchange",
    35 UnsupportedVersion "UNSUPPORTED_VERSION" final "version of the API is not supported",
    36 TopicAlreadyExists "TOPIC_ALREADY_EXISTS" final "topic exists already",
    37 InvalidPartitions "INVALID_PARTITIONS" final "number of partitions is not allowed",
    38 InvalidReplicationFactor "INVALID_REPLICATION_FACTOR" final "replication factor is not allowed",
    39 InvalidReplicaAssignment "INVALID_REPLICA_ASSIGNMENT" final "replica assignment is not allowed",
    40 InvalidConfig "INVALID_CONFIG" final "configuration is not allowed",
    41 NotController "NOT_CONTROLLER" retry "this broker is not the active controller",
    42 InvalidRequest "INVALID_REQUEST" final "request is malformed or contradicts itself",
    43 UnsupportedForMessageFormat "UNSUPPORTED_FOR_MESSAGE_FORMAT" final "record format does not support the operation",
    44 PolicyViolation "POLICY_VIOLATION" final "request breaks a policy",
    45 OutOfOrderSequenceNumber "OUT_OF_ORDER_SEQUENCE_NUMBER" final "sequence number is not the next expected one",
    46 DuplicateSequenceNumber "DUPLICATE_SEQUENCE_NUMBER" final "sequence number was appended before",
    47 InvalidProducerEpoch "INVALID_PRODUCER_EPOCH" final "producer epoch is older than the current one",
    48 InvalidTxnState "INVALID_TXN_STATE" final "transaction's state does not allow the operation",
    49 InvalidProducerIdMapping "INVALID_PRODUCER_ID_MAPPING" final "producer id does not belong to the transactional id",
    50 InvalidTransactionTimeout "INVALID_TRANSACTION_TIMEOUT" final "transaction timeout is above the allowed maximum",
    51 ConcurrentTransactions "CONCURRENT_TRANSACTIONS" retry "another operation of the transaction is still running",
    52 TransactionCoordinatorFenced "TRANSACTION_COORDINATOR_FENCED" final "transaction coordinator was replaced by a newer one",
    53 TransactionalIdAuthorizationFailed "TRANSACTIONAL_ID_AUTHORIZATION_FAILED" final "no permission on the transactional id",
    54 SecurityDisabled "SECURITY_DISABLED" final "security features are disabled",
    55 OperationNotAttempted "OPERATION_NOT_ATTEMPTED" final "operation was not attempted, an earlier one failed",
    56 KafkaStorageError "KAFKA_STORAGE_ERROR" retry "log storage failed",
    57 LogDirNotFound "LOG_DIR_NOT_FOUND" final "log directory is not known",
    58 SaslAuthenticationFailed "SASL_AUTHENTICATION_FAILED" final "SASL authentication failed",
    59 UnknownProducerId "UNKNOWN_PRODUCER_ID" final "producer id has no state in this partition",
    60 ReassignmentInProgress "REASSIGNMENT_IN_PROGRESS" final "partition is being reassigned",
    61 DelegationTokenAuthDisabled "DELEGATION_TOKEN_AUTH_DISABLED" final "delegation tokens are disabled",
    62 DelegationTokenNotFound "DELEGATION_TOKEN_NOT_FOUND" final "delegation token does not exist",
    63 DelegationTokenOwnerMismatch "DELEGATION_TOKEN_OWNER_MISMATCH" final "delegation token belongs to another principal",
    64 DelegationTokenRequestNotAllowed "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED" final "delegation token requests are not allowed on this connection",
    65 DelegationTokenAuthorizationFailed "DELEGATION_TOKEN_AUTHORIZATION_FAILED" final "no permission on the delegation token",
    66 DelegationTokenExpired "DELEGATION_TOKEN_EXPIRED" final "delegation token has expired",
    67 InvalidPrincipalType "INVALID_PRINCIPAL_TYPE" final "principal type is not supported",
    68 NonEmptyGroup "NON_EMPTY_GROUP" final "group still has members",
    69 GroupIdNotFound "GROUP_ID_NOT_FOUND" final "group does not exist",
    70 FetchSessionIdNotFound "FETCH_SESSION_ID_NOT_FOUND" retry "fetch session does not exist",
    71 InvalidFetchSessionEpoch "INVALID_FETCH_SESSION_EPOCH" retry "fetch session epoch is not the expected one",
    72 ListenerNotFound "LISTENER_NOT_FOUND" retry "leader has no listener of the requested name",
    73 TopicDeletionDisabled "TOPIC_DELETION_DISABLED" final "topic deletion is disabled",
    74 FencedLeaderEpoch "FENCED_LEADER_EPOCH" retry "leader epoch is older than the broker's",
    75 UnknownLeaderEpoch "UNKNOWN_LEADER_EPOCH" retry "leader epoch is newer than the broker's",
    76 UnsupportedCompressionType "UNSUPPORTED_COMPRESSION_TYPE" final "compression type is not supported by this version",
    77 StaleBrokerEpoch "STALE_BROKER_EPOCH" final "broker epoch is not the current one",
    78 OffsetNotAvailable "OFFSET_NOT_AVAILABLE" retry "offset is not yet available on the new leader",
    79 MemberIdRequired "MEMBER_ID_REQUIRED" final "join again with the assigned member id",
    80 PreferredLeaderNotAvailable "PREFERRED_LEADER_NOT_AVAILABLE" retry "preferred leader is not available",
    81 GroupMaxSizeReached "GROUP_MAX_SIZE_REACHED" final "group has reached its maximum size",
    82 FencedInstanceId "FENCED_INSTANCE_ID" final "another member took over the static instance id",
    83 EligibleLeadersNotAvailable "ELIGIBLE_LEADERS_NOT_AVAILABLE" retry "no eligible leader is available",
    84 ElectionNotNeeded "ELECTION_NOT_NEEDED" retry "leader election is not needed",
    85 NoReassignmentInProgress "NO_REASSIGNMENT_IN_PROGRESS" final "no reassignment is in progress",
    86 GroupSubscribedToTopic "GROUP_SUBSCRIBED_TO_TOPIC" final "group still subscribes to the topic",
    87 InvalidRecord "INVALID_RECORD" final "record breaks the format's or the topic's rules",
    88 UnstableOffsetCommit "UNSTABLE_OFFSET_COMMIT" retry "unstable offsets prevent the answer",
    89 ThrottlingQuotaExceeded "THROTTLING_QUOTA_EXCEEDED" retry "quota was exceeded, try again later",
    90 ProducerFenced "PRODUCER_FENCED" final "a newer producer took over the transactional id",
    91 ResourceNotFound "RESOURCE_NOT_FOUND" final "resource does not exist",
    92 DuplicateResource "DUPLICATE_RESOURCE" final "resource exists already or is named twice",
    93 UnacceptableCredential "UNACCEPTABLE_CREDENTIAL" final "credential does not meet the rules",
    94 InconsistentVoterSet "INCONSISTENT_VOTER_SET" final "voter sets of sender and receiver differ",
    95 InvalidUpdateVersion "INVALID_UPDATE_VERSION" final "update version is not allowed",
    96 FeatureUpdateFailed "FEATURE_UPDATE_FAILED" final "feature update failed",
    97 PrincipalDeserializationFailure "PRINCIPAL_DESERIALIZATION_FAILURE" final "forwarded principal could not be decoded",
    98 SnapshotNotFound "SNAPSHOT_NOT_FOUND" final "snapshot does not exist",
    99 PositionOutOfRange "POSITION_OUT_OF_RANGE" final "position is beyond the snapshot",
    100 UnknownTopicId "UNKNOWN_TOPIC_ID" retry "topic id does not exist on this broker",
    101 DuplicateBrokerRegistration "DUPLICATE_BROKER_REGISTRATION" final "another broker is registered under this id",
    102 BrokerIdNotRegistered "BROKER_ID_NOT_REGISTERED" final "broker is not registered",
    103 InconsistentTopicId "INCONSISTENT_TOPIC_ID" retry "topic id in the request and in the log differ",
    104 InconsistentClusterId "INCONSISTENT_CLUSTER_ID" final "cluster id differs from this cluster's",
    105 TransactionalIdNotFound "TRANSACTIONAL_ID_NOT_FOUND" final "transactional id does not exist",
    106 FetchSessionTopicIdError "FETCH_SESSION_TOPIC_ID_ERROR" retry "topic ids do not fit the fetch session",
    107 IneligibleReplica "INELIGIBLE_REPLICA" final "replica may not join the in-sync set",
    108 NewLeaderElected "NEW_LEADER_ELECTED" final "a new leader was elected by this change",
    109 OffsetMovedToTieredStorage "OFFSET_MOVED_TO_TIERED_STORAGE" final "offset has moved to tiered storage",
    110 FencedMemberEpoch "FENCED_MEMBER_EPOCH" final "member epoch is fenced, join again",
    111 UnreleasedInstanceId "UNRELEASED_INSTANCE_ID" final "static instance id is still in use",
    112 UnsupportedAssignor "UNSUPPORTED_ASSIGNOR" final "assignor is not supported",
    113 StaleMemberEpoch "STALE_MEMBER_EPOCH" final "member epoch is behind the current one",
    114 MismatchedEndpointType "MISMATCHED_ENDPOINT_TYPE" final "endpoint type differs from the expected one",
    115 UnsupportedEndpointType "UNSUPPORTED_ENDPOINT_TYPE" final "endpoint type is not supported",
    116 UnknownControllerId "UNKNOWN_CONTROLLER_ID" final "controller id is not known",
    117 UnknownSubscriptionId "UNKNOWN_SUBSCRIPTION_ID" final "telemetry subscription id is not known",
    118 TelemetryTooLarge "TELEMETRY_TOO_LARGE" final "telemetry payload is too large",
    119 InvalidRegistration "INVALID_REGISTRATION" final "registration is not allowed",
    120 TransactionAbortable "TRANSACTION_ABORTABLE" final "transaction must be aborted",
    121 InvalidRecordState "INVALID_RECORD_STATE" final "record is not in the state that the acknowledgement needs",
    122 ShareSessionNotFound "SHARE_SESSION_NOT_FOUND" retry "share session does not exist",
    123 InvalidShareSessionEpoch "INVALID_SHARE_SESSION_EPOCH" retry "share session epoch is not the expected one",
    124 FencedStateEpoch "FENCED_STATE_EPOCH" final "share state epoch is fenced",
    125 InvalidVoterKey "INVALID_VOTER_KEY" final "voter's key differs from the registered one",
    126 DuplicateVoter "DUPLICATE_VOTER" final "voter is in the set already",
    127 VoterNotFound "VOTER_NOT_FOUND" final "voter is not in the set",
    128 InvalidRegularExpression "INVALID_REGULAR_EXPRESSION" final "regular expression is not valid",
    129 RebootstrapRequired "REBOOTSTRAP_REQUIRED" final "client metadata is out of date, bootstrap again",
    130 StreamsInvalidTopology "STREAMS_INVALID_TOPOLOGY" final "streams topology is not valid",
    131 StreamsInvalidTopologyEpoch "STREAMS_INVALID_TOPOLOGY_EPOCH" final "streams topology epoch is not valid",
    132 StreamsTopologyFenced "STREAMS_TOPOLOGY_FENCED" final "streams topology epoch is fenced",
    133 ShareSessionLimitReached "SHARE_SESSION_LIMIT_REACHED" retry "share sessions have reached their limit",
}

impl ErrorCode {
    /// The number on the wire.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// True for `NONE`.
    pub const fn is_none(self) -> bool {
        matches!(self, Self::None)
    }
}

impl From<ErrorCode> for i16 {
    fn from(error: ErrorCode) -> Self {
        error.code()
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorCode;

    #[test]
    fn codes_are_dense_and_convert_both_ways() {
        for (code, error) in (-1..).zip(ErrorCode::ALL) {
            assert_eq!(error.code(), code);
            assert_eq!(ErrorCode::from_code(code), Some(*error));
        }
        assert_eq!(ErrorCode::ALL.len(), 135);
        assert_eq!(ErrorCode::from_code(134), None);
        assert_eq!(ErrorCode::from_code(-2), None);
        assert_eq!(ErrorCode::default(), ErrorCode::None);
    }

    #[test]
    fn names_are_kafkas() {
        assert_eq!(
            ErrorCode::NotLeaderOrFollower.to_string(),
            "NOT_LEADER_OR_FOLLOWER"
        );
        assert!(ErrorCode::NotLeaderOrFollower.is_retriable());
        assert!(!ErrorCode::ProducerFenced.is_retriable());
    }
}
