"""One member of a group that says what it does: `group_member.py BOOTSTRAP GROUP TOPIC PROTOCOL [INSTANCE]`.

Each line is an event with the time of the machine's monotonic clock: `own P`, `lose P`, `record P OFFSET`, `error TEXT`. A topic that
begins with ^ is a pattern. SIGTERM makes it leave in good order."""
import signal
import sys
import time

from confluent_kafka import Consumer, KafkaException

bootstrap, group, topic, protocol, *instance = sys.argv[1:]
running = True


def say(event):
    print(f"{time.monotonic():.6f} {event}", flush=True)


def stop(*_):
    global running
    running = False


def assigned(consumer, partitions):
    for partition in partitions:
        say(f"own {partition.topic}-{partition.partition}")
    if protocol == "consumer":
        consumer.incremental_assign(partitions)
    else:
        consumer.assign(partitions)


def revoked(consumer, partitions):
    try:
        if partitions:
            consumer.commit(asynchronous=False)
    except KafkaException as failure:
        # nothing to commit, or the group has moved on
        say(f"uncommitted {failure.args[0].name()}")
    lost(consumer, partitions)


def lost(consumer, partitions):
    for partition in partitions:
        say(f"lose {partition.topic}-{partition.partition}")
    if protocol == "consumer":
        consumer.incremental_unassign(partitions)
    else:
        consumer.unassign()


def main():
    signal.signal(signal.SIGTERM, stop)
    settings = {"bootstrap.servers": bootstrap, "group.id": group, "group.protocol": protocol, "auto.offset.reset": "earliest",
                "enable.auto.commit": False, "log_level": 2}
    if protocol == "classic":
        settings |= {"session.timeout.ms": 6000, "heartbeat.interval.ms": 500, "partition.assignment.strategy": "range"}
    if instance:
        settings["group.instance.id"] = instance[0]
    consumer = Consumer(settings)
    consumer.subscribe([topic], on_assign=assigned, on_revoke=revoked, on_lost=lost)
    say("begun")
    while running:
        messages = consumer.consume(100, timeout=0.2)
        for message in messages:
            if message.error():
                say(f"error {message.error().name()}")
            else:
                say(f"record {message.topic()}-{message.partition()} {message.offset()}")
        if messages:
            try:
                consumer.commit(asynchronous=False)
            except KafkaException as failure:
                say(f"uncommitted {failure.args[0].name()}")
    consumer.close()
    say("ended")


main()
