"""Rounds of load, crash, restart and reading back; how a crash is made and where the data lies is the caller's `Ground`.

A round starts producers (clients/go/cmd/load writes down what was attempted and acknowledged), crashes the broker at a random
time and restarts it, often on another number of shards. In some rounds the producers live through it and must finish
everything; in the others they are killed with the broker. Some restarts are crashed again while they recover, and some
rounds end with a clean stop."""
import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import time

import paths
from broker import Broker, fresh_directory

PARTITIONS = 50
SHARDS = [1, 2, 4]
PRODUCERS = 5
START_LIMIT = 30
STOP_LIMIT = 30
FLUSH_LIMIT = 60
# Compaction that never rests.
COMPACTED = {"log.cleaner.backoff.ms": 50, "log.initial.task.delay.ms": 0, "log.retention.check.interval.ms": 200}


class Failure(Exception):
    """What the test is there to find."""


class Ground:
    """The data directory on the machine's own file system; a crash is the end of the process."""

    def __init__(self, work):
        self.directory = work / "data"

    def crash(self, broker):
        broker.kill()

    def clean_up(self):
        pass


def arguments(description, rounds):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("kind", nargs="?", default="millrace", choices=["kafka", "millrace"])
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--check-every", type=int, default=10, help="rounds between two readings of everything (and at the end)")
    parser.add_argument("--compacted", action="store_true", help="a compacted topic whose segments roll and are rewritten all the time")
    parser.add_argument("--keep", action="store_true", help="keep data and histories also when all is well")
    return parser


class Rounds:
    def __init__(self, options, name, ground=Ground):
        self.options = options
        self.random = random.Random(options.seed)
        self.work = fresh_directory(name)
        self.ground = ground(self.work)
        settings = COMPACTED if options.compacted else {}
        self.broker = Broker(options.kind, paths.FIRST_PORT + 20, self.ground.directory, settings=settings)
        self.broker.log = self.work / "broker.log"
        self.histories = []
        self.producers = None
        self.acked = 0
        self.slowest_start = 0.0

    def run(self):
        began = time.monotonic()
        print(f"{self.options.rounds} rounds, seed {self.options.seed}", flush=True)
        try:
            for number in range(self.options.rounds):
                self.round(number)
                last = number + 1 == self.options.rounds
                if last or (number + 1) % self.options.check_every == 0:
                    self.check()
        except (Failure, OSError, RuntimeError, subprocess.SubprocessError) as failure:
            print(f"FAIL in round {number}, seed {self.options.seed}: {failure}\n{self.broker.log_tail()}\n"
                  f"data and histories: {self.work}\n0 passed, 1 failed", flush=True)
            self.broker.kill()
            self.end_producers()
            self.ground.clean_up()
            return 1
        self.broker.kill()
        self.ground.clean_up()
        if not self.options.keep:
            shutil.rmtree(self.work, ignore_errors=True)
        print(f"{self.options.rounds} rounds in {time.monotonic() - began:.0f} s, {self.acked} records acknowledged, none lost, doubled, moved "
              f"or damaged; slowest restart {self.slowest_start * 1000:.0f} ms\n1 passed, 0 failed", flush=True)
        return 0

    def round(self, number):
        if not self.broker.alive():
            self.start()
        before = self.broker.shards
        outlive = self.random.random() < 0.5
        self.start_producers(number)
        pause = self.random.uniform(0.1, 1.5)
        time.sleep(pause)
        if not self.broker.alive():
            raise Failure(f"the broker ended by itself with {self.broker.process.returncode}")
        if not outlive and self.random.random() < 0.5:
            self.end_producers()
        self.ground.crash(self.broker)
        if not outlive:
            self.end_producers()
        restart = self.restart()
        if outlive:
            time.sleep(self.random.uniform(0.05, 0.5))
            self.finish_producers()
        stopped = ""
        if self.random.random() < 0.25:
            stopped = self.stop()
        print(f"round {number}: shards {before} -> {self.broker.shards}, producers {'lived on' if outlive else 'killed too'}, "
              f"crash after {pause:.2f} s, {restart}{stopped}", flush=True)

    def start(self):
        if self.options.kind == "millrace":
            self.broker.shards = self.random.choice(SHARDS)
        began = time.monotonic()
        self.broker.start(START_LIMIT)
        took = time.monotonic() - began
        self.slowest_start = max(self.slowest_start, took)
        return f"restart {took * 1000:.0f} ms"

    def restart(self):
        again = 0
        while self.options.kind == "millrace" and self.random.random() < 0.2:
            self.broker.spawn()
            time.sleep(self.random.uniform(0, 0.05))
            self.ground.crash(self.broker)
            again += 1
        return self.start() + (f" after {again} crashes in recovery" if again else "")

    def stop(self):
        status, took = self.broker.stop(STOP_LIMIT)
        if self.options.kind == "millrace" and status != 0:
            raise Failure(f"exit status {status} after SIGTERM")
        return f", clean stop {took * 1000:.0f} ms"

    def start_producers(self, number):
        history = self.work / f"history-{number}.txt"
        self.histories.append(str(history))
        rate = self.random.choice([1500, 4000, 12000])
        self.producers = subprocess.Popen([
            str(paths.GO_BIN / "load"), "-bootstrap", self.broker.bootstrap, "-partitions", str(PARTITIONS), "-history", str(history),
            "-first-id", str(1 + number * PRODUCERS), "-seed", str(self.options.seed + number), "-rate", str(rate),
            "-flush", f"{FLUSH_LIMIT}s", *self.compacted_load()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def compacted_load(self):
        """What a plain producer sends again, compaction would drop: all are idempotent then, and every offset stays."""
        return ["-compacted", "-plain", "0", "-idempotent", str(PRODUCERS)] if self.options.compacted else []

    def end_producers(self):
        """Producers that die with the broker; what they had not written down is not counted as acknowledged."""
        if self.producers is not None and self.producers.poll() is None:
            self.producers.kill()
            self.producers.communicate()

    def finish_producers(self):
        """Producers that lived through the crash must get every record acknowledged."""
        self.producers.send_signal(signal.SIGTERM)
        output, errors = self.producers.communicate(timeout=FLUSH_LIMIT + 30)
        if self.producers.returncode != 0:
            raise Failure(f"producers did not finish: {output} {errors}\n{self.broker.dump()}")

    def check(self):
        if not self.broker.alive():
            self.start()
        done = subprocess.run([str(paths.GO_BIN / "verify"), "-bootstrap", self.broker.bootstrap, *self.histories],
                              capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise Failure(f"{done.stdout} {done.stderr}\n{self.broker.dump() if done.returncode == 2 else ''}")
        report = json.loads(done.stdout)
        self.acked = report["acked"]
        if report["acked"] == 0:
            raise Failure("nothing was acknowledged: the load does not work")
        print(f"  read back {report['records']} records, {report['acked']} acknowledged, {report['resent_by_plain_producers']} sent again by "
              "plain producers: nothing wrong", flush=True)


def main(description, name, rounds, ground=Ground):
    sys.exit(Rounds(arguments(description, rounds).parse_args(), name, ground).run())
