//! Settings of one group, and of one client-metrics subscription: resources of their own in
//! `DescribeConfigs` and `IncrementalAlterConfigs`.

use super::{ANY, GROUPS, HONOURED, METRICS, ONE, ZERO, settings};
use crate::config::setting::Range;

settings! { GROUP:
Int "consumer.session.timeout.ms" = "45000", ONE, ClusterWide, HONOURED,
    "How long a member of this consumer group may be silent.";
Int "consumer.heartbeat.interval.ms" = "5000", ONE, ClusterWide, HONOURED,
    "How often members of this consumer group call.";
Int "consumer.assignment.interval.ms" = "1000", ZERO, ClusterWide, HONOURED,
    "How long an assignment of this consumer group stands at least.";
Int "share.session.timeout.ms" = "45000", ONE, ClusterWide, GROUPS,
    "How long a member of this share group may be silent.";
Int "share.heartbeat.interval.ms" = "5000", ONE, ClusterWide, GROUPS,
    "How often members of this share group call.";
Int "share.record.lock.duration.ms" = "30000", Range::AtLeast(1000), ClusterWide, GROUPS,
    "How long a member of this share group may hold a record.";
String "share.auto.offset.reset" = "latest", ANY, ClusterWide, GROUPS,
    "Where this share group starts: latest, earliest, or by_duration:PnDTnHnMn.nS.";
String "share.isolation.level" = "read_uncommitted", Range::OneOf(&["read_committed", "read_uncommitted"]), ClusterWide, GROUPS,
    "Whether this share group sees records of open transactions.";
Int "streams.session.timeout.ms" = "45000", ONE, ClusterWide, GROUPS,
    "How long a member of this streams group may be silent.";
Int "streams.heartbeat.interval.ms" = "5000", ONE, ClusterWide, GROUPS,
    "How often members of this streams group call.";
Int "streams.num.standby.replicas" = "0", ZERO, ClusterWide, GROUPS,
    "Standby copies of this streams group's state.";
Int "streams.initial.rebalance.delay.ms" = "3000", ZERO, ClusterWide, GROUPS,
    "How long this streams group waits for more members when it starts.";
}

settings! { CLIENT_METRICS:
List "metrics" = "", ANY, ClusterWide, METRICS,
    "Prefixes of the client metrics that are asked for.";
Int "interval.ms" = "300000", Range::Between(100, 3_600_000), ClusterWide, METRICS,
    "How often clients send their metrics.";
List "match" = "", ANY, ClusterWide, METRICS,
    "Which clients are asked, as name=pattern.";
}
