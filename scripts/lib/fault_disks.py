"""Rows of the fault table that happen to the disk under a running broker. Each takes a scratch directory and gives rows."""
import os
import time

import disks
from faulty_device import FaultyDevice
from faults import SCRUB, UNANSWERED, Case, Failure, Row, eventually, group_commit, need, span
from plain_wire import name_of

MIB = 1 << 20
BLOCK = 4096
# Small journals and reserves, for small disks.
SMALL = {"millrace.journal.bytes": 8 * MIB, "millrace.disk.reserve.bytes": 32 * MIB}
WITHOUT_JOURNAL = ("-m", "0", "-O", "^has_journal")


class OnDisk:
    """A case on a file system of its own."""

    def __init__(self, work, size, settings, faulty=False, kind="ext4", options=WITHOUT_JOURNAL):
        self.device = FaultyDevice(work, size) if faulty else None
        self.disk = disks.Disk(work, kind, size, self.device and self.device.path, options)
        self.case = Case(work, {**SMALL, **settings}, self.disk.directory)
        self.filler = self.disk.mount_point / "filler"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.case.end()
        self.disk.unmount()
        if self.device:
            self.device.close()

    def fill(self, leave=0):
        """Takes what is free, but for some bytes."""
        with open(self.filler, "ab") as file:
            while (left := self.disk.free_bytes() - leave) > 0:
                try:
                    os.posix_fallocate(file.fileno(), file.seek(0, 2), min(left, 8 * MIB) if left > MIB else min(left, 4096))
                except OSError:
                    return

    def free(self):
        self.filler.unlink()


def full(work):
    """The broker's own reserve: nothing fails, because produce is refused before."""
    with OnDisk(work, 256 * MIB, {}) as on:
        case = on.case.start()
        case.create("full", 4)
        for partition in range(4):
            case.accept("full", partition, 40)
        group_commit(case, "full")
        on.fill(leave=16 * MIB)
        seen = refused(case, "full")
        for partition in range(4):
            case.all_there("full", partition)
        group_commit(case, "full")
        code = case.wire.delete_records("full", 1, 35)
        need(code == 0, f"delete records while the disk is full: {name_of(code)}")
        case.forget("full", 1, range(35))
        case.logged("bytes are free below")
        on.free()
        for partition in range(4):
            accepted_again(case, "full", partition)
        case.works([("full", partition) for partition in range(4)])
    return [Row("disk nearly full", "ext4, a file takes all but 16 MiB", f"produce: {seen}; fetch, offset commit, DeleteRecords work; "
                "after the file is gone produce works, without a restart")]


def refused(case, topic, partition=0, count=1):
    """Produces until it is refused; the error."""
    seen = eventually(lambda: set(case.produce(topic, partition, count)), lambda seen: "KAFKA_STORAGE_ERROR" in seen)
    need(seen - {"NONE", UNANSWERED} == {"KAFKA_STORAGE_ERROR"}, f"produce to a full disk: {seen}")
    return "KAFKA_STORAGE_ERROR"


def accepted_again(case, topic, partition=0):
    seen = eventually(lambda: set(case.produce(topic, partition)), lambda seen: seen == {"NONE"})
    need(seen == {"NONE"}, f"produce after space came back: {seen}\n{case.broker.log_tail()}")


def exhausted(work):
    """Not a block is left, at every place that writes."""
    with OnDisk(work, 256 * MIB, {"millrace.disk.reserve.bytes": 0}) as on:
        case = on.case.start()
        case.create("full", 4)
        case.create("spare", 1)
        for partition in range(4):
            case.accept("full", partition, 40)
        group_commit(case, "full")
        on.fill()
        seen = refused(case, "full")
        on.fill()
        for partition in range(4):
            case.all_there("full", partition)
        group_commit(case, "full")
        created = case.try_create("made", 1)
        code = name_of(case.wire.delete_records("full", 1, 35))
        need(code == "NONE", f"DeleteRecords on a full disk: {code}")
        case.forget("full", 1, range(35))
        deleted = name_of(case.wire.delete_topic("spare"))
        need(deleted == "NONE", f"DeleteTopics on a full disk: {deleted}")
        case.logged("no space left")
        on.free()
        for partition in range(4):
            accepted_again(case, "full", partition)
        eventually(lambda: case.try_create("made", 1), lambda code: code in ("NONE", "TOPIC_ALREADY_EXISTS"))
        accepted_again(case, "made")
        case.works([("full", partition) for partition in range(4)])
        need(case.stop() == 0, "the stop after a full disk")
        case.start().works([("full", partition) for partition in range(4)])
    return [Row("no space at all", "ext4, every block taken, `millrace.disk.reserve.bytes=0`",
                f"produce: {seen}; fetch and offset commit work; CreateTopics: {created}; DeleteRecords and DeleteTopics: NONE; "
                "everything works when there is space")]


def quota(work):
    """EDQUOT: there is space, but not for the broker."""
    with OnDisk(work, 512 * MIB, {"millrace.disk.reserve.bytes": 0}, kind="btrfs", options=()) as on:
        disks.command("btrfs", "quota", "enable", on.disk.mount_point)
        disks.command("btrfs", "subvolume", "create", on.disk.directory)
        case = on.case.start()
        case.create("quota", 2)
        for partition in range(2):
            case.accept("quota", partition, 40)
        group_commit(case, "quota")
        used = int(disks.command("btrfs", "qgroup", "show", "--raw", "-f", on.disk.directory).split()[-2])
        disks.command("btrfs", "qgroup", "limit", used + 4 * MIB, on.disk.directory)
        case.wire.socket.settimeout(2)
        code = refused(case, "quota", count=200)
        need(on.disk.free_bytes() > 32 * MIB, "the disk itself is full")
        for partition in range(2):
            case.all_there("quota", partition)
        case.logged("no space left")
        disks.command("btrfs", "quota", "disable", on.disk.mount_point)  # changing the limit itself would need space
        for partition in range(2):
            accepted_again(case, "quota", partition)
        case.works([("quota", partition) for partition in range(2)])
    return [Row("EDQUOT", "btrfs, a quota of 4 MiB more than is used, `millrace.disk.reserve.bytes=0`",
                f"produce: {code}, or no answer; fetch works; everything works when the quota is lifted")]


def inodes(work):
    with OnDisk(work, 256 * MIB, {}, options=(*WITHOUT_JOURNAL, "-N", "128")) as on:
        case = on.case.start()
        case.create("old", 1)
        case.accept("old", 0, 10)
        taken = take_inodes(on.disk.mount_point / "many")
        case.create("new", 1)
        seen = case.produce("new", 0, 1, 200)
        seen.update(case.produce("new", 0, 40))
        seen.update(case.produce("old", 0, 40))
        case.all_there("old")
        for path in taken:
            path.unlink()
        accepted_again(case, "new")
        accepted_again(case, "old")
        case.works([("new", 0), ("old", 0)])
        need(case.stop() == 0, "the stop after it")
        case.start().works([("new", 0), ("old", 0)])
    return [Row("no inode left", "ext4 with 128 inodes, all taken", f"produce to a topic without files: {dict(seen)}; works when there are some")]


def take_inodes(directory):
    directory.mkdir()
    taken = []
    while True:
        path = directory / str(len(taken))
        try:
            path.touch()
        except OSError:
            return taken
        taken.append(path)


def write_errors(work):
    return [broken(work / on, on, fault) for on, fault in (("write", "EIO on write"), ("sync", "EIO on sync"))]


def broken(work, on_what, fault):
    """What cannot be written is final: the broker acknowledges nothing more, and a restart finds all that it did acknowledge."""
    work.mkdir()
    with OnDisk(work, 256 * MIB, {}, faulty=True) as on:
        case = on.case.start()
        case.create("broken", 4)
        for partition in range(4):
            case.accept("broken", partition, 10)
            case.accept("broken", partition, 10, 500)
        on.device.set({"on": on_what, "do": "error"})
        seen = {code for partition in range(4) for size in (500, 100_000) for code in case.produce("broken", partition, 1, size)}
        met = on.device.set()
        need(met > 0, f"no {on_what} met the fault")
        need("NONE" not in seen, f"acknowledged although every {on_what} fails: {seen}")
        case.logged("fenced")
        after = {code for partition in range(4) for code in case.produce("broken", partition, 1, 500)}
        need("NONE" not in after, f"a failed {on_what} is final, but after it: {after}")
        for partition in range(4):
            case.all_there("broken", partition)
        case.end()
        case.start()
        for partition in range(4):
            case.all_there("broken", partition)
        case.works([("broken", partition) for partition in range(4)])
    return Row(fault, f"the device answers every {on_what} with an error ({met} times)",
               f"produce: {', '.join(sorted(seen))}, from then on; fetch works; after a restart everything does")


def read_errors(work):
    """A place of the disk that cannot be read costs what lies there, for as long as it lasts."""
    with OnDisk(work, 256 * MIB, {"millrace.tail.bytes": MIB, **SCRUB}, faulty=True) as on:
        case = on.case.start()
        case.create("unreadable", 2)
        for partition in range(2):
            case.accept("unreadable", partition, 100)
        need(case.stop() == 0, "a clean stop")
        place = place_of(case.partition_dir("unreadable", 0) / f"{0:020}.log", 75)
        case.start()
        drop_cache()
        on.device.set({"on": "read", "do": "error", "ranges": [[place, place + BLOCK]]})
        case.logged("unreadable-0 ", "is damaged")
        drop_cache()
        reading = case.read("unreadable", 0)
        # the page cache may read so much at once that its neighbours fail with it
        need(1 <= len(reading.offsets()) <= 40, f"what lies there: {reading}")
        case.all_there("unreadable", 1)
        met = on.device.set()
        need(met > 0, "no read met the fault")
        drop_cache()
        again = eventually(lambda: case.read("unreadable", 0), lambda reading: not reading.refused)
        need(not again.refused, f"the disk reads again: {again}")
        case.works([("unreadable", 0), ("unreadable", 1)])
    return [Row("EIO on read", "the device answers reads of 4 KiB of a sealed segment with an error",
                f"fetch of what lies there and in the pages that the kernel reads with it (offsets {span(reading.offsets())}): {reading.codes}; "
                "the rest is read, and all when the disk reads it again")]


def place_of(path, block):
    """Where a block of a file lies on the device."""
    disks.command("sync", path)
    for line in disks.command("filefrag", "-e", f"-b{BLOCK}", path).splitlines():
        fields = line.replace("..", " ").replace(":", " ").split()
        if fields and fields[0].isdigit():
            first, last, physical = map(int, fields[1:4])
            if first <= block <= last:
                return (physical + block - first) * BLOCK
    raise Failure(f"block {block} of {path} has no place on the disk")


def drop_cache():
    with open("/proc/sys/vm/drop_caches", "w") as file:
        file.write("1")


def slow(work):
    """Nothing is given up or doubled because a disk takes its time."""
    with OnDisk(work, 256 * MIB, {}, faulty=True) as on:
        case = on.case.start()
        case.create("slow", 2)
        case.accept("slow", 0, 5)
        on.device.set({"on": "sync", "do": "delay", "seconds": 2})
        began = time.monotonic()
        case.accept("slow", 0, 1)
        took = time.monotonic() - began
        met = on.device.set()
        need(met > 0 and took > 1.5, f"{met} syncs were slow, the answer took {took:.1f} s")
        case.works([("slow", 0), ("slow", 1)])
    return [Row("slow disk", "each sync takes 2 s", f"produce: NONE after {took:.1f} s")]
