"""aiokafka: `aiokafka_client.py BOOTSTRAP [groups]`."""
import asyncio
import threading

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

import scenario


class AioKafka:
    codecs = scenario.CODECS

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap

    def create(self, topic, partitions):
        async def create():
            admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
            await admin.start()
            try:
                answer = await admin.create_topics([NewTopic(topic, partitions, 1)])
            finally:
                await admin.close()
            assert all(error[1] == 0 for error in answer.topic_errors), answer
        asyncio.run(create())

    def produce(self, topic, codec, records):
        async def produce():
            producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all", linger_ms=20, enable_idempotence=True,
                                        compression_type=None if codec == "none" else codec)
            await producer.start()
            try:
                sent = [await producer.send(topic, record.value, record.key, record.partition, record.timestamp, record.headers)
                        for record in records]
                return [(await asyncio.wait_for(future, 20)).offset for future in sent]
            finally:
                await producer.stop()
        offsets = asyncio.run(produce())
        assert offsets == [record.offset for record in records], f"acknowledged offsets {offsets}"

    def read(self, topic, starts, count):
        async def read():
            consumer = self._consumer()
            await consumer.start()
            consumer.assign([TopicPartition(topic, partition) for partition in starts])
            for partition, offset in starts.items():
                consumer.seek(TopicPartition(topic, partition), offset)
            messages = []
            try:
                async with asyncio.timeout(30):
                    while len(messages) < count:
                        for batch in (await consumer.getmany(timeout_ms=500)).values():
                            messages += batch
            finally:
                await consumer.stop()
            return messages
        return [scenario.Record(m.partition, m.key, m.value, list(m.headers), m.timestamp, m.offset) for m in asyncio.run(read())]

    def offset_at(self, topic, partition, timestamp):
        async def lookup():
            consumer = self._consumer()
            await consumer.start()
            wanted = TopicPartition(topic, partition)
            try:
                return (await consumer.offsets_for_times({wanted: timestamp}))[wanted]
            finally:
                await consumer.stop()
        found = asyncio.run(lookup())
        return None if found is None or found.offset < 0 else found.offset

    def member(self, group, topic):
        return Member(self.bootstrap, group, topic)

    def _consumer(self):
        return AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=None, check_crcs=True, auto_offset_reset="none")


class Member:
    """A consumer with a loop of its own, since its heartbeats must go on while others poll."""

    def __init__(self, bootstrap, group, topic):
        self.topic = topic
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.consumer = self._await(self._start(bootstrap, group))

    def poll(self):
        batches = self._await(self.consumer.getmany(timeout_ms=500)).values()
        return [(m.partition, m.offset) for batch in batches for m in batch]

    def assignment(self):
        return {assigned.partition for assigned in self.consumer.assignment()}

    def commit(self):
        self._await(self.consumer.commit())

    def committed(self, partition):
        return self._await(self.consumer.committed(TopicPartition(self.topic, partition)))

    def seek(self, partition, offset):
        self.loop.call_soon_threadsafe(self.consumer.seek, TopicPartition(self.topic, partition), offset)

    def close(self):
        self._await(self.consumer.stop())

    async def _start(self, bootstrap, group):
        consumer = AIOKafkaConsumer(self.topic, bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False,
                                    auto_offset_reset="earliest", session_timeout_ms=10_000, heartbeat_interval_ms=500)
        await consumer.start()
        return consumer

    def _await(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(40)


scenario.main("aiokafka", AioKafka)
