"""A chain of hops in librdkafka: `hops.py BOOTSTRAP PREFIX HOPS WORKERS [manual]`, until its standard input ends.

Each worker reads committed records of topic PREFIX-N and writes them to PREFIX-N+1, records and offsets in one transaction. Every
tenth transaction or so it aborts, and now and then it leaves its group. After any error it begins anew from what is committed.
With `manual` the workers (one a hop) take all partitions by themselves, without a group's rebalances."""
import random
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

BOOTSTRAP, PREFIX, HOPS, WORKERS = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
MANUAL = sys.argv[5:] == ["manual"]
PARTITIONS = 3
stopping = threading.Event()
BASE = {"bootstrap.servers": BOOTSTRAP, "reconnect.backoff.max.ms": 500, "socket.timeout.ms": 10_000, "log_level": 0,
        "error_cb": lambda error: None}
# By default librdkafka throws its broker handles away when all of them are down and bootstraps anew, but goes on to wait for the one
# that it knows as the group's coordinator: send_offsets_to_transaction then blocks for ever, whatever its timeout (librdkafka 2.16, its
# issues 5456 and 5511; with Apache Kafka as with Millrace).
TRANSACTIONAL = {**BASE, "metadata.recovery.strategy": "none", "transaction.timeout.ms": 20_000, "linger.ms": 2}


class Begin(Exception):
    """What was under way is given up: begin anew from what is committed."""


def consumer_of(hop):
    consumer = Consumer({**BASE, "group.id": f"{PREFIX}-{hop}", "isolation.level": "read_committed", "enable.auto.commit": False,
                         "auto.offset.reset": "earliest", "session.timeout.ms": 6_000, "heartbeat.interval.ms": 1_000})
    topic = f"{PREFIX}-{hop}"
    if MANUAL:
        committed = consumer.committed([TopicPartition(topic, index) for index in range(PARTITIONS)], 20)
        for partition in committed:
            partition.offset = max(partition.offset, 0)
        consumer.assign(committed)
    else:
        consumer.subscribe([topic])
    return consumer


def pass_on(consumer, producer, hop, source):
    """One transaction."""
    messages = [message for message in consumer.consume(40, 0.2) if not message.error()]
    if not messages:
        return
    producer.begin_transaction()
    for message in messages:
        producer.produce(f"{PREFIX}-{hop + 1}", message.value(), message.key())
    ends = {}
    for message in messages:
        ends[message.partition()] = message.offset() + 1
    positions = [TopicPartition(f"{PREFIX}-{hop}", index, offset) for index, offset in ends.items()]
    if source.random() < 0.1:
        producer.flush(5)
        producer.abort_transaction(20)
        raise Begin
    producer.send_offsets_to_transaction(positions, consumer.consumer_group_metadata(), 20)
    producer.commit_transaction(30)
    if source.random() < 0.02:
        raise Begin  # leaves the group, and comes back


def work(hop, worker):
    source = random.Random(hop * 100 + worker)
    producer = consumer = None
    while not stopping.is_set():
        try:
            if producer is None:
                producer = Producer({**TRANSACTIONAL, "transactional.id": f"{PREFIX}-{hop}-{worker}"})
                producer.init_transactions(30)
            consumer = consumer_of(hop)
            while not stopping.is_set():
                pass_on(consumer, producer, hop, source)
        except Begin:
            pass
        except KafkaException:
            producer = ended(producer)
        finally:
            if consumer is not None:
                consumer.close()
                consumer = None
        time.sleep(0.05)


def ended(producer):
    """After an error: the producer if its transaction could be aborted, else none."""
    try:
        producer.abort_transaction(10)
        return producer
    except KafkaException:
        return None


threads = [threading.Thread(target=work, args=(hop, worker), daemon=True) for hop in range(HOPS) for worker in range(WORKERS)]
for thread in threads:
    thread.start()
sys.stdin.read()
stopping.set()
for thread in threads:
    thread.join(20)
