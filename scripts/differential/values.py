"""Requests made up from the schema: mostly sensible values, by what a field means; at most one odd value in a request."""
import time
import uuid

from kafka.record.default_records import DefaultRecordBatchBuilder

from side import Ref

# Of the first record of every batch; young, so that retention leaves it alone.
RECORD_TIME_MS = int(time.time()) * 1000
UNKNOWN_ID = uuid.UUID("7d444840-9dc0-11d1-b245-5ffdce74fad2")
ZERO_ID = uuid.UUID(int=0)
TOPICS = ["alpha", "beta", "with.dot", "made-1", "made-2"]
ODD_TOPICS = ["missing", "", "..", "bad name!", "with_dot", "a" * 250, "__consumer_offsets"]
GROUPS = ["g-1", "g-2", "g-simple"]
TRANSACTIONS = ["t-1", "t-2"]
PARTITIONS = [0, 0, 0, 1, 2]
BROKER = [1]

# field: (sensible values, odd values); `API.field` goes before `field`
POOLS = {
    "topic_id": ([Ref("topic alpha"), Ref("topic beta")], [UNKNOWN_ID, ZERO_ID]),
    "group_id": (GROUPS, ["", "missing"]),
    "groups": (GROUPS, ["", "missing"]),
    "group_ids": (GROUPS, ["", "missing"]),
    "groups_names": (["g-dead", "missing"], ["", "g-1"]),
    "key": (GROUPS, ["", "x" * 300]),
    "coordinator_keys": (GROUPS, [""]),
    "key_type": ([0, 1], [2, 3, -1]),
    "transactional_id": (TRANSACTIONS, ["", "missing"]),
    "Produce.transactional_id": ([None], ["t-missing"]),
    "InitProducerId.transactional_id": ([None, "t-1"], [""]),
    "v3_and_below_transactional_id": (TRANSACTIONS, ["", "missing"]),
    "transactional_ids": (TRANSACTIONS, ["", "missing"]),
    "producer_id": ([-1], [0, 987654321]),
    "v3_and_below_producer_id": ([-1], [0, 987654321]),
    "producer_epoch": ([-1], [0, 5]),
    "v3_and_below_producer_epoch": ([-1], [0, 5]),
    "transaction_timeout_ms": ([60000], [0, -1, 2147483647]),
    "coordinator_epoch": ([0], [-1, 9]),
    "WriteTxnMarkers.producer_id": ([0], [-1]),
    "WriteTxnMarkers.producer_epoch": ([0], [-1]),
    "transaction_version": ([0, 2], [9]),
    "partition_index": (PARTITIONS, [7, -1, 2147483647]),
    "partition": (PARTITIONS, [7, -1]),
    "index": (PARTITIONS, [7, -1]),
    "partitions": (PARTITIONS, [7, -1]),
    "partition_indexes": (PARTITIONS, [7, -1]),
    "acks": ([-1, 1], [5]),
    "timeout_ms": ([5000], []),  # with none to speak of, the answer depends on luck
    "replica_id": ([-1], [-2]),  # followers come with replication
    "max_wait_ms": ([0, 20], [-1]),
    "min_bytes": ([0, 1], [-1]),
    "max_bytes": ([1 << 20], [0, 1]),
    "partition_max_bytes": ([1 << 20], [0, 1, -1]),
    "isolation_level": ([0, 1], [7]),
    "session_id": ([0], [12345]),
    "session_epoch": ([-1, 0], [1, 77]),
    "current_leader_epoch": ([-1, 0], [5]),
    "last_fetched_epoch": ([-1], [0, 5]),
    "leader_epoch": ([0], [5, -1]),
    "committed_leader_epoch": ([-1, 0], [5]),
    "fetch_offset": ([0, 1, 2], [-1, 99, 1 << 40]),
    "log_start_offset": ([-1, 0], []),
    "high_watermark": ([0], []),
    "timestamp": ([-1, -2, -3, 0, 1000], [-4, -5, -6, -7, 1 << 60]),
    "offset": ([0], [-1, -2, 99]),
    "committed_offset": ([1, 7], [-1, 0]),
    "committed_metadata": (["", "note", None], ["m" * 5000]),
    "retention_time_ms": ([-1], [1000]),
    "member_id": ([""], ["nobody"]),
    "group_instance_id": ([None], ["i-1", ""]),
    "instance_id": ([None], ["i-1", ""]),
    "generation_id": ([-1], [0, 5]),
    "generation_id_or_member_epoch": ([-1], [0, 5]),
    "member_epoch": ([-1], [0, 5]),
    "ConsumerGroupHeartbeat.member_epoch": ([0], [-1, 5, -2, -3]),
    "ConsumerGroupHeartbeat.group_id": (["c-1"], ["", "g-1"]),
    "ConsumerGroupHeartbeat.member_id": (["mmmmmmmmmmmmmmmmmmmmmA"], [""]),
    "ConsumerGroupHeartbeat.rebalance_timeout_ms": ([45000], [-1, 0]),
    "ConsumerGroupHeartbeat.topic_partitions": ([], []),
    "ConsumerGroupDescribe.group_ids": (["c-1", "missing"], ["", "g-1"]),
    "subscribed_topic_names": (["alpha", "beta"], ["", "missing"]),
    "subscribed_topic_regex": ([None], ["al.*", "(", ""]),
    "server_assignor": ([None, "uniform", "range"], ["unknown", ""]),
    "session_timeout_ms": ([500], [1, 0, -1, 2147483647]),
    "rebalance_timeout_ms": ([300], [0]),
    "protocol_type": (["consumer"], ["", "connect"]),
    "protocol_name": (["range"], ["other"]),
    "states_filter": (["Stable", "Empty"], ["nonsense", ""]),
    "types_filter": (["classic", "consumer"], ["nonsense"]),
    "state_filters": (["Ongoing", "Empty"], ["nonsense"]),
    "producer_id_filters": ([0], [-1]),
    "duration_filter": ([-1], [0, 1 << 40]),
    "transactional_id_pattern": ([None], ["t-.*", "("]),
    "mechanism": (["PLAIN"], ["", "nonsense"]),
    "client_software_name": (["differential"], ["", "bad name"]),
    "client_software_version": (["1.0"], ["", "-"]),
    "num_partitions": ([1, 3], [0, -1, -2]),
    "count": ([4, 5], [0, -1, 1]),
    "replication_factor": ([1, -1], [0, 2, -2]),
    "broker_ids": (BROKER, [9]),
    "broker_id": ([9], [-1]),
    "replicas": (BROKER, [9, -1]),
    "CreateTopics.assignments": ([], []),
    "AlterPartitionReassignments.replicas": (BROKER, [9]),
    "config_operation": ([0, 1], [2, 3, 9, -1]),
    "resource_type": ([2, 2, 4], [8, 16, 32, 0, 9]),
    "resource_types": ([2, 4, 16, 32], [0, 9]),
    "resource_type_filter": ([1, 2], [9]),
    "resource_pattern_type": ([3], [9]),
    "pattern_type_filter": ([1, 3], [9]),
    "operation": ([3], [99]),
    "permission_type": ([3], [99]),
    "election_type": ([0], [1, 9]),
    "entity_type": (["user", "client-id", "ip"], ["nonsense", ""]),
    "entity_name": (["someone", None], [""]),
    "match_type": ([0, 1, 2], [9]),
    "match": (["someone"], [None]),
    "feature": (["group.version"], ["nonsense", ""]),
    "max_version_level": ([1], [-1, 99]),
    "upgrade_type": ([1], [0, 9]),
    "path": (["/nowhere"], [""]),
    "principal": (["User:someone"], ["nonsense"]),
    "hmac": ([b"x"], [b""]),
    "AlterUserScramCredentials.mechanism": ([1, 2], [0, 9]),
    "iterations": ([4096], [1, 999999999]),
    "salt": ([b"s" * 16], [b""]),
    "salted_password": ([b"p" * 32], [b""]),
    "client_instance_id": ([UNKNOWN_ID], [ZERO_ID]),
    "compression_type": ([0], [9]),
    "metrics": ([b""], [b"nonsense"]),
    "endpoint_type": ([1], [0, 2, 9]),
    "response_partition_limit": ([2000, 2], [0, -1]),
    "value": (["1"], ["nonsense", None]),
    "reason": ([None, "because"], ["r" * 300]),
    "validate_only": ([False, True], []),
    "cluster_id": ([None], ["another"]),
    "replica_epoch": ([-1], [7]),
}
ALWAYS = {"UpdateFeatures.validate_only": True}
TOPIC_FIELDS = {"topic", "topic_name", "name", "topic_names"}
CONFIGS = [("retention.ms", "86400000"), ("cleanup.policy", "compact"), ("max.message.bytes", "100000"), ("min.insync.replicas", "1")]
ODD_CONFIGS = [("nonsense", "1"), ("retention.ms", "nonsense"), ("cleanup.policy", ""), ("max.message.bytes", "-5")]
NEW_TOPICS = {"CreateTopics": ["made-1", "made-2", "made-3"], "DeleteTopics": ["made-1", "made-3"], "CreatePartitions": ["made-1", "made-2", "made-3"]}
ZERO = {"string": "", "bytes": b"", "uuid": ZERO_ID, "bool": False, "float64": 0.0}


class Maker:
    """Makes requests of one API; two makers of one seed make the same."""

    def __init__(self, random, message):
        self.random = random
        self.message = message
        self.api = message.name.removesuffix("Request")
        self.odd_after = None

    def request(self, version):
        # counts down the fields; the one it ends at is odd
        self.odd_after = self.random.randrange(12) if self.random.random() < 0.4 else None
        return self._structure(self.message.name, version)

    def _structure(self, name, version):
        value = {}
        for field in self.message.structs[name]:
            if field.versions[0] <= version <= field.versions[1] and not self._leave_out(field):
                value[field.name] = self._field(name, field, version)
        if {"name", "value"} <= value.keys() and isinstance(value["value"], (str, type(None))):
            value["name"], value["value"] = self.random.choice(ODD_CONFIGS if self._is_odd() else CONFIGS)
        return value

    def _leave_out(self, field):
        return field.tag is not None and self.random.random() < 0.7

    def _is_odd(self):
        if self.odd_after is None:
            return False
        self.odd_after -= 1
        return self.odd_after == -1

    def _field(self, owner, field, version):
        qualified = f"{self.api}.{field.name}"
        if qualified in ALWAYS:
            return ALWAYS[qualified]
        odd = self._is_odd()
        nullable = field.nullable[0] <= version <= field.nullable[1]
        if field.is_array:
            if odd and nullable:
                return None
            if qualified in POOLS and not POOLS[qualified][0] or odd and self.random.random() < 0.3:
                return []
            elements = [self._structure(field.type, version) if field.is_struct() else self._primitive(field, False) for _ in range(2 if odd else 1)]
            return _unlike(elements)
        if field.is_struct():
            return None if odd and nullable else self._structure(field.type, version)
        return self._primitive(field, odd)

    def _primitive(self, field, odd):
        if field.type == "records":
            return batch() if not odd else self.random.choice([None, b"", b"nonsense", batch()[:-1]])
        if field.name in TOPIC_FIELDS and field.type == "string":
            return self.random.choice(ODD_TOPICS if odd else NEW_TOPICS.get(self.api, TOPICS))
        pools = POOLS.get(f"{self.api}.{field.name}", POOLS.get(field.name, ([], [])))
        sensible, unusual = ([value for value in pool if _fits(field.type, value)] for pool in pools)
        if field.type == "float64":
            sensible, unusual = [1024.0], [-1.0]
        pool = unusual if odd and unusual else sensible
        if field.name == "resource_name":
            pool = ["alpha", "beta", "1", ""] if not odd else ["missing", "nonsense"]
        if pool:
            return self.random.choice(pool)
        if field.type == "bool":
            return self.random.random() < 0.5
        return ZERO.get(field.type, 0)


def _fits(type_, value):
    """A field's name may mean one thing here and another there."""
    kinds = {"string": (str, type(None)), "bytes": (bytes,), "uuid": (uuid.UUID,), "bool": (bool,)}
    return isinstance(value, Ref) or isinstance(value, kinds.get(type_, (int,)))


def _unlike(elements):
    """Without a second one that names the same thing: some of those Apache Kafka never answers."""
    first, *rest = elements
    names = [first.get(name) for name in first][:1] if isinstance(first, dict) else [first]
    return [first] + [other for other in rest if ([other.get(name) for name in other][:1] if isinstance(other, dict) else [other]) != names]


def batch(values=(b"one", b"two"), producer=(-1, -1, -1), transactional=False, codec=0):
    """A record batch of today's format; the producer is (id, epoch, first sequence)."""
    builder = DefaultRecordBatchBuilder(2, codec, 1 if transactional else 0, *producer, 1 << 20)
    for number, value in enumerate(values):
        builder.append(number, RECORD_TIME_MS + number, b"key", value, [])
    return bytes(builder.build())
