//! Who may do what and how much: authorization, delegation tokens, quotas; and names that older
//! releases knew.

use super::{ANY, JVM_PLUGIN, ONE, QUOTAS, TLS, settings};
use crate::config::setting::Treatment;

const ACLS: Treatment = Treatment::Refused(
    "access control is not in this version, and a broker that ignored it would be open to all",
);
const UNUSED_ACLS: Treatment =
    Treatment::Later("access control is not in this version and no authorizer is set");
const REMOVED: Treatment = Treatment::Ignored("removed in Kafka 4.0");

settings! { ACCESS:
String "authorizer.class.name" = "", ANY, ReadOnly, ACLS,
    "Java class that checks access; the standard one switches access control lists on.";
String "super.users" = null, ANY, ReadOnly, UNUSED_ACLS,
    "Users who may do everything, as User:name separated by semicolons.";
Bool "allow.everyone.if.no.acl.found" = "false", ANY, ReadOnly, UNUSED_ACLS,
    "Whether a resource without access control entries is open to all.";
Class "principal.builder.class" = "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder", ANY, PerBroker, JVM_PLUGIN,
    "Java class that names the user of a connection.";
Password "delegation.token.secret.key" = null, ANY, ReadOnly, TLS,
    "Secret that signs delegation tokens.";
Long "delegation.token.max.lifetime.ms" = "604800000", ONE, ReadOnly, TLS,
    "Longest life of a delegation token.";
Long "delegation.token.expiry.time.ms" = "86400000", ONE, ReadOnly, TLS,
    "How long a delegation token is good before it must be renewed.";
Long "delegation.token.expiry.check.interval.ms" = "3600000", ONE, ReadOnly, TLS,
    "How often expired delegation tokens are looked for.";
Int "quota.window.num" = "11", ONE, ReadOnly, QUOTAS,
    "Time windows over which client quotas are measured.";
Int "quota.window.size.seconds" = "1", ONE, ReadOnly, QUOTAS,
    "Length of such a window.";
Int "replication.quota.window.num" = "11", ONE, ReadOnly, QUOTAS,
    "Time windows over which replication quotas are measured.";
Int "replication.quota.window.size.seconds" = "1", ONE, ReadOnly, QUOTAS,
    "Length of such a window.";
Int "alter.log.dirs.replication.quota.window.num" = "11", ONE, ReadOnly, QUOTAS,
    "Time windows over which moves between directories are measured.";
Int "alter.log.dirs.replication.quota.window.size.seconds" = "1", ONE, ReadOnly, QUOTAS,
    "Length of such a window.";
Int "controller.quota.window.num" = "11", ONE, ReadOnly, QUOTAS,
    "Time windows over which changes of metadata are measured.";
Int "controller.quota.window.size.seconds" = "1", ONE, ReadOnly, QUOTAS,
    "Length of such a window.";
Class "client.quota.callback.class" = null, ANY, ReadOnly, JVM_PLUGIN,
    "Java class that decides quotas.";
}

settings! {
/// Accepted because files still carry them; not among the answers to `DescribeConfigs`.
REMOVED_NAMES:
String "zookeeper.connect" = null, ANY, ReadOnly, REMOVED,
    "Where ZooKeeper was.";
String "zookeeper.connection.timeout.ms" = null, ANY, ReadOnly, REMOVED,
    "How long ZooKeeper was waited for.";
String "zookeeper.session.timeout.ms" = null, ANY, ReadOnly, REMOVED,
    "How long ZooKeeper kept a session.";
String "inter.broker.protocol.version" = null, ANY, ReadOnly, REMOVED,
    "Version that brokers spoke among themselves.";
String "log.message.format.version" = null, ANY, ReadOnly, REMOVED,
    "Version of the record format.";
String "log.message.downconversion.enable" = null, ANY, ReadOnly, REMOVED,
    "Turn records into older formats for old clients.";
String "log.message.timestamp.difference.max.ms" = null, ANY, ReadOnly, REMOVED,
    "How far a record's timestamp may differ from the clock.";
String "control.plane.listener.name" = null, ANY, ReadOnly, REMOVED,
    "Listener for the controller's requests.";
String "broker.id.generation.enable" = null, ANY, ReadOnly, REMOVED,
    "Draw broker ids by itself.";
String "reserved.broker.max.id" = null, ANY, ReadOnly, REMOVED,
    "Largest broker id that is not drawn.";
String "leader.imbalance.per.broker.percentage" = null, ANY, ReadOnly, REMOVED,
    "Imbalance at which leadership moves.";
String "controlled.shutdown.max.retries" = null, ANY, ReadOnly, REMOVED,
    "How often leaving was tried.";
String "controlled.shutdown.retry.backoff.ms" = null, ANY, ReadOnly, REMOVED,
    "Wait between tries to leave.";
String "password.encoder.secret" = null, ANY, ReadOnly, REMOVED,
    "Secret for passwords in ZooKeeper.";
String "auto.include.jmx.reporter" = null, ANY, ReadOnly, REMOVED,
    "Report metrics through JMX.";
String "password.encoder.old.secret" = null, ANY, ReadOnly, REMOVED,
    "Older secret for passwords in ZooKeeper.";
String "password.encoder.cipher.algorithm" = null, ANY, ReadOnly, REMOVED,
    "Algorithm for passwords in ZooKeeper.";
String "quota.producer.default" = null, ANY, ReadOnly, REMOVED,
    "Bytes a second of a producer.";
String "quota.consumer.default" = null, ANY, ReadOnly, REMOVED,
    "Bytes a second of a consumer.";
String "delegation.token.master.key" = null, ANY, ReadOnly, REMOVED,
    "Older name of delegation.token.secret.key.";
}
