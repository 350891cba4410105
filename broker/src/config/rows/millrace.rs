//! Our own settings. Sizes and times take units here: `64MiB`, `10s`.

use super::{ANY, HONOURED, NOT_EMPTY, ONE, TLS, ZERO, settings};
use crate::config::setting::Range;

const IO_FEATURES: &[&str] = &[
    "coop-taskrun",
    "defer-taskrun",
    "make-dir",
    "msg-ring",
    "multishot-accept",
    "multishot-receive",
    "path-ops",
    "timed-wait",
    "truncate",
];

settings! { MILLRACE:
Int "millrace.shards" = "0", Range::Between(0, 1024), ReadOnly, HONOURED,
    "Shards, each a thread that owns partitions and connections; 0 is one for each core this process may use.";
Bool "millrace.pin.cores" = "true", ANY, ReadOnly, HONOURED,
    "Tie each shard to a core of its own, where there are as many cores as shards.";
String "millrace.durability" = "durable", Range::OneOf(&["durable", "relaxed"]), ReadOnly, HONOURED,
    "durable: records are on disk before they are acknowledged. relaxed: they are in memory, and a crash of the machine loses the last ones.";
Long "millrace.journal.bytes" = "67108864", Range::Between(8 << 20, 1 << 40), ReadOnly, HONOURED,
    "Size of each shard's journal.";
Long "millrace.tail.bytes" = "268435456", Range::AtLeast(1 << 20), ReadOnly, HONOURED,
    "Memory for the newest records of all partitions, over all shards.";
Long "millrace.request.memory.bytes" = "268435456", Range::AtLeast(1 << 20), ReadOnly, HONOURED,
    "Memory for requests that were received and not yet answered, over all shards.";
Int "millrace.connection.requests.max" = "64", Range::Between(1, 65_536), ReadOnly, HONOURED,
    "Requests of one connection that may be in work at a time; the next is read when one is answered.";
Int "millrace.unauthenticated.request.bytes" = "524288", Range::AtLeast(1024), ReadOnly, TLS,
    "Largest request of a client that has to log in and has not done so.";
Int "millrace.mailbox.messages" = "1024", Range::Between(16, 1 << 20), ReadOnly, HONOURED,
    "Messages that may wait between one shard and another, in each direction.";
Int "millrace.decompressed.bytes.max" = "268435456", Range::AtLeast(1 << 20), ReadOnly, HONOURED,
    "Most bytes that one compressed batch may unfold to when it has to be opened.";
Int "millrace.topics.max" = "100000", ONE, ReadOnly, HONOURED,
    "Most topics in the cluster.";
Int "millrace.partitions.max" = "1000000", ONE, ReadOnly, HONOURED,
    "Most partitions in the cluster.";
Int "millrace.partitions.per.topic.max" = "100000", ONE, ReadOnly, HONOURED,
    "Most partitions of one topic.";
Int "millrace.groups.per.coordinator.max" = "20000", ONE, ReadOnly, HONOURED,
    "Most groups of one partition of the offsets topic; one more is turned away.";
Long "millrace.producers.max" = "1000000", ONE, ReadOnly, HONOURED,
    "Most idempotent producers that are remembered, over all shards; the longest silent are forgotten first.";
Long "millrace.disk.reserve.bytes" = "268435456", ZERO, ReadOnly, HONOURED,
    "Free space below which produce requests are refused, so that deletion, group commits and metadata still work; they are accepted again above 5/4 of it.";
Long "millrace.scrub.bytes.per.second" = "2097152", ZERO, ReadOnly, HONOURED,
    "How fast sealed segments are read in the background to check their checksums; 0 switches that off.";
Long "millrace.scrub.interval.ms" = "604800000", ONE, ReadOnly, HONOURED,
    "From the beginning of one check of all sealed segments to that of the next; a check that takes longer is followed at once.";
Int "millrace.shutdown.timeout.ms" = "30000", ONE, ReadOnly, HONOURED,
    "How long a stop may take before what is unfinished is left to recovery.";
String "millrace.io" = "auto", Range::OneOf(&["auto", "linux-5.19", "linux-5.10"]), ReadOnly, HONOURED,
    "io_uring features: auto takes what the kernel offers; the others take no more than that kernel has.";
List "millrace.io.without" = "", Range::ListOf(IO_FEATURES), ReadOnly, HONOURED,
    "io_uring features to do without although the kernel has them.";
String "millrace.log.level" = "info", NOT_EMPTY, ReadOnly, HONOURED,
    "Log filter: a level, or target=level pairs separated by commas.";
String "millrace.log.format" = "text", Range::OneOf(&["text", "json"]), ReadOnly, HONOURED,
    "Form of the log lines.";
}
