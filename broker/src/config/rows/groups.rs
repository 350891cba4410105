//! Group and share coordinators, transactions and producer ids: the broker's side.

use super::{ANY, GROUPS, HONOURED, JVM_PLUGIN, MINUS_ONE, ONE, THREADS, ZERO, settings};
use crate::config::setting::{Range, Treatment};

const REPLICAS: Range = Range::AtLeast(1);

settings! { GROUPS_AND_TRANSACTIONS:
List "group.coordinator.rebalance.protocols" = "classic,consumer,streams", Range::ListOf(&["classic", "consumer", "share", "streams"]), ReadOnly, HONOURED,
    "Group protocols that are offered.";
Int "group.coordinator.threads" = "4", ONE, ReadOnly, THREADS,
    "Coordinator threads of the Java broker.";
Int "group.coordinator.append.linger.ms" = "-1", MINUS_ONE, ReadOnly, Treatment::Ignored("the journal gathers the writes of all partitions; none is held back for it"),
    "How long the group coordinator gathers writes; -1 decides by itself.";
Int "offsets.commit.timeout.ms" = "5000", ONE, ReadOnly, Treatment::Ignored("a commit is durable, or the storage has failed and says so"),
    "How long an offset commit may take.";
Int "offsets.load.buffer.size" = "5242880", ONE, ReadOnly, Treatment::Ignored("coordinators load 1 MiB at a time"),
    "Bytes read at a time when a coordinator loads its groups.";
Short "offsets.topic.replication.factor" = "3", REPLICAS, ReadOnly, HONOURED,
    "Replicas of the topic of committed offsets.";
Int "offsets.topic.num.partitions" = "50", ONE, ReadOnly, HONOURED,
    "Partitions of the topic of committed offsets.";
Int "offsets.topic.segment.bytes" = "104857600", ONE, ReadOnly, HONOURED,
    "Segment size of the topic of committed offsets.";
Int "offsets.topic.compression.codec" = "0", Range::Between(0, 4), ReadOnly, Treatment::Ignored("the coordinator's batches are written as they are; compaction keeps the topic small"),
    "Compression of the topic of committed offsets, by number.";
Int "offset.metadata.max.bytes" = "4096", ANY, ReadOnly, HONOURED,
    "Longest text that a client may attach to a committed offset.";
Int "offsets.retention.minutes" = "10080", ONE, ReadOnly, HONOURED,
    "How long the offsets of an empty group are kept.";
Long "offsets.retention.check.interval.ms" = "600000", ONE, ReadOnly, HONOURED,
    "How often expired offsets are looked for.";
Int "group.min.session.timeout.ms" = "6000", ANY, ReadOnly, HONOURED,
    "Shortest session timeout of a classic group member.";
Int "group.max.session.timeout.ms" = "1800000", ANY, ReadOnly, HONOURED,
    "Longest session timeout of a classic group member.";
Int "group.initial.rebalance.delay.ms" = "3000", ANY, ReadOnly, HONOURED,
    "How long a new classic group waits for more members.";
Int "group.max.size" = "2147483647", ONE, ReadOnly, HONOURED,
    "Most members of a classic group.";
Int "group.consumer.session.timeout.ms" = "45000", ONE, ReadOnly, HONOURED,
    "How long a consumer group member may be silent.";
Int "group.consumer.min.session.timeout.ms" = "45000", ONE, ReadOnly, HONOURED,
    "Lower bound of a consumer group's session timeout.";
Int "group.consumer.max.session.timeout.ms" = "60000", ONE, ReadOnly, HONOURED,
    "Upper bound of a consumer group's session timeout.";
Int "group.consumer.heartbeat.interval.ms" = "5000", ONE, ReadOnly, HONOURED,
    "How often consumer group members call.";
Int "group.consumer.min.heartbeat.interval.ms" = "5000", ONE, ReadOnly, HONOURED,
    "Lower bound of a consumer group's heartbeat interval.";
Int "group.consumer.max.heartbeat.interval.ms" = "15000", ONE, ReadOnly, HONOURED,
    "Upper bound of a consumer group's heartbeat interval.";
Int "group.consumer.max.size" = "2147483647", ONE, ReadOnly, HONOURED,
    "Most members of a consumer group.";
Int "group.consumer.assignment.interval.ms" = "1000", ZERO, ReadOnly, HONOURED,
    "How long an assignment of a consumer group stands at least.";
Int "group.consumer.min.assignment.interval.ms" = "0", ZERO, ReadOnly, HONOURED,
    "Lower bound of a consumer group's assignment interval.";
Int "group.consumer.max.assignment.interval.ms" = "15000", ZERO, ReadOnly, HONOURED,
    "Upper bound of a consumer group's assignment interval.";
List "group.consumer.assignors" = "uniform,range", Range::ListOf(&["uniform", "range"]), ReadOnly, HONOURED,
    "Assignors that the broker offers to consumer groups, the default first.";
String "group.consumer.migration.policy" = "bidirectional", Range::OneOf(&["disabled", "downgrade", "upgrade", "bidirectional", "DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"]), ReadOnly, HONOURED,
    "Which changes between classic and consumer protocol a group may make.";
Int "group.consumer.regex.refresh.interval.ms" = "600000", Range::AtLeast(10_000), ReadOnly, HONOURED,
    "How often subscriptions by pattern are resolved again.";
Int "group.share.session.timeout.ms" = "45000", ONE, ReadOnly, GROUPS,
    "How long a share group member may be silent.";
Int "group.share.min.session.timeout.ms" = "45000", ONE, ReadOnly, GROUPS,
    "Lower bound of a share group's session timeout.";
Int "group.share.max.session.timeout.ms" = "60000", ONE, ReadOnly, GROUPS,
    "Upper bound of a share group's session timeout.";
Int "group.share.heartbeat.interval.ms" = "5000", ONE, ReadOnly, GROUPS,
    "How often share group members call.";
Int "group.share.min.heartbeat.interval.ms" = "5000", ONE, ReadOnly, GROUPS,
    "Lower bound of a share group's heartbeat interval.";
Int "group.share.max.heartbeat.interval.ms" = "15000", ONE, ReadOnly, GROUPS,
    "Upper bound of a share group's heartbeat interval.";
Int "group.share.max.size" = "200", Range::Between(1, 1000), ReadOnly, GROUPS,
    "Most members of a share group.";
List "group.share.assignors" = "simple", Range::ListOf(&["simple"]), ReadOnly, GROUPS,
    "Assignors that the broker offers to share groups.";
Int "group.share.initialize.retry.interval.ms" = "30000", ONE, ReadOnly, GROUPS,
    "How often the start of a share group's state is tried again.";
Bool "group.share.enable" = "false", ANY, ReadOnly, GROUPS,
    "Offer share groups.";
Int "group.share.delivery.count.limit" = "5", Range::Between(2, 10), ReadOnly, GROUPS,
    "Deliveries after which a share group gives a record up.";
Int "group.share.record.lock.duration.ms" = "30000", Range::Between(1000, 3_600_000), ReadOnly, GROUPS,
    "How long a share group member may hold a record.";
Int "group.share.min.record.lock.duration.ms" = "15000", Range::Between(1000, 30_000), ReadOnly, GROUPS,
    "Lower bound of a share group's record lock.";
Int "group.share.max.record.lock.duration.ms" = "60000", Range::Between(30_000, 3_600_000), ReadOnly, GROUPS,
    "Upper bound of a share group's record lock.";
Int "group.share.partition.max.record.locks" = "2000", Range::Between(100, 10_000), ReadOnly, GROUPS,
    "Records of one partition that a share group may hold.";
Int "group.share.max.share.sessions" = "2000", ONE, ReadOnly, GROUPS,
    "Share sessions that are kept.";
String "group.share.persister.class.name" = "org.apache.kafka.server.share.persister.DefaultStatePersister", ANY, ReadOnly, JVM_PLUGIN,
    "Java class that keeps share group state.";
Int "group.streams.session.timeout.ms" = "45000", ONE, ReadOnly, GROUPS,
    "How long a streams group member may be silent.";
Int "group.streams.min.session.timeout.ms" = "45000", ONE, ReadOnly, GROUPS,
    "Lower bound of a streams group's session timeout.";
Int "group.streams.max.session.timeout.ms" = "60000", ONE, ReadOnly, GROUPS,
    "Upper bound of a streams group's session timeout.";
Int "group.streams.heartbeat.interval.ms" = "5000", ONE, ReadOnly, GROUPS,
    "How often streams group members call.";
Int "group.streams.min.heartbeat.interval.ms" = "5000", ONE, ReadOnly, GROUPS,
    "Lower bound of a streams group's heartbeat interval.";
Int "group.streams.max.heartbeat.interval.ms" = "15000", ONE, ReadOnly, GROUPS,
    "Upper bound of a streams group's heartbeat interval.";
Int "group.streams.max.size" = "2147483647", ONE, ReadOnly, GROUPS,
    "Most members of a streams group.";
Int "group.streams.num.standby.replicas" = "0", ZERO, ReadOnly, GROUPS,
    "Standby copies of a streams group's state.";
Int "group.streams.max.standby.replicas" = "2", ZERO, ReadOnly, GROUPS,
    "Upper bound of a streams group's standby copies.";
Int "group.streams.initial.rebalance.delay.ms" = "3000", ZERO, ReadOnly, GROUPS,
    "How long a new streams group waits for more members.";
Int "share.coordinator.state.topic.num.partitions" = "50", ONE, ReadOnly, GROUPS,
    "Partitions of the topic of share group state.";
Short "share.coordinator.state.topic.replication.factor" = "3", REPLICAS, ReadOnly, GROUPS,
    "Replicas of the topic of share group state.";
Short "share.coordinator.state.topic.min.isr" = "2", REPLICAS, ReadOnly, GROUPS,
    "In-sync replicas that a write to the topic of share group state needs.";
Int "share.coordinator.state.topic.segment.bytes" = "104857600", ONE, ReadOnly, GROUPS,
    "Segment size of the topic of share group state.";
Int "share.coordinator.state.topic.compression.codec" = "0", Range::Between(0, 4), ReadOnly, GROUPS,
    "Compression of the topic of share group state, by number.";
Int "share.coordinator.state.topic.prune.interval.ms" = "300000", ONE, ReadOnly, GROUPS,
    "How often the topic of share group state is cut.";
Int "share.coordinator.threads" = "1", ONE, ReadOnly, THREADS,
    "Share coordinator threads of the Java broker.";
Int "share.coordinator.snapshot.update.records.per.snapshot" = "500", ZERO, ReadOnly, GROUPS,
    "Updates of share group state between two snapshots.";
Int "share.coordinator.load.buffer.size" = "5242880", ONE, ReadOnly, GROUPS,
    "Bytes read at a time when a share coordinator loads its state.";
Int "share.coordinator.append.linger.ms" = "-1", MINUS_ONE, ReadOnly, GROUPS,
    "How long the share coordinator gathers writes; -1 decides by itself.";
Int "share.coordinator.write.timeout.ms" = "5000", ONE, ReadOnly, GROUPS,
    "How long a write of the share coordinator may take.";
Int "share.coordinator.cold.partition.snapshot.interval.ms" = "300000", ONE, ReadOnly, GROUPS,
    "How often the state of a silent share partition is written anew.";
Short "transaction.state.log.replication.factor" = "3", REPLICAS, ReadOnly, HONOURED,
    "Replicas of the topic of transaction state.";
Int "transaction.state.log.min.isr" = "2", ONE, ReadOnly, HONOURED,
    "In-sync replicas that a write to the topic of transaction state needs.";
Int "transaction.state.log.num.partitions" = "50", ONE, ReadOnly, HONOURED,
    "Partitions of the topic of transaction state.";
Int "transaction.state.log.segment.bytes" = "104857600", ONE, ReadOnly, HONOURED,
    "Segment size of the topic of transaction state.";
Int "transaction.state.log.load.buffer.size" = "5242880", ONE, ReadOnly, Treatment::Ignored("a coordinator reads a MiB at a time"),
    "Bytes read at a time when a coordinator loads its transactions.";
Bool "transaction.partition.verification.enable" = "true", ANY, ClusterWide, HONOURED,
    "Check that a partition belongs to a transaction before its records are written.";
Int "transactional.id.expiration.ms" = "604800000", ONE, ReadOnly, HONOURED,
    "How long an unused transactional id is kept.";
Int "transaction.max.timeout.ms" = "900000", ONE, ReadOnly, HONOURED,
    "Longest time that a producer may ask for its transactions.";
Int "transaction.abort.timed.out.transaction.cleanup.interval.ms" = "10000", ONE, ReadOnly, HONOURED,
    "How often transactions that took too long are looked for.";
Int "transaction.remove.expired.transaction.cleanup.interval.ms" = "3600000", ONE, ReadOnly, HONOURED,
    "How often unused transactional ids are looked for.";
Int "add.partitions.to.txn.retry.backoff.ms" = "20", ONE, ReadOnly, Treatment::Ignored("an addition goes on as soon as the transaction before is complete"),
    "First wait before a partition is added to a transaction again.";
Int "add.partitions.to.txn.retry.backoff.max.ms" = "100", ZERO, ReadOnly, HONOURED,
    "Longest wait before a partition is added to a transaction again.";
Int "producer.id.expiration.ms" = "86400000", ONE, ClusterWide, HONOURED,
    "How long the sequence state of a silent producer is kept.";
Int "producer.id.expiration.check.interval.ms" = "600000", ONE, ReadOnly, Treatment::Ignored("an expired producer counts as gone at once, and its memory is bounded by millrace.producers.max"),
    "How often silent producers are looked for.";
}
