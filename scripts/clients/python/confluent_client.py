"""confluent-kafka (librdkafka): `confluent_client.py BOOTSTRAP [groups|admin]`."""
import time

from confluent_kafka import OFFSET_END, Consumer, ConsumerGroupState, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic

import scenario


class Confluent:
    codecs = scenario.CODECS

    def __init__(self, bootstrap):
        self.base = {"bootstrap.servers": bootstrap}

    def create(self, topic, partitions):
        self._ask("create_topics", [NewTopic(topic, partitions, 1)])

    def produce(self, topic, codec, records):
        failures = []
        producer = Producer({**self.base, "compression.type": codec, "acks": "all", "enable.idempotence": True, "linger.ms": 20,
                             "message.max.bytes": 1_048_576})
        for record in records:
            producer.produce(topic, record.value, record.key, record.partition, timestamp=record.timestamp, headers=record.headers,
                             on_delivery=lambda error, _: error and failures.append(error))
        left = producer.flush(scenario.PATIENCE)
        assert not failures and left == 0, f"{left} not delivered, {failures}"

    def read(self, topic, starts, count):
        consumer = self._consumer()
        consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in starts.items()])
        read = []
        deadline = time.monotonic() + scenario.PATIENCE
        while len(read) < count and time.monotonic() < deadline:
            for message in consumer.consume(count, 0.5):
                assert message.error() is None, message.error()
                read.append(scenario.Record(message.partition(), message.key(), message.value(), message.headers() or [],
                                            message.timestamp()[1], message.offset()))
        consumer.close()
        return read

    def offset_at(self, topic, partition, timestamp):
        consumer = self._consumer()
        found = consumer.offsets_for_times([TopicPartition(topic, partition, timestamp)], timeout=scenario.PATIENCE)[0]
        consumer.close()
        assert found.error is None, found.error
        return None if found.offset == OFFSET_END else found.offset

    def member(self, group, topic):
        return Member(self.base, group, topic)

    def topics(self):
        admin = AdminClient(self.base)
        return admin.list_topics(timeout=scenario.PATIENCE).topics.keys()

    def partition_count(self, topic):
        admin = AdminClient(self.base)
        return len(admin.list_topics(topic, timeout=scenario.PATIENCE).topics[topic].partitions)

    def setting(self, topic, name):
        [entries] = self._ask("describe_configs", [ConfigResource(ConfigResource.Type.TOPIC, topic)])
        return entries[name].value

    def alter(self, topic, name, value):
        entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        self._ask("incremental_alter_configs", [ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])])

    def add_partitions(self, topic, count):
        self._ask("create_partitions", [NewPartitions(topic, count)])

    def delete_records(self, topic, partition, offset):
        self._ask("delete_records", [TopicPartition(topic, partition, offset)])

    def groups(self):
        admin = AdminClient(self.base)
        return [listed.group_id for listed in admin.list_consumer_groups().result(scenario.PATIENCE).valid]

    def member_count(self, group):
        [described] = self._ask("describe_consumer_groups", [group])
        return len(described.members) if described.state == ConsumerGroupState.STABLE else 0

    def delete_group(self, group):
        self._ask("delete_consumer_groups", [group])

    def delete_topic(self, topic):
        self._ask("delete_topics", [topic])

    def _ask(self, call, about):
        """The results of one call of the administrator."""
        admin = AdminClient(self.base)  # a name of its own: the client ends with its last reference
        return [done.result(scenario.PATIENCE) for done in getattr(admin, call)(about).values()]

    def _consumer(self):
        return Consumer({**self.base, "group.id": "never-joined", "enable.auto.commit": False, "check.crcs": True,
                         "auto.offset.reset": "error"})


class Member:
    def __init__(self, base, group, topic):
        self.topic = topic
        self.consumer = Consumer({**base, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest",
                                  "session.timeout.ms": 10_000, "heartbeat.interval.ms": 500})
        self.consumer.subscribe([topic])

    def poll(self):
        read = self.consumer.consume(1000, 0.5)
        for message in read:
            assert message.error() is None, message.error()
        return [(message.partition(), message.offset()) for message in read]

    def assignment(self):
        return {assigned.partition for assigned in self.consumer.assignment()}

    def commit(self):
        for committed in self.consumer.commit(asynchronous=False):
            assert committed.error is None, committed.error

    def committed(self, partition):
        return self.consumer.committed([TopicPartition(self.topic, partition)], scenario.PATIENCE)[0].offset

    def seek(self, partition, offset):
        self.consumer.seek(TopicPartition(self.topic, partition, offset))

    def close(self):
        self.consumer.close()


scenario.main("confluent-kafka", Confluent)
