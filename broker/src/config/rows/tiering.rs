//! Tiered storage.

use super::{ANY, ONE, THREADS, ZERO, settings};
use crate::config::setting::{Range, Treatment};

const TIERING: Treatment = Treatment::Later("tiered storage is not in this version");
const REFUSED: Treatment = Treatment::Refused("tiered storage is not in this version");
const LOCAL: Range = Range::AtLeast(-2);

settings! { TIERING_SETTINGS:
Bool "remote.log.storage.system.enable" = "false", ANY, ReadOnly, REFUSED,
    "Keep old segments in remote storage.";
String "remote.log.storage.manager.impl.prefix" = "rsm.config.", ANY, ReadOnly, TIERING,
    "Prefix of the remote storage plugin's own settings.";
String "remote.log.metadata.manager.impl.prefix" = "rlmm.config.", ANY, ReadOnly, TIERING,
    "Prefix of the remote metadata plugin's own settings.";
String "remote.log.storage.manager.class.name" = null, ANY, ReadOnly, TIERING,
    "Java class that talks to remote storage.";
String "remote.log.storage.manager.class.path" = null, ANY, ReadOnly, TIERING,
    "Where that class is.";
String "remote.log.metadata.manager.class.name" = "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager", ANY, ReadOnly, TIERING,
    "Java class that keeps remote metadata.";
String "remote.log.metadata.manager.class.path" = null, ANY, ReadOnly, TIERING,
    "Where that class is.";
String "remote.log.metadata.manager.listener.name" = null, ANY, ReadOnly, TIERING,
    "Listener that the remote metadata plugin uses.";
Int "remote.log.metadata.custom.metadata.max.bytes" = "128", ZERO, ReadOnly, TIERING,
    "Most bytes that the storage plugin may note for a segment.";
Short "remote.log.metadata.topic.replication.factor" = "3", ONE, ReadOnly, TIERING,
    "Replicas of the topic of remote metadata.";
Int "remote.log.metadata.topic.num.partitions" = "50", ONE, ReadOnly, TIERING,
    "Partitions of the topic of remote metadata.";
Long "remote.log.metadata.topic.retention.ms" = "-1", ANY, ReadOnly, TIERING,
    "How long remote metadata is kept.";
Long "remote.log.metadata.consume.wait.ms" = "120000", ZERO, ReadOnly, TIERING,
    "How long remote metadata is waited for.";
Long "remote.log.metadata.initialization.retry.max.timeout.ms" = "120000", ZERO, ReadOnly, TIERING,
    "How long the start of remote metadata may take.";
Long "remote.log.metadata.initialization.retry.interval.ms" = "100", ZERO, ReadOnly, TIERING,
    "How often that start is tried.";
Long "remote.log.index.file.cache.total.size.bytes" = "1073741824", ONE, ClusterWide, TIERING,
    "Space for the indexes of remote segments.";
Int "remote.log.manager.thread.pool.size" = "2", ONE, ReadOnly, THREADS,
    "Tiering threads of the Java broker.";
Int "remote.log.manager.copier.thread.pool.size" = "10", ONE, ClusterWide, THREADS,
    "Threads of the Java broker that copy to remote storage.";
Int "remote.log.manager.expiration.thread.pool.size" = "10", ONE, ClusterWide, THREADS,
    "Threads of the Java broker that delete from remote storage.";
Int "remote.log.manager.follower.thread.pool.size" = "2", ONE, ClusterWide, THREADS,
    "Threads of the Java broker that follow remote metadata.";
Int "remote.log.reader.threads" = "10", ONE, ClusterWide, THREADS,
    "Threads of the Java broker that read remote storage.";
Int "remote.log.reader.max.pending.tasks" = "100", ONE, ReadOnly, TIERING,
    "Remote reads that may wait.";
Long "remote.log.manager.task.interval.ms" = "30000", ONE, ReadOnly, TIERING,
    "How often segments to copy are looked for.";
Long "remote.log.manager.task.retry.backoff.ms" = "500", ONE, ReadOnly, TIERING,
    "First wait before a copy is tried again.";
Long "remote.log.manager.task.retry.backoff.max.ms" = "30000", ONE, ReadOnly, TIERING,
    "Longest wait before a copy is tried again.";
Double "remote.log.manager.task.retry.jitter" = "0.2", Range::Ratio(0.0, 0.5), ReadOnly, TIERING,
    "Randomness of that wait.";
Long "log.local.retention.ms" = "-2", LOCAL, ClusterWide, TIERING,
    "How long copied segments stay local; -2 follows log.retention.ms.";
Long "log.local.retention.bytes" = "-2", LOCAL, ClusterWide, TIERING,
    "Size of a partition's local part; -2 follows log.retention.bytes.";
Long "remote.log.manager.copy.max.bytes.per.second" = "9223372036854775807", ONE, ClusterWide, TIERING,
    "Bytes a second that are copied to remote storage.";
Int "remote.log.manager.copy.quota.window.num" = "11", ONE, ReadOnly, TIERING,
    "Time windows over which copies are measured.";
Int "remote.log.manager.copy.quota.window.size.seconds" = "1", ONE, ReadOnly, TIERING,
    "Length of such a window.";
Long "remote.log.manager.fetch.max.bytes.per.second" = "9223372036854775807", ONE, ClusterWide, TIERING,
    "Bytes a second that are read from remote storage.";
Int "remote.log.manager.fetch.quota.window.num" = "11", ONE, ReadOnly, TIERING,
    "Time windows over which remote reads are measured.";
Int "remote.log.manager.fetch.quota.window.size.seconds" = "1", ONE, ReadOnly, TIERING,
    "Length of such a window.";
Int "remote.fetch.max.wait.ms" = "500", ONE, ClusterWide, TIERING,
    "How long a fetch waits for remote storage.";
Long "remote.list.offsets.request.timeout.ms" = "30000", ONE, ClusterWide, TIERING,
    "How long a search by time waits for remote storage.";
}
