"""Transactions of the Python clients: `transactions.py CLIENT BOOTSTRAP`, with confluent-kafka, kafka-python or aiokafka.

Ten transactions over three partitions, every third one aborted, with the offsets of a group where the client can send them. What a
reader of committed records sees, in order, must be what was committed; one of all records sees everything."""
import asyncio
import sys
import time
import uuid

import scenario

PARTITIONS = 3
ROUNDS = 10
SIZE = 9


def values(number):
    return [f"{number}-{index}".encode() for index in range(SIZE)]


def is_committed(number):
    return number % 3 != 2


def confluent(bootstrap, topic, group):
    from confluent_kafka import Consumer, Producer, TopicPartition
    from confluent_kafka.admin import AdminClient, NewTopic
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for done in admin.create_topics([NewTopic(topic, PARTITIONS, 1)]).values():
        done.result(scenario.PATIENCE)
    member = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False})
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"id-{topic}", "linger.ms": 0})
    producer.init_transactions(scenario.PATIENCE)
    for number in range(ROUNDS):
        producer.begin_transaction()
        for index, value in enumerate(values(number)):
            producer.produce(topic, value, partition=index % PARTITIONS)
        producer.flush(scenario.PATIENCE)  # an abort drops what was not sent
        producer.send_offsets_to_transaction([TopicPartition(topic, 0, number)], member.consumer_group_metadata(), scenario.PATIENCE)
        if is_committed(number):
            producer.commit_transaction(scenario.PATIENCE)
        else:
            producer.abort_transaction(scenario.PATIENCE)
    offset = lambda: member.committed([TopicPartition(topic, 0)], scenario.PATIENCE)[0].offset
    expect_offset(offset)
    member.close()

    def read(isolation):
        consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "never-joined", "isolation.level": isolation, "enable.auto.commit": False,
                             "enable.partition.eof": True})
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        found, ended, deadline = [], 0, time.monotonic() + scenario.PATIENCE
        while ended < PARTITIONS and time.monotonic() < deadline:
            for message in consumer.consume(100, 0.5):
                if message.error():
                    ended += 1
                else:
                    found.append((message.partition(), message.value()))
        consumer.close()
        return found
    return read


def kafka_python(bootstrap, topic, group):
    from kafka import KafkaConsumer, KafkaProducer, TopicPartition
    from kafka.admin import KafkaAdminClient, NewTopic
    from kafka.structs import OffsetAndMetadata
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    producer = KafkaProducer(bootstrap_servers=bootstrap, transactional_id=f"id-{topic}", enable_idempotence=True)
    producer.init_transactions()
    for number in range(ROUNDS):
        producer.begin_transaction()
        for index, value in enumerate(values(number)):
            producer.send(topic, value, partition=index % PARTITIONS)
        producer.flush(scenario.PATIENCE)  # an abort drops what was not sent
        producer.send_offsets_to_transaction({TopicPartition(topic, 0): OffsetAndMetadata(number, "", -1)}, group)
        if is_committed(number):
            producer.commit_transaction()
        else:
            producer.abort_transaction()
    producer.close()
    member = KafkaConsumer(bootstrap_servers=bootstrap, group_id=group)
    expect_offset(lambda: member.committed(TopicPartition(topic, 0)))
    member.close()

    def read(isolation):
        consumer = KafkaConsumer(bootstrap_servers=bootstrap, isolation_level=isolation, enable_auto_commit=False)
        partitions = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends, found, deadline = consumer.end_offsets(partitions), [], time.monotonic() + scenario.PATIENCE
        while any(consumer.position(partition) < ends[partition] for partition in partitions) and time.monotonic() < deadline:
            for records in consumer.poll(200).values():
                found += [(record.partition, record.value) for record in records]
        consumer.close()
        return found
    return read


def aiokafka(bootstrap, topic, group):
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    async def write():
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
        await admin.close()
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=f"id-{topic}")
        await producer.start()
        for number in range(ROUNDS):
            await producer.begin_transaction()
            for index, value in enumerate(values(number)):
                await producer.send(topic, value, partition=index % PARTITIONS)
            await producer.send_offsets_to_transaction({TopicPartition(topic, 0): number}, group)
            if is_committed(number):
                await producer.commit_transaction()
            else:
                await producer.abort_transaction()
        await producer.stop()

    async def read_all(isolation):
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level=isolation, enable_auto_commit=False)
        await consumer.start()
        partitions = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends, found, deadline = await consumer.end_offsets(partitions), [], time.monotonic() + scenario.PATIENCE
        while time.monotonic() < deadline:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += [(record.partition, record.value) for record in records]
            positions = [await consumer.position(partition) >= ends[partition] for partition in partitions]
            if all(positions):
                break
        await consumer.stop()
        return found
    asyncio.run(write())
    return lambda isolation: asyncio.run(read_all(isolation))


def expect_offset(offset):
    """The offset that the last committed transaction sent; its marker follows after a moment."""
    last = max(number for number in range(ROUNDS) if is_committed(number))
    deadline = time.monotonic() + scenario.PATIENCE
    while offset() != last:
        assert time.monotonic() < deadline, f"offset {offset()} instead of {last}"
        time.sleep(0.05)


def expect_records(read, isolation, numbers):
    """Every partition has exactly these records, in order."""
    deadline = time.monotonic() + scenario.PATIENCE
    wanted = {partition: [] for partition in range(PARTITIONS)}
    for number in numbers:
        for index, value in enumerate(values(number)):
            wanted[index % PARTITIONS].append(value)
    while True:
        found = {partition: [] for partition in range(PARTITIONS)}
        for partition, value in read(isolation):
            found[partition].append(value)
        if found == wanted:
            return
        assert time.monotonic() < deadline, f"{isolation}: {found} instead of {wanted}"
        time.sleep(0.1)


def main():
    name, bootstrap = sys.argv[1:3]
    client = {"confluent-kafka": confluent, "kafka-python": kafka_python, "aiokafka": aiokafka}[name]
    checks = scenario.Checks(f"{name}-transactions")
    unique = uuid.uuid4()
    readers = []
    checks.check("ten transactions, every third aborted, and the offset of the last committed one is committed",
                 lambda: readers.append(client(bootstrap, f"transactions-{unique}", f"group-{unique}")))
    checks.check("only what was committed is read",
                 lambda: expect_records(readers[0], "read_committed", [number for number in range(ROUNDS) if is_committed(number)]))
    checks.check("who asks for everything reads everything", lambda: expect_records(readers[0], "read_uncommitted", range(ROUNDS)))
    checks.finish()


main()
