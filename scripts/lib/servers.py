"""What the tests of whole servers share: JVM servers beside the brokers, their REST interfaces, and the running of a test's parts."""
import argparse
import json
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

import paths
from broker import Broker, fresh_directory
from process import Process

sys.path.append(str(paths.SCRIPTS / "clients/java"))
from tool_runner import ToolRunner

LOGGING = paths.SCRIPTS / "clients/java/log4j2-servers.properties"
# The first compiler alone, since these servers do not live long, and a heap that several of them fit beside each other.
OPTIONS = ["-Xmx512M", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dlog4j2.configurationFile={LOGGING}"]
# A program that ended is told before a wait is over, and these say so.
FAILURES = (AssertionError, TimeoutError, RuntimeError, OSError, subprocess.SubprocessError)


class JvmServer(Process):
    """`arguments` are the main class, or `-jar` and the archive, and what the program takes. Its REST interface is on `port`; it is ready
    when the address `ready` answers."""

    def __init__(self, name, directory, arguments, port=None, ready=None, java="java"):
        super().__init__(name, directory / f"{name}.log")
        self.arguments = [str(argument) for argument in arguments]
        self.port = port
        self.ready = ready
        self.java = java

    def command(self):
        return [str(self.java), *OPTIONS, "-cp", paths.JARS, *self.arguments]

    def ask(self, method, path, body=None):
        """The decoded answer of the REST interface; an answer that says no raises OSError with its text."""
        return ask(method, f"http://127.0.0.1:{self.port}{path}", body)

    def wait_until_ready(self, seconds=180):
        until(f"{self.name} is ready", self.is_ready, seconds, self)

    def is_ready(self):
        try:
            ask("GET", self.ready)
            return True
        except OSError:
            return False


def ask(method, address, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
    except urllib.error.HTTPError as refused:
        raise OSError(f"{method} {address}: {refused.code} {refused.read().decode(errors='replace')}") from None
    return json.loads(text) if text else None


class Servers:
    """Every process of one part of a test; they end with it, and a failure shows how their logs end."""

    def __init__(self, name, options):
        self.options = options
        self.directory = fresh_directory(name)
        self.processes = []
        self.runners = []

    def broker(self, kind=None, name="data", port=paths.FIRST_PORT, settings=None):
        """A started broker, of the kind under test unless told otherwise."""
        broker = Broker(kind or self.options.kind, port, self.directory / name, self.options.shards, settings)
        self.processes.append(broker)
        return broker.start()

    def jvm(self, name, arguments, **more):
        """A spawned JVM server."""
        server = JvmServer(name, self.directory, arguments, **more)
        self.processes.append(server)
        server.spawn()
        return server

    def tools(self, broker):
        """Apache Kafka's command-line tools for that broker."""
        self.runners.append(ToolRunner(broker.bootstrap))
        return self.runners[-1]

    def properties(self, name, settings):
        """A file of settings in Java's format."""
        file = self.directory / name
        file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        return file

    def __enter__(self):
        return self

    def __exit__(self, kind, failure, trace):
        if failure is not None:
            for process in self.processes:
                print(process.log_tail(), flush=True)
        for process in reversed(self.processes):
            process.kill()
        for runner in self.runners:
            runner.close()


def until(what, check, seconds, *processes):
    """The first true value of `check`; fails when the time is up or one of the processes has ended."""
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        for process in processes:
            assert process.alive(), f"{process.name} ended with {process.process.returncode} before: {what}"
        assert time.monotonic() < deadline, f"not within {seconds} s: {what} (last seen: {value!r})"
        time.sleep(0.2)


def main(description, parts):
    """`parts` by name; each takes the servers of its run and returns a sentence of what was seen."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("kind", nargs="?", default="millrace", choices=["kafka", "millrace"])
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(parts))
    parser.add_argument("--shards", type=int, default=2)
    options = parser.parse_args()
    results = [run(name, parts[name], options) for name in options.parts or parts]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    sys.exit(0 if all(results) else 1)


def run(name, part, options):
    began = time.monotonic()
    try:
        with Servers(f"{pathlib.Path(sys.argv[0]).name}-{name}", options) as servers:
            seen = part(servers)
    except FAILURES as failure:
        print(f"FAIL {name}: {failure} ({time.monotonic() - began:.1f} s)", flush=True)
        return False
    print(f"ok   {name}: {seen} ({time.monotonic() - began:.1f} s)", flush=True)
    return True
