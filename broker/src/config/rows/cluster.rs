//! Metadata quorum, metadata log, broker registration and replication.

use super::{ANY, CLUSTERING, HONOURED, JVM_PLUGIN, ONE, THREADS, ZERO, settings};
use crate::config::setting::{Range, Treatment};

const DIAGNOSTICS: Treatment = Treatment::Ignored("diagnosis of the Java controller");
const METADATA_ROLL: Treatment =
    Treatment::Ignored("the metadata log is cut by its snapshots, not by segments");

settings! { CLUSTER:
List "controller.quorum.voters" = "", ANY, ReadOnly, HONOURED,
    "Members of the metadata quorum, as id@host:port; in this version this node alone.";
List "controller.quorum.bootstrap.servers" = "", ANY, ReadOnly, HONOURED,
    "Addresses at which the metadata quorum is found; in this version this node's own.";
Int "controller.quorum.election.timeout.ms" = "1000", ONE, ReadOnly, CLUSTERING,
    "How long a voter waits for a leader before it stands for election.";
Int "controller.quorum.fetch.timeout.ms" = "2000", ONE, ReadOnly, CLUSTERING,
    "How long a leader may be out of reach before another is elected.";
Int "controller.quorum.election.backoff.max.ms" = "1000", ZERO, ReadOnly, CLUSTERING,
    "Longest wait between two elections.";
Int "controller.quorum.append.linger.ms" = "25", ZERO, ReadOnly, Treatment::Ignored("metadata writes are grouped by the disk's own pace"),
    "How long the leader gathers metadata writes.";
Int "controller.quorum.request.timeout.ms" = "2000", ONE, ReadOnly, CLUSTERING,
    "How long a request between voters may take.";
Int "controller.quorum.retry.backoff.ms" = "20", ZERO, ReadOnly, CLUSTERING,
    "Wait before a failed request between voters is sent again.";
Bool "controller.quorum.auto.join.enable" = "false", ANY, ReadOnly, CLUSTERING,
    "A new controller joins the voters by itself.";
Int "controller.socket.timeout.ms" = "30000", ANY, ReadOnly, CLUSTERING,
    "How long a connection to the controller may be silent.";
Long "controller.performance.sample.period.ms" = "60000", Range::AtLeast(100), ReadOnly, DIAGNOSTICS,
    "How often the Java controller reports slow events.";
Long "controller.performance.always.log.threshold.ms" = "2000", ZERO, ReadOnly, DIAGNOSTICS,
    "Events slower than this are always reported by the Java controller.";
Int "initial.broker.registration.timeout.ms" = "60000", ANY, ReadOnly, CLUSTERING,
    "How long a starting broker tries to register.";
Int "broker.heartbeat.interval.ms" = "2000", ANY, ReadOnly, CLUSTERING,
    "How often a broker tells the controller that it lives.";
Int "broker.session.timeout.ms" = "9000", ANY, ReadOnly, CLUSTERING,
    "How long a broker may be silent before it is fenced.";
String "metadata.log.dir" = null, ANY, ReadOnly, HONOURED,
    "Directory of the metadata log; the data directory when not given.";
Long "metadata.log.max.record.bytes.between.snapshots" = "20971520", ONE, ReadOnly, HONOURED,
    "Bytes of metadata records after which a snapshot is taken.";
Long "metadata.log.max.snapshot.interval.ms" = "3600000", ZERO, ReadOnly, Treatment::Ignored("snapshots are taken by size alone: what is read at a start stays small"),
    "Time after which a snapshot is taken when there are new records; 0 switches it off.";
Int "metadata.log.segment.bytes" = "1073741824", Range::AtLeast(8_388_608), ReadOnly, METADATA_ROLL,
    "Size at which the Java broker starts a new metadata segment.";
Long "metadata.log.segment.ms" = "604800000", ANY, ReadOnly, METADATA_ROLL,
    "Age at which the Java broker starts a new metadata segment.";
Long "metadata.max.retention.bytes" = "104857600", ANY, ReadOnly, METADATA_ROLL,
    "Metadata log and snapshots that the Java broker keeps, in bytes.";
Long "metadata.max.retention.ms" = "604800000", ANY, ReadOnly, METADATA_ROLL,
    "How long the Java broker keeps old metadata snapshots.";
Int "metadata.max.idle.interval.ms" = "500", ZERO, ReadOnly, Treatment::Ignored("an idle quorum writes nothing"),
    "How often the Java controller writes a record when idle.";
Int "internal.metadata.log.segment.bytes" = null, ANY, ReadOnly, METADATA_ROLL,
    "For the Java broker's own tests.";
Int "internal.metadata.max.batch.size.in.bytes" = "8388608", ANY, ReadOnly, METADATA_ROLL,
    "For the Java broker's own tests.";
Int "internal.metadata.max.fetch.size.in.bytes" = "8388608", ANY, ReadOnly, METADATA_ROLL,
    "For the Java broker's own tests.";
Long "internal.metadata.delete.delay.millis" = "60000", ANY, ReadOnly, METADATA_ROLL,
    "For the Java broker's own tests.";
Long "replica.lag.time.max.ms" = "30000", ANY, ReadOnly, CLUSTERING,
    "How long a follower may lag before it leaves the in-sync replicas.";
Int "replica.socket.timeout.ms" = "30000", ANY, ReadOnly, CLUSTERING,
    "How long a follower's fetch may take.";
Int "replica.socket.receive.buffer.bytes" = "65536", ANY, ReadOnly, CLUSTERING,
    "Receive buffer of a follower's connection.";
Int "replica.fetch.max.bytes" = "1048576", ZERO, ReadOnly, CLUSTERING,
    "Bytes that a follower fetches of one partition.";
Int "replica.fetch.wait.max.ms" = "500", ANY, ReadOnly, CLUSTERING,
    "How long a follower's fetch may wait at the leader.";
Int "replica.fetch.backoff.ms" = "1000", ZERO, ReadOnly, CLUSTERING,
    "Wait of a follower after a failed fetch.";
Int "replica.fetch.min.bytes" = "1", ANY, ReadOnly, CLUSTERING,
    "Least bytes that a follower's fetch waits for.";
Int "replica.fetch.response.max.bytes" = "10485760", ZERO, ReadOnly, CLUSTERING,
    "Bytes in the answer to one follower's fetch.";
Int "num.replica.fetchers" = "1", ANY, ClusterWide, THREADS,
    "Fetcher threads of the Java broker.";
Long "replica.high.watermark.checkpoint.interval.ms" = "5000", ANY, ReadOnly, Treatment::Ignored("the high watermark is not kept in a checkpoint file"),
    "How often the Java broker writes its high watermarks.";
Bool "auto.leader.rebalance.enable" = "true", ANY, ReadOnly, CLUSTERING,
    "Give leadership back to preferred replicas.";
Long "leader.imbalance.check.interval.seconds" = "300", ONE, ReadOnly, CLUSTERING,
    "How often leadership is looked at.";
Bool "unclean.leader.election.enable" = "false", ANY, ClusterWide, CLUSTERING,
    "Whether a replica that is not in sync may lead when no other is left, losing records.";
Long "unclean.leader.election.interval.ms" = "300000", ONE, ReadOnly, CLUSTERING,
    "How often partitions without a leader are looked at for unclean election.";
String "replica.selector.class" = null, ANY, ReadOnly, JVM_PLUGIN,
    "Java class that picks the replica a consumer reads from.";
Long "leader.replication.throttled.rate" = "9223372036854775807", ZERO, PerBroker, CLUSTERING,
    "Bytes a second that a leader sends to throttled replicas.";
Long "follower.replication.throttled.rate" = "9223372036854775807", ZERO, PerBroker, CLUSTERING,
    "Bytes a second that throttled replicas of this broker fetch.";
Long "replica.alter.log.dirs.io.max.bytes.per.second" = "9223372036854775807", ZERO, PerBroker, Treatment::Ignored("there is one data directory"),
    "Bytes a second for moves between directories.";
}
