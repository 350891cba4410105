"""Sequences of transactional requests, each with the answers it got: the same from Apache Kafka and from Millrace.

Producer ids differ from broker to broker, so they are named in the order in which they are seen; epochs are not masked."""
import time

from transaction_wire import ProducerId

CONCURRENT = 51
# the coordinator is being loaded
NOT_YET = (14, 15, 16)


class Run:
    """One scenario against one broker: a fresh transactional id and topic, and the list of answers."""

    def __init__(self, wire, name, tag):
        self.wire, self.tag = wire, tag
        self.id, self.topic, self.group = f"id-{name}{tag}", f"topic-{name}{tag}", f"group-{name}{tag}"
        self.answers, self.ids = [], {}

    def note(self, what, answer):
        self.answers.append((what, self.masked(answer)))
        return answer

    def masked(self, value):
        if isinstance(value, dict):
            return {self.masked(key): self.masked(item) for key, item in value.items()}
        if isinstance(value, str):
            return value.replace(self.tag, "")
        if isinstance(value, (list, tuple)):
            return type(value)(self.masked(item) for item in value)
        return self.ids.get(value, value) if isinstance(value, ProducerId) else value

    def seen(self, producer):
        if producer[0] >= 0:
            self.ids.setdefault(producer[0], f"P{len(self.ids)}")
        return producer

    def patiently(self, ask, error_of=lambda answer: answer):
        """Asks again while the transaction before is being completed, as every client does."""
        for _ in range(200):
            answer = ask()
            if error_of(answer) != CONCURRENT:
                return answer
            time.sleep(0.02)
        raise TimeoutError("the transaction before does not end")

    def init(self, what="init", **options):
        error, producer = self.patiently(lambda: self.wire.init(self.id, **options), lambda answer: answer[0])
        self.seen(producer)
        self.note(what, (error, producer))
        return producer

    def end(self, producer, committed, version=5, what=None):
        error, next_one = self.patiently(lambda: self.wire.end(self.id, producer, committed, version), lambda answer: answer[0])
        if next_one:
            self.seen(next_one)
        self.note(what or ("commit" if committed else "abort"), (error, next_one))
        return next_one if next_one and error == 0 else producer

    def add(self, producer, indexes=(0,), version=3, what="add"):
        wanted = {self.topic: list(indexes)}
        answer = self.patiently(lambda: self.wire.add_partitions(self.id, producer, wanted, version), lambda found: found.get((self.topic, 0)))
        self.note(what, [error for error in answer.values()])

    def produce(self, producer, sequence, index=0, version=11, what="produce", **options):
        answer = self.wire.produce(self.id, producer, self.topic, index, sequence, version=version, **options)
        self.note(what, answer)
        return answer

    def settled(self):
        for _ in range(200):
            if not self.wire.describe(self.id)["state"].startswith("Prepare"):
                time.sleep(0.3)  # Kafka's last stable offset follows its markers
                return
            time.sleep(0.02)
        raise TimeoutError("the transaction does not end")

    def look(self, what="look", index=0):
        self.settled()
        self.note(f"{what}: describe", dict(self.wire.describe(self.id), name=None, topics=None))
        self.note(f"{what}: fetch committed", self.wire.fetch(self.topic, index, 0))
        self.note(f"{what}: fetch all", self.wire.fetch(self.topic, index, 0, committed=False))
        self.note(f"{what}: latest", [self.wire.list_offset(self.topic, index, -1, committed) for committed in (True, False)])
        self.note(f"{what}: producers", self.wire.producers(self.topic, index))


def classic(run):
    """Commit and abort of a producer that adds its partitions itself."""
    producer = run.init()
    run.add(producer, (0, 1))
    run.produce(producer, 0)
    run.produce(producer, 1)
    run.look("open")
    run.end(producer, True, 4)
    run.look("committed")
    run.end(producer, True, 4, "commit again")
    run.end(producer, False, 4, "abort what is committed")
    run.add(producer, (0, 1))
    run.produce(producer, 2)
    run.end(producer, False, 4)
    run.look("aborted")
    run.end(producer, False, 4, "abort again")
    run.end(producer, True, 4, "commit what is aborted")


def classic_errors(run):
    """What a classic producer must not do."""
    producer = run.init()
    stranger, early, late = (producer[0] + 100_000, 0), (producer[0], -1), (producer[0], producer[1] + 1)
    run.note("commit nothing", run.wire.end(run.id, producer, True, 4))
    run.note("abort nothing", run.wire.end(run.id, producer, False, 4))
    for version in (0, 1, 3, 4):
        for name, who in (("stranger", stranger), ("early", early), ("late", late)):
            if version >= 3:
                run.note(f"end {version} {name}", run.wire.end(run.id, who, True, version)[0])
    for name, who in (("stranger", stranger), ("early", early), ("late", late)):
        run.add(who, (0,), what=f"add {name}")
        run.note(f"offsets {name}", run.wire.add_offsets(run.id, who, run.group))
        run.note(f"verify {name}", run.wire.verify(run.id, who, {run.topic: [0]})[1][(run.topic, 0)])
    run.note("unknown partition", list(run.wire.add_partitions(run.id, producer, {run.topic: [0, 77]}).values()))
    run.note("unknown topic", list(run.wire.add_partitions(run.id, producer, {"nowhere": [0], run.topic: [0]}).values()))
    run.note("empty id", list(run.wire.add_partitions("", producer, {run.topic: [0]}).values()))
    run.note("unknown id", list(run.wire.add_partitions("nobody", producer, {run.topic: [0]}).values()))
    run.note("end of an unknown id", [run.wire.end("nobody", producer, True, version) for version in (4, 5)])
    run.note("end of an empty id", [run.wire.end("", producer, True, version) for version in (4, 5)])
    run.produce(producer, 0, what="produce without adding")
    run.produce(producer, 0, version=10, what="produce without adding, old")
    run.note("verify without adding", run.wire.verify(run.id, producer, {run.topic: [0]})[1][(run.topic, 0)])
    run.add(producer, (0,))
    run.note("verify after adding", list(run.wire.verify(run.id, producer, {run.topic: [0, 1]})[1].values()))
    run.produce(stranger, 0, what="produce as a stranger")
    run.produce(late, 0, what="produce late")
    run.produce(producer, 0)
    run.produce(producer, 5, what="produce with a gap")
    run.produce(producer, 0, what="produce again")
    run.produce(producer, 1, transactional=False, what="produce outside")
    run.note("produce without an id", run.wire.produce(None, producer, run.topic, 0, 1))
    run.note("produce with another id", run.wire.produce("nobody", producer, run.topic, 1, 0))
    run.end(producer, True, 4)
    run.settled()
    run.produce(producer, 1, what="produce after the end")
    run.look()


def version_two(run):
    """Commit and abort of a producer whose partitions are added by its writes."""
    producer = run.init()
    for committed in (True, False, True):
        for sequence in range(2):
            run.produce(producer, sequence, version=12)
        run.look("open")
        before, producer = producer, run.end(producer, committed)
        run.look("ended")
        run.note("end again", run.wire.end(run.id, before, committed))
        run.note("end otherwise", run.wire.end(run.id, before, not committed))
        run.produce(before, 2, version=12, what="produce with the epoch before")
        run.produce(before, 2, version=11, what="produce with the epoch before, classic")
    run.end(producer, True, what="commit nothing")
    producer = run.end(producer, False, what="abort nothing")
    producer = run.end(producer, False, what="abort nothing again")
    run.look("nothing")


def version_two_errors(run):
    """What a producer of version 2 must not do."""
    producer = run.init()
    stranger, early, late = (producer[0] + 100_000, 0), (producer[0], -1), (producer[0], producer[1] + 1)
    run.note("commit nothing", run.wire.end(run.id, producer, True))
    for name, who in (("stranger", stranger), ("early", early), ("late", late)):
        run.note(f"end {name}", run.wire.end(run.id, who, True))
        run.produce(who, 0, version=12, what=f"produce {name}")
    run.produce(producer, 3, version=12, what="begin with a gap")
    run.produce(producer, 0, version=12)
    run.produce(producer, 4, version=12)
    run.note("produce with another id", run.wire.produce("nobody", producer, run.topic, 1, 0, version=12))
    producer = run.end(producer, True)
    run.settled()
    run.produce(producer, 4, version=12, what="go on with the old sequence")
    run.produce(producer, 0, version=12, what="begin anew")
    run.end(producer, False)
    run.look()


def fencing(run):
    """A second producer with the same id, before and during a transaction."""
    first = run.init()
    second = run.init("init again")
    run.add(first, what="add as the first")
    for version in (11, 12):
        run.produce(first, 0, version=version, what=f"produce {version} as the first")
    run.produce(second, 0, version=12)
    run.note("init during", run.wire.init(run.id))
    run.settled()
    run.look("aborted")
    third = run.init("init after")
    run.note("epochs", third[1] - second[1])
    for version in (11, 12):
        run.produce(second, 1, version=version, what=f"produce {version} as the second")
    for version in (4, 5):
        run.note(f"end {version} as the second", run.wire.end(run.id, second, True, version))
    for version in (2, 3, 4, 5):
        run.note(f"init {version} as the second", run.wire.init(run.id, producer=second if version >= 3 else (-1, -1), version=version)[0])
    run.look("last")


def bumping(run):
    """A producer that names itself after an error (KIP-360)."""
    first = run.init()
    second = run.init("as the first", producer=first)
    run.init("as the first again", producer=first)
    third = run.init("as the second", producer=second)
    run.init("as the first too late", producer=first)
    run.init("anew")
    run.init("as the third, fenced", producer=third)
    run.init("half named", producer=(first[0], -1))
    run.init("half named too", producer=(-1, 3))
    run.init("as a stranger", producer=(first[0] + 100_000, 0))


def invalid_inits(run):
    """InitProducerId with nonsense."""
    for timeout_ms in (0, -1, 900_001, 2_147_483_647, 900_000, 1):
        run.init(f"timeout {timeout_ms}", timeout_ms=timeout_ms)
    error, producer = run.wire.init("")
    run.note("empty id", (error, producer))
    error, producer = run.wire.init(None)
    run.note("no id", (error, producer[1]))


def time_out(run):
    """The coordinator aborts what takes too long."""
    for version in (11, 12):
        producer = run.init(timeout_ms=500)
        if version == 11:
            run.add(producer)
        run.produce(producer, 0, version=version)
        deadline = time.monotonic() + 20
        while run.wire.describe(run.id)["state"] != "CompleteAbort" and time.monotonic() < deadline:
            time.sleep(0.1)
        run.look(f"timed out {version}")
        run.produce(producer, 1, version=version, what=f"produce {version} too late")
        for end_version in (4, 5):
            run.note(f"commit {end_version} too late", run.wire.end(run.id, producer, True, end_version))
            run.note(f"abort {end_version} too late", run.wire.end(run.id, producer, False, end_version)[0])
        run.settled()
        run.add(producer, what=f"add too late")


def offsets(run):
    """Offsets of a group in a transaction, classic and version 2."""
    producer = run.init()
    wait_for(lambda: run.wire.find_coordinator(run.group, 0)["error"] == 0)
    wait_for(lambda: run.wire.add_offsets("nobody", producer, run.group) == 49)
    stranger = (producer[0] + 100_000, 0)
    wait_for(lambda: run.wire.commit_offsets(run.id, run.group, stranger, {run.topic: {0: 1}}, 4) == {(run.topic, 0): 49})

    once = lambda who, version, offset, more: list(run.wire.commit_offsets(run.id, run.group, who, {run.topic: {0: offset}}, version, **more).values())
    loading = lambda answer: CONCURRENT if answer[0] in NOT_YET else 0
    commit = lambda who, version, offset, **more: run.patiently(lambda: once(who, version, offset, more), loading)
    for version in (3, 4):
        run.note(f"commit {version} without adding", commit(producer, version, 5))
    run.note("add offsets", run.wire.add_offsets(run.id, producer, run.group))
    for version in (3, 4):
        run.note(f"commit {version}", commit(producer, version, 6))
    run.note("commit of an unknown partition", list(run.wire.commit_offsets(run.id, run.group, producer, {run.topic: {55: 1}}).values()))
    run.note("commit as a member", commit(producer, 4, 7, member=("somebody", 3)))
    run.note("commit as a stranger", commit((producer[0] + 100_000, 0), 4, 7))
    run.note("commit late", commit((producer[0], producer[1] + 1), 4, 7))
    run.end(producer, True, 4)
    run.settled()
    producer = run.init("init for version 2")
    run.note("commit 5", commit(producer, 5, 8))
    before, producer = producer, run.end(producer, True)
    run.settled()
    run.note("commit 5 with the epoch before", commit(before, 5, 9))
    run.note("commit 5 with the next epoch", commit(producer, 5, 9))
    run.end(producer, False)
    run.settled()


def several(run):
    """Two transactions that overlap in one partition, the later one ended first."""
    other = Run(run.wire, "several-other", run.tag)
    other.topic, other.ids, other.answers = run.topic, run.ids, run.answers
    first, second = run.init(), other.init()
    run.produce(first, 0, version=12)
    other.produce(second, 0, version=12)
    run.produce(first, 1, version=12)
    second = other.end(second, False)
    other.settled()
    run.note("one is open", run.wire.fetch(run.topic, 0, 0))
    run.note("from the middle", run.wire.fetch(run.topic, 0, 2))
    run.end(first, True)
    other.produce(second, 0, version=12)
    run.settled()
    run.look("another is open")
    run.note("from the marker", run.wire.fetch(run.topic, 0, 3))
    run.note("past all", run.wire.fetch(run.topic, 0, 99))


def operator(run):
    """What kafka-transactions does: list, describe, and markers without a coordinator."""
    run.note("describe nobody", run.wire.describe("nobody"))
    run.note("describe the empty id", run.wire.describe(""))
    run.init()
    producer = run.init("init again")
    run.produce(producer, 0, version=12)
    pattern = f"id-operator{run.tag}"
    mine = lambda **filters: run.note(f"list {filters}", dict(run.wire.list(pattern=pattern, version=2, **filters)))
    mine()
    mine(states=["Ongoing"])
    mine(states=["Empty", "Nonsense", "Dead"])
    mine(states=["Nonsense"])
    run.note("list by producer", run.wire.list(producers=[producer[0]]))
    mine(longer_than_ms=3_600_000)
    run.note("list of a part", run.wire.list(pattern=f"opera.*{run.tag}", version=2))
    run.note("list of a wrong pattern", run.wire.list(pattern="(", version=2))
    run.note("describe", dict(run.wire.describe(run.id), name=None))
    run.note("producers", run.wire.producers(run.topic, 0))
    run.note("producers of an unknown partition", run.wire.producers(run.topic, 99))
    run.note("producers of an unknown topic", run.wire.producers("nowhere", 0))
    stale, strict = (producer[0], producer[1] - 1), (producer[0], producer[1])
    run.note("stale marker", run.wire.marker(stale, False, run.topic, 0))
    run.note("marker for an unknown partition", run.wire.marker(producer, False, run.topic, 99))
    run.note("strict marker", run.wire.marker(strict, False, run.topic, 0, version=2, level=2))
    run.note("marker", run.wire.marker(producer, False, run.topic, 0))
    run.note("marker of an older coordinator", run.wire.marker(producer, False, run.topic, 0, coordinator_epoch=-1))
    run.look("aborted by hand")
    run.produce(producer, 1, version=12, what="go on")
    run.end(producer, True)
    run.look("last")


ALL = [classic, classic_errors, version_two, version_two_errors, fencing, bumping, invalid_inits, time_out, offsets, several, operator]


def wait_for(condition):
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.02)
    raise TimeoutError("the broker is not ready")


def answers(wire, scenario, create_topic, tag):
    """Everything that one scenario was told. The tag keeps names apart from those of other runs."""
    run = Run(wire, scenario.__name__, tag)
    create_topic(run.topic, 2)
    wait_for(lambda: wire.find_coordinator(run.id)["error"] == 0)
    wait_for(lambda: wire.init(f"{run.id}-first")[0] == 0 and wire.describe(run.id)["error"] == 105)
    wait_for(lambda: all(wire.list_offset(run.topic, index)[0] == 0 for index in (0, 1)))
    scenario(run)
    return run.answers
