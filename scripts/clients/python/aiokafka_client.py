"""aiokafka: `aiokafka_client.py BOOTSTRAP [groups|admin]`."""
import asyncio
import threading

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

import scenario


class AioKafka:
    codecs = scenario.CODECS

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap

    def create(self, topic, partitions):
        answer = self._ask("create_topics", [NewTopic(topic, partitions, 1)])
        assert all(error[1] == 0 for error in answer.topic_errors), answer

    def produce(self, topic, codec, records):
        async def produce():
            producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all", linger_ms=20, enable_idempotence=True,
                                        compression_type=None if codec == "none" else codec)
            await producer.start()
            try:
                sent = [await producer.send(topic, record.value, record.key, record.partition, record.timestamp, record.headers)
                        for record in records]
                return [(await asyncio.wait_for(future, scenario.PATIENCE)).offset for future in sent]
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
                async with asyncio.timeout(scenario.PATIENCE):
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

    def topics(self):
        return self._ask("list_topics")

    def partition_count(self, topic):
        return len(self._ask("describe_topics", [topic])[0]["partitions"])

    def setting(self, topic, name):
        [answer] = self._ask("describe_configs", [ConfigResource(ConfigResourceType.TOPIC, topic)])
        return {entry[0]: entry[1] for entry in answer.resources[0][4]}[name]

    def alter(self, topic, name, value):
        [answer] = self._ask("alter_configs", [ConfigResource(ConfigResourceType.TOPIC, topic, {name: value})])
        assert answer.resources[0][0] == 0, answer

    def add_partitions(self, topic, count):
        answer = self._ask("create_partitions", {topic: NewPartitions(count)})
        assert answer.topic_errors[0][1] == 0, answer

    def delete_records(self, topic, partition, offset):
        self._ask("delete_records", {TopicPartition(topic, partition): RecordsToDelete(offset)})

    def groups(self):
        return [name for name, _ in self._ask("list_consumer_groups")]

    def member_count(self, group):
        [answer] = self._ask("describe_consumer_groups", [group])
        error, _, state, _, _, members = answer.groups[0][:6]
        assert error == 0, answer
        return len(members) if state == "Stable" else 0

    def delete_topic(self, topic):
        answer = self._ask("delete_topics", [topic])
        assert answer.topic_error_codes[0][1] == 0, answer

    def _ask(self, call, *about):
        """The answer to one call of the administrator."""
        async def ask():
            admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
            await admin.start()
            try:
                return await getattr(admin, call)(*about)
            finally:
                await admin.close()
        return asyncio.run(ask())

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
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(scenario.PATIENCE)


scenario.main("aiokafka", AioKafka)
