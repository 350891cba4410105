"""Records for a new topic until its input ends: `group_load.py BOOTSTRAP TOPIC PARTITIONS`; then it says how many each partition got."""
import collections
import json
import sys
import threading
import time

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

bootstrap, topic, partitions = sys.argv[1], sys.argv[2], int(sys.argv[3])
admin = AdminClient({"bootstrap.servers": bootstrap})
admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(20)
producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "log_level": 2})
acknowledged = collections.Counter()
ended = threading.Event()


def delivered(failure, message):
    assert failure is None, failure
    acknowledged[message.partition()] += 1


def send(rounds):
    for number in range(rounds):
        for partition in range(partitions):
            producer.produce(topic, str(number), partition=partition, on_delivery=delivered)
        producer.poll(0)


send(20)
producer.flush(20)
print("begun", flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
while not ended.is_set():
    send(1)
    time.sleep(0.05)
assert producer.flush(20) == 0
print(json.dumps(acknowledged))
