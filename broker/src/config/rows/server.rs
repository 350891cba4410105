//! Identity, listeners, connections and requests.

use super::{
    ANY, CLUSTERING, HONOURED, JVM_PLUGIN, MINUS_ONE, NOT_EMPTY, ONE, THREADS, ZERO, settings,
};
use crate::config::setting::{Range, Treatment};

const PURGATORY: Treatment =
    Treatment::Ignored("waiting requests are removed at once, not purged in rounds");
const PREVIEWS: Treatment = Treatment::Refused("there are no preview versions to enable");
const TIMING: Treatment = Treatment::Ignored("internal interval of the Java broker");

settings! { SERVER:
Int "node.id" = "1", ZERO, ReadOnly, HONOURED,
    "Identity of this node in the cluster.";
Int "broker.id" = "-1", MINUS_ONE, ReadOnly, HONOURED,
    "Older name of node.id; the two must agree when both are given.";
List "process.roles" = "broker,controller", Range::ListOf(&["broker", "controller"]), ReadOnly, HONOURED,
    "Roles of this process; in this version one process always has both.";
String "cluster.id" = null, NOT_EMPTY, ReadOnly, HONOURED,
    "Identity of the cluster: 16 bytes in URL-safe base64. Drawn when the data directory is first used, unless given.";
String "broker.rack" = null, NOT_EMPTY, ReadOnly, HONOURED,
    "Rack or zone of this broker, told to clients.";
List "listeners" = "PLAINTEXT://127.0.0.1:9092", NOT_EMPTY, PerBroker, HONOURED,
    "Addresses to listen on, as NAME://host:port. No host means every interface; port 0 means any free port.";
List "advertised.listeners" = null, ANY, ReadOnly, HONOURED,
    "Addresses that clients are told to connect to. Taken from listeners when not given.";
String "listener.security.protocol.map" = "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL", NOT_EMPTY, PerBroker, HONOURED,
    "Security protocol of each listener name.";
String "inter.broker.listener.name" = null, ANY, ReadOnly, HONOURED,
    "Listener that brokers use among themselves; not together with security.inter.broker.protocol.";
String "security.inter.broker.protocol" = "PLAINTEXT", Range::OneOf(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]), ReadOnly, HONOURED,
    "Security protocol between brokers; not together with inter.broker.listener.name.";
List "controller.listener.names" = null, ANY, ReadOnly, HONOURED,
    "Listeners that serve the controller instead of clients.";
List "early.start.listeners" = null, ANY, ReadOnly, Treatment::Ignored("every listener opens when the broker is ready"),
    "Listeners that open before the others.";
Int "socket.send.buffer.bytes" = "-1", MINUS_ONE, ReadOnly, HONOURED,
    "Send buffer of a connection in the kernel; -1, the default here, lets the system size it.";
Int "socket.receive.buffer.bytes" = "-1", MINUS_ONE, ReadOnly, HONOURED,
    "Receive buffer of a connection in the kernel; -1, the default here, lets the system size it.";
Int "socket.request.max.bytes" = "104857600", ONE, ReadOnly, HONOURED,
    "Largest request; a connection that announces a larger one is closed.";
Int "socket.listen.backlog.size" = "50", ONE, ReadOnly, HONOURED,
    "Connections that may wait to be accepted on one listener.";
Int "max.connections.per.ip" = "2147483647", ZERO, ClusterWide, HONOURED,
    "Most connections from one address.";
String "max.connections.per.ip.overrides" = "", ANY, ClusterWide, HONOURED,
    "Exceptions to max.connections.per.ip, as address:count separated by commas.";
Int "max.connections" = "2147483647", ZERO, ClusterWide, HONOURED,
    "Most connections at a time.";
Int "max.connection.creation.rate" = "2147483647", ZERO, ClusterWide, Treatment::Later("connection rates are not limited in this version"),
    "Most new connections a second.";
Long "connections.max.idle.ms" = "600000", ANY, ReadOnly, HONOURED,
    "A connection that was silent for this long is closed.";
Int "connection.failed.authentication.delay.ms" = "100", ZERO, ReadOnly, Treatment::Later("authentication is not in this version"),
    "Wait before a connection whose authentication failed is closed.";
Int "queued.max.requests" = "500", ONE, ReadOnly, Treatment::Mapped("memory is the limit: see millrace.request.memory.bytes and millrace.connection.requests.max"),
    "Requests that the Java broker queues for its request threads.";
Long "queued.max.request.bytes" = "-1", ANY, ReadOnly, Treatment::Mapped("when positive it takes the place of millrace.request.memory.bytes"),
    "Bytes of requests that may be in memory at a time.";
Int "num.network.threads" = "3", ONE, ClusterWide, THREADS,
    "Network threads of the Java broker.";
Int "num.io.threads" = "8", ONE, ClusterWide, THREADS,
    "Request threads of the Java broker.";
Int "background.threads" = "10", ONE, ClusterWide, THREADS,
    "Background threads of the Java broker.";
Int "num.replica.alter.log.dirs.threads" = null, ANY, ReadOnly, THREADS,
    "Threads that move replicas between directories in the Java broker.";
Int "request.timeout.ms" = "30000", ANY, ReadOnly, CLUSTERING,
    "How long a request between brokers may take.";
Long "socket.connection.setup.timeout.ms" = "10000", ANY, ReadOnly, CLUSTERING,
    "How long this broker waits for a connection to another one.";
Long "socket.connection.setup.timeout.max.ms" = "30000", ANY, ReadOnly, CLUSTERING,
    "Upper bound of the growing connection timeout.";
List "config.providers" = "", ANY, ReadOnly, Treatment::Refused("values from elsewhere are not read in this version; give them as KAFKA_* environment variables"),
    "Java classes that fetch values such as ${env:NAME}.";
Bool "controlled.shutdown.enable" = "true", ANY, ReadOnly, Treatment::Mapped("what is under way is always finished, within millrace.shutdown.timeout.ms"),
    "Finish what is under way when told to stop.";
Bool "auto.create.topics.enable" = "true", ANY, ReadOnly, HONOURED,
    "Create a topic when a client first asks for it.";
Bool "delete.topic.enable" = "true", ANY, ReadOnly, HONOURED,
    "Whether topics can be deleted.";
Int "num.partitions" = "1", ONE, ReadOnly, HONOURED,
    "Partitions of a topic that is created without a count.";
Int "default.replication.factor" = "1", ONE, ReadOnly, HONOURED,
    "Replicas of a topic that is created without a count.";
Int "message.max.bytes" = "1048588", ZERO, ClusterWide, HONOURED,
    "Largest record batch that is accepted.";
Int "fetch.max.bytes" = "57671680", Range::AtLeast(1024), ReadOnly, HONOURED,
    "Most bytes in the answer to one fetch, whatever the client asked for.";
Int "max.incremental.fetch.session.cache.slots" = "1000", ZERO, ReadOnly, HONOURED,
    "Fetch sessions that are kept, over all shards.";
Int "max.request.partition.size.limit" = "2000", ONE, ReadOnly, HONOURED,
    "Most partitions in one answer to DescribeTopicPartitions.";
Bool "unstable.api.versions.enable" = "false", ANY, ReadOnly, PREVIEWS,
    "Serve request versions that are not final.";
Bool "unstable.feature.versions.enable" = "false", ANY, ReadOnly, PREVIEWS,
    "Allow feature levels that are not final.";
Int "fetch.purgatory.purge.interval.requests" = "1000", ANY, ReadOnly, PURGATORY,
    "How often the Java broker drops finished fetches.";
Int "producer.purgatory.purge.interval.requests" = "1000", ANY, ReadOnly, PURGATORY,
    "How often the Java broker drops finished produces.";
Int "delete.records.purgatory.purge.interval.requests" = "1", ANY, ReadOnly, PURGATORY,
    "How often the Java broker drops finished record deletions.";
Int "share.fetch.purgatory.purge.interval.requests" = "1000", ANY, ReadOnly, PURGATORY,
    "How often the Java broker drops finished share fetches.";
Class "create.topic.policy.class.name" = null, ANY, ReadOnly, JVM_PLUGIN,
    "Java class that may veto the creation of a topic.";
Class "alter.config.policy.class.name" = null, ANY, ReadOnly, JVM_PLUGIN,
    "Java class that may veto a change of configuration.";
Long "server.max.startup.time.ms" = "9223372036854775807", ZERO, ReadOnly, TIMING,
    "How long the Java broker's start may take.";
Long "log.initial.task.delay.ms" = "30000", ZERO, ReadOnly, HONOURED,
    "Wait before the first look at retention.";
}
