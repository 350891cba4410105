"""Both ends of a chain of topics PREFIX-0 ... PREFIX-HOPS: `feed.py create BOOTSTRAP PREFIX HOPS`, `feed.py feed BOOTSTRAP PREFIX
FIRST COUNT` sends numbers, `feed.py drain BOOTSTRAP TOPIC COUNT SECONDS` prints every committed number of a topic."""
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

PARTITIONS = 3


def create(bootstrap, prefix, hops):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    topics = [NewTopic(f"{prefix}-{hop}", PARTITIONS, 1) for hop in range(int(hops) + 1)]
    for done in admin.create_topics(topics).values():
        done.result(30)


def feed(bootstrap, prefix, first, count):
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    for number in range(int(first), int(first) + int(count)):
        producer.produce(f"{prefix}-0", str(number), str(number))
    assert producer.flush(60) == 0


def drain(bootstrap, topic, count, seconds):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "never-joined", "isolation.level": "read_committed",
                         "enable.auto.commit": False, "reconnect.backoff.max.ms": 500, "log_level": 0})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    numbers, deadline = [], time.monotonic() + int(seconds)
    settled = None  # once all are there, a moment longer, for those that come twice
    while time.monotonic() < min(deadline, settled or deadline):
        numbers += [message.value().decode() for message in consumer.consume(1000, 0.3) if not message.error()]
        if len(numbers) >= int(count) and settled is None:
            settled = time.monotonic() + 1.5
    consumer.close()
    print("\n".join(numbers))


{"create": create, "feed": feed, "drain": drain}[sys.argv[1]](*sys.argv[2:])
