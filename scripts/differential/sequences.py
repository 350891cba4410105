"""What clients really do, step by step: each sequence runs once for every version that its APIs have."""
import struct

from side import Ref
from values import RECORD_TIME_MS, UNKNOWN_ID, batch

TOPIC, COMPACTED, BROKEN = "alpha", "beta", "broken"


class Run:
    """One run of a sequence, `age` versions below the newest ones."""

    def __init__(self, judge, age):
        self.judge, self.age = judge, age

    def ask(self, api, request, version_min=0):
        """Both answers; None where this API is not served, or not in a version that the step needs."""
        versions = [version for version in self.judge.versions(api) if version >= version_min]
        if not versions:
            return None
        version = versions[max(0, len(versions) - 1 - self.age)]
        return self.judge.ask(api, version, request(version) if callable(request) else request)

    def note(self, variable, answers, read, missing=-1, is_id=True):
        """Takes each broker's own id out of its answer; `missing` where there is none."""
        for side, answer in zip((self.judge.ours, self.judge.theirs), answers or (None, None)):
            try:
                side.note(variable, read(answer), is_id)
            except (KeyError, IndexError, TypeError):
                side.variables[variable] = missing

    def name(self, text):
        """A name of this run alone."""
        return f"{text}-{self.age}"


def topic_at(version, by_id_from, field="name", name=TOPIC):
    return {"topic_id": Ref(f"topic {name}")} if version >= by_id_from else {field: name}


def fixture(run):
    """The topics that everything else is about."""
    topics = [{"name": TOPIC, "num_partitions": 3, "replication_factor": 1},
              {"name": COMPACTED, "num_partitions": 1, "replication_factor": 1, "configs": [{"name": "cleanup.policy", "value": "compact"}]},
              {"name": "with.dot", "num_partitions": 1, "replication_factor": 1},
              {"name": BROKEN, "num_partitions": 1, "replication_factor": 1}]
    answers = run.ask("CreateTopics", {"topics": topics, "timeout_ms": 5000})
    for place, topic in enumerate(topics):
        run.note(f"topic {topic['name']}", answers, lambda answer: answer["topics"][place]["topic_id"], UNKNOWN_ID)
    for partition in range(3):
        produce(run, records=batch((b"one", b"two", b"three")), partition=partition)
    produce(run, topic=COMPACTED)


def produce(run, topic=TOPIC, partition=0, records=None, acks=-1, transactional_id=None):
    def request(version):
        data = {**topic_at(version, 13, name=topic), "partition_data": [{"index": partition, "records": batch() if records is None else records}]}
        return {"transactional_id": transactional_id, "acks": acks, "timeout_ms": 5000, "topic_data": [data]}
    return run.ask("Produce", request)


def fetch(run, topic=TOPIC, offset=0, isolation_level=0, session=(0, -1), **more):
    def request(version):
        data = {**topic_at(version, 13, "topic", topic), "partitions": [{"partition": 0, "fetch_offset": offset, "partition_max_bytes": 1 << 20}]}
        return {"max_wait_ms": 20, "min_bytes": 1, "isolation_level": isolation_level, "topics": [data],
                "session_id": session[0], "session_epoch": session[1], **more}
    return run.ask("Fetch", request)


def idempotent_producer(run):
    answers = run.ask("InitProducerId", {"transaction_timeout_ms": 60000})
    producer = run.name("producer")
    run.note(producer, answers, lambda answer: answer["producer_id"])
    # each broker's batch carries its own producer id: built for both, one after the other
    for first_sequence, epoch in [(0, 0), (2, 0), (2, 0), (9, 0), (4, 0), (0, 1), (0, 0)]:
        produce_as(run, producer, epoch, first_sequence)
    run.ask("DescribeProducers", {"topics": [{"name": TOPIC, "partition_indexes": [0]}]})


class Batch(Ref):
    """A batch of the producer that each broker gave its id to."""

    def __init__(self, producer, epoch, first_sequence, transactional=False):
        super().__init__(producer)
        self.offset = self
        self.epoch, self.first_sequence, self.transactional = epoch, first_sequence, transactional

    def __radd__(self, producer_id):
        known = producer_id if isinstance(producer_id, int) else -1
        return batch(producer=(known, self.epoch, self.first_sequence), transactional=self.transactional)

    def __repr__(self):
        return f"<batch of {self.variable}, epoch {self.epoch}, from {self.first_sequence}>"


def produce_as(run, producer, epoch, first_sequence, transactional_id=None):
    records = Batch(producer, epoch, first_sequence, transactional=transactional_id is not None)
    return produce(run, records=records, transactional_id=transactional_id)


def broken_batches(run):
    whole = batch()

    def changed(place, value):
        return whole[:place] + value + whole[place + len(value):]
    for records in (None, b"", b"nonsense", whole[:11], whole[:20], whole[:-1], whole + whole, whole + whole[:20],
                    *(changed(8, struct.pack(">i", length)) for length in (-1, 0, 48, 1_000_000)), *(changed(16, bytes([magic])) for magic in (0, 1, 3)),
                    changed(17, b"\x00\x00\x00\x00"), batch(()), batch(producer=(1, 0, -1)), batch(producer=(-1, -1, -1), transactional=True)):
        produce(run, topic=BROKEN, records=records)


def fetch_session(run):
    answers = fetch(run, session=(0, 0))
    session = run.name("session")
    run.note(session, answers, lambda answer: answer["session_id"], is_id=False)
    for epoch in (1, 2, 2, 9):
        run.ask("Fetch", {"max_wait_ms": 0, "session_id": Ref(session), "session_epoch": epoch}, version_min=7)
    fetch(run, session=(Ref(session), -1))


def reading(run):
    for offset in (0, 1, 2, 99, -1):
        fetch(run, offset=offset)
    fetch(run, offset=0, isolation_level=1)
    for timestamp in (-1, -2, -3, RECORD_TIME_MS + 1, RECORD_TIME_MS + 60000):
        run.ask("ListOffsets", {"replica_id": -1, "topics": [{"name": TOPIC, "partitions": [{"partition_index": 0, "timestamp": timestamp}]}]})
    for epoch in (0, 1, -1):
        partition = {"partition": 0, "current_leader_epoch": -1, "leader_epoch": epoch}
        run.ask("OffsetForLeaderEpoch", {"replica_id": -1, "topics": [{"topic": TOPIC, "partitions": [partition]}]})


def join(run, group, member, metadata=b"m", instance=None):
    # long enough for what follows, however slow the machine is
    request = {"group_id": group, "session_timeout_ms": 60000, "rebalance_timeout_ms": 60000, "member_id": member, "group_instance_id": instance,
               "protocol_type": "consumer", "protocols": [{"name": "range", "metadata": metadata}, {"name": "roundrobin", "metadata": metadata}]}
    answers = run.ask("JoinGroup", request, version_min=0 if instance is None else 5)
    run.note(f"member of {group}", answers, lambda answer: answer["member_id"], "nobody")
    return answers


def classic_group(run):
    group = run.name("classic")
    me = Ref(f"member of {group}")
    run.ask("FindCoordinator", lambda version: {"key_type": 0, **({"coordinator_keys": [group]} if version >= 4 else {"key": group})})
    join(run, group, "")
    join(run, group, me)
    membership = {"group_id": group, "generation_id": 1, "member_id": me}
    run.ask("Heartbeat", membership)
    run.ask("SyncGroup", {**membership, "protocol_type": "consumer", "protocol_name": "range", "assignments": [{"member_id": me, "assignment": b"mine"}]})
    run.ask("SyncGroup", {**membership, "protocol_type": "consumer", "protocol_name": "other"})
    for generation, member in [(1, me), (2, me), (0, me), (1, "nobody"), (1, "")]:
        run.ask("Heartbeat", {"group_id": group, "generation_id": generation, "member_id": member})
        commit(run, group, generation, member)
    offsets(run, group)
    describe(run, group)
    run.ask("DeleteGroups", {"groups_names": [group, "missing"]})
    run.ask("OffsetDelete", {"group_id": group, "topics": [{"name": TOPIC, "partitions": [{"partition_index": 0}]}]})
    run.ask("LeaveGroup", lambda version: {"group_id": group, **({"members": [{"member_id": me}, {"member_id": "nobody"}]} if version >= 3 else {"member_id": me})})
    describe(run, group)
    commit(run, group, -1, "")
    run.ask("OffsetDelete", {"group_id": group, "topics": [{"name": TOPIC, "partitions": [{"partition_index": 0}, {"partition_index": 9}]}]})
    run.ask("DeleteGroups", {"groups_names": [group]})
    describe(run, group)


def commit(run, group, generation, member, offset=2):
    def request(version):
        partitions = [{"partition_index": partition, "committed_offset": offset, "committed_leader_epoch": 0, "committed_metadata": "note"} for partition in (0, 9)]
        return {"group_id": group, "generation_id_or_member_epoch": generation, "member_id": member,
                "topics": [{**topic_at(version, 10), "partitions": partitions}]}
    return run.ask("OffsetCommit", request)


def offsets(run, group):
    def request(version, topics):
        if version < 8:
            return {"group_id": group, "topics": topics(version), "require_stable": True}
        return {"groups": [{"group_id": group, "member_epoch": -1, "topics": topics(version)}], "require_stable": True}
    run.ask("OffsetFetch", lambda version: request(version, lambda v: [{**topic_at(v, 10), "partition_indexes": [0, 1, 9]}]))
    run.ask("OffsetFetch", lambda version: request(version, lambda _: None), version_min=2)


def describe(run, group):
    run.ask("DescribeGroups", {"groups": [group, "missing"]})
    run.ask("ListGroups", lambda version: {"states_filter": ["Stable"] if version >= 4 else []})


def static_member(run):
    group = run.name("static")
    me = Ref(f"member of {group}")
    join(run, group, "", instance="i-1")
    membership = {"group_id": group, "generation_id": 1, "member_id": me, "group_instance_id": "i-1"}
    run.ask("SyncGroup", {**membership, "protocol_type": "consumer", "protocol_name": "range", "assignments": [{"member_id": me, "assignment": b"mine"}]}, version_min=3)
    for side in (run.judge.ours, run.judge.theirs):
        side.note(f"old {group}", side.variables[me.variable])
    join(run, group, "", instance="i-1")
    run.ask("Heartbeat", membership, version_min=3)
    run.ask("Heartbeat", {**membership, "member_id": Ref(f"old {group}")}, version_min=3)
    run.ask("LeaveGroup", {"group_id": group, "members": [{"member_id": "", "group_instance_id": "i-1"}, {"member_id": "", "group_instance_id": "i-9"}]}, version_min=3)
    describe(run, group)


def consumer_group(run):
    group, me = run.name("modern"), "mmmmmmmmmmmmmmmmmmmmmg"
    beat = {"group_id": group, "member_id": me, "rebalance_timeout_ms": -1, "subscribed_topic_names": None, "topic_partitions": None}
    first = {**beat, "member_epoch": 0, "rebalance_timeout_ms": 30000, "subscribed_topic_names": [TOPIC], "topic_partitions": []}
    answers = run.ask("ConsumerGroupHeartbeat", first)
    if answers is None:
        return
    epoch = run.name("epoch")
    run.note(epoch, answers, lambda answer: answer["member_epoch"], is_id=False)
    owned = [{"topic_id": Ref(f"topic {TOPIC}"), "partitions": [0, 1, 2]}]
    for request in ({**beat, "member_epoch": Ref(epoch), "topic_partitions": owned}, {**beat, "member_epoch": Ref(epoch)}, {**beat, "member_epoch": Ref(epoch, 5)},
                    {**beat, "member_id": "nobody", "member_epoch": 3}, {**first, "member_epoch": 0, "server_assignor": "unknown"}):
        run.ask("ConsumerGroupHeartbeat", request)
    commit(run, group, Ref(epoch), me)
    commit(run, group, Ref(epoch, -1), me)
    commit(run, group, Ref(epoch, 1), me)
    offsets(run, group)
    run.ask("ConsumerGroupDescribe", {"group_ids": [group, "missing"]})
    describe(run, group)
    run.ask("ConsumerGroupHeartbeat", {**beat, "member_epoch": -1})
    run.ask("ConsumerGroupDescribe", {"group_ids": [group]})
    run.ask("DeleteGroups", {"groups_names": [group]})


def transaction(run):
    id_ = run.name("txn")
    group = run.name("txn-group")
    run.ask("FindCoordinator", lambda version: {"key_type": 1, **({"coordinator_keys": [id_]} if version >= 4 else {"key": id_})}, version_min=1)
    answers = run.ask("InitProducerId", {"transactional_id": id_, "transaction_timeout_ms": 60000})
    producer = run.name("txn-producer")
    run.note(producer, answers, lambda answer: answer["producer_id"])
    me = {"transactional_id": id_, "producer_id": Ref(producer), "producer_epoch": 0}
    run.ask("AddPartitionsToTxn", lambda version: {"v3_and_below_transactional_id": id_, "v3_and_below_producer_id": Ref(producer),
                                                   "v3_and_below_producer_epoch": 0, "v3_and_below_topics": [{"name": TOPIC, "partitions": [0, 9]}],
                                                   "transactions": [{**me, "topics": [{"name": TOPIC, "partitions": [0]}]}]})
    run.ask("AddPartitionsToTxn", lambda version: {"v3_and_below_transactional_id": id_, "v3_and_below_producer_id": Ref(producer),
                                                   "v3_and_below_producer_epoch": 0, "v3_and_below_topics": [{"name": TOPIC, "partitions": [0]}],
                                                   "transactions": [{**me, "topics": [{"name": TOPIC, "partitions": [0]}]}]})
    produce_as(run, producer, 0, 0, transactional_id=id_)
    run.ask("AddOffsetsToTxn", {**me, "group_id": group})
    run.ask("TxnOffsetCommit", {**me, "group_id": group, "generation_id": -1, "topics": [
        {"name": TOPIC, "partitions": [{"partition_index": 0, "committed_offset": 5, "committed_leader_epoch": -1, "committed_metadata": ""}]}]})
    offsets(run, group)
    run.ask("DescribeTransactions", {"transactional_ids": [id_, "missing"]})
    run.ask("ListTransactions", {"state_filters": ["Ongoing"]})
    run.ask("DescribeProducers", {"topics": [{"name": TOPIC, "partition_indexes": [0]}]})
    for committed, epoch in [(True, 7), (True, 0), (True, 0), (False, 0)]:
        run.ask("EndTxn", {**me, "producer_epoch": epoch, "committed": committed})
    offsets(run, group)
    fetch(run, isolation_level=1)
    run.ask("DescribeTransactions", {"transactional_ids": [id_]})


def admin(run):
    name = run.name("made")
    run.ask("CreateTopics", {"topics": [{"name": name, "num_partitions": 2, "replication_factor": 1, "configs": [{"name": "retention.ms", "value": "1000"}]}],
                             "timeout_ms": 5000})
    run.ask("CreateTopics", {"topics": [{"name": name, "num_partitions": 2, "replication_factor": 1}], "timeout_ms": 5000})
    run.ask("CreatePartitions", {"topics": [{"name": name, "count": 3, "assignments": None}], "timeout_ms": 5000})
    run.ask("DescribeConfigs", {"resources": [{"resource_type": 2, "resource_name": name, "configuration_keys": None}], "include_synonyms": True,
                                "include_documentation": True})
    run.ask("DescribeConfigs", {"resources": [{"resource_type": 4, "resource_name": "1", "configuration_keys": None}], "include_synonyms": True})
    for operation, key, value in [(0, "retention.ms", "5000"), (2, "cleanup.policy", "compact"), (3, "cleanup.policy", "delete"), (1, "retention.ms", None)]:
        change = {"name": key, "config_operation": operation, "value": value}
        run.ask("IncrementalAlterConfigs", {"resources": [{"resource_type": 2, "resource_name": name, "configs": [change]}]})
    run.ask("Metadata", {"topics": [{"name": name}, {"name": "missing"}], "allow_auto_topic_creation": False})
    run.ask("DeleteRecords", {"topics": [{"name": TOPIC, "partitions": [{"partition_index": 1, "offset": 1}, {"partition_index": 9, "offset": 1}]}], "timeout_ms": 5000})
    run.ask("DescribeLogDirs", {"topics": [{"topic": name, "partitions": [0, 1]}]})
    run.ask("ElectLeaders", {"election_type": 0, "topic_partitions": [{"topic": name, "partitions": [0, 9]}], "timeout_ms": 5000})
    run.ask("DescribeTopicPartitions", {"topics": [{"name": name}], "response_partition_limit": 2000})
    run.ask("DescribeCluster", {"endpoint_type": 1})
    run.ask("ApiVersions", {"client_software_name": "differential", "client_software_version": "1"})
    run.ask("DeleteTopics", lambda version: {"topic_names": [name], "topics": [{"name": name}], "timeout_ms": 5000})


ALL = (reading, broken_batches, fetch_session, idempotent_producer, classic_group, static_member, consumer_group, transaction, admin)
