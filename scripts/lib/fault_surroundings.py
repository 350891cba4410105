"""Rows of the fault table that need no disk of their own: what happens around a broker's files while it runs."""
import os
import pathlib
import shutil
import signal
import subprocess
import time

from faults import Case, Row, eventually, group_commit, need
from plain_wire import name_of

HOUR = 3600
SOURCE = pathlib.Path(__file__).parent / "clock_jump.c"


def removed(work):
    """The files that are open live on; what needs the name again fails, and says so."""
    case = Case(work)
    try:
        case.start()
        case.create("removed", 1)
        case.create("other", 1)
        case.accept("removed", 0, 10)
        case.accept("other", 0, 10)
        need(case.stop() == 0, "a clean stop")  # what the journal has would come back
        case.start()
        case.accept("removed", 0, 1)
        shutil.rmtree(case.partition_dir("removed", 0))
        seen = eventually(lambda: set(case.produce("removed", 0, 20)), lambda seen: "KAFKA_STORAGE_ERROR" in seen)
        need("KAFKA_STORAGE_ERROR" in seen, f"produce goes on without a directory: {seen}")
        case.logged("removed-0")
        case.accept("other", 0, 40)
        case.all_there("other")
        case.stop()
        case.start()
        reading, sent = case.read("removed", 0), len(case.acked["removed", 0])
        case.logged("removed-0")
        case.works([("other", 0)])
    finally:
        case.end()
    return [Row("directory of a partition removed", "rm -r under the running broker",
                f"produce: KAFKA_STORAGE_ERROR from the next new file on; after a restart fetch: {reading.codes}, {reading.whole} of {sent} batches; "
                "other partitions are served",
                "what was removed; the broker says so")]


def read_only(work):
    """No new file can be made in the directory of a partition."""
    case = Case(work)
    try:
        case.start()
        case.create("fixed", 1)
        case.create("other", 1)
        case.accept("fixed", 0, 10)
        case.accept("other", 0, 10)
        subprocess.run(["chattr", "+i", case.partition_dir("fixed", 0)], check=True)
        try:
            seen = eventually(lambda: set(case.produce("fixed", 0, 20)), lambda seen: "KAFKA_STORAGE_ERROR" in seen)
            need("KAFKA_STORAGE_ERROR" in seen, f"produce goes on without a new segment: {seen}")
            case.logged("fixed-0", "ermi")
            case.all_there("fixed")
            case.accept("other", 0, 40)
            case.all_there("other")
        finally:
            subprocess.run(["chattr", "-i", case.partition_dir("fixed", 0)], check=True)
        case.stop()
        case.start()
        case.all_there("fixed")
        case.works([("fixed", 0), ("other", 0)])
    finally:
        case.end()
    return [Row("directory of a partition read-only", "chattr +i under the running broker",
                "produce: KAFKA_STORAGE_ERROR from the next segment on; fetch works; other partitions are served; all works after a restart")]


def second(work):
    case, other = Case(work), Case(work, port=31)
    other.broker.log = work / "second.log"
    try:
        case.start()
        case.create("held", 1)
        case.accept("held", 0, 10)
        other.broker.spawn()
        status = other.broker.process.wait(30)
        text = other.broker.log.read_text()
        need(status != 0 and "in use by process" in text, f"the second broker ended with {status}: {text}")
        case.works([("held", 0)])
    finally:
        case.end()
        other.end()
    return [Row("a second broker on the directory", "started beside the first", f"the second ends with status {status} and names the first; "
                "the first is not disturbed")]


def descriptors(work):
    """The process may open no more files, for a while."""
    case = Case(work)
    try:
        case.start()
        case.create("few", 4)
        for partition in range(4):
            case.accept("few", partition, 2)
        held = len(os.listdir(f"/proc/{case.broker.pid}/fd"))
        limit(case, held)
        seen = case.produce("few", 0, 5, 500)
        need(set(seen) == {"NONE"}, f"produce to an open segment: {dict(seen)}")
        case.all_there("few")
        limit(case, 4096)
        case.works([("few", partition) for partition in range(4)])
        for partition in range(4):
            case.accept("few", partition, 40)
            case.all_there("few", partition)
    finally:
        case.end()
    return [Row("no descriptor left", "prlimit --nofile on the running broker", "produce to open segments and fetch work; what has to open a file waits; "
                "all works when the limit is raised")]


def limit(case, files):
    subprocess.run(["prlimit", "--pid", str(case.broker.pid), f"--nofile={files}:4096"], check=True)


def clocks(work):
    """Neither records nor groups are gone because the wall clock says that a week has passed."""
    library, ahead = work / "clock_jump.so", work / "ahead"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    ahead.write_text("0")
    case = Case(work, {"log.retention.check.interval.ms": 200, "log.initial.task.delay.ms": 100})
    plain = case.broker.command
    case.broker.command = lambda: ["env", f"LD_PRELOAD={library}", f"CLOCK_AHEAD={ahead}", *plain()]
    try:
        case.start()
        case.create("timed", 1, retention_ms=HOUR * 1000)
        case.accept("timed", 0, 80)
        group_commit(case, "timed")
        time.sleep(1)  # the broker has to have seen the right time
        ahead.write_text(str(7 * 24 * HOUR))
        line = case.logged("the wall clock jumped ahead")
        case.all_there("timed")
        case.works([("timed", 0)])
        ahead.write_text(str(-HOUR // 2))
        case.works([("timed", 0)])
        time.sleep(1)
        ahead.write_text("0")
        case.works([("timed", 0)])
        need("retention deletes nothing" in line, line)
        code, offset = case.wire.offset("timed", 0, -2)
        need((code, offset) == (0, 0), f"the log starts at {offset}: {name_of(code)}")
        case.all_there("timed")
    finally:
        case.end()
    return [Row("wall clock jumps a week ahead, then half an hour back", "clock_gettime of the broker answers so (a preloaded library)",
                "produce, fetch and offset commits work; with retention.ms of an hour nothing is deleted, and the log says why")]


def monotonic(work):
    """A machine that has been up for ten years, and one that has just started."""
    case = Case(work)
    plain = case.broker.command
    try:
        case.start()
        case.create("up", 1)
        case.accept("up", 0, 5)
        need(case.stop() == 0, "a clean stop")
        years = 10 * 365 * 24 * HOUR
        case.broker.command = lambda: ["unshare", "--time", f"--monotonic={years}", f"--boottime={years}", "--fork", "--kill-child", *plain()]
        case.start()
        case.works([("up", 0)])
        stop_child(case.broker.process)
        case.broker.command = plain
        case.start()
        case.works([("up", 0)])
    finally:
        case.end()
    return [Row("monotonic clock ten years ahead, then back", "a time namespace for one run of the broker", "everything works")]


def stop_child(process):
    """SIGTERM for what `unshare` started, which does not pass it on."""
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGTERM)
    need(process.wait(30) == 0, "a clean stop")
