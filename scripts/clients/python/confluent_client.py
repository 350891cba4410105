"""confluent-kafka (librdkafka): `confluent_client.py BOOTSTRAP`."""
import sys
import time

from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import scenario


class Confluent:
    codecs = scenario.CODECS

    def __init__(self, bootstrap):
        self.base = {"bootstrap.servers": bootstrap}

    def create(self, topic, partitions):
        admin = AdminClient(self.base)  # a name of its own: the client ends with its last reference
        for done in admin.create_topics([NewTopic(topic, partitions, 1)]).values():
            done.result(20)

    def produce(self, topic, codec, records):
        failures = []
        producer = Producer({**self.base, "compression.type": codec, "acks": "all", "enable.idempotence": True, "linger.ms": 20,
                             "message.max.bytes": 1_048_576})
        for record in records:
            producer.produce(topic, record.value, record.key, record.partition, timestamp=record.timestamp, headers=record.headers,
                             on_delivery=lambda error, _: error and failures.append(error))
        left = producer.flush(30)
        assert not failures and left == 0, f"{left} not delivered, {failures}"

    def read(self, topic, starts, count):
        consumer = self._consumer()
        consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in starts.items()])
        read = []
        deadline = time.monotonic() + 30
        while len(read) < count and time.monotonic() < deadline:
            for message in consumer.consume(count, 0.5):
                assert message.error() is None, message.error()
                read.append(scenario.Record(message.partition(), message.key(), message.value(), message.headers() or [],
                                            message.timestamp()[1], message.offset()))
        consumer.close()
        return read

    def offset_at(self, topic, partition, timestamp):
        consumer = self._consumer()
        found = consumer.offsets_for_times([TopicPartition(topic, partition, timestamp)], timeout=20)[0]
        consumer.close()
        assert found.error is None, found.error
        return None if found.offset == OFFSET_END else found.offset

    def _consumer(self):
        return Consumer({**self.base, "group.id": "never-joined", "enable.auto.commit": False, "check.crcs": True,
                         "auto.offset.reset": "error"})


scenario.run("confluent-kafka", Confluent(sys.argv[1]))
