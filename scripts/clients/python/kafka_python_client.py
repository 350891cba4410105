"""kafka-python: `kafka_python_client.py BOOTSTRAP [groups|admin]`."""
import contextlib
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewTopic

import scenario


class KafkaPython:
    codecs = scenario.CODECS

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap

    def create(self, topic, partitions):
        with self._admin() as admin:
            admin.create_topics([NewTopic(topic, partitions, 1)])

    def produce(self, topic, codec, records):
        producer = KafkaProducer(bootstrap_servers=self.bootstrap, acks="all", linger_ms=20,
                                 compression_type=None if codec == "none" else codec)
        sent = [producer.send(topic, record.value, record.key, record.headers, record.partition, record.timestamp) for record in records]
        producer.flush(scenario.PATIENCE)
        offsets = [future.get(10).offset for future in sent]
        producer.close()
        assert offsets == [record.offset for record in records], f"acknowledged offsets {offsets}"

    def read(self, topic, starts, count):
        consumer = self._consumer()
        consumer.assign([TopicPartition(topic, partition) for partition in starts])
        for partition, offset in starts.items():
            consumer.seek(TopicPartition(topic, partition), offset)
        read = []
        deadline = time.monotonic() + scenario.PATIENCE
        while len(read) < count and time.monotonic() < deadline:
            for messages in consumer.poll(500).values():
                read += [scenario.Record(m.partition, m.key, m.value, list(m.headers), m.timestamp, m.offset) for m in messages]
        consumer.close()
        return read

    def offset_at(self, topic, partition, timestamp):
        consumer = self._consumer()
        wanted = TopicPartition(topic, partition)
        found = consumer.offsets_for_times({wanted: timestamp})[wanted]
        consumer.close()
        return None if found is None or found.offset < 0 else found.offset

    def member(self, group, topic):
        return Member(self.bootstrap, group, topic)

    def topics(self):
        with self._admin() as admin:
            return admin.list_topics()

    def partition_count(self, topic):
        with self._admin() as admin:
            return len(admin.describe_topics([topic])[0]["partitions"])

    def setting(self, topic, name):
        with self._admin() as admin:
            described = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        return described["topic"][topic][name]["value"]

    def alter(self, topic, name, value):
        with self._admin() as admin:
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {name: value})])

    def add_partitions(self, topic, count):
        with self._admin() as admin:
            admin.create_partitions({topic: count})

    def delete_records(self, topic, partition, offset):
        with self._admin() as admin:
            admin.delete_records({TopicPartition(topic, partition): offset})

    def groups(self):
        with self._admin() as admin:
            return [listed["group_id"] for listed in admin.list_groups()]

    def member_count(self, group):
        with self._admin() as admin:
            described = admin.describe_groups([group])[group]
        return len(described["members"]) if described["group_state"] == "Stable" else 0

    def delete_group(self, group):
        with self._admin() as admin:
            admin.delete_groups([group])

    def delete_topic(self, topic):
        with self._admin() as admin:
            admin.delete_topics([topic])

    def _admin(self):
        return contextlib.closing(KafkaAdminClient(bootstrap_servers=self.bootstrap))

    def _consumer(self):
        return KafkaConsumer(bootstrap_servers=self.bootstrap, group_id=None, check_crcs=True, auto_offset_reset="none")


class Member:
    def __init__(self, bootstrap, group, topic):
        self.topic = topic
        self.consumer = KafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False,
                                      auto_offset_reset="earliest", session_timeout_ms=10_000, heartbeat_interval_ms=500)

    def poll(self):
        return [(m.partition, m.offset) for messages in self.consumer.poll(500).values() for m in messages]

    def assignment(self):
        return {assigned.partition for assigned in self.consumer.assignment()}

    def commit(self):
        self.consumer.commit()

    def committed(self, partition):
        return self.consumer.committed(TopicPartition(self.topic, partition))

    def seek(self, partition, offset):
        self.consumer.seek(TopicPartition(self.topic, partition), offset)

    def close(self):
        self.consumer.close()


scenario.main("kafka-python", KafkaPython)
