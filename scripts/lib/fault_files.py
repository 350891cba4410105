"""Rows of the fault table that change the files of a stopped broker, all but one partition of a topic each in its own way."""
import json
import os

from faults import CLIENT_FINDS, SCRUB, Case, Failure, Row, flip, need, segments, span

BATCHES = 80  # in three segments
FLIP = "one bit of it changed while the broker is stopped"


class Damage:
    """What is done to one partition; `code` answers a fetch of what is damaged, "" where nothing is. What the scrub finds is named in
    the log before anybody reads it."""

    def __init__(self, fault, do, code, made=FLIP, options=(), scrubbed=False):
        self.fault, self.do, self.code, self.made, self.options, self.scrubbed = fault, do, code, made, options, scrubbed


def flip_last(directory, pattern, position):
    """In the last file that has such a name."""
    flip(sorted(directory.glob(pattern))[-1], position)


def damages(topic_id):
    """By partition; the first one is left alone."""
    return [
        Damage("(the partition beside them)", lambda directory: None, "", "nothing is done to it"),
        Damage("bit rot in a record of a sealed segment", lambda directory: flip(segments(directory)[0], 5 * (32 << 10) + 9000), "CORRUPT_MESSAGE",
               scrubbed=True),
        Damage("bit rot in a batch's length", lambda directory: flip(segments(directory)[0], second_batch(directory) + 10), "CORRUPT_MESSAGE",
               scrubbed=True),
        Damage("bit rot in the active segment", lambda directory: flip(segments(directory)[-1], 9000), CLIENT_FINDS),
        Damage("bit rot in an index", lambda directory: flip_last(directory, "*0.index", 20), ""),
        Damage("bit rot in a producer snapshot", lambda directory: flip_last(directory, "*.snapshot", 12), ""),
        Damage("bit rot in the leader epochs", lambda directory: flip(directory / "leader-epoch-checkpoint", 4), ""),
        Damage("bit rot in partition.metadata", lambda directory: flip(directory / "partition.metadata", 30), "KAFKA_STORAGE_ERROR",
               options=("--topic-id", topic_id)),
        Damage("bit rot in partition.offsets", lambda directory: flip(directory / "partition.offsets", 10), "KAFKA_STORAGE_ERROR",
               options=("--log-start-offset", 3)),
        Damage("sealed segment cut", lambda directory: os.truncate(segments(directory)[0], 500_000), "CORRUPT_MESSAGE",
               "truncate to half its size"),
        Damage("active segment cut", lambda directory: os.truncate(segments(directory)[-1], 100_000), "KAFKA_STORAGE_ERROR",
               "truncate to a part of its size"),
        Damage("sealed segment removed", lambda directory: segments(directory)[1].unlink(), "CORRUPT_MESSAGE", "rm"),
    ]


def second_batch(directory):
    with open(segments(directory)[0], "rb") as file:
        return 12 + int.from_bytes(file.read(12)[8:], "big")


def files(work):
    case = Case(work, SCRUB)
    try:
        return damaged(case)
    finally:
        case.end()


def damaged(case):
    case.start()
    count = len(damages(""))
    case.create("damaged", count)
    for partition in range(count):
        case.accept("damaged", partition, BATCHES)
    kept = 8
    need(case.wire.delete_records("damaged", kept, 3) == 0, "DeleteRecords")
    case.forget("damaged", kept, range(3))
    need(case.stop() == 0, "a clean stop")
    all_damages = damages(topic_id(case, kept))
    for partition, damage in enumerate(all_damages):
        damage.do(case.partition_dir("damaged", partition))
    case.start()
    readings = [check(case, partition, damage) for partition, damage in enumerate(all_damages)]
    need(case.stop() == 0, "a clean stop")
    rows = [repaired(case, partition, damage, readings[partition]) for partition, damage in enumerate(all_damages)]
    case.start().works([("damaged", partition) for partition in range(count)])
    return rows


def topic_id(case, partition):
    text = (case.partition_dir("damaged", partition) / "partition.metadata").read_text()
    return next(line.split(":")[1].strip() for line in text.splitlines() if line.startswith("topic_id"))


def check(case, partition, damage):
    """What a client gets of a partition before it is repaired."""
    if damage.scrubbed:
        case.logged(f"damaged-{partition} ", "is damaged", "millrace log repair")
    reading = case.read("damaged", partition)
    need(set(reading.refused) <= {damage.code}, f"{damage.fault}: {reading}")
    need(bool(reading.refused) == bool(damage.code), f"{damage.fault}: {reading}")
    if damage.code not in ("", CLIENT_FINDS):
        case.logged(f"damaged-{partition}")
    return reading


def repaired(case, partition, damage, reading):
    """Verify must name what is damaged, repair what that costs; nothing more may be gone after it."""
    directory = case.partition_dir("damaged", partition)
    status, text = case.tool("verify", "--json", directory)
    # what can be made again from the log is made again by a start
    need(status != 0 if damage.code else partition != 0 or status == 0, f"{damage.fault}: verify ends with {status}: {text}")
    lost = []
    if status != 0:
        status, text = case.tool("repair", "--json", "--execute", "--partition", directory.name, *damage.options, case.directory)
        need(status == 0, f"{damage.fault}: repair ends with {status}: {text}")
        lost = [offset for offsets in lost_by_partition(text).values() for offset in offsets]
    need(set(lost) <= set(reading.offsets()), f"{damage.fault}: repair gives up {span(lost)}, of which some could be read")
    case.forget("damaged", partition, lost)
    saw = f"fetch of offsets {span(reading.offsets())}: {reading.codes}" if reading.refused else "everything as before"
    return Row(damage.fault, damage.made, f"{saw}; {'`millrace log repair`, then ' if partition else ''}everything works",
               f"what was damaged, as verify and repair say: offsets {span(lost)}" if lost else "nothing")


def lost_by_partition(text):
    """What `millrace log repair --json` says is lost."""
    lost = {}
    for line in text.splitlines():
        row = json.loads(line) if line.startswith("{") else {}
        if row.get("kind") == "partition":
            lost[row["name"]] = offsets = []
        elif row.get("firstLostOffset") is not None:
            offsets += range(row["firstLostOffset"], row["lastLostOffset"] + 1)
    return lost


def journal(work):
    """Acknowledged records are in the journal alone after kill -9: a start must not go on without them."""
    case = Case(work)
    try:
        case.start()
        case.create("journal", 2)
        for _ in range(20):
            case.accept("journal", 0, 1, 500)
            case.accept("journal", 1, 1, 500)
        case.end()
        damaged_journal, position = commit_in(case, case.acked["journal", 0][5])
        flip(damaged_journal, position)
        text = refuses_to_start(case, damaged_journal.name)
        status, found = case.tool("verify", case.directory)
        need(status != 0 and damaged_journal.name in found, f"verify: {status}: {found}")
        status, found = case.tool("repair", "--json", "--execute", case.directory)
        need(status == 0, f"repair: {status}: {found}")
        lost = lost_by_partition(found)
        case.start()
        need(case.stop() == 0, "a clean stop")
        status, found = case.tool("repair", "--json", "--execute", case.directory)
        need(status == 0, f"repair of the partition: {status}: {found}")
        lost = {**lost, **lost_by_partition(found)}
        need(lost.get("journal%-0") == [5], f"repair says that {lost} is lost")
        case.forget("journal", 0, [5])
        case.start().works([("journal", 0), ("journal", 1)])
    finally:
        case.end()
    return [Row("bit rot in a live journal", "one bit of a commit changed after kill -9", f"the broker does not start: {text}; `millrace log repair`, then everything works",
                "the commit that was damaged, as verify and repair say: one batch of one partition")]


def commit_in(case, content):
    """The journal and the place in it that hold a batch."""
    for path in sorted(case.directory.glob("journal-*")):
        position = path.read_bytes().find(content)
        if position >= 0:
            return path, position + len(content) // 2
    raise Failure("the journals do not hold what was acknowledged last")


def refuses_to_start(case, *texts):
    """The broker must end by itself and say why; returns what it says."""
    case.broker.spawn()
    status = case.broker.process.wait(30)
    need(status != 0, "the broker goes on with damaged files")
    return case.logged(*texts).strip()


def metadata(work):
    """Topics are in the metadata log alone: without it nothing may be served, and nothing may be deleted."""
    case = Case(work)
    rows = []
    try:
        case.start()
        case.create("kept", 2)
        case.accept("kept", 0, 5)
        need(case.stop() == 0, "a clean stop")
        folder = case.directory / "__cluster_metadata-0"
        for fault, path, position, name in (("bit rot in the metadata log", segments(folder)[0], 700, folder.name),
                                            ("bit rot in quorum-state", folder / "quorum-state", 33, "quorum-state")):
            flip(path, position)
            text = refuses_to_start(case, name)
            flip(path, position)
            case.start().works([("kept", 0), ("kept", 1)])
            need(case.stop() == 0, "a clean stop")
            rows.append(Row(fault, f"{FLIP}, and changed back later", f"the broker does not start: {text}; later everything works"))
    finally:
        case.end()
    return rows
