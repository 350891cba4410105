//! The APIs of Kafka 4.3: key, versions, the version from which the flexible encoding is used,
//! the listeners that serve it and whether a broker forwards it. Pure data.

use std::fmt;

/// The versions of an API, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionRange {
    pub min: i16,
    pub max: i16,
}

impl VersionRange {
    /// True when the version lies in the range.
    pub const fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }
}

/// Which kinds of listener serve an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listeners {
    pub broker: bool,
    pub controller: bool,
}

/// The facts of one API.
#[derive(Debug, Clone, Copy)]
struct Facts {
    name: &'static str,
    versions: VersionRange,
    flexible_from: i16,
    listeners: Listeners,
    forwarded: bool,
}

/// Stands for "no version is flexible".
const NEVER: i16 = i16::MAX;

macro_rules! api_keys {
    ($($code:literal $key:ident $min:literal..=$max:literal $flexible:tt $listeners:ident $routing:ident,)*) => {
        /// An API of the Kafka protocol.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(i16)]
        pub enum ApiKey {
            $($key = $code,)*
        }

        impl ApiKey {
            /// Every API, in ascending order of its key.
            pub const ALL: &[Self] = &[$(Self::$key),*];

            /// The API with this key, if Kafka 4.3 has one.
            pub const fn from_code(code: i16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$key),)*
                    _ => None,
                }
            }

            const fn facts(self) -> Facts {
                match self {
                    $(Self::$key => Facts {
                        name: stringify!($key),
                        versions: VersionRange { min: $min, max: $max },
                        flexible_from: $flexible,
                        listeners: api_keys!(@$listeners),
                        forwarded: api_keys!(@$routing),
                    },)*
                }
            }
        }
    };
    (@broker) => { Listeners { broker: true, controller: false } };
    (@controller) => { Listeners { broker: false, controller: true } };
    (@both) => { Listeners { broker: true, controller: true } };
    (@local) => { false };
    (@forward) => { true };
}

// key, name, versions, flexible from, listeners, handled by the broker itself or forwarded
api_keys! {
    0 Produce 3..=13 9 broker local,
    1 Fetch 4..=18 12 both local,
    2 ListOffsets 1..=11 6 broker local,
    3 Metadata 0..=13 9 broker local,
    8 OffsetCommit 2..=10 8 broker local,
    9 OffsetFetch 1..=10 6 broker local,
    10 FindCoordinator 0..=6 3 broker local,
    11 JoinGroup 0..=9 6 broker local,
    12 Heartbeat 0..=4 4 broker local,
    13 LeaveGroup 0..=5 4 broker local,
    14 SyncGroup 0..=5 4 broker local,
    15 DescribeGroups 0..=6 5 broker local,
    16 ListGroups 0..=5 3 broker local,
    17 SaslHandshake 0..=1 NEVER both local,
    18 ApiVersions 0..=4 3 both local,
    19 CreateTopics 2..=7 5 both forward,
    20 DeleteTopics 1..=6 4 both forward,
    21 DeleteRecords 0..=2 2 broker local,
    22 InitProducerId 0..=5 2 broker local,
    23 OffsetForLeaderEpoch 2..=4 4 broker local,
    24 AddPartitionsToTxn 0..=5 3 broker local,
    25 AddOffsetsToTxn 0..=4 3 broker local,
    26 EndTxn 0..=5 3 broker local,
    27 WriteTxnMarkers 1..=2 1 broker local,
    28 TxnOffsetCommit 0..=5 3 broker local,
    29 DescribeAcls 1..=3 2 both local,
    30 CreateAcls 1..=3 2 both forward,
    31 DeleteAcls 1..=3 2 both forward,
    32 DescribeConfigs 1..=4 4 both local,
    33 AlterConfigs 0..=2 2 both forward,
    34 AlterReplicaLogDirs 1..=2 2 broker local,
    35 DescribeLogDirs 1..=5 2 broker local,
    36 SaslAuthenticate 0..=2 2 both local,
    37 CreatePartitions 0..=3 2 both forward,
    38 CreateDelegationToken 1..=3 2 both forward,
    39 RenewDelegationToken 1..=2 2 both forward,
    40 ExpireDelegationToken 1..=2 2 both forward,
    41 DescribeDelegationToken 1..=3 2 both local,
    42 DeleteGroups 0..=2 2 broker local,
    43 ElectLeaders 0..=2 2 both forward,
    44 IncrementalAlterConfigs 0..=1 1 both forward,
    45 AlterPartitionReassignments 0..=1 0 both forward,
    46 ListPartitionReassignments 0..=0 0 both forward,
    47 OffsetDelete 0..=0 NEVER broker local,
    48 DescribeClientQuotas 0..=1 1 broker local,
    49 AlterClientQuotas 0..=1 1 both forward,
    50 DescribeUserScramCredentials 0..=0 0 both local,
    51 AlterUserScramCredentials 0..=0 0 both forward,
    52 Vote 0..=2 0 controller local,
    53 BeginQuorumEpoch 0..=1 1 controller local,
    54 EndQuorumEpoch 0..=1 1 controller local,
    55 DescribeQuorum 0..=2 0 both forward,
    56 AlterPartition 2..=3 0 controller local,
    57 UpdateFeatures 0..=2 0 both forward,
    58 Envelope 0..=0 0 controller local,
    59 FetchSnapshot 0..=1 0 controller local,
    60 DescribeCluster 0..=2 0 both local,
    61 DescribeProducers 0..=0 0 broker local,
    62 BrokerRegistration 0..=4 0 controller local,
    63 BrokerHeartbeat 0..=2 0 controller local,
    64 UnregisterBroker 0..=0 0 both forward,
    65 DescribeTransactions 0..=0 0 broker local,
    66 ListTransactions 0..=2 0 broker local,
    67 AllocateProducerIds 0..=0 0 controller forward,
    68 ConsumerGroupHeartbeat 0..=1 0 broker local,
    69 ConsumerGroupDescribe 0..=1 0 broker local,
    70 ControllerRegistration 0..=0 0 controller local,
    71 GetTelemetrySubscriptions 0..=0 0 broker local,
    72 PushTelemetry 0..=0 0 broker local,
    73 AssignReplicasToDirs 0..=0 0 controller local,
    74 ListConfigResources 0..=1 0 broker local,
    75 DescribeTopicPartitions 0..=0 0 broker local,
    76 ShareGroupHeartbeat 1..=1 0 broker local,
    77 ShareGroupDescribe 1..=1 0 broker local,
    78 ShareFetch 1..=2 0 broker local,
    79 ShareAcknowledge 1..=2 0 broker local,
    80 AddRaftVoter 0..=1 0 both forward,
    81 RemoveRaftVoter 0..=0 0 both forward,
    82 UpdateRaftVoter 0..=0 0 controller local,
    83 InitializeShareGroupState 0..=0 0 broker local,
    84 ReadShareGroupState 0..=0 0 broker local,
    85 WriteShareGroupState 0..=1 0 broker local,
    86 DeleteShareGroupState 0..=0 0 broker local,
    87 ReadShareGroupStateSummary 0..=1 0 broker local,
    88 StreamsGroupHeartbeat 0..=0 0 broker local,
    89 StreamsGroupDescribe 0..=0 0 broker local,
    90 DescribeShareGroupOffsets 0..=1 0 broker local,
    91 AlterShareGroupOffsets 0..=0 0 broker local,
    92 DeleteShareGroupOffsets 0..=0 0 broker local,
}

impl ApiKey {
    /// The number on the wire.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// Kafka's name of the API.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The versions that are served. `InitProducerId` 6 is left out: Kafka marks it unstable.
    pub const fn versions(self) -> VersionRange {
        self.facts().versions
    }

    /// The versions that `ApiVersions` names. Produce starts at 0 there, because librdkafka takes
    /// a higher start as "no compression but the oldest"; the versions below 3 are still refused.
    pub const fn advertised_versions(self) -> VersionRange {
        let VersionRange { min, max } = self.versions();
        let min = if matches!(self, Self::Produce) {
            0
        } else {
            min
        };
        VersionRange { min, max }
    }

    /// The first version with the flexible encoding, or none.
    pub const fn flexible_from(self) -> Option<i16> {
        match self.facts().flexible_from {
            NEVER => None,
            version => Some(version),
        }
    }

    /// True when this version of the API uses compact lengths and tagged fields.
    pub const fn is_flexible(self, version: i16) -> bool {
        version >= self.facts().flexible_from
    }

    /// 2 for flexible versions, else 1.
    pub const fn request_header_version(self, version: i16) -> i16 {
        if self.is_flexible(version) { 2 } else { 1 }
    }

    /// 1 for flexible versions, else 0. `ApiVersions` always answers with 0, so that a client can
    /// read the answer before it knows what the broker speaks.
    pub const fn response_header_version(self, version: i16) -> i16 {
        if self.is_flexible(version) && !matches!(self, Self::ApiVersions) {
            1
        } else {
            0
        }
    }

    /// The listeners that serve the API.
    pub const fn listeners(self) -> Listeners {
        self.facts().listeners
    }

    /// True when a broker hands the request to the active controller.
    pub const fn is_forwarded(self) -> bool {
        self.facts().forwarded
    }
}

impl From<ApiKey> for i16 {
    fn from(key: ApiKey) -> Self {
        key.code()
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{ApiKey, VersionRange};

    #[test]
    fn keys_convert_both_ways() {
        for key in ApiKey::ALL {
            assert_eq!(ApiKey::from_code(key.code()), Some(*key));
        }
        for code in [-1, 4, 7, 93, 9999, i16::MAX, i16::MIN] {
            assert_eq!(ApiKey::from_code(code), None);
        }
    }

    #[test]
    fn header_versions_follow_the_flexible_version() {
        assert_eq!(ApiKey::Produce.request_header_version(8), 1);
        assert_eq!(ApiKey::Produce.request_header_version(9), 2);
        assert_eq!(ApiKey::Produce.response_header_version(9), 1);
        assert_eq!(ApiKey::ApiVersions.request_header_version(3), 2);
        assert_eq!(ApiKey::ApiVersions.response_header_version(4), 0);
        assert_eq!(ApiKey::SaslHandshake.request_header_version(1), 1);
        assert_eq!(ApiKey::SaslHandshake.flexible_from(), None);
    }

    #[test]
    fn produce_is_advertised_from_zero_but_served_from_three() {
        assert_eq!(
            ApiKey::Produce.advertised_versions(),
            VersionRange { min: 0, max: 13 }
        );
        assert!(!ApiKey::Produce.versions().contains(2));
    }
}
