"""Avro records whose schemas lie in a registry, by confluent-kafka: `avro_client.py BOOTSTRAP REGISTRY_URL TOPIC produce VERSION FIRST COUNT`
or `... consume COUNT`, which prints what was read as lines of JSON, each with the id of the schema that it was written with."""
import json
import struct
import sys
import time

from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

FIELDS = [{"name": "id", "type": "long"}, {"name": "item", "type": "string"}]
# The second version adds a field that has a default, so that it reads what the first has written.
ADDED = {1: [], 2: [{"name": "colour", "type": ["null", "string"], "default": None}]}
LIMIT = 150


def schema(version):
    return json.dumps({"type": "record", "name": "Order", "namespace": "millrace", "fields": FIELDS + ADDED[version]})


def order(version, number):
    return {"id": number, "item": f"item {number}", **({"colour": f"colour {number}"} if version == 2 else {})}


def produce(bootstrap, registry, topic, version, first, count):
    serializer = AvroSerializer(registry, schema(version))
    producer = Producer({"bootstrap.servers": bootstrap})
    for number in range(first, first + count):
        producer.produce(topic, value=serializer(order(version, number), SerializationContext(topic, MessageField.VALUE)))
    assert producer.flush(LIMIT) == 0, "not all records were acknowledged"


def consume(bootstrap, registry, topic, count):
    deserializer = AvroDeserializer(registry)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"avro-{time.time_ns()}", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    deadline = time.monotonic() + LIMIT
    while count > 0:
        assert time.monotonic() < deadline, f"{count} records are missing after {LIMIT} s"
        message = consumer.poll(1)
        if message is None:
            continue
        assert message.error() is None, message.error()
        read = deserializer(message.value(), SerializationContext(topic, MessageField.VALUE))
        print(json.dumps({"schema": struct.unpack(">xI", message.value()[:5])[0], **read}))
        count -= 1
    consumer.close()


def main():
    bootstrap, url, topic, action, *numbers = sys.argv[1:]
    {"produce": produce, "consume": consume}[action](bootstrap, SchemaRegistryClient({"url": url}), topic, *map(int, numbers))


main()
