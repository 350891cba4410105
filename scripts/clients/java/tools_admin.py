"""Tools that change settings: configs of every kind of entity, quotas, credentials, client metrics."""
import time

from tool_runner import fresh

CONFIGS = "kafka.admin.ConfigCommand"


def checks(runner):
    tools = AdminTools(runner)
    return [
        ("kafka-configs of topics", tools.topic_configs),
        ("kafka-configs of brokers and of all brokers", tools.broker_configs),
        ("kafka-configs of users, clients and addresses: quotas", tools.quotas),
        ("kafka-configs of users: SCRAM credentials", tools.credentials),
        ("kafka-configs of broker loggers", tools.loggers),
        ("kafka-configs of groups", tools.groups),
        ("kafka-client-metrics", tools.client_metrics),
        ("kafka-acls without an authorizer", tools.acls),
    ]


class AdminTools:
    def __init__(self, runner):
        self.runner = runner
        self.run = runner.run

    def alter(self, kind, name, *change, status=0):
        entity = ["--entity-default"] if name is None else ["--entity-name", name]
        return self.run(CONFIGS, "--alter", "--entity-type", kind, *entity, *change, status=status)

    def describe(self, kind, name, *more):
        entity = ["--entity-default"] if name is None else ["--entity-name", name]
        return self.run(CONFIGS, "--describe", "--entity-type", kind, *entity, *more)

    def shows(self, kind, name, text, expected=True):
        """Waits until the description has the text, or has it no more: a Kafka broker learns of a change a moment after the controller."""
        deadline = time.monotonic() + 10
        while (text in (shown := self.describe(kind, name))) != expected:
            assert time.monotonic() < deadline, f"{text!r} {'never' if expected else 'still'} in {shown}"
        return shown

    def topic_configs(self):
        topic = fresh("configs")
        self.run("TopicCommand", "--create", "--topic", topic)
        self.alter("topics", topic, "--add-config", "retention.ms=888888,cleanup.policy=[compact,delete]")
        shown = self.shows("topics", topic, "retention.ms=888888 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=888888")
        assert "cleanup.policy=compact,delete" in shown, shown
        self.alter("topics", topic, "--delete-config", "retention.ms")
        self.shows("topics", topic, "retention.ms", False)
        everything = self.describe("topics", topic, "--all")
        assert "max.message.bytes=1048588 sensitive=false synonyms={DEFAULT_CONFIG:message.max.bytes=1048588}" in everything, everything
        _, refused = self.runner.outcome(CONFIGS, "--bootstrap-server", self.runner.bootstrap, "--alter", "--entity-type", "topics", "--entity-name",
                                         topic, "--add-config", "retention.ms=soon", status=1)
        assert "Invalid value soon for configuration retention.ms: Not a number of type LONG" in refused, refused
        self.run("TopicCommand", "--delete", "--topic", topic)

    def broker_configs(self):
        self.alter("brokers", "1", "--add-config", "log.cleaner.backoff.ms=15001")
        self.shows("brokers", "1", "log.cleaner.backoff.ms=15001 sensitive=false synonyms={DYNAMIC_BROKER_CONFIG:log.cleaner.backoff.ms=15001")
        self.alter("brokers", "1", "--delete-config", "log.cleaner.backoff.ms")
        self.shows("brokers", "1", "log.cleaner.backoff.ms=15001", False)
        self.alter("brokers", None, "--add-config", "message.max.bytes=1048577")
        self.shows("brokers", None, "message.max.bytes=1048577")
        self.alter("brokers", None, "--delete-config", "message.max.bytes")
        self.shows("brokers", None, "message.max.bytes", False)

    def quotas(self):
        user = fresh("user")
        self.run(CONFIGS, "--alter", "--entity-type", "users", "--entity-name", user, "--entity-type", "clients", "--entity-name", "c",
                 "--add-config", "producer_byte_rate=1024,consumer_byte_rate=2048")
        shown = self.run(CONFIGS, "--describe", "--entity-type", "users", "--entity-name", user, "--entity-type", "clients")
        assert f"Quota configs for user-principal '{user}', client-id 'c' are" in shown, shown
        assert "producer_byte_rate=1024.0" in shown and "consumer_byte_rate=2048.0" in shown, shown
        self.alter("ips", "10.1.2.3", "--add-config", "connection_creation_rate=7")
        self.shows("ips", "10.1.2.3", "connection_creation_rate=7.0")
        self.alter("ips", "10.1.2.3", "--delete-config", "connection_creation_rate")
        self.shows("ips", "10.1.2.3", "connection_creation_rate", False)
        self.alter("clients", None, "--add-config", "request_percentage=90")
        self.shows("clients", None, "request_percentage=90.0")
        self.alter("clients", None, "--delete-config", "request_percentage")

    def credentials(self):
        user = fresh("scram")
        self.alter("users", user, "--add-config", "SCRAM-SHA-256=[iterations=8192,password=secret]")
        self.shows("users", user, f"SCRAM credential configs for user-principal '{user}' are SCRAM-SHA-256=iterations=8192")
        self.alter("users", user, "--delete-config", "SCRAM-SHA-256")
        self.shows("users", user, "SCRAM", False)

    def loggers(self):
        self.alter("broker-loggers", "1", "--add-config", "root=ERROR")
        self.shows("broker-loggers", "1", "root=ERROR sensitive=false synonyms={}")
        self.alter("broker-loggers", "1", "--add-config", "root=WARN")
        assert "root=WARN" in self.describe("broker-loggers", "1")

    def groups(self):
        group = fresh("group")
        self.alter("groups", group, "--add-config", "consumer.session.timeout.ms=50000")
        self.shows("groups", group, "consumer.session.timeout.ms=50000 sensitive=false synonyms={DYNAMIC_GROUP_CONFIG:consumer.session.timeout.ms=50000")
        self.alter("groups", group, "--delete-config", "consumer.session.timeout.ms")
        self.shows("groups", group, "consumer.session.timeout.ms=50000", False)

    def client_metrics(self):
        name = fresh("metrics")
        self.run("ClientMetricsCommand", "--alter", "--name", name, "--metrics", "org.apache.kafka.producer.", "--interval", "30000",
                 "--match", "client_id=none.*")
        shown = self.run("ClientMetricsCommand", "--describe", "--name", name)
        assert f"Client metrics configs for {name} are:" in shown and "interval.ms=30000" in shown, shown
        assert "match=client_id=none.*" in shown and "metrics=org.apache.kafka.producer." in shown, shown
        assert name in self.run("ClientMetricsCommand", "--list").split()
        self.run("ClientMetricsCommand", "--delete", "--name", name)
        assert name not in self.run("ClientMetricsCommand", "--list").split()

    def acls(self):
        refused = "".join(self.runner.outcome("AclCommand", "--bootstrap-server", self.runner.bootstrap, "--list", status=1))
        assert "No Authorizer is configured" in refused, refused
