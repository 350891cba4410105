"""Every partition must hold exactly 0, 1, 2... up to the count: `exactly_once.py BOOTSTRAP TOPIC PARTITIONS COUNT`."""
import struct
import sys
import time

from confluent_kafka import Consumer, TopicPartition


def main():
    bootstrap, topic, partitions, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "never-joined", "enable.auto.commit": False, "check.crcs": True,
                         "auto.offset.reset": "error"})
    ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), 20)[1] for p in range(partitions)}
    consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
    expected = dict.fromkeys(ends, 0)
    read = 0
    deadline = time.monotonic() + 30
    while read < sum(ends.values()):
        messages = consumer.consume(10_000, 1)
        if messages:
            deadline = time.monotonic() + 30
        elif time.monotonic() > deadline:
            sys.exit(f"nothing came for 30 s; read {read} of {sum(ends.values())} records")
        for message in messages:
            if message.error():
                sys.exit(f"{message.error()}")
            value = struct.unpack(">q", message.value())[0]
            partition = message.partition()
            if value != expected[partition]:
                kind = "duplicate or reordered" if value < expected[partition] else "lost or reordered"
                sys.exit(f"{kind}: partition {partition} offset {message.offset()} holds {value} instead of {expected[partition]}")
            expected[partition] += 1
            read += 1
    consumer.close()
    wrong = {p: seen for p, seen in expected.items() if seen != count}
    if wrong:
        sys.exit(f"lost at the end: {count} were acknowledged in every partition, read {wrong}")
    print(f"{read} records, each exactly once and in order")


main()
