"""kafka-python: `kafka_python_client.py BOOTSTRAP [groups]`."""
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

import scenario


class KafkaPython:
    codecs = scenario.CODECS

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap

    def create(self, topic, partitions):
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        admin.create_topics([NewTopic(topic, partitions, 1)])
        admin.close()

    def produce(self, topic, codec, records):
        producer = KafkaProducer(bootstrap_servers=self.bootstrap, acks="all", linger_ms=20,
                                 compression_type=None if codec == "none" else codec)
        sent = [producer.send(topic, record.value, record.key, record.headers, record.partition, record.timestamp) for record in records]
        producer.flush(30)
        offsets = [future.get(10).offset for future in sent]
        producer.close()
        assert offsets == [record.offset for record in records], f"acknowledged offsets {offsets}"

    def read(self, topic, starts, count):
        consumer = self._consumer()
        consumer.assign([TopicPartition(topic, partition) for partition in starts])
        for partition, offset in starts.items():
            consumer.seek(TopicPartition(topic, partition), offset)
        read = []
        deadline = time.monotonic() + 30
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
