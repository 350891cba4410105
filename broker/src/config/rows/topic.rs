//! Settings of one topic, and the broker settings that each takes its default from.

use super::{ANY, CLUSTERING, HONOURED, MIB, ONE, ZERO, settings};
use crate::config::setting::{Range, Treatment};

const FLUSHED_ALREADY: Treatment = Treatment::Mapped(
    "records are on disk before they are acknowledged, unless millrace.durability=relaxed",
);
const LZ4_LEVEL: Treatment = Treatment::Ignored("the lz4 encoder has one level");
const TIERING: Treatment = Treatment::Later("tiered storage is not in this version");
const NO_TIERING: Treatment = Treatment::Refused("tiered storage is not in this version");
const REMOVED: Treatment = Treatment::Ignored("removed in Kafka 4.0");
const LOCAL: Range = Range::AtLeast(-2);

settings! { TOPIC:
List "cleanup.policy" = "delete", Range::ListOf(&["compact", "delete"]), ClusterWide, HONOURED,
    "Whether old segments are deleted, or compacted by key, or both.";
String "compression.type" = "producer", Range::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), ClusterWide, HONOURED,
    "How batches are compressed in the log; producer keeps them as they came.";
Int "compression.gzip.level" = "-1", Range::BetweenOr(1, 9, -1), ClusterWide, HONOURED,
    "Effort of gzip compression.";
Int "compression.lz4.level" = "9", Range::Between(1, 17), ClusterWide, LZ4_LEVEL,
    "Effort of lz4 compression.";
Int "compression.zstd.level" = "3", Range::Between(-131_072, 22), ClusterWide, HONOURED,
    "Effort of zstd compression.";
Long "delete.retention.ms" = "86400000", ZERO, ClusterWide, HONOURED,
    "How long the marks of deleted keys stay readable.";
Long "file.delete.delay.ms" = "60000", ZERO, ClusterWide, HONOURED,
    "Wait between a file's removal from the log and from the disk.";
Long "flush.messages" = "9223372036854775807", ONE, ClusterWide, FLUSHED_ALREADY,
    "Records after which the Java broker syncs the partition.";
Long "flush.ms" = "9223372036854775807", ZERO, ClusterWide, FLUSHED_ALREADY,
    "Time after which the Java broker syncs the partition.";
List "follower.replication.throttled.replicas" = "", ANY, ClusterWide, CLUSTERING,
    "Replicas whose fetches are throttled, as partition:broker, or * for all.";
Int "index.interval.bytes" = "4096", ZERO, ClusterWide, HONOURED,
    "Bytes of log between two index entries.";
List "leader.replication.throttled.replicas" = "", ANY, ClusterWide, CLUSTERING,
    "Replicas that a leader serves throttled, as partition:broker, or * for all.";
Long "local.retention.bytes" = "-2", LOCAL, ClusterWide, TIERING,
    "Size of the partition's local part; -2 follows retention.bytes.";
Long "local.retention.ms" = "-2", LOCAL, ClusterWide, TIERING,
    "How long copied segments stay local; -2 follows retention.ms.";
Long "max.compaction.lag.ms" = "9223372036854775807", ONE, ClusterWide, HONOURED,
    "How long a record stays uncompacted at most.";
Int "max.message.bytes" = "1048588", ZERO, ClusterWide, HONOURED,
    "Largest record batch that is accepted.";
Long "message.timestamp.after.max.ms" = "3600000", ZERO, ClusterWide, HONOURED,
    "How far a record's timestamp may lie in the future.";
Long "message.timestamp.before.max.ms" = "9223372036854775807", ZERO, ClusterWide, HONOURED,
    "How far a record's timestamp may lie in the past.";
String "message.timestamp.type" = "CreateTime", Range::OneOf(&["CreateTime", "LogAppendTime"]), ClusterWide, HONOURED,
    "Whether a record keeps the producer's time or gets the time of its arrival.";
Double "min.cleanable.dirty.ratio" = "0.5", Range::Ratio(0.0, 1.0), ClusterWide, HONOURED,
    "Part of the log that must be uncompacted before it is compacted again.";
Long "min.compaction.lag.ms" = "0", ZERO, ClusterWide, HONOURED,
    "How long a record stays uncompacted at least.";
Int "min.insync.replicas" = "1", ONE, ClusterWide, HONOURED,
    "Replicas that must have a record before a producer that waits for all gets its answer.";
Bool "preallocate" = "false", ANY, ClusterWide, Treatment::Ignored("space is set aside ahead of the writer in any case"),
    "Set aside a segment's space when it starts.";
Bool "remote.log.copy.disable" = "false", ANY, ClusterWide, TIERING,
    "Copy no more segments to remote storage.";
Bool "remote.log.delete.on.disable" = "false", ANY, ClusterWide, TIERING,
    "Delete the remote part when tiering is switched off.";
Bool "remote.storage.enable" = "false", ANY, ClusterWide, NO_TIERING,
    "Keep old segments in remote storage.";
Long "retention.bytes" = "-1", ANY, ClusterWide, HONOURED,
    "Size to which the partition is cut back, -1 for no bound.";
Long "retention.ms" = "604800000", Range::AtLeast(-1), ClusterWide, HONOURED,
    "How long records are kept, -1 for ever.";
Int "segment.bytes" = "1073741824", MIB, ClusterWide, HONOURED,
    "Size at which a new segment starts.";
Int "segment.index.bytes" = "10485760", Range::AtLeast(4), ClusterWide, HONOURED,
    "Largest offset index of a segment.";
Long "segment.jitter.ms" = "0", ZERO, ClusterWide, HONOURED,
    "Most random time taken off the rolling age.";
Long "segment.ms" = "604800000", ONE, ClusterWide, HONOURED,
    "Age at which a new segment starts.";
Bool "unclean.leader.election.enable" = "false", ANY, ClusterWide, CLUSTERING,
    "Whether a replica that is not in sync may lead when no other is left, losing records.";
}

settings! {
/// Accepted because tools still send them; without effect, and not among the described ones.
TOPIC_REMOVED_NAMES:
String "message.format.version" = null, ANY, ClusterWide, REMOVED,
    "Version of the record format.";
String "message.downconversion.enable" = null, ANY, ClusterWide, REMOVED,
    "Turn records into older formats for old clients.";
String "message.timestamp.difference.max.ms" = null, ANY, ClusterWide, REMOVED,
    "How far a record's timestamp may differ from the clock.";
Int "internal.segment.bytes" = null, ANY, ClusterWide, Treatment::Ignored("for the Java broker's own tests"),
    "For the Java broker's own tests.";
}

/// How a broker value becomes a topic value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Same,
    MinutesToMs,
    HoursToMs,
}

/// Broker settings that give a topic setting its default, the first that is set first.
pub(crate) fn broker_synonyms(topic_setting: &str) -> &'static [(&'static str, Unit)] {
    use Unit::{HoursToMs, MinutesToMs, Same};
    match topic_setting {
        "cleanup.policy" => &[("log.cleanup.policy", Same)],
        "compression.type" => &[("compression.type", Same)],
        "compression.gzip.level" => &[("compression.gzip.level", Same)],
        "compression.lz4.level" => &[("compression.lz4.level", Same)],
        "compression.zstd.level" => &[("compression.zstd.level", Same)],
        "delete.retention.ms" => &[("log.cleaner.delete.retention.ms", Same)],
        "file.delete.delay.ms" => &[("log.segment.delete.delay.ms", Same)],
        "flush.messages" => &[("log.flush.interval.messages", Same)],
        "flush.ms" => &[
            ("log.flush.interval.ms", Same),
            ("log.flush.scheduler.interval.ms", Same),
        ],
        "index.interval.bytes" => &[("log.index.interval.bytes", Same)],
        "local.retention.bytes" => &[("log.local.retention.bytes", Same)],
        "local.retention.ms" => &[("log.local.retention.ms", Same)],
        "max.compaction.lag.ms" => &[("log.cleaner.max.compaction.lag.ms", Same)],
        "max.message.bytes" => &[("message.max.bytes", Same)],
        "message.timestamp.after.max.ms" => &[("log.message.timestamp.after.max.ms", Same)],
        "message.timestamp.before.max.ms" => &[("log.message.timestamp.before.max.ms", Same)],
        "message.timestamp.type" => &[("log.message.timestamp.type", Same)],
        "min.cleanable.dirty.ratio" => &[("log.cleaner.min.cleanable.ratio", Same)],
        "min.compaction.lag.ms" => &[("log.cleaner.min.compaction.lag.ms", Same)],
        "min.insync.replicas" => &[("min.insync.replicas", Same)],
        "preallocate" => &[("log.preallocate", Same)],
        "retention.bytes" => &[("log.retention.bytes", Same)],
        "retention.ms" => &[
            ("log.retention.ms", Same),
            ("log.retention.minutes", MinutesToMs),
            ("log.retention.hours", HoursToMs),
        ],
        "segment.bytes" => &[("log.segment.bytes", Same)],
        "segment.index.bytes" => &[("log.index.size.max.bytes", Same)],
        "segment.jitter.ms" => &[
            ("log.roll.jitter.ms", Same),
            ("log.roll.jitter.hours", HoursToMs),
        ],
        "segment.ms" => &[("log.roll.ms", Same), ("log.roll.hours", HoursToMs)],
        "unclean.leader.election.enable" => &[("unclean.leader.election.enable", Same)],
        _ => &[],
    }
}
