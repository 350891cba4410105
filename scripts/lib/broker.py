"""Starts, measures and stops one broker: Millrace, or the Apache Kafka 4.3 that it is compared with.

Also a command: `broker.py kafka|millrace --port P [--dir D] [--shards N]` runs one in the foreground until a signal."""
import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import paths
import wire
from process import Process


class Broker(Process):
    """`start` after `stop` or `kill` continues with the same directory."""

    def __init__(self, kind, port, directory, shards=None, settings=None):
        self.kind = kind
        self.port = port
        self.directory = pathlib.Path(directory)
        self.shards = shards
        self.settings = dict(settings or {})
        super().__init__(kind, self.directory.parent / f"{self.directory.name}.log")

    @property
    def bootstrap(self):
        return f"127.0.0.1:{self.port}"

    def start(self, seconds=None):
        self.spawn()
        try:
            wire.wait_for_metadata(self.port, seconds or (60 if self.kind == "kafka" else 20), self.alive)
        except (RuntimeError, TimeoutError) as failure:
            raise type(failure)(f"{self.kind}: {failure}\n{self.log_tail()}") from None
        return self

    def command(self):
        return self._kafka_command() if self.kind == "kafka" else self._millrace_command()

    def _millrace_command(self):
        if not paths.MILLRACE.exists():
            raise RuntimeError(f"{paths.MILLRACE} is not built: cargo build --release")
        settings = {"listeners": f"PLAINTEXT://127.0.0.1:{self.port}", "log.dirs": str(self.directory), **self.settings}
        command = [str(paths.MILLRACE), "start"]
        for name, value in settings.items():
            command += ["--override", f"{name}={value}"]
        return command + (["--shards", str(self.shards)] if self.shards else [])

    def _kafka_command(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        config = self.directory.parent / f"{self.directory.name}.properties"
        config.write_text("".join(f"{name}={value}\n" for name, value in self._kafka_settings().items()))
        quiet = self.directory.parent / "log4j2.properties"
        quiet.write_text("appender.c.type=Console\nappender.c.name=c\nrootLogger.level=warn\nrootLogger.appenderRef.c.ref=c\n")
        java = ["java", "-Xmx1G", "-Xms1G", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
                f"-Dlog4j2.configurationFile={quiet}", f"-Dkafka.logs.dir={self.directory.parent}", "-cp", paths.JARS]
        if not (self.directory / "meta.properties").exists():
            subprocess.run(java + ["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", str(config)],
                           check=True, stdout=subprocess.DEVNULL)
        return java + ["kafka.Kafka", str(config)]

    def _kafka_settings(self):
        controller = self.port + 1
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self.directory,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            **self.settings,
        }


def fresh_directory(name):
    """An empty directory below the scratch directory, whatever an earlier run left there."""
    directory = paths.SCRATCH / name
    mounts = pathlib.Path("/proc/mounts").read_text()
    for mounted in (directory / "mount", directory / "device"):  # of a test that was interrupted
        if f" {mounted} " in mounts:
            subprocess.run(["umount", "--lazy", mounted], check=True)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def create_partitions(broker, count, per_topic=1000):
    """Empty topics of at most `per_topic` partitions each."""
    for number in range(0, count, per_topic):
        subprocess.run([str(paths.GO_BIN / "load"), "-bootstrap", broker.bootstrap, "-topic", f"many-{number // per_topic}", "-partitions",
                        str(min(per_topic, count - number)), "-idempotent", "0", "-plain", "0", "-history", os.devnull],
                       check=True, stdout=subprocess.DEVNULL, timeout=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["kafka", "millrace"])
    parser.add_argument("--port", type=int, default=paths.FIRST_PORT)
    parser.add_argument("--dir")
    parser.add_argument("--shards", type=int)
    parser.add_argument("--override", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    directory = pathlib.Path(options.dir) if options.dir else fresh_directory(f"broker-{options.kind}") / "data"
    broker = Broker(options.kind, options.port, directory, options.shards, dict(o.split("=", 1) for o in options.override)).start()
    print(f"{options.kind} pid {broker.pid} answers on {broker.bootstrap}, data in {directory}", flush=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: broker.process.terminate())
    sys.exit(broker.process.wait())


if __name__ == "__main__":
    main()
