"""The round trip that every Python client makes; a client is an object with these methods:

    codecs                                         names of the codecs it has
    create(topic, partitions)
    produce(topic, codec, records)                 records carry their partition
    read(topic, starts, count)                     assigns {partition: offset}, seeks, returns records
    offset_at(topic, partition, timestamp)         first offset with that time or a later one, None if there is none
    member(group, topic)                           a consumer of a group that has subscribed; it has these:
        poll()                                     what came in half a second, as (partition, offset) pairs
        assignment()                               the partitions that it has now
        commit()                                   commits, and waits for it, what poll has returned
        committed(partition)                       the committed offset
        seek(partition, offset)
        close()                                    leaves the group
    and of an administrator these, as far as the library has them:
    topics(), groups()                             names
    partition_count(topic)
    setting(topic, name)
    alter(topic, name, value)
    add_partitions(topic, count)                   makes them so many
    delete_records(topic, partition, offset)       those before the offset
    member_count(group)                            of a stable group, 0 of another one
    delete_group(group), delete_topic(topic)
"""
import dataclasses
import random
import sys
import time
import traceback
import uuid

PARTITIONS = 3
COUNT = 60
BIG = 900_000
PATIENCE = 90  # seconds for what takes a moment where nothing else runs
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


@dataclasses.dataclass
class Record:
    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    timestamp: int
    offset: int = -1

    def __repr__(self):
        value = self.value if self.value is None or len(self.value) < 60 else f"{len(self.value)} bytes, {hash(self.value)}"
        return f"Record({self.partition}@{self.offset} key={self.key} value={value} headers={self.headers} time={self.timestamp})"


def records(binary=True, behind=0):
    """Keys and no keys, null values, headers that repeat or are empty, one record of 900 KB, a second between neighbours."""
    source = random.Random(7)
    began = int(time.time() * 1000) - 3_600_000
    made = []
    for i in range(COUNT):
        value = f"value {i} ".encode() * (i + 1)
        if i == 10:
            value = source.randbytes(BIG) if binary else bytes(source.choices(b"abcdefghijklmnop", k=BIG))
        headers = [[], [("one", f"header {i}".encode())], [("twice", b"a"), ("empty", b""), ("twice", b"\xff\x00" if binary else b"b")]]
        made.append(Record(
            partition=i % PARTITIONS,
            key=None if i % 5 == 4 else f"key {i}".encode(),
            value=None if i % 7 == 6 and i % 5 != 4 else value,  # no client sends a record of nothing
            headers=headers[i % 4 % 3],
            timestamp=began + i * 1000,
            offset=i // PARTITIONS + behind,
        ))
    return made


class Checks:
    def __init__(self, client):
        self.client = client
        self.passed = self.failed = 0

    def check(self, name, run):
        """`run` raises when the check fails."""
        try:
            run()
            self.passed += 1
            print(f"ok   {self.client}: {name}", flush=True)
        except Exception as error:  # any error of any client is the finding
            self.failed += 1
            print(f"FAIL {self.client}: {name}: {type(error).__name__}: {error}", flush=True)
            if not isinstance(error, AssertionError):
                traceback.print_exc(limit=-2)

    def has(self, client, call, name):
        if not hasattr(client, call):
            print(f"none {self.client}: {name}: the library has no call for it", flush=True)
        return hasattr(client, call)

    def finish(self):
        print(f"{self.client}: {self.passed} passed, {self.failed} failed", flush=True)
        sys.exit(1 if self.failed or not self.passed else 0)


def same(expected, seen, timestamps=True):
    """Every byte and the order, partition by partition."""
    for partition in range(PARTITIONS):
        ours = [r for r in expected if r.partition == partition]
        theirs = [r for r in seen if r.partition == partition]
        assert len(ours) == len(theirs), f"partition {partition}: {len(theirs)} records instead of {len(ours)}"
        for ours_one, theirs_one in zip(ours, theirs):
            if not timestamps:
                theirs_one.timestamp = ours_one.timestamp
            assert ours_one == theirs_one, f"read {theirs_one} instead of {ours_one}"


def main(name, client):
    """`CLIENT BOOTSTRAP [groups|admin]`"""
    {"": run, "groups": groups, "admin": administration}["".join(sys.argv[2:])](name, client(sys.argv[1]))


def run(name, client):
    checks = Checks(name)
    for codec in client.codecs:
        topic = f"{name}-{codec}-{uuid.uuid4().hex[:8]}"
        sent = records()
        checks.check(f"{codec}: create a topic with {PARTITIONS} partitions", lambda: client.create(topic, PARTITIONS))
        checks.check(f"{codec}: produce {COUNT} records", lambda: client.produce(topic, codec, sent))
        checks.check(f"{codec}: read by assignment from the beginning",
                     lambda: same(sent, client.read(topic, {p: 0 for p in range(PARTITIONS)}, COUNT)))
        tail = [r for r in sent if r.partition == 1 and r.offset >= 12]
        checks.check(f"{codec}: read from an offset", lambda: same(tail, client.read(topic, {1: 12}, len(tail))))
        checks.check(f"{codec}: read from a timestamp", lambda: from_timestamp(client, topic, sent))
    checks.finish()


def from_timestamp(client, topic, sent):
    ours = [r for r in sent if r.partition == 2]
    found = client.offset_at(topic, 2, ours[7].timestamp - 500)
    assert found == 7, f"offset {found} instead of 7"
    assert client.offset_at(topic, 2, ours[7].timestamp) == 7, "the exact time of a record finds another one"
    assert client.offset_at(topic, 2, ours[-1].timestamp + 1) is None, "a time behind the last record has an offset"
    same(ours[7:], client.read(topic, {2: found}, len(ours) - 7))


def groups(name, client):
    """A member, a second one, a leaver, a restart; every record is read exactly once, wherever it was committed."""
    checks = Checks(f"{name}-groups")
    topic = f"{name}-groups-{uuid.uuid4().hex[:8]}"
    group = f"{topic}-group"
    rounds = iter(range(1, 10))
    members = []

    def produce():
        client.produce(topic, "none", records(behind=next(rounds) * COUNT // PARTITIONS))

    def join():
        members.append(client.member(group, topic))

    def first():
        client.create(topic, PARTITIONS)
        client.produce(topic, "none", records())
        join()
        read_all(members, 0)
        assert members[0].assignment() == set(range(PARTITIONS)), members[0].assignment()
        members[0].commit()

    def second():
        join()
        poll_until(members, lambda: is_shared(members), PATIENCE)
        produce()
        read_all(members, 1)
        for member in members:
            member.commit()

    def leave():
        members.pop().close()
        poll_until(members, lambda: members[0].assignment() == set(range(PARTITIONS)), PATIENCE)
        produce()
        read_all(members, 2)
        members[0].commit()
        members.pop().close()

    def restart():
        produce()
        join()
        read_all(members, 3)
        committed = [members[0].committed(partition) for partition in range(PARTITIONS)]
        assert committed == [3 * COUNT // PARTITIONS] * PARTITIONS, committed

    def seek():
        members[0].seek(1, 7)
        seen = poll_until(members, lambda: False, PATIENCE, enough=4 * COUNT // PARTITIONS - 7)
        assert seen == [(1, offset) for offset in range(7, 4 * COUNT // PARTITIONS)], seen[:5]
        members.pop().close()

    checks.check("a member reads everything and commits", first)
    checks.check("a second member takes its part of the partitions", second)
    checks.check("a member that leaves gives its partitions back", leave)
    checks.check("a group that comes back goes on where it committed", restart)
    checks.check("a member seeks", seek)
    checks.finish()


def is_shared(members):
    parts = [member.assignment() for member in members]
    return all(parts) and sorted(p for part in parts for p in part) == list(range(PARTITIONS))


def poll_until(members, reached, seconds, enough=None):
    seen = []
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline or enough, f"not reached: {[member.assignment() for member in members]}"
        if time.monotonic() > deadline or (enough and len(seen) >= enough):
            break
        for member in members:
            seen += member.poll()
    return seen


def read_all(members, batch):
    """Every record of a batch, each once and none of another."""
    each = COUNT // PARTITIONS
    seen = poll_until(members, lambda: False, PATIENCE, enough=COUNT)
    expected = [(partition, batch * each + i) for partition in range(PARTITIONS) for i in range(each)]
    assert sorted(seen) == expected, f"{len(seen)} records, {sorted(set(expected) - set(seen))[:3]} missing, {sorted(set(seen) - set(expected))[:3]} too many"


def administration(name, client):
    """Topics, their settings and records, and groups. What was acknowledged may be seen a moment later."""
    checks = Checks(f"{name}-admin")
    topic = f"{name}-admin-{uuid.uuid4().hex[:8]}"
    group = f"{topic}-group"

    def create():
        client.create(topic, PARTITIONS)
        until(True, lambda: topic in client.topics())
        until(PARTITIONS, lambda: client.partition_count(topic))

    def alter():
        client.alter(topic, "retention.ms", "654321")
        until("654321", lambda: client.setting(topic, "retention.ms"))

    def add_partitions():
        client.add_partitions(topic, 5)
        until(5, lambda: client.partition_count(topic))

    def delete_records():
        client.produce(topic, "none", records())
        client.delete_records(topic, 0, 5)
        until(5, lambda: client.offset_at(topic, 0, 0))

    def describe_group():
        member = client.member(group, topic)
        poll_until([member], lambda: client.member_count(group) == 1, PATIENCE)
        until(True, lambda: group in client.groups())
        member.close()

    def delete_group():
        client.delete_group(group)
        until(False, lambda: group in client.groups())

    def delete_topic():
        client.delete_topic(topic)
        until(False, lambda: topic in client.topics())

    checks.check("a topic is listed and described", create)
    checks.check("its configuration is altered and described", alter)
    checks.check("partitions are added", add_partitions)
    checks.check("records are deleted", delete_records)
    checks.check("a group is listed and described", describe_group)
    if checks.has(client, "delete_group", "a group is deleted"):
        checks.check("a group is deleted", delete_group)
    checks.check("the topic is deleted", delete_topic)
    checks.finish()


def until(wanted, ask):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            found = ask()
        except Exception as error:  # of any client; it is the finding if it lasts
            found = error
        if found == wanted:
            return
        assert time.monotonic() < deadline, f"{found!r} instead of {wanted!r}"
        time.sleep(0.1)
