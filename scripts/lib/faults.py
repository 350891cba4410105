"""One broker under faults: what was acknowledged is remembered, read back byte by byte, and every answer is kept."""
import collections
import dataclasses
import subprocess
import time

import paths
from broker import Broker
from plain_wire import Batches, PlainWire, has_right_checksum, name_of

BATCH_BYTES = 32 << 10
SEGMENT_BYTES = 1 << 20
WAIT = 30
# A check of all sealed segments that never rests.
SCRUB = {"millrace.scrub.bytes.per.second": 1 << 30, "millrace.scrub.interval.ms": 500, "log.initial.task.delay.ms": 100}
# The answer has the damaged bytes, and their checksum tells.
CLIENT_FINDS = "checksum wrong at the client"
CLOSED = "connection closed"
UNANSWERED = "no answer"


class Failure(Exception):
    """What the test is there to find."""


@dataclasses.dataclass
class Row:
    """A line of the table."""
    fault: str
    made: str
    saw: str
    lost: str = "nothing"


@dataclasses.dataclass
class Reading:
    """What became of the acknowledged batches of a partition."""
    whole: int = 0
    refused: dict = dataclasses.field(default_factory=lambda: collections.defaultdict(list))  # offsets by error
    silent: list = dataclasses.field(default_factory=list)
    wrong: list = dataclasses.field(default_factory=list)

    @property
    def codes(self):
        return ", ".join(sorted(self.refused))

    def offsets(self):
        return sorted(offset for offsets in self.refused.values() for offset in offsets)


class Case:
    """A broker with its data in `work`/data unless told otherwise."""

    def __init__(self, work, settings=None, directory=None, port=30):
        self.broker = Broker("millrace", paths.FIRST_PORT + port, directory or work / "data", 2, settings)
        self.broker.log = work / "broker.log"
        self.directory = self.broker.directory
        self.batches = Batches()
        self.acked = collections.defaultdict(dict)
        self.connection = None

    def start(self):
        self.broker.start()
        self.connection = None
        return self

    def stop(self):
        status, _ = self.broker.stop()
        return status

    @property
    def wire(self):
        if self.connection is None:
            self.connection = PlainWire(self.broker.port)
        return self.connection

    def create(self, topic, partitions=1, **configs):
        """The topic, made by a request that must succeed."""
        code = self.try_create(topic, partitions, **configs)
        need(code == "NONE", f"create {topic}: {code}")

    def try_create(self, topic, partitions=1, **configs):
        configs = {name.replace("_", "."): value for name, value in configs.items()}
        return name_of(self.wire.create_topic(topic, partitions, {"segment.bytes": SEGMENT_BYTES, "retention.ms": -1, **configs}))

    def produce(self, topic, partition=0, count=1, size=BATCH_BYTES):
        """Sends batches one after the other; returns how often each error was answered."""
        seen = collections.Counter()
        for _ in range(count):
            batch = self.batches.next(size)
            try:
                error, offset = self.wire.produce(topic, partition, batch)
            except TimeoutError:
                self.connection = None
                seen[UNANSWERED] += 1
                continue
            seen[name_of(error)] += 1
            if error == 0:
                self.acked[topic, partition][offset] = batch[17:]
        return seen

    def accept(self, topic, partition=0, count=1, size=BATCH_BYTES):
        """The same where nothing may be refused."""
        seen = self.produce(topic, partition, count, size)
        need(set(seen) == {"NONE"}, f"produce to {topic}-{partition}: {dict(seen)}")

    def read(self, topic, partition=0):
        reading = Reading()
        found = {}
        for offset, expected in sorted(self.acked[topic, partition].items()):
            error = 0
            if offset not in found:
                try:
                    error, _, found = self.wire.fetch(topic, partition, offset)
                except OSError:
                    reading.refused[CLOSED].append(offset)
                    self.connection = None
                    continue
            if error != 0:
                reading.refused[name_of(error)].append(offset)
            elif offset not in found:
                reading.silent.append(offset)
            elif found[offset] != expected:
                there = reading.wrong if has_right_checksum(found[offset]) else reading.refused[CLIENT_FINDS]
                there.append(offset)
            else:
                reading.whole += 1
        need(not reading.wrong, f"{topic}-{partition}: wrong bytes at offsets {reading.wrong}")
        need(not reading.silent, f"{topic}-{partition}: lost without an error: offsets {span(reading.silent)}")
        return reading

    def all_there(self, topic, partition=0):
        reading = self.read(topic, partition)
        need(not reading.refused, f"{topic}-{partition}: {dict(reading.refused)}")
        return reading

    def forget(self, topic, partition, offsets):
        """Reported as lost: nobody expects them any more."""
        for offset in offsets:
            del self.acked[topic, partition][offset]

    def works(self, topics, count=2):
        """The broker does everything again: (topic, partition) each."""
        for topic, partition in topics:
            self.accept(topic, partition, count)
            self.all_there(topic, partition)
        group_commit(self, *topics[0])

    def logged(self, *texts, seconds=WAIT):
        """Waits until the log has a line with all of these; returns it."""
        deadline = time.monotonic() + seconds
        while True:
            for line in self.broker.log.read_text(errors="replace").splitlines():
                if all(text in line for text in texts):
                    return line
            if time.monotonic() > deadline:
                raise Failure(f"no line in the log has {' and '.join(texts)}\n{self.broker.log_tail()}")
            time.sleep(0.05)

    def partition_dir(self, topic, partition):
        return self.directory / f"{topic}-{partition}"

    def tool(self, *words):
        """`millrace log`; returns its status and what it printed."""
        command = [str(paths.MILLRACE), "log", *map(str, words)]
        run = lambda: subprocess.run(command, capture_output=True, text=True, timeout=120)
        # the kernel gives a dead broker's lock back when its last write has landed
        done = eventually(run, lambda done: "a broker has" not in done.stderr)
        return done.returncode, done.stdout + done.stderr

    def end(self):
        self.broker.kill()


def group_commit(case, topic, partition=0):
    """Commits an offset, trying again while the coordinator moves in, and reads it back."""
    offset = case.batches.number
    eventually(lambda: case.wire.find_coordinator("group", kind=0), lambda found: found["error"] == 0)
    code = eventually(lambda: case.wire.commit_offset("group", topic, partition, offset), lambda code: code not in (14, 15, 16))
    need(code == 0, f"offset commit: {name_of(code)}")
    code, found = case.wire.committed_offset("group", topic, partition)
    need((code, found) == (0, offset), f"committed offset {found} instead of {offset}: {name_of(code)}")


def eventually(ask, good, seconds=WAIT):
    """The first answer that is good, or the last one."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if good(answer) or time.monotonic() > deadline:
            return answer
        time.sleep(0.1)


def need(holds, what):
    if not holds:
        raise Failure(what)


def span(offsets):
    offsets = sorted(offsets)
    return "none" if not offsets else f"{offsets[0]}" if len(offsets) == 1 else f"{offsets[0]}..{offsets[-1]} ({len(offsets)})"


def flip(path, position, bit=0):
    """Changes one bit of a file."""
    with open(path, "r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 1 << bit]))


def segments(directory):
    return sorted(directory.glob("*.log"))
