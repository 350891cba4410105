//! The log: where it is, how it rolls, what is kept, how it is compacted, and the broker-wide
//! defaults of topic settings.

use super::{ANY, HONOURED, MIB, NOT_EMPTY, ONE, THREADS, ZERO, settings};
use crate::config::setting::{Range, Treatment};

const FLUSHED_ALREADY: Treatment = Treatment::Mapped(
    "records are on disk before they are acknowledged, unless millrace.durability=relaxed",
);
const CHECKPOINTS: Treatment =
    Treatment::Ignored("there are no checkpoint files to write; the journal has their facts");
const BUFFERS: Treatment = Treatment::Ignored("compaction reads and writes pieces of 1 MiB");
const LZ4_LEVEL: Treatment = Treatment::Ignored("the lz4 encoder has one level");
const PREWRITTEN: Treatment =
    Treatment::Ignored("space is set aside ahead of the writer in any case");

settings! { LOG:
List "log.dir" = "./millrace-data", NOT_EMPTY, ReadOnly, HONOURED,
    "Data directory; log.dirs goes before it.";
List "log.dirs" = null, ANY, ReadOnly, HONOURED,
    "Data directory; this version uses one.";
Int "log.segment.bytes" = "1073741824", MIB, ClusterWide, HONOURED,
    "Size at which a new segment starts.";
Long "log.roll.ms" = null, ONE, ClusterWide, HONOURED,
    "Age at which a new segment starts; goes before log.roll.hours.";
Int "log.roll.hours" = "168", ONE, ReadOnly, HONOURED,
    "Age in hours at which a new segment starts.";
Long "log.roll.jitter.ms" = null, ZERO, ClusterWide, HONOURED,
    "Most random time taken off the rolling age; goes before log.roll.jitter.hours.";
Int "log.roll.jitter.hours" = "0", ZERO, ReadOnly, HONOURED,
    "Most random time in hours taken off the rolling age.";
Long "log.retention.ms" = null, ANY, ClusterWide, HONOURED,
    "How long records are kept, -1 for ever; goes before minutes and hours.";
Int "log.retention.minutes" = null, ANY, ReadOnly, HONOURED,
    "How many minutes records are kept; goes before hours.";
Int "log.retention.hours" = "168", ANY, ReadOnly, HONOURED,
    "How many hours records are kept.";
Long "log.retention.bytes" = "-1", ANY, ClusterWide, HONOURED,
    "Size to which a partition is cut back, -1 for no bound.";
Long "log.retention.check.interval.ms" = "300000", ONE, ReadOnly, HONOURED,
    "How often retention is looked at.";
List "log.cleanup.policy" = "delete", Range::ListOf(&["compact", "delete"]), ClusterWide, HONOURED,
    "Whether old segments are deleted, or compacted by key, or both.";
Int "log.index.size.max.bytes" = "10485760", Range::AtLeast(4), ClusterWide, HONOURED,
    "Largest offset index of a segment.";
Int "log.index.interval.bytes" = "4096", ZERO, ClusterWide, HONOURED,
    "Bytes of log between two index entries.";
Long "log.segment.delete.delay.ms" = "60000", ZERO, ClusterWide, HONOURED,
    "Wait between a file's removal from the log and from the disk.";
Long "log.flush.interval.messages" = "9223372036854775807", ONE, ClusterWide, FLUSHED_ALREADY,
    "Records after which the Java broker syncs a partition.";
Long "log.flush.interval.ms" = null, ANY, ClusterWide, FLUSHED_ALREADY,
    "Time after which the Java broker syncs a partition.";
Long "log.flush.scheduler.interval.ms" = "9223372036854775807", ANY, ReadOnly, FLUSHED_ALREADY,
    "How often the Java broker looks for partitions to sync.";
Int "log.flush.offset.checkpoint.interval.ms" = "60000", ZERO, ReadOnly, CHECKPOINTS,
    "How often the Java broker writes its recovery points.";
Int "log.flush.start.offset.checkpoint.interval.ms" = "60000", ZERO, ReadOnly, CHECKPOINTS,
    "How often the Java broker writes its log start offsets.";
Bool "log.preallocate" = "false", ANY, ClusterWide, PREWRITTEN,
    "Set aside a segment's space when it starts.";
Int "num.recovery.threads.per.data.dir" = "2", ONE, ClusterWide, THREADS,
    "Recovery threads of the Java broker.";
Int "min.insync.replicas" = "1", ONE, ClusterWide, HONOURED,
    "Replicas that must have a record before a producer that waits for all gets its answer.";
String "log.message.timestamp.type" = "CreateTime", Range::OneOf(&["CreateTime", "LogAppendTime"]), ClusterWide, HONOURED,
    "Whether a record keeps the producer's time or gets the time of its arrival.";
Long "log.message.timestamp.before.max.ms" = "9223372036854775807", ZERO, ClusterWide, HONOURED,
    "How far a record's timestamp may lie in the past.";
Long "log.message.timestamp.after.max.ms" = "3600000", ZERO, ClusterWide, HONOURED,
    "How far a record's timestamp may lie in the future.";
Long "log.dir.failure.timeout.ms" = "30000", ONE, ReadOnly, Treatment::Ignored("a failed data directory stops this broker at once"),
    "How long a failed directory may stay unreported.";
String "compression.type" = "producer", Range::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), ClusterWide, HONOURED,
    "How batches are compressed in the log; producer keeps them as they came.";
Int "compression.gzip.level" = "-1", Range::BetweenOr(1, 9, -1), ClusterWide, HONOURED,
    "Effort of gzip compression.";
Int "compression.lz4.level" = "9", Range::Between(1, 17), ClusterWide, LZ4_LEVEL,
    "Effort of lz4 compression.";
Int "compression.zstd.level" = "3", Range::Between(-131_072, 22), ClusterWide, HONOURED,
    "Effort of zstd compression.";
Bool "log.cleaner.enable" = "true", ANY, ReadOnly, HONOURED,
    "Run compaction.";
Int "log.cleaner.threads" = "1", ZERO, ClusterWide, THREADS,
    "Compaction threads of the Java broker.";
Double "log.cleaner.io.max.bytes.per.second" = "1.7976931348623157E308", ANY, ClusterWide, HONOURED,
    "Most bytes a second that compaction reads and writes.";
Long "log.cleaner.dedupe.buffer.size" = "134217728", MIB, ClusterWide, HONOURED,
    "Memory for the keys seen by compaction.";
Int "log.cleaner.io.buffer.size" = "524288", ZERO, ClusterWide, BUFFERS,
    "Memory for compaction's reads and writes.";
Double "log.cleaner.io.buffer.load.factor" = "0.9", Range::Ratio(0.0, 1.0), ClusterWide, HONOURED,
    "How full the memory for keys may become.";
Long "log.cleaner.backoff.ms" = "15000", ZERO, ClusterWide, HONOURED,
    "Wait when there is nothing to compact.";
Double "log.cleaner.min.cleanable.ratio" = "0.5", Range::Ratio(0.0, 1.0), ClusterWide, HONOURED,
    "Part of a log that must be uncompacted before it is compacted again.";
Long "log.cleaner.delete.retention.ms" = "86400000", ZERO, ClusterWide, HONOURED,
    "How long the marks of deleted keys stay readable.";
Long "log.cleaner.min.compaction.lag.ms" = "0", ZERO, ClusterWide, HONOURED,
    "How long a record stays uncompacted at least.";
Long "log.cleaner.max.compaction.lag.ms" = "9223372036854775807", ONE, ClusterWide, HONOURED,
    "How long a record stays uncompacted at most.";
}
