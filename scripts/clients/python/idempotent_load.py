"""Sends 0, 1, 2... to every partition with librdkafka's idempotent producer until something arrives on standard input:
`idempotent_load.py BOOTSTRAP TOPIC PARTITIONS`. Prints the number of rounds sent, and fails when one record did."""
import json
import select
import struct
import sys

from confluent_kafka import Producer


def main():
    bootstrap, topic, partitions = sys.argv[1], sys.argv[2], int(sys.argv[3])
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 50,
                         "retry.backoff.ms": 10, "linger.ms": 5, "batch.size": 4000, "socket.timeout.ms": 5000, "log_level": 0})
    failures = []

    def delivered(error, _):
        if error is not None:
            failures.append(str(error))

    rounds = 0
    while not select.select([sys.stdin], [], [], 0.002 if rounds % 20 == 0 else 0)[0]:
        for partition in range(partitions):
            producer.produce(topic, struct.pack(">q", rounds), struct.pack(">i", partition), partition, on_delivery=delivered)
        rounds += 1
        producer.poll(0)
        while len(producer) > 50_000:
            producer.poll(0.1)
    left = producer.flush(60)
    print(json.dumps({"rounds": rounds, "failed": len(failures) + left, "errors": failures[:10]}))
    sys.exit(1 if failures or left else 0)


main()
