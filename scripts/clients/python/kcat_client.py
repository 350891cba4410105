"""The distribution's kcat, run as a person would run it: `kcat_client.py BOOTSTRAP`."""
import json
import subprocess
import sys
import tempfile
import time
import uuid

import scenario


def kcat(*arguments, data=None):
    done = subprocess.run(["kcat", *arguments], input=data, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


class Kcat:
    """kcat makes no topics (the broker does, on first use) and sets no timestamps, so this is a scenario of its own."""

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap

    def produce(self, topic, codec, records):
        for partition in range(scenario.PARTITIONS):
            base = ["-P", "-b", self.bootstrap, "-t", topic, "-p", str(partition), "-z", codec, "-X", "message.max.bytes=1048576"]
            for record in (r for r in records if r.partition == partition):
                options = [part for name, value in record.headers for part in ("-H", f"{name}={value.decode()}")]
                if record.value is None:
                    kcat(*base, "-Z", "-K", ":", *options, data=record.key + b":\n")
                    continue
                options += [] if record.key is None else ["-k", record.key.decode()]
                if len(record.value) > 10_000:
                    with tempfile.NamedTemporaryFile() as file:
                        file.write(record.value)
                        file.flush()
                        kcat(*base, *options, file.name)
                else:
                    kcat(*base, *options, data=record.value + b"\n")

    def read(self, topic, partition, start):
        lines = kcat("-C", "-b", self.bootstrap, "-t", topic, "-p", str(partition), "-o", str(start), "-e", "-q", "-J",
                     "-X", "check.crcs=true", "-X", "fetch.message.max.bytes=2000000")
        read = []
        for line in lines.splitlines():
            message = json.loads(line)
            flat = message.get("headers", [])
            read.append(scenario.Record(
                message["partition"], *(None if message[f] is None else message[f].encode() for f in ("key", "payload")),
                [(name, value.encode()) for name, value in zip(flat[::2], flat[1::2])], message["ts"], message["offset"]))
        return read


def from_timestamp(client, topic):
    """The clock set the times here: the middle record's own time must lead to it, or to a neighbour of the same millisecond."""
    everything = client.read(topic, 2, "beginning")
    when = everything[2].timestamp
    expected = [r for r in everything if r.offset >= min(o.offset for o in everything if o.timestamp >= when)]
    scenario.same(expected, client.read(topic, 2, f"s@{when}"))


def main():
    client = Kcat(sys.argv[1])
    checks = scenario.Checks("kcat")
    for codec in scenario.CODECS:
        topic = f"kcat-{codec}-{uuid.uuid4().hex[:8]}"
        sent = scenario.records(binary=False)[:15]
        checks.check(f"{codec}: create a topic by asking for it", lambda: create(sys.argv[1], topic))
        checks.check(f"{codec}: produce {len(sent)} records", lambda: client.produce(topic, codec, sent))
        checks.check(f"{codec}: read by assignment from the beginning", lambda: scenario.same(
            sent, [r for p in range(scenario.PARTITIONS) for r in client.read(topic, p, "beginning")], timestamps=False))
        tail = [r for r in sent if r.partition == 1 and r.offset >= 2]
        checks.check(f"{codec}: read from an offset", lambda: scenario.same(tail, client.read(topic, 1, 2), timestamps=False))
        checks.check(f"{codec}: read from a timestamp", lambda: from_timestamp(client, topic))
    checks.finish()


def create(bootstrap, topic):
    """kcat has no admin command: Metadata for an unknown topic makes it, with the broker's default number of partitions."""
    for _ in range(50):
        listing = json.loads(kcat("-L", "-b", bootstrap, "-t", topic, "-J", "-X", "allow.auto.create.topics=true"))
        if len(listing["topics"][0]["partitions"]) >= scenario.PARTITIONS:
            return
        time.sleep(0.2)
    raise AssertionError(f"not created with {scenario.PARTITIONS} partitions (num.partitions of the broker): {listing}")


main()
